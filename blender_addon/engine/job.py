"""One job at a time on one engine, as a state machine that a timer or a script drives.

Questions may be asked beside the jobs; an idle engine answers them at once.
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
"""Seconds that an engine has to obey a cancel before it is killed."""

Answered = Callable[[dict[str, Any]], None]
"""Called with the result of a question."""

Refused = Callable[[str], None]
"""Called with the engine's message in place of an answer."""


class BusyError(Exception):
    """Another job is running."""


@dataclass
class Job:
    """A request to the engine, its progress and its end.

    state: ``starting`` -> ``running`` -> [``cancelling``] -> ``done``, ``failed`` or ``cancelled``.
    total: None if the engine does not know it. result: of a job that is done. message: of one that failed; broken:
    whether the engine itself failed, and not its input.
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
        """The share of the stage that is done, 0..1; None if unknown."""
        return min(1.0, self.done / self.total) if self.total else None

    def left(self, now: float) -> float | None:
        """Seconds until the stage is done, by its recent speed; None while that cannot be estimated."""
        return self.pace.left(now, self.total) if self.pace and self.total else None

    def take(self, event: Event) -> None:
        """Takes one of the engine's events."""
        if event["type"] == protocol.PROGRESS:
            if self.state == STARTING:
                self.state = RUNNING
            stage, now = str(event.get("stage", "")), time.monotonic()
            self.done, self.total = int(event.get("done") or 0), event.get("total")
            if stage != self.stage or self.pace is None:
                self.stage, self.pace = stage, Pace(now, self.done)
            self.pace.take(now, self.done)
        elif event["type"] == protocol.RESULT:
            # Also after a cancel that came too late: a result is better than none.
            self.state, self.result = DONE, event.get("result") or {}
        elif event.get("code") == protocol.CANCELLED:
            self.state = CANCELLED
        else:
            self.state, self.message = FAILED, str(event.get("message") or "The engine failed and gave no reason.")
            self.broken = event.get("code") != protocol.BAD_INPUT


def _new_client(command: EngineCommand) -> EngineClient:
    from .client import EngineClient  # not at the top: it would take half the time of enabling the add-on

    return EngineClient(command)


class Runner:
    """Owns the engine, which stays warm from one job to the next."""

    def __init__(self, make_client: Callable[[EngineCommand], EngineClient] = _new_client) -> None:
        self.job: Job | None = None
        """The running job."""
        self.restarted = False
        """Whether the last job had to start the engine again, because it had died."""
        self._make_client = make_client
        self._client: EngineClient | None = None
        self._request = 0
        self._cancelled_at = 0.0
        self._questions: dict[int, tuple[Answered, Refused | None]] = {}
        """Questions without an answer yet, by the id of their request."""

    @property
    def engine(self) -> str:
        """The version of the running engine, empty before its greeting."""
        hello = self._client.hello if self._client else None
        return str(hello.get("engine", "")) if hello else ""

    @property
    def waiting(self) -> bool:
        """Whether a job or question is unfinished, so that :meth:`tick` must be called."""
        return self.job is not None or bool(self._questions)

    def start(self, command: EngineCommand, method: str, params: dict[str, Any]) -> Job:
        """Starts a job, and the engine if it does not run yet; returns at once.

        Raises:
            BusyError: Another job is running.
            EngineNotFoundError: The engine cannot be started.
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
        """Asks a question while no job runs; jobs may start before its answer.

        Args:
            command: Starts the engine.
            method: Of the protocol.
            params: Of the method.
            answered: Called with the engine's result in one of the next ticks.
            refused: Called with the reason instead, if there is no result.

        Raises:
            EngineNotFoundError: The engine cannot be started.
        """
        self._questions[self._engine(command).request(method, params)] = answered, refused

    def cancel(self) -> None:
        """Cancels the job, if there is one; it ends in one of the next ticks."""
        if self.job and self.job.state != CANCELLING and self._client:
            self.job.state = CANCELLING
            self._cancelled_at = time.monotonic()
            self._client.cancel(self._request)

    def tick(self) -> Job | None:
        """Takes the engine's messages; returns the job if it has just ended. Never blocks."""
        if not self._client:
            return None
        job = self.job
        for event in self._client.poll():
            if event["id"] in self._questions:
                self._take_answer(event)
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
        """Blocks until the job has ended, and returns it; without a window. Raises RuntimeError without a job."""
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
        """Ends the engine, after ``grace`` seconds by force, and drops the job and the questions."""
        self.job = None
        self._questions.clear()
        if self._client:
            self._client.stop(grace)
            self._client = None

    def _engine(self, command: EngineCommand) -> EngineClient:
        """The started engine; it replaces one that was started by another command."""
        if self._client and self._client.command != command:
            self.stop()
        client = self._client = self._client or self._make_client(command)
        client.start()
        return client

    def _take_answer(self, event: Event) -> None:
        """Takes an event about a question."""
        if event["type"] == protocol.PROGRESS:
            return
        answered, refused = self._questions.pop(event["id"])
        if event["type"] == protocol.RESULT:
            answered(event.get("result") or {})
        elif refused:
            refused(str(event.get("message") or "The engine failed and gave no reason."))
