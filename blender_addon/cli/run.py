"""The batch: clips one after the other in this process, or several at once in processes like this one."""

from __future__ import annotations

import json
import os
import sys
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from ..contract.batch import pool, tasks, worker
from ..contract.batch.summary import Summary
from ..contract.batch.tasks import Result, Task
from ..contract.batch.worker import Report
from . import clips, options
from .captures import Engine

WORKER = "--worker"
"""The only argument of a process that gets its clips on stdin."""


def run(words: Sequence[str], command: Sequence[str], program: str) -> int:
    """Works on a command line: see :func:`blender_addon.cli.main`."""
    if list(words) == [WORKER]:
        worker.serve(partial(_one, Engine(), program))
    with _results() as emit:
        try:
            return batch(words, command, program, emit)
        except SystemExit as leave:  # argparse
            return leave.code if isinstance(leave.code, int) else 2
        except KeyboardInterrupt:
            return 130
        except Exception:  # noqa: BLE001 - the last resort, as Python's own, but with our own way out
            traceback.print_exc()
            return 1


def batch(words: Sequence[str], command: Sequence[str], program: str, emit: Callable[[Result], None]) -> int:
    """Works on the inputs.

    Args:
        words: The arguments.
        command: The command line of a process that gets its clips on stdin.
        program: The name of the program in messages.
        emit: Is called with every result.

    Returns:
        The exit status: 0 all done, 1 some failed.

    Raises:
        SystemExit: The usage is bad.
    """
    chosen = options.parse(words, program)
    todo = [
        Task(str(group[0]), options.words(chosen, group), str(tasks.log_file(chosen.output_dir, group[0])))
        for group in clips.together(chosen.inputs)
    ]
    summary = Summary(len(chosen.inputs))
    for result in pool.results(todo, command, chosen.jobs) if chosen.jobs > 1 else _here(todo, program):
        emit(result)
        summary.add(result)
    print(summary.table(), file=sys.stderr, flush=True)
    return 1 if summary.failed else 0


def _here(todo: Sequence[Task], program: str) -> Iterator[Result]:
    """The results of one clip after the other, in this process."""
    engine = Engine()

    def tell(task: Task, terminal: Any, text: str) -> None:
        print(f"{Path(task.source).name}: {text}", file=terminal, flush=True)

    try:
        for task in todo:
            yield from worker.done_logged(task, partial(_one, engine, program), partial(tell, task))
    finally:
        engine.stop()


def _one(engine: Engine, program: str, task: Task, report: Report) -> Iterator[Result]:
    """The results of one clip."""
    chosen = options.parse(task.words, program)
    return clips.results(chosen.inputs, chosen, engine, report)


@contextmanager
def _results() -> Iterator[Callable[[Result], None]]:
    """Yields a function that prints a result on stdout.

    Blender and its exporters print to stdout as well, some of it not through Python: meanwhile that becomes stderr.
    """
    sys.stdout.flush()
    before, stdout = os.dup(1), sys.stdout
    os.dup2(2, 1)
    sys.stdout = sys.stderr
    try:
        with os.fdopen(os.dup(before), "w", encoding="utf-8") as channel:
            yield lambda result: print(json.dumps(result), file=channel, flush=True)
    finally:
        sys.stdout = stdout
        os.dup2(before, 1)
        os.close(before)
