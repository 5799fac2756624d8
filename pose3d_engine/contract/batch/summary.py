"""The results of a batch for a person: a line each when they arrive, a table at the end."""

from __future__ import annotations

import sys
import time
from pathlib import Path

from .tasks import Result

_WIDEST = 40
"""Characters of the longest name that the table shows in full."""


class Summary:
    """Collects the results of a number of clips."""

    def __init__(self, clips: int) -> None:
        self._clips = clips
        self._began = time.monotonic()
        self._results: list[Result] = []

    @property
    def failed(self) -> bool:
        """Whether any result is a failure."""
        return any(_state(result) == "failed" for result in self._results)

    def add(self, result: Result) -> None:
        """Takes a result and prints a line about it on stderr."""
        self._results.append(result)
        done = len({one["input"] for one in self._results})
        made = f"{result['frames']} frames in {result['seconds']:.1f} s"
        said = result["error"] or ("skipped, already done" if result["skipped"] else made)
        print(f"[{done}/{self._clips}] {_name(result)}: {said}", file=sys.stderr, flush=True)

    def table(self) -> str:
        """A row for each result, failures last, and a line of totals."""
        order = ("skipped", "done", "warned", "failed")
        rows = [
            (_name(one), _state(one), str(one["frames"] or ""), f"{one['seconds']:.1f}", _remark(one))
            for one in sorted(self._results, key=lambda one: order.index(_state(one)))
        ]
        head = ("clip", "state", "frames", "seconds", "remark")
        widths = [max(len(row[column]) for row in [head, *rows]) for column in range(len(head) - 1)]
        lines = [
            f"{row[0]:<{widths[0]}}  {row[1]:<{widths[1]}}  {row[2]:>{widths[2]}}  {row[3]:>{widths[3]}}  {row[4]}"
            for row in [head, *rows]
        ]
        states = [_state(one) for one in self._results]
        counts = ", ".join(f"{states.count(state)} {state}" for state in reversed(order) if state in states)
        frames = sum(one["frames"] for one in self._results if _state(one) in ("done", "warned"))
        seconds = time.monotonic() - self._began
        rate = frames / max(seconds, 1e-3)
        lines.append(f"{counts or 'nothing'}; {frames} new frames in {seconds:.1f} s ({rate:.0f}/s)")
        return "\n".join(line.rstrip() for line in lines)


def _name(result: Result) -> str:
    name = Path(result["input"]).name
    name = name if len(name) <= _WIDEST else f"{name[: _WIDEST - 3]}..."
    return f"{name} person{result['person']}" if (result["person"] or 1) > 1 else name


def _state(result: Result) -> str:
    if result["error"]:
        return "failed"
    return "skipped" if result["skipped"] else "warned" if result["warnings"] else "done"


def _remark(result: Result) -> str:
    return result["error"] or "; ".join(result["warnings"])
