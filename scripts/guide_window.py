"""Follows docs/guide.md in a real Blender window and takes its pictures; guide_screenshots.py runs it inside Blender.

Arguments after ``--``: tests/ui, the add-on's zip, the video, the folder for the pictures and what is exported.
"""

from __future__ import annotations

import sys
from pathlib import Path

import bpy

HANDS, ARCHIVE, VIDEO, OUTPUT = sys.argv[sys.argv.index("--") + 1 :]
sys.path.insert(0, HANDS)

import mouse  # noqa: E402
from mouse import Steps, override, press, until, window  # noqa: E402

LONG = 1500.0
"""Seconds to wait for the installation, which downloads a gigabyte."""


def picture(name: str) -> Steps:
    return mouse.screenshot(Path(OUTPUT) / f"{name}.png")


def open_closed_panel(number: int) -> Steps:
    """Clicks on the header of a closed panel, the ``number``-th from below: those at the end of the sidebar."""
    yield from mouse.scroll("WHEELDOWNMOUSE", 60)
    region = mouse.sidebar()
    yield from mouse.click(region.x + region.width // 3, region.y + 13 + 26 * (number - 1))
    yield 0.5


def guide() -> Steps:
    bpy.data.objects.remove(bpy.data.objects["Cube"])  # it would stand in the person's way

    # 1. Install: the add-on, by the operator of Blender's own button, then the engine by ours.
    bpy.ops.preferences.addon_install(filepath=ARCHIVE)
    bpy.ops.preferences.addon_enable(module="blender_addon")
    from blender_addon.ui import install, jobs

    settings = window().scene.video_to_mocap
    preferences = bpy.context.preferences.addons["blender_addon"].preferences
    preferences.build = "cpu"
    yield from mouse.open_sidebar()
    yield from picture("1-install")
    yield from press("video_to_mocap.install")
    yield from until("the installation", install.busy)
    yield from until("its progress", lambda: (job := install._runner.job) is None or (job.fraction or 0.0) > 0.1, LONG)
    yield from picture("1-installing")
    yield from until("the engine", lambda: not install.busy(), LONG)
    state, words = install.condition(bpy.context)
    assert state == "ready", (state, words)

    # 2. Video.
    settings.video = VIDEO
    yield from until("the video's facts", settings.facts_known, 300.0)
    yield from mouse.scroll("WHEELUPMOUSE", 40)
    yield from picture("2-video")

    # 3. People.
    yield from press("video_to_mocap.analyse")
    yield from until("the analysis", lambda: jobs.fraction() > 0.1, 300.0)
    yield from picture("3-analysing")
    yield from until("the people", lambda: not jobs.busy() and len(settings.persons) > 0, 300.0)
    yield from mouse.scroll("WHEELUPMOUSE", 40)
    yield from picture("3-people")

    # 4. Capture.
    yield from press("video_to_mocap.capture")
    yield from until("the armature", lambda: not jobs.busy() and settings.status.startswith("Captured"), 300.0)
    yield from mouse.scroll("WHEELUPMOUSE", 40)
    window().scene.frame_set(15)
    with override():
        bpy.ops.view3d.view_selected()
    yield from picture("4-captured")

    # 6. Clean Up, and 7. Export.
    yield from open_closed_panel(4)
    yield from press("video_to_mocap.reduce_keys")
    yield 1.0
    yield from picture("6-clean-up")
    yield from open_closed_panel(3)
    yield from mouse.scroll("WHEELDOWNMOUSE", 60)
    yield from picture("7-export")
    with override():
        assert bpy.ops.video_to_mocap.export("EXEC_DEFAULT", filepath=str(Path(OUTPUT) / "walker.fbx")) == {"FINISHED"}


mouse.drive(guide(), Path(OUTPUT) / "failed.png", lambda: None)
