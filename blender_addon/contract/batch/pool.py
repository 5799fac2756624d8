"""Several processes on one machine, each with one clip at a time."""

from __future__ import annotations

import contextlib
import os
import queue
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from .tasks import Result, Task
from .worker import Worker

_EVERY_S = 5.0
"""Seconds between two reports of a clip's progress."""


def results(tasks: Sequence[Task], command: Sequence[str], jobs: int) -> Iterator[Result]:
    """Yields results as they arrive from several processes, which share the processor and end with the iterator.

    ``command`` starts a process that calls :func:`.worker.serve`; ``jobs`` is the number of processes.
    """
    jobs = max(1, min(jobs, len(tasks)))
    threads = max(1, _cores() // jobs) if jobs > 1 else None
    workers = [Worker(command, threads) for _ in range(jobs)]
    waiting: queue.SimpleQueue[Task] = queue.SimpleQueue()
    for task in tasks:
        waiting.put(task)
    came: queue.SimpleQueue[list[Result]] = queue.SimpleQueue()

    def run(worker: Worker) -> None:
        with contextlib.suppress(queue.Empty):
            while True:
                task = waiting.get_nowait()
                came.put(worker.work(task, _ProgressPrinter(Path(task.source).name)))

    for worker in workers:
        threading.Thread(target=run, args=(worker,), name="batch", daemon=True).start()
    try:
        for _ in tasks:
            yield from came.get()
    finally:
        for worker in workers:
            worker.stop()


def _cores() -> int:
    """The processor cores that this process may use; in a container or a farm's job not all of the machine's."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class _ProgressPrinter:
    """Prints a clip's progress on stderr, every few seconds."""

    def __init__(self, name: str) -> None:
        self._name, self._last = name, time.monotonic()

    def __call__(self, text: str) -> None:
        if time.monotonic() - self._last > _EVERY_S:
            self._last = time.monotonic()
            print(f"{self._name}: {text}", file=sys.stderr, flush=True)
