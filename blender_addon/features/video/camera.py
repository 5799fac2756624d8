"""The camera of the scene that shows the video: where it stands, and the video behind it."""

from __future__ import annotations

import math
from contextlib import suppress
from pathlib import Path
from typing import Any

import bpy

from ...blend import camera, provenance, scene_time
from ...contract.settings import DEFAULT_FOV
from ...maths.motion_file import MotionFileError, load
from ..common import tags

_HEIGHT, _DISTANCE = 1.2, 4.0
"""Metres: where a camera stands of which nothing is known yet."""

_ALPHA = 0.5
"""How much of a body is seen over the actor, who has to be seen through it."""


def of_video(scene: bpy.types.Scene, video: Path) -> Any:
    """The camera of the scene that shows ``video``; None if there is none."""
    for item in scene.objects:
        if item.type == "CAMERA" and item.get(tags.CAMERA) == str(video):
            return item
    return None


def show(context: bpy.types.Context, video: Path) -> bpy.types.Object:
    """The scene's camera for ``video``, made where there is none, and brought to where the last capture saw it.

    The scene gets the video's size as its resolution. Raises RuntimeError if Blender cannot read the video.
    """
    scene, settings = context.scene, context.scene.video_to_mocap
    facts = settings.facts
    item = of_video(scene, video)
    if item is None:
        item = camera.new(scene, f"{video.stem} camera")
        item[tags.CAMERA] = str(video)
    motion = last_motion(scene, video)
    if motion is not None:
        camera.place(scene, item, motion, settings.timing())
    else:
        fov = math.degrees(settings.fov) if settings.use_fov else DEFAULT_FOV
        focal = camera.focal_of(fov, facts.width, facts.height)
        unit = scene_time.unit(scene)
        camera.level(item, focal / facts.width, _HEIGHT * unit, _DISTANCE * unit)
    size = facts.width, facts.height
    camera.show_video(scene, item, video, size, facts.rate, facts.rotation, settings.start_frame)
    return item


def look_through(space: Any) -> None:
    """Has a 3D Viewport look through the scene's camera, and through the bodies at the video behind them."""
    space.region_3d.view_perspective = "CAMERA"
    space.shading.show_xray, space.shading.xray_alpha = True, _ALPHA


def follow(scene: bpy.types.Scene, video: Path, motion: str) -> None:
    """Brings the camera of ``video``, where there is one, to where the capture in the file ``motion`` saw it."""
    item = of_video(scene, video)
    if item is None:
        return
    found, timing = load(motion), scene.video_to_mocap.timing()
    camera.place(scene, item, found, timing)
    if item.data.background_images and item.data.background_images[0].image:
        camera.keep_in_step(scene, item.data, found.fps, timing.start)


def last_motion(scene: bpy.types.Scene, video: Path) -> Any:
    """The motion of the last capture of ``video`` in the scene; None where there is none, or its file is gone."""
    for found in reversed(list(provenance.of_video(scene, video))):
        with suppress(MotionFileError):
            return load(found.motion)
    return None
