"""Frames to check, shown on the timeline: keys of the type Jitter, and a marker at the start of each range of them.

The keys are the record: they are part of the Action, and survive saving, copying and the clean-up tools. The markers
only show them. Animators do not use Jitter for poses of their own, as they use Extreme and Breakdown, and every
supported Blender has it.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..contract.runs import runs
from . import actions, bone_motion, fcurves, names

PREFIX = "Check: "
"""How the timeline markers begin; then comes the armature's name, which is that of the clip and the person."""

_GAP = 3
"""Ranges with at most that many unmarked keys between them are one."""


def mark(bag: Any, frames: np.ndarray) -> None:
    """Gives the keys at ``frames`` (N,) the type Jitter, and all others of that type the plain one."""
    jitter, plain = fcurves.enum_value("type", "JITTER"), fcurves.enum_value("type", "KEYFRAME")
    for curve in bag.fcurves:
        if not curve.data_path.startswith("pose.bones"):
            continue
        keys = fcurves.read_keys(curve, ("co", "type"))
        types = np.where(keys["type"] == jitter, plain, keys["type"])
        if len(frames):
            near = np.minimum(np.searchsorted(frames, keys["co"][:, 0] - fcurves.SAME_FRAME), len(frames) - 1)
            types = np.where(np.abs(frames[near] - keys["co"][:, 0]) < 0.5, jitter, types)
        curve.keyframe_points.foreach_set("type", types.astype(np.int32))


def marked(bag: Any) -> np.ndarray:
    """The frames (N,) with keys of the type Jitter, ascending."""
    jitter = fcurves.enum_value("type", "JITTER")
    found = [np.empty(0)]
    for curve in bag.fcurves:
        keys = fcurves.read_keys(curve, ("co", "type"))
        found.append(keys["co"][keys["type"] == jitter, 0])
    return np.unique(np.concatenate(found).round(3))


def marked_ranges(bag: Any) -> list[tuple[float, float]]:
    """First and last frame of every range of marked keys, ascending."""
    frames = bone_motion.key_frames(bag)
    marked_runs = runs(np.isin(frames, marked(bag)), _GAP)
    return [(float(frames[first]), float(frames[after - 1])) for first, after in marked_runs]


def show(scene: Any, armature: Any) -> int:
    """Sets a marker at the start of each marked range of the armature's Action, in place of its last markers.

    Returns the number of ranges. Raises CleanUpError if the armature has no keys.
    """
    starts = [round(first) for first, _ in marked_ranges(actions.bag_of(armature))]
    clear(scene, armature.name)
    for start in starts:
        scene.timeline_markers.new(_name(armature.name), frame=start)
    return len(starts)


def follow(scene: Any, armature: Any) -> None:
    """Moves the armature's markers, if there are any, to where its marked keys are now; on an empty layer they stay."""
    animation = armature.animation_data
    bag = fcurves.find_channels(animation) if animation and animation.action else None
    if bag is None or not len(bag.fcurves):
        return
    if any(item.name == _name(armature.name) for item in scene.timeline_markers):
        show(scene, armature)


def clear(scene: Any, name: str) -> None:
    """Removes the markers of the armature that is, or was, called ``name``."""
    for marker in [item for item in scene.timeline_markers if item.name == _name(name)]:
        scene.timeline_markers.remove(marker)


def _name(armature: str) -> str:
    """What the markers of an armature are called, as Blender keeps it."""
    return names.cut(PREFIX + armature)
