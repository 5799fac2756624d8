"""Estimates the remaining time of a stage from its recent speed."""

from __future__ import annotations

from collections import deque

_PATIENCE_S = 2.0
"""Seconds of a stage after which the rest can be estimated."""

_OF_LATE, _LEAST_S = 1 / 3, 10.0
"""Only the last third of the time spent so far counts, but at least so many seconds: more people in the scene, or other
programs, change the speed for good, and the estimate must follow soon."""

_MARKS = 100
"""Marks that the time spent is divided into, so that memory does not grow with it."""


class Pace:
    """The speed of a stage; times are seconds of any clock that does not go backwards."""

    def __init__(self, now: float, done: int) -> None:
        """now: the time when the stage began. done: how much was done then; a resumed stage does not begin at 0."""
        self._began, self._done = now, done
        self._marks = deque([(now, done)])
        """Time and amount done; the span that counts begins at the first of them."""

    def take(self, now: float, done: int) -> None:
        """Takes the amount that is done at a time."""
        self._done, spent = done, now - self._began
        if now - self._marks[-1][0] >= max(0.5, spent / _MARKS):
            self._marks.append((now, done))
        while len(self._marks) > 1 and self._marks[1][0] <= now - max(_LEAST_S, _OF_LATE * spent):
            self._marks.popleft()

    def left(self, now: float, total: int) -> float | None:
        """Seconds until ``total`` is done; None while that cannot be estimated."""
        since, before = self._marks[0]
        if now - self._began < _PATIENCE_S or self._done <= before:
            return None
        return (now - since) * max(total - self._done, 0) / (self._done - before)
