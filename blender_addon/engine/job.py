"""One job at a time on one engine, as a state machine that a timer or a script drives."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from . import protocol
from .locate import EngineCommand

if TYPE_CHECKING:
    from .client import EngineClient, Event

STARTING, RUNNING, CANCELLING = "starting", "running", "cancelling"
DONE, FAILED, CANCELLED = "done", "failed", "cancelled"

CANCEL_GRACE = 5.0
"""Seconds an engine has to obey a cancel before it is ended."""


class BusyError(Exception):
    """Another job runs."""


@dataclass
class Job:
    """What is asked of the engine, how far it is, and how it ended.

    state: ``starting`` -> ``running`` -> [``cancelling``] -> ``done``, ``failed`` or ``cancelled``.
    total: None where the engine does not know it. result: of a job that is done. message: of one that failed.
    """

    method: str
    params: dict[str, Any]
    state: str = STARTING
    stage: str = ""
    done: int = 0
    total: int | None = None
    result: dict[str, Any] = field(default_factory=dict)
    message: str = ""

    @property
    def ended(self) -> bool:
        return self.state in (DONE, FAILED, CANCELLED)

    @property
    def fraction(self) -> float | None:
        """How much of the stage is done, 0..1; None where that is not known."""
        return min(1.0, self.done / self.total) if self.total else None

    def take(self, event: Event) -> None:
        """Moves on by one of the engine's events."""
        if event["type"] == protocol.PROGRESS:
            if self.state == STARTING:
                self.state = RUNNING
            self.stage, self.done = str(event.get("stage", "")), int(event.get("done") or 0)
            self.total = event.get("total")
        elif event["type"] == protocol.RESULT:
            # Also after a cancel that came too late: what is there is better than nothing.
            self.state, self.result = DONE, event.get("result") or {}
        elif event.get("code") == protocol.CANCELLED:
            self.state = CANCELLED
        else:
            self.state, self.message = FAILED, str(event.get("message") or "The engine failed without a word.")


def _new_client(command: EngineCommand) -> EngineClient:
    from .client import EngineClient  # not at the top: it would take half the time of enabling the add-on

    return EngineClient(command)


class Runner:
    """Owns the engine, which stays warm from one job to the next."""

    def __init__(self, make_client: Callable[[EngineCommand], EngineClient] = _new_client) -> None:
        self.job: Job | None = None
        """The job that runs."""
        self._make_client = make_client
        self._client: EngineClient | None = None
        self._request = 0
        self._cancelled_at = 0.0

    def start(self, command: EngineCommand, method: str, params: dict[str, Any]) -> Job:
        """Starts a job, and the engine where it does not run yet; returns at once.

        Raises BusyError while another job runs, EngineNotFoundError if the engine cannot be started.
        """
        if self.job:
            raise BusyError("Another job is running. Wait for it, or cancel it.")
        if self._client and self._client.command != command:
            self.stop()
        client = self._client = self._client or self._make_client(command)
        client.start()
        self._request = client.request(method, params)
        self.job = Job(method, params)
        return self.job

    def cancel(self) -> None:
        """Cancels the job, if there is one; it ends in one of the next ticks."""
        if self.job and self.job.state != CANCELLING and self._client:
            self.job.state = CANCELLING
            self._cancelled_at = time.monotonic()
            self._client.cancel(self._request)

    def tick(self) -> Job | None:
        """Takes in what the engine has said; returns the job if it has just ended. Never blocks."""
        if not self.job or not self._client:
            return None
        job = self.job
        for event in self._client.poll():
            if event["id"] == self._request and not job.ended:
                job.take(event)
        if job.state == CANCELLING and time.monotonic() - self._cancelled_at > CANCEL_GRACE:
            self._client.stop(grace=0.0)
            job.state = CANCELLED
        if job.ended:
            self.job = None
            return job
        return None

    def run(self) -> Job:
        """Blocks until the job has ended, and returns it: for a Blender without a window."""
        if not self.job or not self._client:
            raise RuntimeError("there is no job")
        job, self.job = self.job, None
        try:
            job.take(self._client.wait(self._request, job.take))
        except BaseException:
            self.stop()
            raise
        return job

    def stop(self) -> None:
        """Ends the engine and forgets the job."""
        self.job = None
        if self._client:
            self._client.stop()
            self._client = None
