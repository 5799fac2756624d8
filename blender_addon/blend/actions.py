"""Reads and writes the F-curves of an armature in bulk, of any Action, in metres and in the world's axes.

The object's own place, turn and size are part of the rest pose that the tools see; its animation is not looked at.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import bpy
import numpy as np

from ..maths import key_reduction
from ..maths import quaternions as quat
from ..maths.errors import CleanUpError
from ..maths.motion import Motion, Rig

RAW = "video_to_mocap_raw"
"""Custom property of an Action that was cleaned up: the Action as it was before the first tool."""

RETIMED = "video_to_mocap_retimed"
"""Custom property of an Action whose frames are not those of the raw one any more."""

_NUMBERS = ("co", "handle_left", "handle_right")
_KINDS = ("interpolation", "easing", "type", "handle_left_type", "handle_right_type")
_HANDLES = ("handle_left_type", "handle_right_type")
_FOREACH_SKIPS_HANDLES = bpy.app.version < (4, 0)
"""Blender 3 neither reads nor writes these two in bulk, and does not say so."""

_SAME = 1e-3
"""Frames; keys nearer than that are at one frame."""

_PATHS = {"QUATERNION": "rotation_quaternion", "AXIS_ANGLE": "rotation_axis_angle"}


def bag_of(armature: bpy.types.Object) -> Any:
    """What holds the ``fcurves`` of the armature's Action. Raises CleanUpError if it has none that can be changed."""
    animation = armature.animation_data
    if animation is None or animation.action is None:
        raise CleanUpError(f"{armature.name} has no animation; capture a motion or give it an Action first")
    if animation.action.library is not None:
        raise CleanUpError(f"The Action of {armature.name} is linked from another file; make it local first")
    if animation.use_tweak_mode:
        raise CleanUpError("The NLA is in tweak mode; leave it (Tab in its editor) first")
    bag = _bag(animation)
    if bag is None or not len(bag.fcurves):
        if len(animation.nla_tracks):
            raise CleanUpError(
                f"The layer of {armature.name} has no keys; clean up in the NLA strip below, or before adding a layer"
            )
        raise CleanUpError(f"The Action of {armature.name} has no keys; capture a motion first")
    return bag


def _bag(animation: Any) -> Any:
    """Like ``keyframes.channels``, but nothing is made or assigned."""
    if not hasattr(animation.action, "slots"):
        return animation.action
    if animation.action_slot is None or not len(animation.action.layers):
        return None
    return animation.action.layers[0].strips[0].channelbag(animation.action_slot)


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


def read_raw(armature: bpy.types.Object, frames: np.ndarray, rate: float) -> Motion:
    """The motion of the raw Action at ``frames`` (T,). Raises CleanUpError if it has none that fits."""
    action = armature.animation_data.action
    raw = action.get(RAW)
    if raw is None:
        raise CleanUpError("Nothing was cleaned up yet, so there is no raw Action to take the legs from")
    if action.get(RETIMED):
        raise CleanUpError("The time of this motion was scaled, so it does not fit the raw Action any more")
    slot = armature.animation_data.action_slot.identifier if hasattr(raw, "slots") else None
    bag = raw if slot is None else raw.layers[0].strips[0].channelbag(raw.slots[slot])
    return read(armature, bag, frames, rate)


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


def key_frames(bag: Any) -> np.ndarray:
    """(T,): all frames at which a curve of a bone has a key, ascending. Raises CleanUpError if there are none."""
    found = [_read(curve, ("co",))["co"][:, 0] for curve in bag.fcurves if curve.data_path.startswith("pose.bones")]
    found = [frames for frames in found if len(frames)]
    if not found:
        raise CleanUpError("The Action has no keys on bones; capture a motion first")
    frames = np.unique(np.concatenate(found).astype(np.float64).round(3))
    return frames[np.concatenate([[True], np.diff(frames) > _SAME])]


def rows(bag: Any, first: float, last: float, even: bool = False) -> np.ndarray:
    """The frames (T,) of a range at which the motion is looked at: those of the keys, or every whole frame where keys
    are few, or not ``even`` although they have to be. Raises CleanUpError if there is nothing in the range."""
    frames = key_frames(bag)
    inside = frames[(frames >= first - _SAME) & (frames <= last + _SAME)]
    low, high = max(first, frames[0]), min(last, frames[-1])
    if high - low < 1:
        raise CleanUpError(
            f"There is no motion from frame {first:g} to {last:g}; the keys go from {frames[0]:g} to {frames[-1]:g}"
        )
    steps = np.diff(inside)
    if len(inside) > 2 and np.median(steps) <= 2 and steps.max() <= 2.5 and (not even or np.ptp(steps) < 0.05):
        return inside
    whole = np.arange(np.ceil(low - _SAME), np.floor(high + _SAME) + 1)
    return whole if len(whole) > 1 else np.array([low, high])


def read(armature: bpy.types.Object, bag: Any, frames: np.ndarray, rate: float) -> Motion:
    """The motion of all bones at ``frames`` (T,). rate: of the scene, frames a second."""
    curves = {(curve.data_path, curve.array_index): curve for curve in bag.fcurves}
    place, turn, scale = armature.matrix_world.decompose()
    size = float(sum(scale) / 3)
    spin, origin = np.array(turn), np.array(place)
    bones = list(armature.data.bones)
    bones.sort(key=lambda bone: len(bone.parent_recursive))
    names = [bone.name for bone in bones]
    rest = quat.multiply(spin, np.array([bone.matrix_local.to_quaternion() for bone in bones]))
    heads = origin + size * quat.rotate(spin, np.array([bone.head_local for bone in bones]))
    modes = [armature.pose.bones[name].rotation_mode for name in names]
    rig = Rig(
        tuple(names),
        tuple(names.index(bone.parent.name) if bone.parent else -1 for bone in bones),
        quat.unit(rest),
        heads,
        size * np.array([bone.length for bone in bones]),
        tuple(bone.use_inherit_rotation for bone in bones),
        tuple(modes),
    )
    rotations, locations = np.empty((len(frames), len(names), 4)), np.empty((len(frames), len(names), 3))
    for row, name in enumerate(names):
        rotations[:, row] = quat.from_channels(_rotation(armature, curves, name, frames), modes[row])
        locations[:, row] = size * _sampled(curves, _path(name, "location"), armature.pose.bones[name].location, frames)
    sign = np.ones(rotations.shape[:2])
    sign[1:] = np.where((rotations[1:] * rotations[:-1]).sum(axis=-1) < 0, -1.0, 1.0)
    return Motion(rig, frames, rate, rotations * np.cumprod(sign, axis=0)[..., None], locations)


def write(armature: bpy.types.Object, bag: Any, before: Motion, after: Motion) -> int:
    """Keys what changed from ``before`` to ``after`` at all their frames; keys outside of these stay.

    Curves that are missing are made. Returns the number of bones that changed.
    """
    curves = {(curve.data_path, curve.array_index): curve for curve in bag.fcurves}
    size = float(sum(armature.matrix_world.to_scale()) / 3)
    changed = set()
    for row, name in enumerate(after.rig.names):
        mode = after.rig.modes[row]
        if np.abs(after.rotations[:, row] - before.rotations[:, row]).max() > 1e-7:
            start = _rotation(armature, curves, name, after.frames[:1])[0]
            values = quat.to_channels(after.rotations[:, row], mode, start)
            _key(bag, curves, _path(name, _PATHS.get(mode, "rotation_euler")), name, after.frames, values)
            changed.add(name)
        if np.abs(after.locations[:, row] - before.locations[:, row]).max() > 1e-7:
            _key(bag, curves, _path(name, "location"), name, after.frames, after.locations[:, row] / size)
            changed.add(name)
    return len(changed)


def channels_to_reduce(
    armature: bpy.types.Object, bag: Any, motion: Motion, bones: Iterable[str]
) -> list[key_reduction.Channels]:
    """The keyed rotations and locations of those ``bones`` that have any."""
    curves = {(curve.data_path, curve.array_index): curve for curve in bag.fcurves}
    chosen = set(bones)
    found = []
    for row, name in enumerate(motion.rig.names):
        if name not in chosen:
            continue
        if any((_path(name, "location"), index) in curves for index in range(3)):
            found.append(key_reduction.Channels(row, True, motion.locations[:, row]))
        mode = motion.rig.modes[row]
        if any((_path(name, _PATHS.get(mode, "rotation_euler")), index) in curves for index in range(4)):
            values = (
                motion.rotations[:, row] if mode == "QUATERNION" else _rotation(armature, curves, name, motion.frames)
            )
            found.append(key_reduction.Channels(row, False, values))
    return found


def write_keys(
    armature: bpy.types.Object,
    bag: Any,
    motion: Motion,
    channels: list[key_reduction.Channels],
    keys: list[list[key_reduction.Keys]],
) -> tuple[int, int]:
    """Puts few keys with aligned handles in place of those in the motion's range. Returns how many keys there were in
    these curves, and how many there are."""
    found = {(curve.data_path, curve.array_index): curve for curve in bag.fcurves}
    size = float(sum(armature.matrix_world.to_scale()) / 3)
    old = new = 0
    for item, columns in zip(channels, keys, strict=True):
        name, mode = motion.rig.names[item.bone], motion.rig.modes[item.bone]
        path = _path(name, "location" if item.located else _PATHS.get(mode, "rotation_euler"))
        for index, few in enumerate(columns):
            target = found.get((path, index))
            if target is None:
                continue
            old += len(target.keyframe_points)
            _replace(target, motion.frames, few, 1 / size if item.located else 1.0)
            new += len(target.keyframe_points)
    return old, new


def _path(bone: str, channel: str) -> str:
    return f'pose.bones["{bpy.utils.escape_identifier(bone)}"].{channel}'


def _rotation(armature: bpy.types.Object, curves: dict, name: str, frames: np.ndarray) -> np.ndarray:
    """The rotation of a bone as its mode has it, at ``frames``: (T,4) or (T,3)."""
    item = armature.pose.bones[name]
    channel = _PATHS.get(item.rotation_mode, "rotation_euler")
    return _sampled(curves, _path(name, channel), getattr(item, channel), frames)


def _sampled(curves: dict, path: str, still: Any, frames: np.ndarray) -> np.ndarray:
    """Channels (T,C) at ``frames``; the pose's own value where there is no curve."""
    values = np.empty((len(frames), len(still)))
    for index, value in enumerate(still):
        curve = curves.get((path, index))
        values[:, index] = value if curve is None else sampled(curve, frames)
    return values


def sampled(curve: bpy.types.FCurve, frames: np.ndarray) -> np.ndarray:
    """A curve's values at ``frames`` (T,), as Blender evaluates it."""
    points = _read(curve, ("co",))["co"]
    if not len(curve.modifiers) and len(points):
        # Dense keys are what they are, whatever lies between them; asking Blender frame by frame takes seconds.
        index = np.searchsorted(points[:, 0], frames - _SAME)
        index = np.minimum(index, len(points) - 1)
        if np.abs(points[index, 0] - frames).max() < _SAME:
            return points[index, 1].astype(np.float64)
    return np.array([curve.evaluate(frame) for frame in frames])


def _read(curve: bpy.types.FCurve, names: Iterable[str]) -> dict[str, np.ndarray]:
    points = curve.keyframe_points
    found = {}
    for name in names:
        array = np.empty((len(points), 2), np.float32) if name in _NUMBERS else np.empty(len(points), np.int32)
        points.foreach_get(name, array.ravel())
        if name in _HANDLES and _FOREACH_SKIPS_HANDLES:
            values = {item.identifier: item.value for item in bpy.types.Keyframe.bl_rna.properties[name].enum_items}
            array[:] = [values[getattr(point, name)] for point in points]
        found[name] = array
    return found


def _fill(curve: bpy.types.FCurve, keys: dict[str, np.ndarray]) -> None:
    """Gives a curve these keys and no others."""
    points = curve.keyframe_points
    missing = len(keys["co"]) - len(points)
    if missing < 0:
        points.clear()
        missing = len(keys["co"])
    if missing:
        points.add(missing)
    # Kinds of handles first: an automatic handle would overwrite the place that it is given.
    for name in (*_KINDS, *_NUMBERS):
        if name in _HANDLES and _FOREACH_SKIPS_HANDLES:
            names = {item.value: item.identifier for item in bpy.types.Keyframe.bl_rna.properties[name].enum_items}
            for point, value in zip(points, keys[name], strict=True):
                setattr(point, name, names[int(value)])
        else:
            points.foreach_set(name, np.ascontiguousarray(keys[name]).ravel())
    curve.update()


def _enum(name: str, value: str) -> int:
    return bpy.types.Keyframe.bl_rna.properties[name].enum_items[value].value


def _key(bag: Any, curves: dict, path: str, bone: str, frames: np.ndarray, values: np.ndarray) -> None:
    """Dense linear keys of a channel with C curves (T,C)."""
    for index in range(values.shape[1]):
        curve = curves.get((path, index))
        if curve is None:
            curve = curves[path, index] = bag.fcurves.new(path, index=index)
            curve.group = bag.groups.get(bone) or bag.groups.new(bone)
        points = _read(curve, ("co",))["co"]
        inside = (points[:, 0] >= frames[0] - _SAME) & (points[:, 0] <= frames[-1] + _SAME)
        if inside.sum() == len(frames) and np.abs(points[inside, 0] - frames).max() < _SAME:
            points[inside, 1] = values[:, index]  # the keys stay what they are, marks of low confidence too
            curve.keyframe_points.foreach_set("co", points.ravel())
            curve.update()
        else:
            _splice(curve, frames, _dense_keys(curve, frames, values[:, index]))


def _dense_keys(curve: bpy.types.FCurve, frames: np.ndarray, values: np.ndarray) -> dict[str, np.ndarray]:
    """A linear key at each of ``frames``."""
    new = {name: np.zeros(len(frames), np.int32) for name in _KINDS}
    new["type"] = _types_at(curve, frames)
    new["interpolation"][:] = _enum("interpolation", "LINEAR")
    new["handle_left_type"][:] = new["handle_right_type"][:] = _enum("handle_left_type", "AUTO_CLAMPED")
    co = np.stack([frames, values], axis=1).astype(np.float32)
    return {**new, "co": co, "handle_left": co.copy(), "handle_right": co.copy()}


def _replace(curve: bpy.types.FCurve, frames: np.ndarray, few: key_reduction.Keys, scale: float) -> None:
    """Aligned Bezier keys at some of ``frames`` (T,) in place of all from the first to the last of them; what is keyed
    before and after stays. scale: what to multiply values with."""
    at, values = frames[few.rows], few.values * scale
    new = {name: np.zeros(len(at), np.int32) for name in _KINDS}
    new["type"] = _types_at(curve, at)
    new["interpolation"][:] = _enum("interpolation", "BEZIER")
    new["handle_left_type"][:] = new["handle_right_type"][:] = _enum("handle_left_type", "ALIGNED")
    step = float(np.median(np.diff(frames)))
    rise = few.slopes * scale
    new["co"] = np.stack([at, values], axis=1).astype(np.float32)
    new["handle_left"] = np.stack([at - step * few.left, values - rise * few.left], axis=1).astype(np.float32)
    new["handle_right"] = np.stack([at + step * few.right, values + rise * few.right], axis=1).astype(np.float32)
    if len(curve.keyframe_points) and curve.keyframe_points[-1].co[0] > at[-1] + _SAME:
        # What leads on from the last key was no part of this.
        old = _read(curve, ("co", "interpolation"))
        new["interpolation"][-1] = old["interpolation"][int(np.abs(old["co"][:, 0] - at[-1]).argmin())]
    _splice(curve, frames, new)


def _splice(curve: bpy.types.FCurve, frames: np.ndarray, new: dict[str, np.ndarray]) -> None:
    """Keys in place of those from the first to the last of ``frames``."""
    points = curve.keyframe_points
    if len(points) and (points[0].co[0] < frames[0] - _SAME or points[-1].co[0] > frames[-1] + _SAME):
        old = _read(curve, (*_NUMBERS, *_KINDS))
        before, after = old["co"][:, 0] < frames[0] - _SAME, old["co"][:, 0] > frames[-1] + _SAME
        new = {name: np.concatenate([old[name][before], new[name], old[name][after]]) for name in new}
    _fill(curve, new)


def _types_at(curve: bpy.types.FCurve, frames: np.ndarray) -> np.ndarray:
    """The kinds of the keys that are at ``frames``; plain where there is none."""
    old = _read(curve, ("co", "type"))
    types = np.zeros(len(frames), np.int32)
    if len(old["co"]):
        index = np.minimum(np.searchsorted(old["co"][:, 0], frames - _SAME), len(old["co"]) - 1)
        there = np.abs(old["co"][index, 0] - frames) < _SAME
        types[there] = old["type"][index[there]]
    return types


def retime(bag: Any, first: float, last: float, factor: float) -> None:
    """The time from ``first`` to ``last`` takes ``factor`` times as long, and what comes after is moved on."""
    for curve in bag.fcurves:
        keys = _read(curve, (*_NUMBERS, *_KINDS))
        for name in _NUMBERS:
            frames = keys[name][:, 0]
            stretched = np.clip(frames - first, 0.0, last - first) * (factor - 1)
            keys[name][:, 0] = frames + stretched
        _fill(curve, keys)


def cut(bag: Any, first: float, last: float) -> None:
    """Only what lies from ``first`` to ``last`` stays, with keys at both ends."""
    for curve in bag.fcurves:
        ends = [frame for frame in (first, last) if curve.range()[0] - _SAME <= frame <= curve.range()[1] + _SAME]
        values = sampled(curve, np.array(ends)) if ends else np.empty(0)
        here = _read(curve, ("co",))["co"][:, 0]
        for frame, value in zip(ends, values, strict=True):
            if not len(here) or np.abs(here - frame).min() > _SAME:
                curve.keyframe_points.insert(frame, value, options={"FAST"})
        curve.update()
        keys = _read(curve, (*_NUMBERS, *_KINDS))
        inside = (keys["co"][:, 0] >= first - _SAME) & (keys["co"][:, 0] <= last + _SAME)
        if inside.any():
            _fill(curve, {name: values[inside] for name, values in keys.items()})


def mark(bag: Any, frames: np.ndarray) -> None:
    """Shows ``frames`` (N,) as keys of the kind Jitter in the timeline, and the others of that kind as plain ones."""
    jitter, plain = _enum("type", "JITTER"), _enum("type", "KEYFRAME")
    for curve in bag.fcurves:
        if not curve.data_path.startswith("pose.bones"):
            continue
        keys = _read(curve, ("co", "type"))
        types = np.where(keys["type"] == jitter, plain, keys["type"])
        if len(frames):
            near = np.minimum(np.searchsorted(frames, keys["co"][:, 0] - _SAME), len(frames) - 1)
            types = np.where(np.abs(frames[near] - keys["co"][:, 0]) < 0.5, jitter, types)
        curve.keyframe_points.foreach_set("type", types.astype(np.int32))


def marked(bag: Any) -> np.ndarray:
    """(N,): the frames that have keys of the kind Jitter, ascending."""
    jitter = _enum("type", "JITTER")
    found = [np.empty(0)]
    for curve in bag.fcurves:
        keys = _read(curve, ("co", "type"))
        found.append(keys["co"][keys["type"] == jitter, 0])
    return np.unique(np.concatenate(found).round(3))
