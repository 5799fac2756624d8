"""The session without Blender: one queue, one report, one timer, one log."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from blender_addon import session
from blender_addon.engine import job as states
from blender_addon.engine import report
from blender_addon.engine.job import Job
from blender_addon.engine.locate import EngineCommand, EngineNotFoundError
from blender_addon.features.people.people_files import PeopleFiles
from blender_addon.session import Session
from blender_addon.work import Maintenance, Task
from tests.support import fake_engine

COMMAND = EngineCommand((sys.executable, fake_engine.__file__), Path(sys.executable), "the tests")


class Host:
    """A Blender that exists on paper alone."""

    def __init__(self) -> None:
        self.waits = False
        self.opened, self.places, self.ticking = "/a.blend", {"Scene": "shown"}, 0
        self.handed: list[tuple[str, str]] = []
        self.shown: list[object] = []
        self.missing = False

    def file(self) -> str:
        return self.opened

    def command(self) -> EngineCommand:
        if self.missing:
            raise EngineNotFoundError("no engine")
        return COMMAND

    def keep_ticking(self) -> None:
        self.ticking += 1

    def interrupts(self) -> bool:
        return False

    def place(self, scene: str) -> Any:
        return self.places.get(scene, "gone")

    def hand_over(self, task: Task, job: Job) -> None:
        self.handed.append((task.title, job.state))
        task.handler(None, job.result)

    def show(self, what: object, at_once: bool) -> None:
        self.shown.append(what)


@pytest.fixture
def host() -> Host:
    return Host()


@pytest.fixture
def now(host: Host) -> Iterator[Session]:
    yield session.start(host)
    session.end()


def task(title: str, method: str = "echo", handler: Any = lambda *_: None, **params: Any) -> Task:
    return Task("Scene", title, method, params, handler)


def work(now: Session, until: Callable[[], bool] | None = None) -> None:
    deadline = time.monotonic() + 30.0
    while now.tick() is not None if until is None else not until():
        if until:
            now.tick()
        assert time.monotonic() < deadline, now.log
        time.sleep(0.01)


def test_jobs_run_one_after_the_other(now: Session, host: Host) -> None:
    for title in ("first", "second", "third"):
        now.begin(task(title))
    assert now.busy and now.waiting == 2
    work(now)
    assert host.handed == [(title, states.DONE) for title in ("first", "second", "third")]
    assert not now.busy and not now.waiting and not now.kept and now.tick() is None
    assert [line.split(" ", 1)[1] for line in now.log][:2] == ["first started", "first done"]


def test_a_result_waits_for_its_scene_and_its_file(now: Session, host: Host) -> None:
    host.places["Scene"] = "hidden"
    now.begin(task("hidden"))
    work(now, lambda: now.kept == 1)
    assert now.tick() == session.INTERVAL and not host.handed
    host.places["Scene"] = "shown"
    work(now)
    now.begin(task("away"))
    host.opened = "/b.blend"
    now.file_opened()
    work(now)
    assert [title for title, _ in host.handed] == ["hidden"] and now.kept == 1
    host.opened = "/a.blend"
    now.file_opened()
    work(now)
    assert [title for title, _ in host.handed] == ["hidden", "away"]
    host.places.clear()
    now.begin(task("removed"))
    work(now)
    assert len(host.handed) == 2 and "was removed" in now.log[-1]


def test_an_engine_that_is_missing_stops_no_queue(now: Session, host: Host) -> None:
    host.missing = True
    with pytest.raises(EngineNotFoundError):
        now.begin(task("never"))
    host.missing = False
    now.begin(task("first"))
    now.begin(task("second"))
    host.missing = True
    work(now)
    assert host.handed == [("first", states.DONE), ("second", states.FAILED)]


def test_a_handler_that_fails_breaks_nothing(now: Session, host: Host, capsys: pytest.CaptureFixture[str]) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError("broken")

    now.begin(task("first", handler=broken))
    now.begin(task("second"))
    work(now)
    assert len(host.handed) == 2 and "ZeroDivisionError" in capsys.readouterr().err


def test_cancel_empties_the_queue(now: Session, host: Host) -> None:
    now.begin(task("first", "steps", steps=1_000_000, pause=0.01))
    now.begin(task("second"))
    now.cancel()
    work(now)
    assert sorted(host.handed) == [("first", states.CANCELLED), ("second", states.CANCELLED)]


def test_maintenance_is_no_job_of_a_scene(now: Session, host: Host) -> None:
    ended: list[Job] = []
    now.maintain(Maintenance("Checking", ended.append), COMMAND, "echo", {"a": 1})
    assert now.maintenance and now.maintenance.title == "Checking" and now.busy
    now.begin(task("behind"))
    work(now)
    assert [job.result for job in ended] == [{"a": 1}] and host.handed == [("behind", states.DONE)]
    assert now.maintenance is None


def test_the_report_is_asked_for_once_and_again_after_a_change(now: Session, host: Host) -> None:
    """B7: what there is to choose from is as old as the last installation, and no older."""
    now.learn({"lifter": "old", "weights": [{"name": "old", "kind": "lifter", "present": True}]})
    now.want_report()
    assert not host.ticking and report.names(now.report, "lifters") == ("old",)
    now.forget_report()
    assert report.names(now.report, "lifters") == ()
    now.want_report()
    now.want_report()
    work(now)
    assert host.ticking == 1 and now.report == fake_engine.REPORT
    assert report.names(now.report, "lifters")[0] == fake_engine.REPORT["lifter"]


def test_a_question_that_was_refused_is_not_asked_again(now: Session, host: Host) -> None:
    refusals: list[str] = []
    for _ in range(3):
        now.want("question", "exit", {}, lambda _: None, refusals.append)
        work(now)
    assert len(refusals) == 1
    now.forget_report()
    host.missing = True
    now.want("other", "echo", {}, lambda _: None)
    work(now)
    host.missing = False
    answers: list[dict[str, Any]] = []
    now.want("other", "echo", {"a": 1}, answers.append)
    work(now)
    assert answers == [{"a": 1}]


def test_a_file_of_people_is_read_in_a_thread(now: Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """B16: not in the main thread, which draws."""
    path = tmp_path / "people.npz"
    fake_engine.write_people(path, "a.mp4", [(0, 29)])
    threads, loaded, load = [], threading.Event(), np.load

    def slow(*given: Any, **more: Any) -> Any:
        threads.append(threading.current_thread())
        loaded.wait(10.0)
        return load(*given, **more)

    monkeypatch.setattr(np, "load", slow)
    files, ready = now.part(PeopleFiles), []
    assert now.part(PeopleFiles) is files
    assert files.get(str(path), lambda: ready.append(1)) is None
    assert files.get(str(path), lambda: ready.append(2)) is None and now.tick() == session.INTERVAL
    loaded.set()
    work(now)
    content = files.get(str(path), lambda: ready.append(3))
    assert content is not None and content[1].shape == (1, 30, 17, 3) and ready == [1]
    assert threads != [threading.main_thread()] and len(threads) == 1
    assert files.get(str(tmp_path / "gone.npz"), lambda: None) is None
    work(now)
    assert files.get(str(tmp_path / "gone.npz"), lambda: None) is None and now.tick() is None


def test_nothing_is_left_when_it_ends(host: Host) -> None:
    now = session.start(host)
    now.begin(task("first", "deaf"))
    session.end()
    assert not now.busy
    with pytest.raises(RuntimeError, match="not enabled"):
        session.current()
