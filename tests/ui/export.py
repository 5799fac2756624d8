"""Exports a control rig through the file browser, with the window alive meanwhile. Runs inside Blender, see
test_export.py.

Arguments after ``--``: the source folder, a motion file, the folder for what is exported.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import bpy

SOURCE, MOTION, OUTPUT = sys.argv[sys.argv.index("--") + 1 :]
sys.path[:0] = [SOURCE, str(Path(__file__).parent), str(Path(SOURCE) / "tests" / "blender")]

import mouse  # noqa: E402
from mouse import Steps, override, until  # noqa: E402

PATIENCE = 120.0


def browser() -> bpy.types.Window | None:
    """The window of the file browser."""
    windows = bpy.context.window_manager.windows
    return next((item for item in windows if item.screen.areas[0].type == "FILE_BROWSER"), None)


def chosen(name: str, **options: str) -> Steps:
    """Chooses a file in the browser that an export opens."""
    with override():
        bpy.ops.video_to_mocap.export("INVOKE_DEFAULT", **options)
    yield from until("the file browser", lambda: browser() is not None, PATIENCE)
    yield 1.0
    window = browser()
    area = window.screen.areas[0]
    area.spaces.active.params.directory = OUTPUT.encode()
    area.spaces.active.params.filename = name
    yield 0.5
    with bpy.context.temp_override(window=window, area=area, region=area.regions[-1]):
        bpy.ops.file.execute()


def test() -> Steps:
    import rigs

    from blender_addon.blend import armature, character
    from blender_addon.maths.transfer import Options

    rig = rigs.rigify()
    target = character.Target(rig, character.recognised(rig), Options())
    armature.capture_to_scene(bpy.context, [Path(MOTION)], True, {0: target})
    bpy.context.view_layer.objects.active = rig
    bpy.context.scene.frame_set(7)
    yield 0.5

    # Esc in the middle: nothing is left behind.
    count = len(bpy.data.scenes), len(bpy.data.objects), len(bpy.data.actions)
    yield from chosen("cancelled.fbx", format="FBX", program="UNREAL")
    yield from until("the export's own scene", lambda: len(bpy.data.scenes) > count[0], PATIENCE)
    yield from mouse.key("ESC")
    yield from until("the end of it", lambda: len(bpy.data.scenes) == count[0], PATIENCE)
    yield 0.5
    assert (len(bpy.data.scenes), len(bpy.data.objects), len(bpy.data.actions)) == count
    assert not list(Path(OUTPUT).iterdir()), list(Path(OUTPUT).iterdir())

    for name, options in (("rig.fbx", {"format": "FBX", "program": "UNREAL"}), ("rig.bvh", {"format": "BVH"})):
        yield from chosen(name, **options)
        ticks = [time.monotonic()]
        while not (Path(OUTPUT) / name).is_file():
            ticks.append(time.monotonic())
            assert ticks[-1] - ticks[0] < PATIENCE
            yield 0.02
        print(name, "ticks:", len(ticks))
        assert len(ticks) > 5, "the window stood still"
        assert bpy.context.scene.frame_current == 7 and len(bpy.data.scenes) == count[0]
        yield 0.5


bpy.ops.preferences.addon_enable(module="blender_addon")
mouse.drive(test(), Path(OUTPUT).parent / "failed.png", lambda: None)
