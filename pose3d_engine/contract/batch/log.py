"""The log of one clip."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TextIO

from ..errors import UserError


@contextmanager
def logged(path: Path) -> Iterator[TextIO]:
    """Redirects stdout and stderr of this process, its C libraries and children to the end of a file.

    Yields the stderr from before. Raises UserError if the file cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        log = path.open("a", encoding="utf-8")
    except OSError as error:
        raise UserError(f"cannot write {path}: {error.strerror or error}; choose another output folder") from error
    _flush()
    before = {number: os.dup(number) for number in (1, 2)}
    try:
        with log, os.fdopen(os.dup(2), "w", encoding="utf-8", errors="replace") as terminal:
            for number in before:
                os.dup2(log.fileno(), number)
            note(time.strftime("== %Y-%m-%d %H:%M:%S"))
            try:
                yield terminal
            finally:
                _flush()
                for number, old in before.items():
                    os.dup2(old, number)
    finally:
        for old in before.values():
            os.close(old)


def note(text: str) -> None:
    """Writes a line into the log; a full disk is ignored, because the results do not depend on the log."""
    with suppress(OSError):
        print(text, file=sys.stderr, flush=True)


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError):
            stream.flush()
