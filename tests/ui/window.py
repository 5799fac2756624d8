"""Drives a real Blender window as an animator would: with the mouse. Runs inside Blender, see test_window.py.

Arguments after ``--``: the source folder, the video, a file that is no video, the folder for the screenshots.
Writes what it measured to ``report.json`` there. Exit status 4 if anything is not as it should be.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

import bpy

SOURCE, VIDEO, NO_VIDEO, OUTPUT = sys.argv[sys.argv.index("--") + 1 :]
sys.path[:0] = [SOURCE, str(Path(__file__).parent)]

import mouse  # noqa: E402
from mouse import Steps, override, press, sidebar, view, window  # noqa: E402

PATIENCE = 120.0

pauses: dict[str, dict[str, float]] = {}
report: dict[str, object] = {"pauses": pauses}


def settings() -> bpy.types.PropertyGroup:
    return window().scene.video_to_mocap


def armatures() -> list[bpy.types.Object]:
    return [item for item in window().scene.objects if item.type == "ARMATURE"]


def screenshot(name: str) -> Steps:
    return mouse.screenshot(Path(OUTPUT) / f"{name}.png")


def analyse_until(seconds: float) -> None:
    settings().video, settings().end = VIDEO, seconds
    with override():
        bpy.ops.video_to_mocap.analyse()


def measure_drawing() -> None:
    """Notes how long the panels' own code takes for one drawing of the sidebar, all of them open."""
    from blender_addon import features

    spent = [0.0]

    def timed(draw: Callable[..., None]) -> Callable[..., None]:
        def call(self: object, context: bpy.types.Context) -> None:
            start = time.perf_counter()
            draw(self, context)
            spent[0] += time.perf_counter() - start

        return call

    panels = [c for c in features.classes() if issubclass(c, bpy.types.Panel)]
    drawn = {panel: panel.draw for panel in panels}
    for panel, draw in drawn.items():
        panel.draw = timed(draw)
    times = []
    for _ in range(10):
        spent[0] = 0.0
        sidebar().tag_redraw()
        bpy.ops.wm.redraw_timer(type="DRAW_WIN_SWAP", iterations=1)
        times.append(spent[0])
    for panel, draw in drawn.items():
        panel.draw = draw
    report["milliseconds to draw the panels"] = round(1000 * sorted(times)[len(times) // 2], 2)


def wait_for(what: str, condition: Callable[[], bool]) -> Steps:
    """Waits for the engine, and notes for how long the interface stood still meanwhile, and how long a redraw takes."""
    deadline = time.monotonic() + PATIENCE
    watch.last, watch.longest = time.perf_counter(), 0.0
    while not condition():
        assert time.monotonic() < deadline, f"waited in vain: {what}; status: {settings().status!r}"
        yield 0.05
    watch()
    start = time.perf_counter()
    bpy.ops.wm.redraw_timer(type="DRAW_WIN_SWAP", iterations=1)
    pauses[what] = {"pause": round(watch.longest, 3), "one redraw": round(time.perf_counter() - start, 3)}


def test() -> Steps:
    from blender_addon import session
    from blender_addon.engine import report as engine_report

    jobs = session.current()

    def idle() -> bool:
        return not jobs.busy

    # The first state.
    yield from mouse.open_sidebar()
    yield from screenshot("1-first")

    # A text file called .mp4.
    settings().video = NO_VIDEO
    yield from press("video_to_mocap.analyse")
    yield from wait_for("the error", lambda: idle() and settings().failed)
    assert Path(NO_VIDEO).name in settings().status, settings().status
    yield from screenshot("2-error")

    # Cancel.
    settings().video = VIDEO
    yield from wait_for("the video's facts", lambda: settings().facts_known())
    yield from press("video_to_mocap.analyse")
    yield from wait_for("the analysis", lambda: jobs.fraction > 0.0)
    yield from screenshot("3-analysing")
    yield from press("video_to_mocap.cancel")
    yield from wait_for("the cancel", idle)
    assert settings().status and not settings().failed and not settings().persons, settings().status

    # Analyse.
    settings().end = 1.0
    yield from press("video_to_mocap.analyse")
    yield from wait_for("the people", lambda: idle() and len(settings().persons) > 0)
    yield from screenshot("4-people")
    yield from wait_for("the lifters", lambda: len(engine_report.names(jobs.report, "lifters")) > 0)
    settings().lifter = engine_report.names(jobs.report, "lifters")[0]

    # Capture.
    before = time.monotonic()
    yield from press("video_to_mocap.capture")
    yield from wait_for("the armature", lambda: idle() and len(armatures()) == 1)
    report["seconds from Capture to armature"] = round(time.monotonic() - before, 2)
    name = armatures()[0].name
    first, last = armatures()[0].animation_data.action.frame_range
    assert first == 1 and 25 <= last <= 31, (first, last)
    assert window().scene.frame_end == last
    doubts = [marker.name.partition(": ")[2] for marker in window().scene.timeline_markers]
    assert set(doubts) <= {name}, doubts
    assert window().view_layer.objects.active == bpy.data.objects["Cube"], "the result took the active object"
    assert bpy.data.objects["Cube"].hide_get()
    yield from screenshot("5-captured")

    # Through the video's camera: the armature lies over the person.
    measure_drawing()
    yield from press("video_to_mocap.video_camera")
    yield 0.5
    assert view().spaces.active.region_3d.view_perspective == "CAMERA" and view().spaces.active.shading.show_xray
    seen = window().scene.camera.data.background_images[0]
    assert seen.image.source == "MOVIE" and seen.image_user.frame_offset == 0
    yield from screenshot("6-camera")
    with override():
        bpy.ops.ed.undo()
    yield 0.2
    assert len(armatures()) == 1 and "A clip Ü camera" not in bpy.data.objects, "the camera is one step to undo"
    view().spaces.active.region_3d.view_perspective = "PERSP"

    # Undo and redo.
    objects = {item.name for item in bpy.data.objects}
    with override():
        bpy.ops.ed.undo()
    yield 0.2
    assert not armatures(), "undo leaves the armature"
    assert not window().scene.timeline_markers, "undo leaves the marks of low confidence"
    assert len(settings().persons) > 0, "undo takes the people away"
    with override():
        bpy.ops.ed.redo()
    yield 0.2
    assert [item.name for item in armatures()] == [name]
    assert armatures()[0].animation_data.action.frame_range[1] == last

    # Again, with another setting and out of Edit mode: replaced, in one step; the mode stays.
    bpy.data.objects.remove(bpy.data.objects["Cube"])
    with override():
        bpy.ops.mesh.primitive_cube_add("EXEC_DEFAULT", True, location=(0, 9, 0))
        bpy.ops.object.mode_set("EXEC_DEFAULT", True, mode="EDIT")
        bpy.ops.mesh.subdivide("EXEC_DEFAULT", True)
    objects = {item.name for item in bpy.data.objects}
    settings().height = 1.9
    short = armatures()[0].data.bones[0].head_local.z
    yield from press("video_to_mocap.capture")
    yield from wait_for(
        "the second capture", lambda: idle() and any(a.data.bones[0].head_local.z > short for a in armatures())
    )
    assert {item.name for item in bpy.data.objects} == objects
    tall = armatures()[0].data.bones[0].head_local.z
    assert window().view_layer.objects.active == bpy.data.objects["Cube"] and bpy.data.objects["Cube"].mode == "EDIT"
    with override():
        bpy.ops.ed.undo()
    yield 0.2
    assert bpy.data.objects["Cube"].mode == "EDIT", "undo leaves Edit mode"
    assert {item.name for item in bpy.data.objects} == objects
    assert armatures()[0].data.bones[0].head_local.z < tall
    with override():
        bpy.ops.ed.redo()
    yield 0.2

    # A light theme.
    light = Path(bpy.utils.system_resource("SCRIPTS")) / "presets" / "interface_theme" / "Blender_Light.xml"
    assert light.is_file()
    with override():
        bpy.ops.script.execute_preset(filepath=str(light), menu_idname="USERPREF_MT_interface_theme_presets")
    yield from mouse.scroll("WHEELUPMOUSE", 40)
    yield from screenshot("8-light")

    # No engine.
    os.environ["VIDEO_TO_MOCAP_PYTHON"] = "/nowhere/python"
    settings().video = ""
    yield from mouse.scroll("WHEELUPMOUSE", 40)
    yield from screenshot("7-no-engine")
    del os.environ["VIDEO_TO_MOCAP_PYTHON"]

    # Another file is opened during a job: its result is kept, and stays out of the other file.
    analyse_until(2.0)
    yield from wait_for("the third analysis", lambda: jobs.fraction > 0.0)
    bpy.ops.wm.read_homefile(use_factory_startup=True)
    yield from wait_for("its end", idle)
    assert not settings().persons and not settings().status, settings().status
    analyse_until(2.0)
    yield from wait_for("the people who were kept", lambda: idle() and len(settings().persons) > 0)

    # So does one of a saved file, and its result is there when that is opened again.
    file = str(Path(VIDEO).with_suffix(".blend"))
    settings().persons.clear()
    bpy.ops.wm.save_as_mainfile(filepath=file)
    analyse_until(1.5)
    yield from wait_for("the fourth analysis", lambda: jobs.fraction > 0.0)
    bpy.ops.wm.read_homefile(use_factory_startup=True)
    yield from wait_for("its end in another file", idle)
    assert not settings().persons and not settings().status, settings().status
    bpy.ops.wm.open_mainfile(filepath=file)
    yield from wait_for("the people in their own file", lambda: len(settings().persons) > 0)

    # Blender is closed during a job; the test looks whether the engine has gone with it.
    analyse_until(0.0)
    yield from wait_for("the last analysis", lambda: jobs.fraction > 0.0)
    report["engine"] = jobs.runner._client.hello["pid"]


def watch() -> float:
    """A timer that notes how long it was not called: for that long the interface stood still."""
    now = time.perf_counter()
    watch.longest = max(watch.longest, now - watch.last)
    watch.last = now
    return 0.01


watch.longest, watch.last = 0.0, 0.0


def done() -> None:
    (Path(OUTPUT) / "report.json").write_text(json.dumps(report))
    bpy.app.timers.unregister(watch)


bpy.ops.preferences.addon_enable(module="blender_addon")
mouse.drive(test(), Path(OUTPUT) / "failed.png", done)
bpy.app.timers.register(watch, first_interval=0.5, persistent=True)
