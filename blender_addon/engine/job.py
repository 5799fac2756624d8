"""One job at a time on one engine, as a state machine that a timer or a script drives.

Beside the jobs questions may be asked, which are answered at once where the engine is idle.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ..contract import protocol
from .locate import EngineCommand
from .pace import Pace

if TYPE_CHECKING:
    from .client import EngineClient, Event

STARTING, RUNNING, CANCELLING = "starting", "running", "cancelling"
DONE, FAILED, CANCELLED = "done", "failed", "cancelled"

CANCEL_GRACE = 5.0
"""Seconds an engine has to obey a cancel before it is ended."""

Answered = Callable[[dict[str, Any]], None]
"""Is called with the result of a question."""

Refused = Callable[[str], None]
"""Is called with what the engine said in place of an answer."""


class BusyError(Exception):
    """Another job runs."""


@dataclass
class Job:
    """What is asked of the engine, how far it is, and how it ended.

    state: ``starting`` -> ``running`` -> [``cancelling``] -> ``done``, ``failed`` or ``cancelled``.
    total: None where the engine does not know it. result: of a job that is done. message: of one that failed; broken:
    whether the engine itself failed, and not what it was given.
    """

    method: str
    params: dict[str, Any]
    state: str = STARTING
    stage: str = ""
    done: int = 0
    total: int | None = None
    result: dict[str, Any] = field(default_factory=dict)
    message: str = ""
    broken: bool = False
    pace: Pace | None = None
    """Of the stage, by ``time.monotonic``; None before the first one."""

    @property
    def ended(self) -> bool:
        """Whether it is done, failed or cancelled."""
        return self.state in (DONE, FAILED, CANCELLED)

    @property
    def fraction(self) -> float | None:
        """How much of the stage is done, 0..1; None where that is not known."""
        return min(1.0, self.done / self.total) if self.total else None

    def left(self, now: float) -> float | None:
        """Seconds until the stage is done, as fast as it went of late; None while nobody can tell."""
        return self.pace.left(now, self.total) if self.pace and self.total else None

    def take(self, event: Event) -> None:
        """Moves on by one of the engine's events."""
        if event["type"] == protocol.PROGRESS:
            if self.state == STARTING:
                self.state = RUNNING
            stage, now = str(event.get("stage", "")), time.monotonic()
            self.done, self.total = int(event.get("done") or 0), event.get("total")
            if stage != self.stage or self.pace is None:
                self.stage, self.pace = stage, Pace(now, self.done)
            self.pace.take(now, self.done)
        elif event["type"] == protocol.RESULT:
            # Also after a cancel that came too late: what is there is better than nothing.
            self.state, self.result = DONE, event.get("result") or {}
        elif event.get("code") == protocol.CANCELLED:
            self.state = CANCELLED
        else:
            self.state, self.message = FAILED, str(event.get("message") or "The engine failed without a word.")
            self.broken = event.get("code") != protocol.BAD_INPUT


def _new_client(command: EngineCommand) -> EngineClient:
    from .client import EngineClient  # not at the top: it would take half the time of enabling the add-on

    return EngineClient(command)


class Runner:
    """Owns the engine, which stays warm from one job to the next."""

    def __init__(self, make_client: Callable[[EngineCommand], EngineClient] = _new_client) -> None:
        self.job: Job | None = None
        """The job that runs."""
        self.restarted = False
        """Whether the engine of the last job had to be started in place of one that had died."""
        self._make_client = make_client
        self._client: EngineClient | None = None
        self._request = 0
        self._cancelled_at = 0.0
        self._questions: dict[int, tuple[Answered, Refused | None]] = {}
        """Those that wait for their answer, by request."""

    @property
    def engine(self) -> str:
        """The version of the engine that runs, empty where none has greeted."""
        hello = self._client.hello if self._client else None
        return str(hello.get("engine", "")) if hello else ""

    @property
    def waiting(self) -> bool:
        """Whether the engine owes something, so that it has to be ticked."""
        return self.job is not None or bool(self._questions)

    def start(self, command: EngineCommand, method: str, params: dict[str, Any]) -> Job:
        """Starts a job, and the engine where it does not run yet; returns at once.

        Raises BusyError while another job runs, EngineNotFoundError if the engine cannot be started.
        """
        if self.job:
            raise BusyError("Another job is running. Wait for it, or cancel it.")
        self.restarted = self._client is not None and not self._client.running
        self._request = self._engine(command).request(method, params)
        self.job = Job(method, params)
        return self.job

    def ask(
        self,
        command: EngineCommand,
        method: str,
        params: dict[str, Any],
        answered: Answered,
        refused: Refused | None = None,
    ) -> None:
        """Has ``answered`` called with the engine's result in one of the next ticks, or ``refused`` with its reason.

        A question is no job: it does not hinder one from starting, and is in ``waiting`` alone. To be asked while
        no job runs. Raises EngineNotFoundError if the engine cannot be started.
        """
        self._questions[self._engine(command).request(method, params)] = answered, refused

    def cancel(self) -> None:
        """Cancels the job, if there is one; it ends in one of the next ticks."""
        if self.job and self.job.state != CANCELLING and self._client:
            self.job.state = CANCELLING
            self._cancelled_at = time.monotonic()
            self._client.cancel(self._request)

    def tick(self) -> Job | None:
        """Takes in what the engine has said; returns the job if it has just ended. Never blocks."""
        if not self._client:
            return None
        job = self.job
        for event in self._client.poll():
            if event["id"] in self._questions:
                self._hear(event)
            elif job and event["id"] == self._request and not job.ended:
                job.take(event)
        if not job:
            return None
        if job.state == CANCELLING and time.monotonic() - self._cancelled_at > CANCEL_GRACE:
            self.stop(grace=0.0)
            job.state = CANCELLED
        if job.ended:
            self.job = None
            return job
        return None

    def run(self) -> Job:
        """Blocks until the job has ended, and returns it: without a window. Raises RuntimeError if there is none."""
        if not self.job or not self._client:
            raise RuntimeError("there is no job")
        job, self.job = self.job, None
        try:
            job.take(self._client.wait(self._request, job.take))
        except BaseException:
            self.stop()
            raise
        return job

    def stop(self, grace: float = 2.0) -> None:
        """Ends the engine, after ``grace`` seconds by force, and forgets the job and the questions."""
        self.job = None
        self._questions.clear()
        if self._client:
            self._client.stop(grace)
            self._client = None

    def _engine(self, command: EngineCommand) -> EngineClient:
        """The engine, started; in place of the one that runs, if that was started in another way."""
        if self._client and self._client.command != command:
            self.stop()
        client = self._client = self._client or self._make_client(command)
        client.start()
        return client

    def _hear(self, event: Event) -> None:
        """Takes one of the events about a question."""
        if event["type"] == protocol.PROGRESS:
            return
        answered, refused = self._questions.pop(event["id"])
        if event["type"] == protocol.RESULT:
            answered(event.get("result") or {})
        elif refused:
            refused(str(event.get("message") or "The engine failed without a word."))
