"""Jobs, one after the other: what becomes of them where one fails, another file is opened, another scene looked at."""

from __future__ import annotations

import contextlib
import io
from pathlib import Path
from typing import Any

import bpy
import pytest
from inside import Window, armatures, complaint, now

pytestmark = pytest.mark.usefixtures("fake_engine")

CLIPS = ["a.mp4", "text.mp4", "crash.mp4", "b.mp4"]
"""The fake engine takes the second for no video, and is crashed by the third."""
STATES = ["DONE", "FAILED", "FAILED", "DONE"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with the clips."""
    for name in CLIPS:
        (tmp_path / name).write_text("x")
    return tmp_path


def _home() -> None:
    bpy.ops.wm.read_homefile(use_factory_startup=True)


def test_clips_in_line_and_one_of_them_broken(settings: Any, operators: Any, folder: Path) -> None:
    for _ in range(2):
        operators.add_clips(directory=str(folder), files=[{"name": name} for name in CLIPS])
    assert [clip.name for clip in settings.clips] == CLIPS
    settings.start, settings.end = 3.0, 2.0  # the part of another video
    with contextlib.suppress(RuntimeError):
        operators.run_clips()
    assert [clip.state for clip in settings.clips] == STATES
    assert "text.mp4" in settings.clips[1].message and "status 3" in settings.clips[2].message
    assert armatures() == ["a", "b"]
    assert bpy.context.scene.render.fps == 30
    settings.active_clip = 3
    operators.remove_clip()
    assert len(settings.clips) == 3 and settings.active_clip == 2


def test_a_failed_job_never_breaks_the_next(settings: Any, operators: Any, folder: Path, video: Path) -> None:
    from blender_addon.features.install.condition import condition

    settings.video = str(folder / "text.mp4")
    assert "text.mp4" in complaint(operators.analyse)
    assert condition(bpy.context)[0] == "ready", "a bad video is no fault of the engine"
    settings.video = str(folder / "crash.mp4")
    assert "status 3" in complaint(operators.analyse)
    settings.video = str(video)
    assert operators.analyse() == {"FINISHED"}


def test_the_queue_survives_another_file(operators: Any, window: Window, jobs: Any, folder: Path) -> None:
    """The clips are worked off whatever file is open; what came of them arrives in the file that they belong to."""
    file = str(folder / "mine.blend")
    operators.add_clips(directory=str(folder), files=[{"name": name} for name in CLIPS])
    bpy.ops.wm.save_as_mainfile(filepath=file)
    assert operators.run_clips() == {"FINISHED"} and jobs.busy and jobs.waiting == 3
    _home()
    assert jobs.busy and jobs.waiting == 3
    window.work()
    assert not armatures() and not now().status and not len(now().clips), (armatures(), now().status)
    assert window.said("mine.blend") and window.said("started again")
    bpy.ops.wm.open_mainfile(filepath=file)
    window.work(lambda: all(clip.state in ("DONE", "FAILED") for clip in now().clips))
    assert [clip.state for clip in now().clips] == STATES
    assert armatures() == ["a", "b"], armatures()
    assert not window.kept() and not jobs.waiting and window.idle()

    # Saved in the middle of the work: what did not end waits.
    now().clips[3].state = "RUNNING"
    bpy.ops.wm.save_mainfile()
    bpy.ops.wm.open_mainfile(filepath=file)
    assert now().clips[3].state == "WAITING"


def test_a_job_belongs_to_its_file(operators: Any, window: Window, video: Path, tmp_path: Path) -> None:
    file = str(tmp_path / "mine.blend")
    # Never saved: there is no file to come back to, but nothing is searched twice.
    now().video = str(video)
    operators.analyse()
    _home()
    window.work()
    assert not now().persons and not now().status and not window.kept()
    # Saved meanwhile: it is that file's.
    now().video = str(video)
    operators.analyse()
    bpy.ops.wm.save_as_mainfile(filepath=file)
    _home()
    window.work()
    assert not now().persons and window.kept() == 1
    bpy.ops.wm.open_mainfile(filepath=file)
    assert not now().persons
    window.tick()
    assert len(now().persons) == 2 and not window.kept()
    # Opened again as it was: with another video in it, the people of this one have no place.
    operators.analyse()
    now().video = file
    bpy.ops.wm.save_mainfile()
    bpy.ops.wm.open_mainfile(filepath=file)
    window.work()
    assert not now().persons and video.name in now().status, now().status


@pytest.mark.parametrize("at_the_end", [False, True])
def test_a_handler_that_fails_breaks_nothing(window: Window, jobs: Any, at_the_end: bool, settings: Any) -> None:
    from blender_addon.features.common import starting

    def broken(*_: object) -> None:
        raise ZeroDivisionError("broken")

    def fine(*_: object) -> None:
        pass

    def say(context: bpy.types.Context, result: object) -> None:
        context.scene.video_to_mocap.say("next")

    with contextlib.redirect_stderr(io.StringIO()) as printed:
        handlers = (fine, broken) if at_the_end else (broken, None)
        starting.begin(bpy.context, "Break", "echo", {}, *handlers)
        starting.begin(bpy.context, "Next", "echo", {}, say)
        window.work()
        window.work()
    assert "ZeroDivisionError" in printed.getvalue() and now().status == "next", now().status


def test_a_job_belongs_to_its_scene(operators: Any, window: Window, jobs: Any, video: Path) -> None:
    """Where another scene is looked at by the time, the result waits for its own."""
    from blender_addon import session

    first, other = bpy.context.scene, bpy.data.scenes.new("Other")
    (shown,) = bpy.context.window_manager.windows
    now().video = str(video)
    for operator in (operators.analyse, operators.capture):
        assert operator() == {"FINISHED"}
        shown.scene = other
        window.work()
        assert window.kept() == 1 and window.tick() == session.INTERVAL
        assert not other.video_to_mocap.persons and not armatures()
        shown.scene = first
        while window.tick() is not None:
            pass
        assert not window.kept()
        assert len(first.video_to_mocap.persons) == 2
    (person,) = armatures()
    assert bpy.data.objects[person].users_scene == (first,)
    assert len(first.timeline_markers) == 1 and not other.timeline_markers
    # A scene that is gone has no place for a result, and hinders nobody.
    operators.analyse()
    shown.scene = other
    bpy.data.scenes.remove(first)
    window.work()
    assert window.said("Scene was removed") and not window.kept() and not other.video_to_mocap.persons
