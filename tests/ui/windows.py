"""Two windows that look at two scenes, and jobs of both. Runs inside Blender, see test_windows.py.

Arguments after ``--``: the source folder, a video whose analysis ends when a file with the ending ``.go`` is beside it,
the folder for a picture of a failure.
"""

from __future__ import annotations

import sys
from pathlib import Path

import bpy

SOURCE, VIDEO, OUTPUT = sys.argv[sys.argv.index("--") + 1 :]
sys.path[:0] = [SOURCE, str(Path(__file__).parent)]

import mouse  # noqa: E402
from mouse import Steps, until  # noqa: E402


def windows() -> list[bpy.types.Window]:
    return list(bpy.context.window_manager.windows)


def showing(name: str) -> bpy.types.Window:
    return next(window for window in windows() if window.scene.name == name)


def area_of(window: bpy.types.Window) -> bpy.types.Area:
    return next(area for area in window.screen.areas if area.type == "VIEW_3D")


def looking_at(window: bpy.types.Window) -> object:
    """The context of a press on a button in a window."""
    area = area_of(window)
    region = next(region for region in area.regions if region.type == "WINDOW")
    return bpy.context.temp_override(window=window, area=area, region=region)


def settings(name: str) -> bpy.types.PropertyGroup:
    return bpy.data.scenes[name].video_to_mocap


def armatures(name: str) -> list[str]:
    return sorted(item.name for item in bpy.data.scenes[name].objects if item.type == "ARMATURE")


def analyse(window: bpy.types.Window) -> None:
    """Starts an analysis, which goes on until :func:`let_go`."""
    Path(VIDEO).with_suffix(".go").unlink(missing_ok=True)
    window.scene.video_to_mocap.video = VIDEO
    with looking_at(window):
        assert bpy.ops.video_to_mocap.analyse() == {"FINISHED"}


def let_go() -> None:
    Path(VIDEO).with_suffix(".go").touch()


def new_window(how: str) -> Steps:
    before = len(windows())
    with looking_at(showing("Scene")):
        assert getattr(bpy.ops.wm, how)() == {"FINISHED"}
    yield 0.5
    assert len(windows()) == before + 1


def test() -> Steps:
    from blender_addon import session

    jobs = session.current()

    def idle() -> bool:
        return not jobs.busy

    bpy.data.scenes.new("Other")
    yield from new_window("window_new_main")
    windows()[-1].scene = bpy.data.scenes["Other"]
    yield 0.3
    first, second = showing("Scene"), showing("Other")
    assert first != second

    # What is done in the second window is the second scene's, though the mouse is in the first one.
    analyse(second)
    yield from mouse.move(300, 300, first)
    let_go()
    yield from until("the people of the other scene", lambda: idle() and len(settings("Other").persons) == 2)
    assert not settings("Scene").persons and not settings("Scene").status
    cube = bpy.data.objects["Cube"]
    with looking_at(second):
        assert bpy.ops.video_to_mocap.capture() == {"FINISHED"}
    yield from mouse.move(320, 300, first)
    yield from until("the armature", lambda: idle() and armatures("Other") != [])
    (made,) = armatures("Other")
    assert not armatures("Scene") and second.view_layer.objects.active is None
    assert first.view_layer.objects.active == cube and cube.select_get(view_layer=first.view_layer)
    assert bpy.data.scenes["Scene"].render.fps == 24 and bpy.data.scenes["Other"].render.fps == 30

    # Undo and redo in the second window; the capture is the last step of all.
    with looking_at(second):
        bpy.ops.ed.undo()
    yield 0.3
    assert not armatures("Other") and len(settings("Other").persons) == 2
    assert showing("Scene") == first and showing("Other") == second, "undo changed what the windows show"
    with looking_at(second):
        bpy.ops.ed.redo()
    yield 0.3
    assert armatures("Other") == [made] and not armatures("Scene")
    # In the first window a step of the first scene is taken back, and the second scene's capture is not.
    with looking_at(first):
        bpy.ops.object.empty_add("EXEC_DEFAULT", True)
        bpy.ops.ed.undo()
    yield 0.3
    assert armatures("Other") == [made] and "Empty" not in bpy.data.objects

    # The window in which a job was started is closed: the result waits until somebody looks at its scene again.
    settings("Other").persons.clear()
    analyse(second)
    yield from mouse.close(second)
    let_go()
    yield from until("the end of it", idle)
    yield 0.5
    assert not settings("Other").persons and jobs.kept == 1
    (first,) = windows()
    first.scene = bpy.data.scenes["Other"]
    yield from until("the people who waited", lambda: len(settings("Other").persons) == 2)
    first.scene = bpy.data.scenes["Scene"]
    yield 0.2

    # It is closed while another window looks at the same scene: the result arrives there. So it is with a main window,
    # and with one that hangs on it.
    for how, closed in (("window_new_main", 0), ("window_new", -1)):
        yield from new_window(how)
        settings("Scene").persons.clear()
        analyse(windows()[closed])
        yield from mouse.close(windows()[closed])
        let_go()
        yield from until("the people in the window left", lambda: idle() and len(settings("Scene").persons) == 2)
        assert len(windows()) == 1 and not jobs.kept


bpy.ops.preferences.addon_enable(module="blender_addon")
mouse.drive(test(), Path(OUTPUT) / "failed.png", lambda: None)
