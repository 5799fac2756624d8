"""Where to look, shown on the timeline: keys of the kind Jitter, and a marker where each stretch begins.

The marked keys are what counts: they are part of the Action, and survive saving, copying and the clean-up tools. The
markers only show them. Jitter is the kind that animators do not use for poses of their own, as they do Extreme and
Breakdown, and every Blender that is supported has it.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..maths import suspects
from . import actions

PREFIX = "Look: "
"""How the timeline markers begin; then comes the armature's name, which is that of the clip and the person."""


def stretches(bag: Any) -> list[tuple[float, float]]:
    """First and last frame of every stretch of marked keys, ascending."""
    frames = actions.key_frames(bag)
    runs = suspects.stretches(np.isin(frames, actions.marked(bag)))
    return [(float(frames[first]), float(frames[last])) for first, last in runs]


def show(scene: Any, armature: Any) -> int:
    """Sets a marker where each marked stretch of the armature's Action begins, in place of its last markers.

    Returns the number of stretches. Raises CleanUpError if the armature has no keys.
    """
    starts = [round(first) for first, _ in stretches(actions.bag_of(armature))]
    clear(scene, armature.name)
    for start in starts:
        scene.timeline_markers.new(PREFIX + armature.name, frame=start)
    return len(starts)


def follow(scene: Any, armature: Any) -> None:
    """Puts the armature's markers, if there are any, where its marked keys are by now."""
    if any(item.name == PREFIX + armature.name for item in scene.timeline_markers):
        show(scene, armature)


def clear(scene: Any, name: str) -> None:
    """Removes the markers of the armature that is, or was, called ``name``."""
    for marker in [item for item in scene.timeline_markers if item.name == PREFIX + name]:
        scene.timeline_markers.remove(marker)
