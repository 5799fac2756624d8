"""What is in view after a capture, and what somebody asks to be in view."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path

import bpy
import numpy as np
from mathutils import Vector

from ...blend import provenance, scene_time
from ...maths.motion_file import MotionFileError, load
from ..video import camera

_MARGIN = 1.3
"""By how much the view is wider than what is framed."""

_SENSOR = 72.0
"""Millimetres: the width of the viewport's sensor that goes with its lens: twice the usual one."""

_CUBE = 8
"""Vertices of the cube of Blender's start-up file, which is 2 units wide."""


def show(context: bpy.types.Context, armatures: Sequence[bpy.types.Object], video: Path) -> list[str]:
    """Shows what the first capture of a scene has made; nothing but the view changes, and a cube that is in its way.

    The views look through the video's camera where the scene has that, else at the motion from where they look now.
    Returns what somebody has to know of it.
    """
    scene = context.scene
    notes = []
    cube = _start_up_cube(scene)
    if cube is not None:
        cube.hide_set(True, view_layer=context.view_layer)
        cube.hide_render = True
        notes.append(f"{cube.name}, in which the person would stand, is hidden.")
    has_camera = scene.camera is not None and scene.camera == camera.of_video(scene, video)
    for area in _areas(scene):
        space = area.spaces.active
        if has_camera:
            camera.look_through(space)
        elif space.region_3d.view_perspective != "CAMERA":
            frame(scene, area, armatures)
    return notes


def frame(scene: bpy.types.Scene, area: bpy.types.Area, armatures: Sequence[bpy.types.Object]) -> None:
    """Has a 3D Viewport show the whole motion of some armatures, from where it looks now."""
    points = np.concatenate([_reached(scene, item) for item in armatures])
    low, high = points.min(axis=0), points.max(axis=0)
    space = area.spaces.active
    region, view = next(part for part in area.regions if part.type == "WINDOW"), space.region_3d
    if view.view_perspective == "CAMERA":
        view.view_perspective = "PERSP"
    view.view_location = ((low + high) / 2).tolist()
    # The longer side of the view shows the sensor's width by the lens, times the distance.
    narrow = min(region.width, region.height) / max(region.width, region.height, 1)
    view.view_distance = float(np.linalg.norm(high - low)) * _MARGIN * space.lens / _SENSOR / max(narrow, 0.1)
    space.clip_end = max(space.clip_end, 10 * view.view_distance)


def _reached(scene: bpy.types.Scene, armature: bpy.types.Object) -> np.ndarray:
    """Corners (8,3) of the box that an armature fills: all through its motion where that is known, else now."""
    found = provenance.read(armature)
    if found is not None:
        with contextlib.suppress(MotionFileError):
            world = load(found.motion).world * scene_time.unit(scene)
            ends = np.stack([world.min(axis=(0, 1)), world.max(axis=(0, 1))])
            box = np.stack(np.meshgrid(*ends.T), axis=-1).reshape(-1, 3)
            return np.array([armature.matrix_world @ Vector(corner.tolist()) for corner in box])
    return np.array([armature.matrix_world @ Vector(corner) for corner in armature.bound_box])


def select(context: bpy.types.Context, items: Sequence[bpy.types.Object]) -> None:
    """Selects only these objects and makes the first one active, as Blender does with what it adds.

    Rigs in collections that this view layer leaves out are passed over.
    """
    for item in context.selected_objects:
        item.select_set(False)
    here = [item for item in items if item.name in context.view_layer.objects]
    for item in here:
        item.select_set(True)
    if here:
        context.view_layer.objects.active = here[0]


def _areas(scene: bpy.types.Scene) -> Iterator[bpy.types.Area]:
    """The 3D Viewports that show the scene."""
    for window in bpy.context.window_manager.windows:
        if window.scene == scene:
            yield from (area for area in window.screen.areas if area.type == "VIEW_3D")


def _start_up_cube(scene: bpy.types.Scene) -> bpy.types.Object | None:
    """The cube of Blender's start-up file as that has it; None where it is gone, moved, edited or used."""
    item = scene.objects.get("Cube")
    if item is None or item.type != "MESH" or item.mode != "OBJECT" or len(item.data.vertices) != _CUBE:
        return None
    corners = np.abs([vertex.co for vertex in item.data.vertices])
    untouched = (
        np.allclose(np.array(item.matrix_world), np.eye(4))
        and np.allclose(corners, 1.0)
        and not (item.modifiers or item.constraints or item.parent or item.children or item.animation_data)
    )
    return item if untouched else None
