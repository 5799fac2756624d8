"""The motion of an armature's bones, read from F-curves and written to them, in metres and in the world's axes.

The object's own place, rotation and size are part of the rest pose; its animation is ignored.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any

import bpy
import numpy as np

from ..maths import rotations as rot
from ..maths.clean_up import key_reduction
from ..maths.clean_up.errors import CleanUpError
from ..maths.clean_up.motion import Motion, Posed, Rig, pose
from . import actions, baking, fcurves, scene_time
from .fcurves import SAME_FRAME

Curves = dict[tuple[str, int], bpy.types.FCurve]
"""F-curves by data path and index."""


def key_frames(bag: Any) -> np.ndarray:
    """All frames (T,) at which a curve of a bone has a key, ascending. Raises CleanUpError if there are none."""
    curves = (curve for curve in bag.fcurves if curve.data_path.startswith("pose.bones"))
    found = [fcurves.read_keys(curve, ("co",))["co"][:, 0] for curve in curves]
    found = [frames for frames in found if len(frames)]
    if not found:
        raise CleanUpError("The Action has no keys on bones; capture a motion first")
    frames = np.unique(np.concatenate(found).astype(np.float64).round(3))
    return frames[np.concatenate([[True], np.diff(frames) > SAME_FRAME])]


def rows(bag: Any, first: float, last: float, even: bool = False) -> np.ndarray:
    """The frames (T,) at which the motion of a range is sampled.

    Those of the keys; every whole frame where keys are sparse, or unevenly spaced although ``even`` is asked for.
    Raises CleanUpError if the range has no motion.
    """
    frames = key_frames(bag)
    inside = frames[(frames >= first - SAME_FRAME) & (frames <= last + SAME_FRAME)]
    low, high = max(first, frames[0]), min(last, frames[-1])
    if high - low < 1:
        raise CleanUpError(
            f"There is no motion from frame {first:g} to {last:g}; the keys go from {frames[0]:g} to {frames[-1]:g}"
        )
    steps = np.diff(inside)
    if len(inside) > 2 and np.median(steps) <= 2 and steps.max() <= 2.5 and (not even or np.ptp(steps) < 0.05):
        return inside
    whole = np.arange(np.ceil(low - SAME_FRAME), np.floor(high + SAME_FRAME) + 1)
    return whole if len(whole) > 1 else np.array([low, high])


def read(scene: bpy.types.Scene, armature: bpy.types.Object, bag: Any, frames: np.ndarray) -> Motion:
    """The motion of all bones at ``frames`` (T,), with the rate and the unit of the ``scene``."""
    curves = fcurves.by_path(bag)
    origin, spin, size = _stand(scene, armature)
    bones = list(armature.data.bones)
    bones.sort(key=lambda bone: len(bone.parent_recursive))
    names = [bone.name for bone in bones]
    rest = rot.multiply(spin, np.array([bone.matrix_local.to_quaternion() for bone in bones]))
    heads = origin + size * rot.rotate(spin, np.array([bone.head_local for bone in bones]))
    modes = [armature.pose.bones[name].rotation_mode for name in names]
    rig = Rig(
        tuple(names),
        tuple(names.index(bone.parent.name) if bone.parent else -1 for bone in bones),
        rot.normalise(rest),
        heads,
        size * np.array([bone.length for bone in bones]),
        tuple(bone.use_inherit_rotation for bone in bones),
        tuple(modes),
        frozenset(row for row, bone in enumerate(bones) if not bone.use_local_location),
        spin,
        size,
    )
    rotations, locations = np.empty((len(frames), len(names), 4)), np.empty((len(frames), len(names), 3))
    for row, name in enumerate(names):
        rotations[:, row] = rot.from_channels(_rotation(armature, curves, name, frames), modes[row])
        locations[:, row] = size * _sampled(
            curves, fcurves.bone_path(name, "location"), armature.pose.bones[name].location, frames
        )
    turned, placed = keyed(bag, rig)
    channels = rot.continuous(rotations, rotations[0])
    return Motion(rig, frames, scene_time.rate(scene), channels, locations, frozenset(turned | placed))


def _stand(scene: bpy.types.Scene, armature: bpy.types.Object) -> tuple[np.ndarray, np.ndarray, float]:
    """Where an armature's object is (3,), metres; how it is turned (4,); and how many metres its own unit is."""
    place, turn, scale = armature.matrix_world.decompose()
    metre = scene_time.unit(scene)
    return np.array(place) / metre, np.array(turn), float(sum(scale) / 3) / metre


def read_raw(scene: bpy.types.Scene, armature: bpy.types.Object, frames: np.ndarray) -> Motion:
    """The motion of the raw Action at ``frames`` (T,). Raises CleanUpError if there is none that fits."""
    return read(scene, armature, actions.raw_bag(armature), frames)


def posed(context: bpy.types.Context, armature: bpy.types.Object, motion: Motion, bones: Collection[int]) -> Posed:
    """The bones of ``motion``, which has the values of the armature's keys.

    They are those of Blender's own evaluation where constraints, drivers or layers move the ``bones`` (rows) besides.
    """
    own = pose(motion)
    with baking.stage(context) as scene:

        def shown(frames: np.ndarray) -> Posed:
            names = [item.name for item in armature.pose.bones]
            order = [names.index(name) for name in motion.rig.names]
            matrices = np.array([every[order] for _, every in baking.evaluated(scene, armature, frames)], float)
            origin, spin, size = _stand(context.scene, armature)
            matrices[..., :3, :3] /= np.linalg.norm(matrices[..., :3, :3], axis=-2, keepdims=True)
            turned = rot.multiply(spin, rot.to_quaternions(matrices[..., :3, :3]))
            heads = origin + size * rot.rotate(spin, matrices[..., :3, 3])
            along = motion.rig.lengths[:, None] * rot.AXES[1]
            return Posed(turned, heads, heads + rot.rotate(turned, along))

        rows = np.unique([0, len(motion.frames) // 2, len(motion.frames) - 1])
        some = shown(motion.frames[rows])
        off = np.linalg.norm((some.heads - own.heads[rows])[:, list(bones)], axis=-1)
        return own if off.max(initial=0.0) < _AS_KEYED else shown(motion.frames)


_AS_KEYED = 1e-4
"""Metres within which bones are where their keys alone would put them."""


def keyed(bag: Any, rig: Rig) -> tuple[set[int], set[int]]:
    """The rows of the bones that have keys on their rotation, and on their location."""
    paths = {curve.data_path for curve in bag.fcurves if len(curve.keyframe_points)}
    turned, placed = set(), set()
    for row, name in enumerate(rig.names):
        if fcurves.bone_path(name, fcurves.rotation_channel(rig.modes[row])) in paths:
            turned.add(row)
        if fcurves.bone_path(name, "location") in paths:
            placed.add(row)
    return turned, placed


@dataclass(frozen=True)
class Change:
    """What a tool has changed.

    Attributes:
        bones: how many.
        frames: how many.
        degrees: by which a bone is turned at most, in the armature's space.
        metres: by which a bone's head is moved at most.
        farthest: the bone with the largest way, else with the largest turn.
    """

    bones: int
    frames: int
    degrees: float
    metres: float
    farthest: str

    def __bool__(self) -> bool:
        return self.degrees > 0.01 or self.metres > 5e-5

    def __str__(self) -> str:
        count = f"{self.bones} bone{'s' * (self.bones != 1)} in {self.frames} frames"
        return f"{count}, at most {self.degrees:.1f}\N{DEGREE SIGN} and {1000 * self.metres:.0f} mm ({self.farthest})"


def change(before: Motion, after: Motion) -> Change:
    """What differs between two motions of the same frames."""
    keyed_otherwise = np.degrees(rot.angle(before.rotations, after.rotations)) > 1e-3
    differs = keyed_otherwise | (np.linalg.norm(after.locations - before.locations, axis=-1) > 1e-6)
    old, new = pose(before), pose(after)
    turned = np.degrees(rot.angle(old.rotations, new.rotations))
    way = np.linalg.norm(new.heads - old.heads, axis=-1)
    most = way if way.max(initial=0.0) > 5e-4 else turned
    name = before.rig.names[int(most.max(axis=0).argmax())]
    return Change(
        int(differs.any(axis=0).sum()), int(differs.any(axis=1).sum()), float(turned.max()), float(way.max()), name
    )


def write(armature: bpy.types.Object, bag: Any, before: Motion, after: Motion) -> None:
    """Keys what changed from ``before`` to ``after`` at all their frames; keys outside of these stay.

    Curves that are missing are made.
    """
    curves = fcurves.by_path(bag)
    for row, name in enumerate(after.rig.names):
        mode = after.rig.modes[row]
        if np.abs(after.rotations[:, row] - before.rotations[:, row]).max() > 1e-7:
            start = _rotation(armature, curves, name, after.frames[:1])[0]
            values = rot.to_channels(after.rotations[:, row], mode, start)
            _key(bag, curves, fcurves.bone_path(name, fcurves.rotation_channel(mode)), name, after.frames, values)
        if np.abs(after.locations[:, row] - before.locations[:, row]).max() > 1e-7:
            _key(
                bag,
                curves,
                fcurves.bone_path(name, "location"),
                name,
                after.frames,
                after.locations[:, row] / after.rig.size,
            )


def channels_to_reduce(
    armature: bpy.types.Object, bag: Any, motion: Motion, bones: Iterable[str]
) -> list[key_reduction.Channels]:
    """The keyed rotations and locations of those ``bones`` that have any."""
    curves = fcurves.by_path(bag)
    chosen = set(bones)
    found = []
    for row, name in enumerate(motion.rig.names):
        if name not in chosen:
            continue
        if any((fcurves.bone_path(name, "location"), index) in curves for index in range(3)):
            found.append(key_reduction.Channels(row, True, motion.locations[:, row]))
        mode = motion.rig.modes[row]
        if any((fcurves.bone_path(name, fcurves.rotation_channel(mode)), index) in curves for index in range(4)):
            values = (
                motion.rotations[:, row] if mode == "QUATERNION" else _rotation(armature, curves, name, motion.frames)
            )
            found.append(key_reduction.Channels(row, False, values))
    return found


def count_keys(bag: Any, motion: Motion, channels: list[key_reduction.Channels]) -> int:
    """How many keys the curves of ``channels`` have in the motion's range."""
    curves, count = fcurves.by_path(bag), 0
    first, last = motion.frames[0] - SAME_FRAME, motion.frames[-1] + SAME_FRAME
    for item in channels:
        name = motion.rig.names[item.bone]
        channel = "location" if item.located else fcurves.rotation_channel(motion.rig.modes[item.bone])
        for index in range(item.values.shape[1]):
            curve = curves.get((fcurves.bone_path(name, channel), index))
            if curve is not None:
                frames = fcurves.read_keys(curve, ("co",))["co"][:, 0]
                count += int(((frames >= first) & (frames <= last)).sum())
    return count


def write_keys(
    armature: bpy.types.Object,
    bag: Any,
    motion: Motion,
    channels: list[key_reduction.Channels],
    keys: list[list[key_reduction.Keys]],
) -> tuple[int, int]:
    """Puts few keys with aligned handles in place of those in the motion's range. Returns how many keys there were in
    these curves, and how many there are."""
    found = fcurves.by_path(bag)
    old = new = 0
    for item, columns in zip(channels, keys, strict=True):
        name, mode = motion.rig.names[item.bone], motion.rig.modes[item.bone]
        path = fcurves.bone_path(name, "location" if item.located else fcurves.rotation_channel(mode))
        for index, few in enumerate(columns):
            target = found.get((path, index))
            if target is None:
                continue
            old += len(target.keyframe_points)
            _bezier_keys(target, motion.frames, few, 1 / motion.rig.size if item.located else 1.0)
            new += len(target.keyframe_points)
    return old, new


def _rotation(armature: bpy.types.Object, curves: Curves, name: str, frames: np.ndarray) -> np.ndarray:
    """The rotation of a bone as its mode has it, at ``frames``: (T,4) or (T,3)."""
    item = armature.pose.bones[name]
    channel = fcurves.rotation_channel(item.rotation_mode)
    return _sampled(curves, fcurves.bone_path(name, channel), getattr(item, channel), frames)


def _sampled(curves: Curves, path: str, still: Any, frames: np.ndarray) -> np.ndarray:
    """Channels (T,C) at ``frames``; the pose's own value where there is no curve."""
    values = np.empty((len(frames), len(still)))
    for index, value in enumerate(still):
        curve = curves.get((path, index))
        values[:, index] = value if curve is None else fcurves.sampled(curve, frames)
    return values


def _key(bag: Any, curves: Curves, path: str, bone: str, frames: np.ndarray, values: np.ndarray) -> None:
    """Dense linear keys of a channel with C curves (T,C)."""
    for index in range(values.shape[1]):
        curve = curves.get((path, index))
        if curve is None:
            curve = curves[path, index] = bag.fcurves.new(path, index=index)
            curve.group = bag.groups.get(bone) or bag.groups.new(bone)
        points = fcurves.read_keys(curve, ("co",))["co"]
        inside = (points[:, 0] >= frames[0] - SAME_FRAME) & (points[:, 0] <= frames[-1] + SAME_FRAME)
        if inside.sum() == len(frames) and np.abs(points[inside, 0] - frames).max() < SAME_FRAME:
            points[inside, 1] = values[:, index]  # the keys stay what they are, marks of low confidence too
            curve.keyframe_points.foreach_set("co", points.ravel())
            curve.update()
        else:
            fcurves.splice_keys(curve, frames, _dense_keys(curve, frames, values[:, index]))


def _dense_keys(curve: bpy.types.FCurve, frames: np.ndarray, values: np.ndarray) -> fcurves.Keys:
    """A linear key at each of ``frames``."""
    new = {name: np.zeros(len(frames), np.int32) for name in fcurves.KINDS}
    new["type"] = fcurves.types_at(curve, frames)
    new["interpolation"][:] = fcurves.enum_value("interpolation", "LINEAR")
    new["handle_left_type"][:] = new["handle_right_type"][:] = fcurves.enum_value("handle_left_type", "AUTO_CLAMPED")
    co = np.stack([frames, values], axis=1).astype(np.float32)
    return {**new, "co": co, "handle_left": co.copy(), "handle_right": co.copy()}


def _bezier_keys(curve: bpy.types.FCurve, frames: np.ndarray, few: key_reduction.Keys, scale: float) -> None:
    """Replaces the keys from the first to the last of ``frames`` (T,) by a few aligned Bezier keys.

    ``scale`` is the factor from metres to the curve's unit.
    """
    at, values = frames[few.rows], few.values * scale
    new = {name: np.zeros(len(at), np.int32) for name in fcurves.KINDS}
    new["type"] = fcurves.types_at(curve, at)
    new["interpolation"][:] = fcurves.enum_value("interpolation", "BEZIER")
    new["handle_left_type"][:] = new["handle_right_type"][:] = fcurves.enum_value("handle_left_type", "ALIGNED")
    step = float(np.median(np.diff(frames)))
    rise = few.slopes * scale
    new["co"] = np.stack([at, values], axis=1).astype(np.float32)
    new["handle_left"] = np.stack([at - step * few.left, values - rise * few.left], axis=1).astype(np.float32)
    new["handle_right"] = np.stack([at + step * few.right, values + rise * few.right], axis=1).astype(np.float32)
    if len(curve.keyframe_points) and curve.keyframe_points[-1].co[0] > at[-1] + SAME_FRAME:
        # What leads on from the last key was no part of this.
        old = fcurves.read_keys(curve, ("co", "interpolation"))
        new["interpolation"][-1] = old["interpolation"][int(np.abs(old["co"][:, 0] - at[-1]).argmin())]
    fcurves.splice_keys(curve, frames, new)
