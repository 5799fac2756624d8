"""Items of an iterator, made ahead of their consumer in a thread."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator
from contextlib import suppress
from typing import TypeVar

Item = TypeVar("Item")

_JOIN_S = 2.0
"""Seconds to wait for the thread when the consumer stops early. The thread may hang in a read from a network share."""


def prefetched(items: Iterator[Item], depth: int) -> Iterator[Item]:
    """A generator's items and error, made in a thread up to ``depth`` ahead; closes it if the consumer stops early."""
    ready: queue.Queue[tuple[Item | None, BaseException | None]] = queue.Queue(depth)
    stop = threading.Event()

    def put(item: Item | None, error: BaseException | None = None) -> None:
        while not stop.is_set():
            with suppress(queue.Full):
                ready.put((item, error), timeout=0.1)
                return

    def work() -> None:
        try:
            for item in items:
                put(item)
                if stop.is_set():
                    return
            put(None)
        except BaseException as error:  # noqa: BLE001 - handed over to the consumer, whatever it is
            put(None, error)
        finally:
            items.close()  # type: ignore[attr-defined]

    thread = threading.Thread(target=work, name="video", daemon=True)
    thread.start()
    try:
        while True:
            item, error = ready.get()
            if error is not None:
                raise error
            if item is None:
                return
            yield item
    finally:
        stop.set()
        thread.join(_JOIN_S)
