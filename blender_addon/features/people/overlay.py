"""Draws the people over the video, in the view through its camera: a box and a skeleton each."""

from __future__ import annotations

import functools
from typing import Any

import bpy

from ... import session
from ..common.tags import CAMERA
from .people_files import PeopleFiles

_LIMBS = (
    (5, 6), (5, 7), (7, 9), (6, 8), (8, 10), (5, 11), (6, 12), (11, 12), (11, 13), (13, 15), (12, 14), (14, 16),
    (0, 1), (0, 2), (1, 3), (2, 4),
)  # fmt: skip
"""Pairs of COCO-17 keypoints."""

_VISIBLE = 0.3
"""Score from which a keypoint is drawn."""


def _redraw() -> None:
    for window in bpy.context.window_manager.windows:
        for area in window.screen.areas:
            if area.type == "VIEW_3D":
                area.tag_redraw()


def draw() -> None:
    """Called by Blender whenever a 3D Viewport is drawn."""
    context = bpy.context
    settings = context.scene.video_to_mocap
    space, region, view = context.space_data, context.region, context.region_data
    if not settings.persons or not settings.show_people_over_video or not settings.people:
        return
    if view is None or view.view_perspective != "CAMERA" or not space.overlay.show_overlays:
        return
    item = context.scene.camera
    if item is None or item.type != "CAMERA" or CAMERA not in item or not settings.facts_known():
        return
    found = session.current().part(PeopleFiles).get(settings.people, _redraw)
    if found is None:
        return
    origin, right, down = _frame(context, item, region, view)
    if origin is None:
        return

    import numpy as np

    times, keypoints, boxes = found
    scene = context.scene
    seconds = settings.timing().seconds(scene.frame_current_final)
    row = int(np.abs(times - seconds).argmin())
    if abs(times[row] - seconds) > 1.0 / settings.facts.rate:
        return  # outside the part that was analysed
    size = np.array([settings.facts.width, settings.facts.height], float)

    def on_screen(pixels: Any) -> Any:
        share = pixels / size
        return origin + share[..., :1] * right + share[..., 1:] * down

    for index, person in enumerate(settings.persons):
        number = person.number - 1
        if number >= len(keypoints) or not np.isfinite(boxes[number, row]).all():
            continue
        x0, y0, x1, y1 = boxes[number, row]
        corners = on_screen(np.array([[x0, y0], [x1, y0], [x1, y1], [x0, y1]]))
        active = index == settings.active_person
        if active or person.use:
            _lines(corners[[0, 1, 1, 2, 2, 3, 3, 0]], person.colour, 3.0 if active else 1.0)
        visible = np.nan_to_num(keypoints[number, row, :, 2]) >= _VISIBLE
        ends = [joint for a, b in _LIMBS if visible[a] and visible[b] for joint in (a, b)]
        if ends:
            _lines(on_screen(keypoints[number, row, ends, :2]), person.colour, 3.0 if active else 1.5)


def _frame(context: bpy.types.Context, item: bpy.types.Object, region: Any, view: Any) -> tuple[Any, Any, Any]:
    """The picture's top left corner in the region, and the ways along its top and down its left side."""
    import numpy as np
    from bpy_extras.view3d_utils import location_3d_to_region_2d

    corners = [item.matrix_world @ corner for corner in item.data.view_frame(scene=context.scene)]
    flat = [location_3d_to_region_2d(region, view, corner) for corner in corners]
    if any(corner is None for corner in flat):
        return None, None, None
    top_right, _, bottom_left, top_left = (np.array(corner) for corner in flat)
    return top_left, top_right - top_left, bottom_left - top_left


def _lines(ends: Any, colour: Any, width: float) -> None:
    import gpu
    from gpu_extras.batch import batch_for_shader

    gpu.state.line_width_set(width)
    gpu.state.blend_set("ALPHA")
    shader = _shader()
    batch = batch_for_shader(shader, "LINES", {"pos": [tuple(map(float, end)) for end in ends]})
    shader.uniform_float("color", (*colour, 1.0))
    batch.draw(shader)
    gpu.state.line_width_set(1.0)
    gpu.state.blend_set("NONE")


@functools.lru_cache(maxsize=1)
def _shader() -> Any:
    import gpu

    name = "UNIFORM_COLOR" if bpy.app.version >= (4, 0, 0) else "2D_UNIFORM_COLOR"
    return gpu.shader.from_builtin(name)


class Drawing:
    """The handler that Blender calls; a part of the session."""

    def __init__(self) -> None:
        self._handle = bpy.types.SpaceView3D.draw_handler_add(lambda: draw(), (), "WINDOW", "POST_PIXEL")

    def close(self) -> None:
        bpy.types.SpaceView3D.draw_handler_remove(self._handle, "WINDOW")
        _shader.cache_clear()


def register() -> None:
    if not bpy.app.background:
        session.current().part(Drawing)
