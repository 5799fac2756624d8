"""The Actions of an armature: the one to clean up, the raw one as it was captured, and layers."""

from __future__ import annotations

from typing import Any

import bpy
import numpy as np

from ..maths.clean_up.errors import CleanUpError
from . import fcurves

RAW = "video_to_mocap_raw"
"""Custom property of an Action that was cleaned up: the Action as it was before the first tool."""

RETIMED = "video_to_mocap_retimed"
"""Custom property of an Action whose frames are not those of the raw one any more."""


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
        raw.name, raw.use_fake_user = f"{action.name} raw", True
        action[RAW] = raw


def restore(armature: bpy.types.Object) -> str:
    """Gives the armature a copy of the raw Action, under the name of the one that it has; returns the name.

    Raises CleanUpError if nothing was changed since the capture.
    """
    bag_of(armature)
    cleaned = armature.animation_data.action
    raw = cleaned.get(RAW)
    if raw is None:
        raise CleanUpError("Nothing was cleaned up yet, so there is no raw Action to go back to")
    action, name = raw.copy(), cleaned.name
    cleaned.name, cleaned.use_fake_user = f"{name} cleaned", True
    action.name, action.use_fake_user = name, False
    action[RAW] = raw
    slot = armature.animation_data.action_slot.identifier if hasattr(action, "slots") else None
    armature.animation_data.action = action
    if slot is not None and armature.animation_data.action_slot is None:
        armature.animation_data.action_slot = action.slots[slot]
    return action.name


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
    above = bpy.data.actions.new(f"{below.name} layer")
    animation.action = above
    if slot is not None:
        animation.action_slot = above.slots.new(id_type="OBJECT", name=armature.name)
    animation.action_blend_type, animation.action_extrapolation = "COMBINE", "NOTHING"
    return above.name
