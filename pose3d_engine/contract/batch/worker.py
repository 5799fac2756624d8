"""A process that works off clips one after the other, and the parent's side of it.

One JSON object a line: to it a :class:`~.tasks.Task`, from it any number of ``{"progress": "words"}``, then
``{"results": [...]}``. It ends when its stdin does, even in the middle of a clip, because its parent is gone.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import threading
import traceback
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from .. import processes
from ..errors import OUT_OF_MEMORY, UserError, out_of_memory, out_of_reach
from .log import logged, note
from .tasks import Result, Task, result

Report = Callable[[str], None]
Work = Callable[[Task, Report], Iterable[Result]]
"""Processes one clip, and reports its progress in a few words."""

ATTEMPTS = 2
"""Tries of a clip whose process dies."""


def done_logged(task: Task, work: Work, tell: Callable[[Any, str], None]) -> list[Result]:
    """Processes a clip and writes its log; any failure becomes a result, too.

    ``tell`` gets the stderr from before the log, and the words of the work's reports.
    """
    try:
        with logged(Path(task.log)) as terminal:

            def report(text: str) -> None:
                note(text)
                tell(terminal, text)

            try:
                results = list(work(task, report))
            except UserError as error:
                results = [result(task.source, error=str(error))]
            except Exception as error:  # noqa: BLE001 - one broken clip never breaks the next
                note(traceback.format_exc())
                text = f"{type(error).__name__}: {error}".splitlines()[0]
                said = f"a fault of the program ({text}); see {task.log}"
                if out_of_memory(error):
                    said = OUT_OF_MEMORY
                elif isinstance(error, OSError):
                    said = str(out_of_reach(error))
                results = [result(task.source, error=said)]
            for one in results:
                note(json.dumps(one))
            return results
    except UserError as error:
        return [result(task.source, error=str(error))]


def serve(work: Work) -> None:
    """Processes the tasks that arrive on stdin until it ends. Does not return."""
    channel = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    sys.stdout = sys.stderr
    tasks: SimpleQueue[Task] = SimpleQueue()

    def read() -> None:
        with os.fdopen(os.dup(0), "rb") as source:
            for line in source:
                message = json.loads(line)
                tasks.put(Task(message["source"], tuple(message["words"]), message["log"]))
        os._exit(0)

    def say(message: Mapping[str, Any]) -> None:
        try:
            print(json.dumps(message), file=channel, flush=True)
        except OSError:
            os._exit(0)

    threading.Thread(target=read, name="tasks", daemon=True).start()
    while True:
        task = tasks.get()
        say({"results": done_logged(task, work, lambda _, text: say({"progress": text}))})


class Worker:
    """A process, started with its first clip; it stays warm until :meth:`stop`."""

    def __init__(self, command: Sequence[str], threads: int | None = None) -> None:
        """``threads`` is the number that its libraries may use, None for all."""
        self._command = list(command)
        self._environment = dict(os.environ)
        if threads is not None:
            # Several processes that each take every core get in each other's way. OpenCV has one thread anyway, and
            # MediaPipe's wait without spinning; numpy's do not, so that it has one as in any other engine.
            self._environment |= dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS"), str(threads))
            self._environment["OPENBLAS_NUM_THREADS"] = "1"
        self._process: subprocess.Popen[bytes] | None = None
        self._starting = threading.Lock()
        self._stopped = False

    def work(self, task: Task, report: Report = lambda text: None) -> list[Result]:
        """The results of a clip. A process that dies is started again and tries once more."""
        how = ""
        for _ in range(ATTEMPTS):
            try:
                return self._ask(task, report)
            except _DiedError as died:  # noqa: PERF203 - once a clip
                how = str(died)
                if self._stopped:
                    break
        return [result(task.source, error=f"its process ended unexpectedly ({how}); see {task.log}")]

    def stop(self) -> None:
        """Ends the process, whatever it is doing; no other one is started."""
        with self._starting:
            self._stopped = True
            process, self._process = self._process, None
        if process is not None:
            processes.end(process)
            with contextlib.suppress(OSError):
                process.stdin.close()  # type: ignore[union-attr]

    def _ask(self, task: Task, report: Report) -> list[Result]:
        with self._starting:
            if self._stopped:
                raise _DiedError("stopped")
            if self._process is None:
                own: dict[str, Any] = {"env": self._environment, **processes.options()}
                self._process = subprocess.Popen(self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, **own)
            process = self._process
        assert process.stdin and process.stdout
        with contextlib.suppress(OSError):  # the end of its stdout reports a dead one
            process.stdin.write(json.dumps(asdict(task)).encode() + b"\n")
            process.stdin.flush()
        for line in process.stdout:
            if not line.startswith(b"{"):
                continue  # Blender greets before any script runs
            message = json.loads(line)
            if "results" in message:
                return message["results"]
            report(message["progress"])
        self._process = None
        raise _DiedError(processes.ending(process.wait()))


class _DiedError(Exception):
    """A process ended in the middle of a clip."""
