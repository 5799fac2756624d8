"""The session: all that the add-on keeps between two calls of Blender, from being enabled to being disabled.

One engine, one queue of jobs, one report of the engine, one timer, one log. What needs Blender is behind
:class:`.work.Host`, so that this module, and its tests, need none.

Jobs belong to a scene of a .blend file. When another file is opened, or another scene is shown, they continue; their
results wait until their scene is shown again.
"""

from __future__ import annotations

import contextlib
import time
import traceback
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from .engine import job as states
from .engine.job import Answered, Job, Refused, Runner
from .engine.locate import EngineCommand, EngineNotFoundError
from .work import ENGINE, Host, Maintenance, Part, Task

INTERVAL = 0.1
"""Seconds from one look at the engine to the next."""

_LOG_LINES = 200
"""Of the log that are kept."""

_RESTARTED = "The engine had stopped and is started again."


@dataclass
class Condition:
    """What is known of the engine's condition.

    Attributes:
        message: What the last maintenance reported.
        failed: Whether that was an error.
        trouble: Why the engine does not start, though all its files are there.
    """

    message: str = ""
    failed: bool = False
    trouble: str = ""


_P = TypeVar("_P", bound=Part)


@dataclass
class _Question:
    method: str
    params: dict[str, Any]
    answered: Answered
    refused: Refused | None


class Session:
    """The state of the add-on. All methods are called from Blender's main thread."""

    def __init__(self, host: Host, runner: Runner | None = None) -> None:
        self.runner = runner or Runner()
        self.report: dict[str, Any] = {}
        """The engine's report of itself (``doctor``); empty before it was asked."""
        self.condition = Condition()
        self.host = host
        self._work: Task | Maintenance | None = None
        self._waiting: deque[Task] = deque()
        self._kept: list[tuple[Task, Job]] = []
        self._log: deque[str] = deque(maxlen=_LOG_LINES)
        self._asked: set[str] = set()
        self._wanted: dict[str, _Question] = {}
        self._parts: dict[type, Part] = {}
        self._watched: list[Callable[[], bool]] = []

    # The queue.

    def begin(self, task: Task) -> None:
        """Starts a job, or puts it at the end of the queue; without a window it returns when the job has ended.

        Raises:
            EngineNotFoundError: There is no engine to start.
        """
        task.file = self.host.file()
        if self.busy:
            self._waiting.append(task)
            return
        self._start(task, self.host.command())
        if self.host.waits:
            self._finish(self.runner.run())
        else:
            self.host.keep_ticking()

    def maintain(self, work: Maintenance, command: EngineCommand, method: str, params: dict[str, Any]) -> None:
        """Starts a job on the engine itself; a running engine is ended first, because its files are about to change.

        Raises:
            EngineNotFoundError: The command cannot be started.
            BusyError: Another job runs.
        """
        if not self.busy:
            self.runner.stop()
        self.runner.start(command, method, params)
        self._work = work
        if self.host.waits:
            self._finish(self.runner.run())
        else:
            self.host.keep_ticking()

    def cancel(self) -> None:
        """Cancels the job that runs, if any, and those that wait."""
        for task in self._waiting:
            self._keep(task, Job(task.method, task.params, states.CANCELLED))
        self._waiting.clear()
        self.runner.cancel()
        if not self.host.waits and self._kept:
            self.host.keep_ticking()

    @property
    def busy(self) -> bool:
        """Whether a job runs, of either kind."""
        return self.runner.job is not None

    @property
    def maintenance(self) -> Maintenance | None:
        """The job on the engine itself that runs; None if none does."""
        return self._work if self.busy and isinstance(self._work, Maintenance) else None

    @property
    def waiting(self) -> int:
        """How many jobs are in the queue behind the one that runs."""
        return len(self._waiting)

    @property
    def kept(self) -> int:
        """How many results wait for their scene or file."""
        return len(self._kept)

    @property
    def restarted(self) -> bool:
        """Whether the engine had to be started in place of one that had stopped."""
        return self.runner.restarted

    @property
    def fraction(self) -> float:
        """How much of the job's stage is done, 0..1; 0 where that is not known."""
        return (self.runner.job.fraction or 0.0) if self.runner.job else 0.0

    @property
    def seconds_left(self) -> float | None:
        """Seconds until the job's stage is done; None while that cannot be estimated."""
        job = self.runner.job
        return job.left(time.monotonic()) if job and job.state == states.RUNNING else None

    def file_opened(self) -> None:
        """Another file is open, or the same one again. Jobs of a file that was never saved lose their place."""
        for task in self._tasks():
            task.away = not task.file or task.file != self.host.file()
        for task in [task for task in self._waiting if not task.file]:
            self._waiting.remove(task)
        self._kept = [(task, job) for task, job in self._kept if task.file]
        if not self.host.waits and any(not task.away for task, _ in self._kept):
            self.host.keep_ticking()  # not now: Blender is still busy with the file

    def file_saved(self) -> None:
        """The open file has another name now, perhaps its first."""
        for task in self._tasks():
            if not task.away:
                task.file = self.host.file()

    # Questions to the engine, and its report.

    def want(
        self,
        key: str,
        method: str,
        params: dict[str, Any],
        answered: Answered,
        refused: Refused | None = None,
    ) -> None:
        """Has the engine asked something once, when no job runs. For drawing functions: returns at once.

        Args:
            key: What is asked, so that it is not asked twice. A refused question stays asked.
            method, params: The request.
            answered: Gets the result.
            refused: Gets the engine's reason where there is no result.
        """
        if self.busy or self.host.waits or key in self._asked:
            return
        self._asked.add(key)
        self._wanted[key] = _Question(method, params, answered, refused)
        self.host.keep_ticking()

    def want_report(self) -> None:
        """Has the engine asked for its report, unless it is there."""
        if not self.report:
            self.want("doctor", "doctor", {}, self.learn)

    def learn(self, report: dict[str, Any]) -> None:
        """Keeps the engine's report of itself."""
        self.report = report

    def forget_report(self) -> None:
        """Has the engine asked again: it is another one, or other weights are there."""
        self.report = {}
        self._asked.clear()

    @property
    def engine_version(self) -> str:
        """Of the engine that runs or that has reported; empty where neither is known."""
        return self.runner.engine or str(self.report.get("engine", ""))

    # The log.

    def note(self, text: str) -> None:
        """Adds lines to the log."""
        self._log.extend(f"{time.strftime('%H:%M:%S')} {line}" for line in text.splitlines())

    @property
    def log(self) -> tuple[str, ...]:
        """What happened since the add-on was enabled, a line each."""
        return tuple(self._log)

    # The timer.

    def tick(self) -> float | None:
        """Takes in what the engine has sent. Returns the seconds to the next call, None when none is needed."""
        if self.host.interrupts():
            return INTERVAL
        self._ask_wanted()
        ended = self.runner.tick()
        if ended:
            self._finish(ended)
        self._deliver()
        self._watched = [done for done in self._watched if not done()]
        more = self.runner.waiting or bool(self._watched) or any(not task.away for task, _ in self._kept)
        job, left = self.runner.job, self.seconds_left
        state = (job.state, job.stage, round(left or 0.0), self.waiting, round(100 * self.fraction)) if job else None
        self.host.show(state, at_once=ended is not None or not more)
        return INTERVAL if more else None

    def watch(self, done: Callable[[], bool]) -> None:
        """Calls ``done`` from the timer until it returns true: for work in a thread."""
        self._watched.append(done)
        self.host.keep_ticking()

    # Parts of features.

    def part(self, kind: type[_P]) -> _P:
        """The session's only object of a class, made when it is first wanted."""
        if kind not in self._parts:
            self._parts[kind] = kind()
        found: Any = self._parts[kind]
        return found  # type: ignore[no-any-return]

    def close(self) -> None:
        """Ends the engine and drops everything."""
        self._waiting.clear()
        self._kept.clear()
        self._wanted.clear()
        self._watched.clear()
        self.runner.stop()
        for part in self._parts.values():
            part.close()
        self._parts.clear()

    def _start(self, task: Task, command: EngineCommand) -> None:
        self.runner.start(command, task.method, task.params)
        self._work = task
        self.note(f"{task.title} started" + (f". {_RESTARTED}" if self.runner.restarted else ""))

    def _ask_wanted(self) -> None:
        for key, question in () if self.busy else list(self._wanted.items()):
            del self._wanted[key]
            try:
                command = self.host.command()
                self.runner.ask(command, question.method, question.params, question.answered, question.refused)
            except EngineNotFoundError:  # the panel says so where it matters
                self._asked.discard(key)

    def _finish(self, job: Job) -> None:
        """Deals with a job that has ended; then the next one starts."""
        work, self._work = self._work, None
        if isinstance(work, Maintenance):
            self.runner.stop()  # an installer does one thing, and an engine is started afresh after a change of it
            work.finished(job)
            self._next()
            return
        assert work
        self.condition.trouble = job.message if job.broken and not job.stage else ""
        if self.condition.trouble:
            work.step = ENGINE
        self.note(f"{work.title} {job.state}" + (f": {job.message}" if job.message else ""))
        self._keep(work, job)
        if work.away:
            where = f"waits until {Path(work.file).name} is open again" if work.file else "is in the cache"
            self.note(f"Another file is open; the result {where}")
        self._deliver()
        self._next()

    def _keep(self, task: Task, job: Job) -> None:
        """Keeps a job that has ended for its scene, unless that is in a file that was never saved and is closed."""
        if task.file or not task.away:
            self._kept.append((task, job))

    def _deliver(self) -> None:
        """Brings results into the scenes for which they were made, of those that are shown."""
        for task, job in list(self._kept):
            place = "hidden" if task.away else self.host.place(task.scene)
            if place == "hidden":
                continue
            if place == "shown" and task.prepare and job.state == states.DONE:
                prepare, task.prepare = task.prepare, None
                with contextlib.suppress(Exception):
                    prepare(job.result)
                if not self.host.waits:
                    continue  # the rest in the next tick
            self._kept.remove((task, job))
            if place == "gone":
                self.note(f"The scene {task.scene} was removed; the result of {task.title} is dropped")
                continue
            try:
                self.host.hand_over(task, job)
            except Exception as error:  # noqa: BLE001 - one job never breaks the next
                traceback.print_exc()
                self.note(f"{task.title}: {error}")

    def _next(self) -> None:
        """Starts the first job of the queue, unless the one that has just ended has started another."""
        while self._waiting and not self.busy:
            task = self._waiting.popleft()
            try:
                self._start(task, self.host.command())
            except EngineNotFoundError as error:
                task.step = ENGINE
                self._keep(task, Job(task.method, task.params, states.FAILED, message=str(error)))
                self._deliver()
                continue
            if self.host.waits:
                self._finish(self.runner.run())

    def _tasks(self) -> list[Task]:
        running = [self._work] if isinstance(self._work, Task) and self.busy else []
        return [*running, *self._waiting, *(task for task, _ in self._kept)]


class _Current:
    """Holds the one session there is: Blender's classes have no other way to it."""

    session: Session | None = None


def start(host: Host) -> Session:
    """Makes the session, when the add-on is enabled."""
    _Current.session = Session(host)
    return _Current.session


def current() -> Session:
    """The session. Raises RuntimeError where the add-on is not enabled."""
    if _Current.session is None:
        raise RuntimeError("the add-on is not enabled")
    return _Current.session


def end() -> None:
    """Closes the session, when the add-on is disabled."""
    if _Current.session is not None:
        _Current.session.close()
    _Current.session = None
