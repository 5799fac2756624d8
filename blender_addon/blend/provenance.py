"""Provenance: the motion file and the video that a character, or an Action on a rig, was captured from.

It is a custom property: on the armature object that a capture makes, and on the Action where the motion went to a rig
of the user's own, which keeps its Actions of other captures.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import bpy

from ..maths.motion_file import MotionFile

KEY = "video_to_mocap"
"""Name of the custom property; its value is JSON: ``motion``, ``video_path``, and the motion file's own facts."""


@dataclass(frozen=True)
class Provenance:
    """What an object or an Action was captured from.

    Attributes:
        motion: path of the motion file.
        video: absolute path of the video; None where the capture did not say it.
        facts: of the motion file (fps, person, detector, ...).
    """

    motion: Path
    video: Path | None
    facts: dict[str, Any]


def write(item: bpy.types.ID, motion: MotionFile, video: str | Path | None = None) -> None:
    """Notes on an object or an Action which motion it shows, and of which video."""
    noted: dict[str, Any] = {**motion.meta, "motion": str(motion.path)}
    if video is not None:
        noted["video_path"] = _whole(video)
    item[KEY] = json.dumps(noted, sort_keys=True)


def read(item: bpy.types.ID) -> Provenance | None:
    """The provenance of an object or an Action; None where there is none that can be read."""
    noted = item.get(KEY)
    if not isinstance(noted, str):
        return None
    try:
        facts = json.loads(noted)
        motion, video = Path(facts.pop("motion")), facts.pop("video_path", None)
        return Provenance(motion, None if video is None else Path(video), facts)
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


def of_video(scene: bpy.types.Scene, video: str | Path) -> Iterator[Provenance]:
    """The captures of ``video`` on the scene's objects, be they noted on the object or on its Action.

    Whole paths are compared, because clips in different folders may have the same name.
    """
    for item in scene.objects:
        animation = item.animation_data
        for holder in (item, animation.action if animation else None):
            found = read(holder) if holder is not None else None
            if found is not None and found.video is not None and _whole(found.video) == _whole(video):
                yield found


def _whole(path: str | Path) -> str:
    """The absolute path of a file, however it is spelled; ``//`` is the folder of the open file, as in Blender."""
    return os.path.normcase(os.path.realpath(bpy.path.abspath(str(path))))
