"""What tests share that run inside Blender: a plugin of pytest, loaded there by run_inside.py."""

from __future__ import annotations

import ctypes
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import bpy
import pytest

ERRORS = ("Traceback", "ERROR (")
"""What nobody may print: an exception that somebody has swallowed, and Blender's complaint of what was done to its
data."""


@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call() -> Iterator[None]:
    """Has what Blender's own code has printed shown with the test in which it did."""
    try:
        return (yield)
    finally:
        if os.name == "posix":
            ctypes.CDLL(None).fflush(None)


_FAILED = pytest.StashKey[bool]()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    """Fails a test that has printed an error."""
    report = yield
    printed = report.capstdout + report.capstderr
    if report.when == "teardown" and not item.stash.get(_FAILED, False) and any(error in printed for error in ERRORS):
        report.outcome, report.longrepr = "failed", "an error was printed"
    item.stash[_FAILED] = item.stash.get(_FAILED, False) or report.failed
    return report


@pytest.fixture(autouse=True)
def _as_just_started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Blender with its factory settings, and what the add-on keeps for a user nowhere that others look."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("VIDEO_TO_MOCAP_PYTHON", raising=False)
    bpy.ops.wm.read_factory_settings(use_empty=False)
    yield
    bpy.ops.wm.read_factory_settings(use_empty=False)


@pytest.fixture
def empty_scene(_as_just_started: None) -> None:
    bpy.ops.wm.read_factory_settings(use_empty=True)


@pytest.fixture
def addon(_as_just_started: None) -> Iterator[None]:
    """The add-on is enabled, from the checkout."""
    import addon_utils

    import blender_addon

    # Blender would load it anew, and tests would compare classes of two copies.
    blender_addon.__time__ = Path(blender_addon.__file__).stat().st_mtime  # type: ignore[attr-defined]
    assert addon_utils.enable("blender_addon", default_set=True), "not enabled"
    yield
    addon_utils.disable("blender_addon", default_set=True)


@pytest.fixture
def settings(addon: None) -> Any:
    """The add-on's settings in the scene. Another file has others: see :func:`now`."""
    return now()


@pytest.fixture
def operators(addon: None) -> Any:
    """The add-on's operators."""
    return bpy.ops.video_to_mocap


@pytest.fixture
def fake_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    """The engine is one that makes its answers up: tests/support/fake_engine.py."""
    monkeypatch.setenv("VIDEO_TO_MOCAP_PYTHON", os.environ["FAKE_ENGINE_PYTHON"])


@pytest.fixture
def video(tmp_path: Path) -> Path:
    """A file that is nobody's video, for an engine that makes its answers up."""
    path = tmp_path / "A clip Ü.mp4"
    path.write_bytes(b"any")
    return path


def now() -> Any:
    """The add-on's settings in the scene that is open."""
    return bpy.context.scene.video_to_mocap


def complaint(operator: Callable[..., Any], **options: Any) -> str:
    """What an operator says that does not do what it is asked for."""
    with pytest.raises(RuntimeError) as caught:
        operator(**options)
    return str(caught.value)


def armatures() -> list[str]:
    """The names of the armatures there are."""
    return sorted(item.name for item in bpy.data.objects if item.type == "ARMATURE")


def counts() -> dict[str, int]:
    """How much there is of what a capture makes."""
    return {kind: len(getattr(bpy.data, kind)) for kind in ("objects", "armatures", "meshes", "actions")}


def marks() -> list[tuple[str, int]]:
    """Whose frames of low confidence are marked on the timeline, and where they begin."""
    return sorted((marker.name.partition(": ")[2], marker.frame) for marker in bpy.context.scene.timeline_markers)


def classes(kind: type) -> list[Any]:
    """The add-on's registered classes of a kind of bpy.types."""
    return [cls for cls in kind.__subclasses__() if cls.__module__.startswith("blender_addon.") and cls.is_registered]


@pytest.fixture
def jobs(addon: None) -> Any:
    """The add-on's session, with the queue of the engine's jobs."""
    from blender_addon import session

    return session.current()


class Window:
    """A session that works as where there is a window: nobody waits, and a timer moves it on.

    The timer is turned by hand here.
    """

    def __init__(self, jobs: Any) -> None:
        from blender_addon.features.common.host import BlenderHost

        class Host(BlenderHost):
            waits = False

            def keep_ticking(self) -> None:
                pass

        self.jobs = jobs
        jobs.host = Host()

    def tick(self) -> float | None:
        """Moves it on; returns the seconds to the next time, None when it is no longer needed."""
        return self.jobs.tick()

    def work(self, until: Callable[[], bool] | None = None) -> None:
        """Moves it on until something is so, which is as a rule that no job runs."""
        deadline = time.monotonic() + 30
        while not (until() if until else self.idle()):
            self.tick()
            assert time.monotonic() < deadline, self.jobs.log
            time.sleep(0.01)
        self.tick()

    def idle(self) -> bool:
        return not self.jobs.busy

    def kept(self) -> int:
        """How many results wait for their scene or file."""
        return self.jobs.kept

    def said(self, words: str) -> bool:
        """Whether something was noted for the report."""
        return any(words in line for line in self.jobs.log)


@pytest.fixture
def window(jobs: Any, fake_engine: None) -> Window:
    return Window(jobs)
