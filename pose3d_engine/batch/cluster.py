"""Many machines: the same processes, one on each graphics card of a Ray cluster, which need not last.

A clip whose machine is lost goes to another one. What it had finished is found in the results' folder, which all
machines have to see under one path, and is not made again. A machine that comes later is used, too.
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
from ..contract.errors import UserError

ATTEMPTS = 4
"""Machines that a clip may lose before it is given up."""

_WAIT_S = 60.0
"""Seconds without anything to do after which it is said that there is no machine."""


class _Hands:
    """The actor: a process that does clips, on the machine and the graphics card that Ray has chosen."""

    def __init__(self) -> None:
        # This machine's own Python; Ray has said in the environment which card it may see.
        self._worker = Worker((sys.executable, "-m", "pose3d_engine.commands.one_clip"))

    def ready(self) -> None:
        """Returns when the actor has found its place."""

    def work(self, task: Task) -> list[Result]:
        return self._worker.work(task)


def results(tasks: Sequence[Task], address: str, jobs: int | None = None) -> Iterator[Result]:
    """The results of all tasks as they come, each once. jobs: actors at most; None for what the cluster has room for.

    address: of the cluster's head, ``auto`` for the one that this machine is part of. Raises UserError if Ray is not
    installed or the cluster cannot be reached.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nothing is told to anybody
    ray = extras.require("ray", "ray", "runs clips on many machines")
    _require_somebody(address)
    try:
        ray.init(address=address, log_to_driver=False, logging_level="ERROR")
    except (ConnectionError, ValueError, RuntimeError) as error:
        reason = str(error).splitlines()[0][:200]
        raise UserError(f"no Ray cluster at {address}: {reason}; start one with: ray start --head") from error
    try:
        yield from _Crew(ray, tasks, jobs).results()
    finally:
        ray.shutdown()


def _require_somebody(address: str) -> None:
    """Raises UserError if nobody listens at the address: Ray itself would try for minutes."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if host and port.isdecimal():
        try:
            socket.create_connection((host.strip("[]"), int(port)), timeout=10).close()
        except (OSError, OverflowError) as error:
            raise UserError(f"no Ray cluster at {address}: {error}; start one with: ray start --head") from error


class _Crew:
    """The actors and who does what. An actor has one clip at a time, so that few are lost with it."""

    def __init__(self, ray: Any, tasks: Sequence[Task], jobs: int | None) -> None:
        self._ray = ray
        self._waiting = deque((task, 1) for task in tasks)
        self._left = len(tasks)
        there = ray.cluster_resources()
        cards = int(there.get("GPU", 0))
        needs = {"num_gpus": 1, "num_cpus": 1} if cards else {"num_cpus": 1}
        self._hire = ray.remote(**needs)(_Hands).remote
        room = cards or int(there.get("CPU", 1))
        self._starting: dict[Any, Any] = {}
        self._busy: dict[Any, tuple[Any, Task, int]] = {}
        self._idle: list[Any] = []
        for _ in range(max(1, min(jobs or room, room, len(tasks)))):
            self._start()

    def _start(self) -> None:
        hands = self._hire()
        self._starting[hands.ready.remote()] = hands

    def results(self) -> Iterator[Result]:
        while self._left:
            done, _ = self._ray.wait([*self._starting, *self._busy], num_returns=1, timeout=_WAIT_S)
            if not done and not self._busy:
                print("no machine of the cluster has room; waiting for one", file=sys.stderr, flush=True)
            for reference in done:
                yield from self._ended(reference)

    def _ended(self, reference: Any) -> Iterator[Result]:
        """What came of a call: an actor that has its place, the results of a clip, or a machine that is lost."""
        task, attempt = None, 0
        if reference in self._starting:
            hands = self._starting.pop(reference)
        else:
            hands, task, attempt = self._busy.pop(reference)
        try:
            found = self._ray.get(reference)
        except self._ray.exceptions.RayError as error:
            # The new one takes its place when there is room, perhaps on a machine that comes later.
            self._start()
            if task is not None and attempt < ATTEMPTS:
                self._waiting.appendleft((task, attempt + 1))
                self._give_to_idle()
            elif task is not None:
                self._left -= 1
                reason = str(error).splitlines()[0]
                yield result(task.source, error=f"{ATTEMPTS} machines were lost over it ({reason}); see {task.log}")
            return
        self._give(hands)
        if task is not None:
            self._left -= 1
            yield from found

    def _give(self, hands: Any) -> None:
        if not self._waiting:
            self._idle.append(hands)
            return
        task, attempt = self._waiting.popleft()
        self._busy[hands.work.remote(task)] = (hands, task, attempt)

    def _give_to_idle(self) -> None:
        if self._idle:
            self._give(self._idle.pop())
