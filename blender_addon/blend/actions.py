"""The Actions of an armature: the one to clean up, the raw one as it was captured, layers, and what is kept of them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any

import bpy
import numpy as np

from ..maths.clean_up.errors import CleanUpError
from . import fcurves, names

RAW = "video_to_mocap_raw"
"""Custom property of an Action that was cleaned up: the Action as it was before the first tool."""

RETIMED = "video_to_mocap_retimed"
"""Custom property of an Action whose frames are not those of the raw one any more."""

CAPTURED = "video_to_mocap_keys"
"""Custom property of an Action that a capture made: a digest of its keys, by which an edit is recognised."""

BELOW = "video_to_mocap_below"
"""Custom property of a layer: the Action in the NLA track below it."""


def bag_of(armature: bpy.types.Object) -> Any:
    """What holds the ``fcurves`` of the armature's Action. Raises CleanUpError if it has none that can be changed."""
    animation = armature.animation_data
    if animation is None or animation.action is None:
        raise CleanUpError(f"{armature.name} has no animation; capture a motion or give it an Action first")
    if animation.action.library is not None:
        raise CleanUpError(f"The Action of {armature.name} is linked from another file; make it local first")
    if animation.use_tweak_mode:
        raise CleanUpError("The NLA is in tweak mode; leave it (Tab in its editor) first")
    bag = fcurves.find_channels(animation)
    if bag is None or not len(bag.fcurves):
        if len(animation.nla_tracks):
            raise CleanUpError(
                f"The layer of {armature.name} has no keys; clean up in the NLA strip below, or before adding a layer"
            )
        raise CleanUpError(f"The Action of {armature.name} has no keys; capture a motion first")
    return bag


def keep_raw(armature: bpy.types.Object) -> None:
    """Keeps a copy of the Action as it is, once, before the first tool changes it."""
    action = armature.animation_data.action
    if action.get(RAW) is None:
        raw = action.copy()
        raw.name, raw.use_fake_user = names.cut(action.name, " raw"), True
        action[RAW] = raw


def restore(armature: bpy.types.Object) -> str:
    """Gives the armature a copy of the raw Action, under the name of the one that it has; returns what is kept instead.

    On a layer, what is in the track below it counts; the track makes way for the raw motion, and the layer is kept.
    Raises CleanUpError if nothing was changed since the capture.
    """
    layers, cleaned = _layers(armature)
    if not layers:
        bag_of(armature)
    raw = cleaned.get(RAW)
    if raw is None and not layers:
        raise CleanUpError("Nothing was cleaned up yet, so there is no raw Action to go back to")
    slot = _slot_of(armature, cleaned)
    if layers:
        _leave_layers(armature.animation_data, [*layers, cleaned])
    if raw is None:  # only layers were added
        _assign(armature, cleaned, slot)
        cleaned.use_fake_user = False
        return str(layers[0].name)
    action, name = raw.copy(), cleaned.name
    cleaned.name, cleaned.use_fake_user = names.cut(name, " cleaned"), True
    action.name, action.use_fake_user = name, False
    action[RAW] = raw
    _assign(armature, action, slot)
    return str(cleaned.name)


def _layers(armature: bpy.types.Object) -> tuple[list[bpy.types.Action], bpy.types.Action]:
    """The armature's layers, the upper ones first, and the Action below them."""
    animation = armature.animation_data
    if animation is None or animation.action is None or animation.use_tweak_mode:
        bag_of(armature)  # says so
    layers, action = [], animation.action
    while action.get(BELOW) is not None and action not in layers:
        layers.append(action)
        action = action[BELOW]
    return layers, action


def _slot_of(armature: bpy.types.Object, action: bpy.types.Action) -> str | None:
    """The identifier of the slot of an Action that moves the armature; None before Blender 4.4."""
    if not hasattr(action, "slots"):
        return None
    animation = armature.animation_data
    if animation.action == action:
        return str(animation.action_slot.identifier)
    strips = (strip for track in animation.nla_tracks for strip in track.strips if strip.action == action)
    slot = next((strip.action_slot for strip in strips), None) or action.slots[0]
    return str(slot.identifier)


def _leave_layers(animation: bpy.types.AnimData, stack: list[bpy.types.Action]) -> None:
    """Removes the tracks of a stack of layers, and keeps their Actions; the next Action replaces what is below it."""
    for action in stack:
        action.use_fake_user = True
    for track in [track for track in animation.nla_tracks if any(strip.action in stack for strip in track.strips)]:
        animation.nla_tracks.remove(track)
    animation.action_blend_type, animation.action_extrapolation = "REPLACE", "HOLD"


def _assign(armature: bpy.types.Object, action: bpy.types.Action, slot: str | None) -> None:
    """Gives the armature an Action, and where there are slots that one of them."""
    armature.animation_data.action = action
    if slot is not None and armature.animation_data.action_slot is None:
        armature.animation_data.action_slot = action.slots[slot]


def note_as_captured(action: bpy.types.Action) -> None:
    """Notes the keys that a capture has written, for :func:`is_edited`."""
    action[CAPTURED] = _digest(action)


def is_edited(action: bpy.types.Action) -> bool:
    """Whether the keys are not those that a capture wrote; also where that is not known."""
    return action.get(CAPTURED) != _digest(action)


def retire(action: bpy.types.Action) -> str:
    """Drops an Action that a capture made and that nobody uses any more; but edited ones are always kept.

    Returns the name under which it is kept; empty where it is not.
    """
    if is_edited(action):
        keep(action)
        return str(action.name)
    raw = action.get(RAW)
    if not action.users:
        bpy.data.actions.remove(action)
        if raw is not None and raw.use_fake_user and raw.users == 1 and not is_edited(raw):
            bpy.data.actions.remove(raw)
    return ""


def keep(action: bpy.types.Action) -> None:
    """Keeps an Action in the file, under a name that leaves its own to the next capture."""
    action.name, action.use_fake_user = names.cut(action.name, " edited"), True


def _digest(action: bpy.types.Action) -> str:
    """A digest of all keys: their frames, values and interpolation. Marks, which are types of keys, are no edit."""
    found = hashlib.sha256()
    bezier = fcurves.enum_value("interpolation", "BEZIER")
    for curve in sorted(_curves(action), key=lambda curve: (curve.data_path, curve.array_index)):
        keys = fcurves.read_keys(curve, ("co", "interpolation", "handle_left", "handle_right"))
        found.update(f"{curve.data_path} {curve.array_index} {len(curve.modifiers)}".encode())
        found.update(keys["co"].tobytes() + keys["interpolation"].tobytes())
        free = keys["interpolation"] == bezier  # of other keys Blender moves the handles as it likes
        found.update(keys["handle_left"][free].tobytes() + keys["handle_right"][free].tobytes())
    return found.hexdigest()


def _curves(action: bpy.types.Action) -> Iterator[bpy.types.FCurve]:
    """All F-curves of an Action."""
    if not hasattr(action, "slots"):
        yield from action.fcurves
        return
    for layer in action.layers:
        for strip in layer.strips:
            for bag in strip.channelbags:
                yield from bag.fcurves


def raw_bag(armature: bpy.types.Object) -> Any:
    """The ``fcurves`` of the raw Action. Raises CleanUpError if there is none that fits."""
    action = armature.animation_data.action
    raw = action.get(RAW)
    if raw is None:
        raise CleanUpError("Nothing was cleaned up yet, so there is no raw Action to take the legs from")
    if action.get(RETIMED):
        raise CleanUpError("The time of this motion was scaled, so it does not fit the raw Action any more")
    slot = armature.animation_data.action_slot.identifier if hasattr(raw, "slots") else None
    return raw if slot is None else raw.layers[0].strips[0].channelbag(raw.slots[slot])


def add_layer(armature: bpy.types.Object) -> str:
    """Moves the Action down into an NLA track and gives the armature an empty one above it, whose keys are added to
    what the track does. Returns the name of the new one."""
    bag_of(armature)
    animation = armature.animation_data
    below, slot = animation.action, getattr(animation, "action_slot", None)
    track = animation.nla_tracks.new()
    track.name = below.name
    strip = track.strips.new(below.name, int(np.floor(below.frame_range[0])), below)
    strip.frame_start = below.frame_range[0]
    strip.extrapolation = "HOLD"
    if slot is not None:
        strip.action_slot = slot
    above = bpy.data.actions.new(names.cut(below.name, " layer"))
    above[BELOW] = below
    animation.action = above
    if slot is not None:
        animation.action_slot = above.slots.new(id_type="OBJECT", name=armature.name)
    animation.action_blend_type, animation.action_extrapolation = "COMBINE", "NOTHING"
    return above.name
