"""A batch on a Ray cluster: one process on each graphics card, or on each core where there are none.

A clip whose machine is lost goes to another one. Its finished results are in the output folder, which all machines must
see under one path, and are kept. Machines that join later are used, too.
"""

from __future__ import annotations

import os
import socket
import sys
from collections import deque
from collections.abc import Iterator, Sequence
from typing import Any

from .. import extras
from ..contract.batch.tasks import Result, Task, result
from ..contract.batch.worker import Worker
from ..contract.errors import UserError, brief

ATTEMPTS = 4
"""Machines that a clip may lose before it is given up."""

_WAIT_S = 60.0
"""Seconds without a free machine after which a message says so."""


class _Actor:
    """A Ray actor: a process that works off clips, on the machine and the graphics card that Ray has chosen."""

    def __init__(self) -> None:
        # This machine's own Python; Ray names the card for it in the environment.
        self._worker = Worker((sys.executable, "-m", "pose3d_engine.commands.one_clip"))

    def ready(self) -> None:
        """Returns once the actor has its machine."""

    def work(self, task: Task) -> list[Result]:
        return self._worker.work(task)


def results(tasks: Sequence[Task], address: str, jobs: int | None) -> Iterator[Result]:
    """Yields the results of tasks on a cluster as they arrive.

    Args:
        tasks: The clips.
        address: Of the cluster's head; ``auto`` for the cluster that this machine is part of.
        jobs: The largest number of actors; None for as many as the cluster has room for.

    Raises:
        UserError: Ray is not installed, or the cluster cannot be reached.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # no usage statistics are sent
    ray = extras.require("ray", "ray", "runs clips on many machines")
    _require_reachable(address)
    try:
        ray.init(address=address, log_to_driver=False, logging_level="ERROR")
    except (ConnectionError, ValueError, RuntimeError) as error:
        raise UserError(f"no Ray cluster at {address}: {brief(error)}; start one with: ray start --head") from error
    try:
        yield from _Scheduler(ray, tasks, jobs).results()
    finally:
        ray.shutdown()


def _require_reachable(address: str) -> None:
    """Raises UserError if the address does not answer: Ray itself would try for minutes."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if host and port.isdecimal():
        try:
            socket.create_connection((host.strip("[]"), int(port)), timeout=10).close()
        except (OSError, OverflowError) as error:
            raise UserError(f"no Ray cluster at {address}: {error}; start one with: ray start --head") from error


class _Scheduler:
    """The actors and their tasks. An actor has one clip at a time, so that few are lost with it."""

    def __init__(self, ray: Any, tasks: Sequence[Task], jobs: int | None) -> None:
        self._ray = ray
        self._waiting = deque((task, 1) for task in tasks)
        resources = ray.cluster_resources()
        cards = int(resources.get("GPU", 0))
        needs = {"num_gpus": 1, "num_cpus": 1} if cards else {"num_cpus": 1}
        self._make_actor = ray.remote(**needs)(_Actor).remote
        room = cards or int(resources.get("CPU", 1))
        self._starting: dict[Any, Any] = {}
        self._busy: dict[Any, tuple[Any, Task, int]] = {}
        self._idle: list[Any] = []
        for _ in range(max(1, min(jobs or room, room, len(tasks)))):
            self._start()

    def _start(self) -> None:
        actor = self._make_actor()
        self._starting[actor.ready.remote()] = actor

    def results(self) -> Iterator[Result]:
        while self._waiting or self._busy:
            done, _ = self._ray.wait([*self._starting, *self._busy], num_returns=1, timeout=_WAIT_S)
            if not done and not self._busy:
                print("no machine of the cluster is free; waiting for one", file=sys.stderr, flush=True)
            for reference in done:
                yield from self._ended(reference)

    def _ended(self, reference: Any) -> Iterator[Result]:
        """Takes the outcome of a call: an actor that is ready, the results of a clip, or a lost machine."""
        starting = reference in self._starting
        actor, task, attempt = (self._starting.pop(reference), None, 0) if starting else self._busy.pop(reference)
        found: list[Result] = []
        try:
            found = self._ray.get(reference) or []  # None of an actor that is ready
            self._idle.append(actor)
        except self._ray.exceptions.RayError as error:
            # The new actor starts when there is room, perhaps on a machine that joins later.
            self._start()
            if task is not None and attempt < ATTEMPTS:
                self._waiting.appendleft((task, attempt + 1))
            elif task is not None:
                said = f"{ATTEMPTS} machines were lost over it ({brief(error)}); see {task.log}"
                found = [result(task.source, error=said)]
        while self._idle and self._waiting:
            actor = self._idle.pop()
            waiting, attempt = self._waiting.popleft()
            self._busy[actor.work.remote(waiting)] = (actor, waiting, attempt)
        yield from found
