"""Signals that end a command, Ctrl-C above all, as exceptions that are never lost.

Python raises them between any two of its own steps. Where C calls back into Python, C prints the exception and goes
on: the interrupt is lost, and FFmpeg takes the file for ended. Where Python frees C's memory, the work stays half done.
Code around such a place is a :func:`deferred` block.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class _State(threading.local):
    """Of each thread, because signals arrive in the main one: what others do must not delay an interrupt."""

    depth = 0  # deferred blocks that the thread is in
    waiting: BaseException | None = None  # the interrupt that has arrived in one of them


_state = _State()


def raise_on_signals() -> None:
    """SIGINT raises KeyboardInterrupt, SIGTERM SystemExit: half-written files are removed. For the main thread."""
    signal.signal(signal.SIGINT, _arrived)
    signal.signal(signal.SIGTERM, _arrived)


@contextmanager
def deferred() -> Iterator[None]:
    """A block in which an interrupt waits; it is raised at the block's end, in place of any other exception.

    A second interrupt is raised at once, so that a drive that does not answer can be left.
    """
    _state.depth += 1
    try:
        yield
    finally:
        _state.depth -= 1
        if not _state.depth and _state.waiting is not None:
            interrupt, _state.waiting = _state.waiting, None
            raise interrupt


def pending() -> bool:
    """Whether an interrupt waits in this thread, so that nobody wants the result any more."""
    return _state.waiting is not None


def _arrived(number: int, frame: FrameType | None) -> None:
    interrupt = KeyboardInterrupt() if number == signal.SIGINT else SystemExit(128 + number)
    if _state.depth and _state.waiting is None:
        _state.waiting = interrupt
    else:
        raise interrupt
