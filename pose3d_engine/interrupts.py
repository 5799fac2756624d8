"""Signals that end a command, Ctrl-C above all, as exceptions that arrive wherever they come.

Python raises them between any two steps of its own. In a function that C calls back, whose caller prints an exception
and goes on, they would be lost, and what that function was to deliver would pass for the end of a file; and what frees
memory of C's must not be left half way.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from types import CodeType, FrameType
from typing import Any, TypeVar

Function = TypeVar("Function", bound=Callable[..., Any])

_holding: set[CodeType] = set()
_held: BaseException | None = None


def end_by_exception() -> None:
    """From here on SIGINT raises KeyboardInterrupt, and SIGTERM SystemExit with the status that a shell gives it, so
    that half-written files go. For the main thread."""
    signal.signal(signal.SIGINT, _arrived)
    signal.signal(signal.SIGTERM, _arrived)


def holds(function: Function) -> Function:
    """Decorator of a function that C calls or that must not be left half way: a signal that arrives in it, or in what
    it calls, waits for :func:`raise_held`."""
    _holding.add(function.__code__)
    return function


def held() -> bool:
    """Whether a signal waits, so that what is asked for is not wanted any more."""
    return _held is not None


def raise_held() -> None:
    """In the main thread, where signals arrive, raises what waits; called once C, or the function, has returned."""
    global _held
    if _held is not None and threading.current_thread() is threading.main_thread():
        error, _held = _held, None
        raise error


def _arrived(number: int, frame: FrameType | None) -> None:
    global _held
    error = KeyboardInterrupt() if number == signal.SIGINT else SystemExit(128 + number)
    while frame is not None and _held is None:  # who asks twice is not left waiting for a drive that does not answer
        if frame.f_code in _holding:
            _held = error
            return
        frame = frame.f_back
    raise error
