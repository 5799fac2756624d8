"""Progress of long stages, which also tells them that they were cancelled."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

Progress = Callable[[str, int, "int | None"], None]
"""``progress(stage, done, total)``; ``total`` is None where it is unknown.

Called often; the receiver throttles. It may raise :class:`pose3d_engine.contract.errors.Cancelled`.
"""


def silent(stage: str, done: int, total: int | None) -> None:
    """Progress that nobody watches."""


class OnStderr:
    """Progress for a person: a bar that is redrawn on a terminal, a line every few seconds in a log."""

    def __init__(self) -> None:
        self._stage, self._first = "", 0
        self._began = self._shown = 0.0

    def __call__(self, stage: str, done: int, total: int | None) -> None:
        now = time.monotonic()
        if stage != self._stage:
            # A resumed run does not begin at 0.
            self._stage, self._first, self._began, self._shown = stage, done, now, 0.0
        if total is None and not done:
            return  # a stage that is over in a moment: only the panel shows it
        terminal = sys.stderr.isatty()
        finished = total is not None and done >= total
        if not finished and now - self._shown < (0.1 if terminal else 5.0):
            return
        self._shown = now
        rate = (done - self._first) / max(now - self._began, 1e-3)
        share = f"{done}/{total}" if total else str(done)
        if not terminal:
            percent = f" ({100 * done // total} %)" if total else ""
            print(f"{stage}: {share}{percent}, {rate:.0f}/s", file=sys.stderr, flush=True)
            return
        filled = "#" * (_BAR * min(done, total) // total) if total else ""
        bar = f"[{filled:.<{_BAR}}] " if total else ""
        # The spaces overwrite the rest of a longer line.
        print(f"\r{stage} {bar}{share}, {rate:.0f}/s    ", end="\n" if finished else "", file=sys.stderr, flush=True)


_BAR = 30
"""Characters of the bar."""

on_stderr = OnStderr()
"""The progress of every command."""
