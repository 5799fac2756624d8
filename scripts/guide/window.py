"""Follows docs/animator/guide.md in a real Blender window and takes its pictures; screenshots.py runs it.

All that the guide asks for is done with mouse and keyboard, in the guide's order: files are chosen by typing into
Blender's file browser. What is not the guide's is done by call: the start-up cube is removed, the view is turned to the
captured person, a character to bring the motion to is put into the scene (Rigify's human), and windows are closed,
which is the window manager's business. A film cannot be dropped into the window: event simulation has no such event.

Arguments after ``--``: tests/ui, the add-on's zip, the video, the folder for the pictures and what is exported.
"""

from __future__ import annotations

import sys
from math import radians
from pathlib import Path

import addon_utils
import bpy

HANDS, ARCHIVE, VIDEO, OUTPUT = sys.argv[sys.argv.index("--") + 1 :]
sys.path.insert(0, HANDS)

import mouse  # noqa: E402
from mouse import Place, Steps, enter, override, press, until, view, window  # noqa: E402

LONG = 1500.0
"""Seconds to wait for the installation, which downloads a gigabyte."""

PATIENCE = 600.0


def picture(name: str, at: bpy.types.Window | None = None) -> Steps:
    return mouse.screenshot(Path(OUTPUT) / f"{name}.png", at)


def top() -> Steps:
    return mouse.scroll("WHEELUPMOUSE", 60)


def newest() -> bpy.types.Window:
    return bpy.context.window_manager.windows[-1]


def place(kind: str, at: bpy.types.Window) -> Place:
    """The region of a kind in a window with one area."""
    return Place(at, next(region for region in at.screen.areas[0].regions if region.type == kind))


def choose_file(path: Path) -> Steps:
    """In the file browser that has just opened: types folder and name, and presses the button beside them."""
    yield from until("the file browser", lambda: newest().screen.areas[0].type == "FILE_BROWSER", PATIENCE)
    yield 1.0
    browser = newest()
    yield from mouse.find("/", place("UI", browser))  # the field with the folder
    yield from mouse.click(*mouse.found, browser)
    yield 0.2
    yield from mouse.write(f"{path.parent}/", browser)
    yield 1.0
    bar = place("EXECUTE", browser).region
    yield from mouse.click(bar.x + bar.width // 4, bar.y + bar.height // 2, browser)
    yield 0.2
    yield from mouse.write(path.name, browser)
    yield 0.5
    yield from press("file.execute", place("EXECUTE", browser))
    yield 0.5


def open_preferences() -> Steps:
    """Edit > Preferences."""
    yield from mouse.click(77, window().height - 13)
    yield 0.5
    yield from mouse.key("P")
    yield from until("the preferences", lambda: newest().screen.areas[0].type == "PREFERENCES", PATIENCE)
    yield 0.5


def install_add_on() -> Steps:
    """Edit > Preferences > Add-ons > Install, the zip, and the tick beside its name."""
    yield from open_preferences()
    preferences = newest()
    tabs = place("NAVIGATION_BAR", preferences).region
    yield from mouse.click(tabs.x + tabs.width // 2, tabs.y + tabs.height - ADD_ONS, preferences)
    yield 0.5
    yield from press("preferences.addon_install", place("WINDOW", preferences))
    yield from choose_file(Path(ARCHIVE))
    yield from until("the preferences again", lambda: newest().screen.areas[0].type == "PREFERENCES", PATIENCE)
    yield 0.5
    yield from press("preferences.addon_enable", place("WINDOW", newest()))
    yield 0.5
    assert "video_to_mocap" in bpy.context.preferences.addons
    yield from mouse.close(newest())


ADD_ONS = 190
"""Pixels of the tab Add-ons below the top of the preferences' list of tabs."""


def open_panel(title: str) -> Steps:
    """Clicks on the header of a closed panel of the sidebar. They stand at its end, in this order."""
    closed = ["Report", "Queue", "Export", "Clean Up"]
    yield from mouse.scroll("WHEELDOWNMOUSE", 60)
    region = mouse.sidebar()
    yield from mouse.click(region.x + region.width // 3, region.y + 13 + 26 * closed.index(title))
    yield 0.5


def settings() -> bpy.types.PropertyGroup:
    return window().scene.video_to_mocap


def idle() -> bool:
    from video_to_mocap import session

    return not session.current().busy


def captured() -> bool:
    return idle() and settings().status.startswith("Captured")


def install_engine() -> Steps:
    """1. Install, after the add-on itself."""
    from video_to_mocap import session
    from video_to_mocap.features.install.condition import condition

    jobs = session.current()
    yield from mouse.move(600, 400)
    yield from mouse.key("N")
    yield from mouse.open_sidebar()
    yield from picture("1-install")
    yield from press("video_to_mocap.install")
    yield from until("the installation", lambda: jobs.busy, PATIENCE)
    yield from until("its progress", lambda: (job := jobs.runner.job) is None or (job.fraction or 0.0) > 0.1, LONG)
    yield from picture("1-installing")
    yield from until("the engine", idle, LONG)
    state, words = condition(bpy.context)
    assert state == "ready", (state, words)

    yield from open_preferences()  # as they were left: at the add-on
    yield from press("preferences.addon_expand", place("WINDOW", newest()))
    yield from picture("1-preferences", newest())
    yield from mouse.close(newest())


def choose_video() -> Steps:
    """2. Video."""
    yield from enter("video_to_mocap.video", VIDEO)
    yield from until("the video's facts", lambda: settings().facts_known(), PATIENCE)
    yield from top()
    yield from picture("2-video")


def analyse() -> Steps:
    """3. People."""
    from video_to_mocap import session

    yield from press("video_to_mocap.analyse")
    yield from until("the analysis", lambda: session.current().fraction > 0.1, PATIENCE)
    yield from picture("3-analysing")
    yield from until("the people", lambda: idle() and len(settings().persons) > 0, PATIENCE)
    yield from top()
    yield from picture("3-people")


def capture() -> Steps:
    """4. Capture, and the camera."""
    yield from enter("video_to_mocap.height", "1.75")
    yield from mouse.find("video_to_mocap.use_fov")
    yield from mouse.click(*mouse.found)
    yield from enter("video_to_mocap.fov", "40")
    assert abs(settings().height - 1.75) < 1e-6 and settings().use_fov and abs(settings().fov - radians(40)) < 1e-6
    yield from press("video_to_mocap.capture")
    yield from until("the armature", captured, PATIENCE)
    assert (window().scene.render.fps, window().scene.frame_end) == (25, 50)
    yield from top()
    window().scene.frame_set(15)
    yield 0.5
    yield from picture("4-captured")
    yield from press("video_to_mocap.video_camera")
    yield from until("the camera's view", lambda: view().spaces.active.region_3d.view_perspective == "CAMERA", PATIENCE)
    yield from top()
    yield from picture("4-camera")


def retarget() -> Steps:
    """5. Character."""
    yield from press("video_to_mocap.select_result")
    first = bpy.context.view_layer.objects.active
    addon_utils.enable("rigify", default_set=True)
    with override():
        bpy.ops.object.armature_human_metarig_add("EXEC_DEFAULT", True)
    rig = bpy.context.view_layer.objects.active
    rig.name = "Hero"
    for item in (first, *first.children):
        item.hide_set(True)
    yield from enter("video_to_mocap.persons[0].armature", "Hero")
    assert settings().persons[0].armature == rig
    yield from press("video_to_mocap.recognise_rig")
    yield from picture("5-character")
    settings().say("")
    yield from press("video_to_mocap.capture")
    yield from until("the rig's motion", captured, PATIENCE)
    assert rig.animation_data.action is not None
    view().spaces.active.region_3d.view_perspective = "PERSP"
    with override():
        bpy.ops.view3d.view_selected()
    yield from top()
    yield from picture("5-captured")


def clean_up_and_export() -> Steps:
    """6. Clean Up, and 7. Export."""
    yield from open_panel("Clean Up")
    yield from press("video_to_mocap.reduce_keys")
    yield 1.0
    yield from picture("6-clean-up")
    yield from open_panel("Export")
    yield from mouse.scroll("WHEELDOWNMOUSE", 60)
    yield from picture("7-export")
    yield from press("video_to_mocap.export")
    yield from choose_file(Path(OUTPUT) / "walker.fbx")
    yield from until("the export", (Path(OUTPUT) / "walker.fbx").is_file, PATIENCE)


def guide() -> Steps:
    yield from install_add_on()
    for chapter in (install_engine, choose_video, analyse, capture, retarget, clean_up_and_export):
        yield from chapter()


mouse.drive(guide(), Path(OUTPUT) / "failed.png", lambda: None)
