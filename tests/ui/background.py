"""Looks at which frame of the video Blender shows behind the scene. Runs inside Blender, see test_background.py.

Arguments after ``--``: the source folder, the video, whose frames say their numbers, its rate and its frames, and the
file for what was seen (JSON): rate of the scene, how its frame was reached, the frame, the video's frame shown.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import bpy
from bpy_extras.view3d_utils import location_3d_to_region_2d

SOURCE, VIDEO, RATE, FRAMES, REPORT = sys.argv[sys.argv.index("--") + 1 :]
sys.path[:0] = [SOURCE, str(Path(__file__).parent)]

import mouse  # noqa: E402
from mouse import Steps, override, view, window  # noqa: E402

BITS = 8

seen: list[tuple[float, str, int, int]] = []


def shown() -> int:
    """The number that the picture in the viewport says: a row of fields, white where the bit is set."""
    path = Path(REPORT).with_suffix(".png")
    bpy.ops.wm.redraw_timer(type="DRAW_WIN_SWAP", iterations=1)
    with override():
        bpy.ops.screen.screenshot(filepath=str(path))
    image = bpy.data.images.load(str(path))
    width, _ = image.size
    pixels = list(image.pixels)
    bpy.data.images.remove(image)
    region = next(region for region in view().regions if region.type == "WINDOW")
    camera, space = window().scene.camera, view().spaces.active.region_3d
    frame = [camera.matrix_world @ corner for corner in camera.data.view_frame(scene=window().scene)]
    corners = [location_3d_to_region_2d(region, space, corner) for corner in frame]
    left, right = min(corner.x for corner in corners), max(corner.x for corner in corners)
    row = int(region.y + sum(corner.y for corner in corners) / 4)
    number = 0
    for bit in range(BITS):
        column = int(region.x + left + (right - left) * (bit + 0.5) / BITS)
        if sum(pixels[4 * (row * width + column) :][:3]) > 1.5:
            number += 1 << bit
    return number


def look(how: str) -> None:
    scene = window().scene
    seen.append((scene.render.fps / scene.render.fps_base, how, scene.frame_current, shown()))


def test() -> Steps:
    scene = window().scene
    for item in list(bpy.data.objects):
        bpy.data.objects.remove(item)
    settings = scene.video_to_mocap
    settings.video = VIDEO
    facts = {"width": 320, "height": 180, "fps": float(RATE), "duration": int(FRAMES) / float(RATE)}
    settings.show_facts({**facts, "frames": int(FRAMES), "rotation": 0})
    scene.frame_set(5)
    space = view().spaces.active
    space.overlay.show_floor = space.overlay.show_axis_x = space.overlay.show_axis_y = False
    space.show_gizmo = False
    with override():
        assert bpy.ops.video_to_mocap.video_camera() == {"FINISHED"}
    yield 0.5
    look("as it was when Camera was pressed")
    driver = scene.camera.data.animation_data.drivers[0].driver
    assert driver.is_simple_expression, "it would need the permission to run scripts"
    for fps, base in ((25, 1.0), (60, 1.0), (24, 1.001)):
        scene.render.fps, scene.render.fps_base = fps, base
        last = 1 + int((int(FRAMES) - 1) / float(RATE) * fps / base)
        for frame in (1, last // 2, last // 2 + 1, last, last + 20, -5):
            scene.frame_set(frame)
            look("frame_set")
        scene.frame_current = last // 3
        yield 0.1
        look("frame_current")
    scene.frame_current = scene.frame_start = 40
    with override():
        bpy.ops.screen.animation_play()
    yield from mouse.until("some frames of playback", lambda: scene.frame_current > 42)
    with override():
        bpy.ops.screen.animation_cancel(restore_frame=False)
    yield 0.1
    look("playback")
    Path(REPORT).write_text(json.dumps(seen))


bpy.ops.preferences.addon_enable(module="blender_addon")
mouse.drive(test(), Path(REPORT).with_name("failed.png"), lambda: None)
