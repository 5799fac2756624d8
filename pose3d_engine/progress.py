"""How long stages say how far they are, and how they learn that they were cancelled."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

Progress = Callable[[str, int, "int | None"], None]
"""``progress(stage, done, total)``; ``total`` is None where it is not known.

Called often; the receiver throttles. It may raise :class:`pose3d_engine.errors.Cancelled`.
"""


def silent(stage: str, done: int, total: int | None) -> None:
    """The progress of a job that nobody watches."""


class OnStderr:
    """Progress for a person at a terminal: a line that is rewritten there, a line every few seconds elsewhere."""

    def __init__(self) -> None:
        self._stage = ""
        self._first = 0
        self._began = self._shown = 0.0

    def __call__(self, stage: str, done: int, total: int | None) -> None:
        now = time.monotonic()
        if stage != self._stage:
            # A run that was resumed does not begin at 0.
            self._stage, self._first, self._began, self._shown = stage, done, now, 0.0
        terminal = sys.stderr.isatty()
        finished = total is not None and done >= total
        if not finished and now - self._shown < (0.1 if terminal else 5.0):
            return
        self._shown = now
        rate = (done - self._first) / max(now - self._began, 1e-3)
        share = f"{done}/{total} ({100 * done // max(total, 1)} %)" if total else str(done)
        begin, end = ("\r", "\n" if finished else "") if terminal else ("", "\n")
        print(f"{begin}{stage}: {share}, {rate:.0f}/s ", end=end, file=sys.stderr, flush=True)


on_stderr = OnStderr()
"""The progress of every command."""
