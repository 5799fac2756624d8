"""How long a stage still takes, told from how fast it was of late."""

from __future__ import annotations

from collections import deque

_PATIENCE_S = 2.0
"""Seconds of a stage after which the rest of it can be told."""

_OF_LATE, _LEAST_S = 1 / 3, 10.0
"""Of the time spent so far only the last third counts, but at least so many seconds: a scene with more people, or other
programs, change the speed for good, and it must not take as long again until the old one is forgotten."""

_MARKS = 100
"""Into so many parts the time spent is divided: what is remembered does not grow with it."""


class Pace:
    """Takes how much is done at which time; times in seconds, of any clock that does not go backwards."""

    def __init__(self, now: float, done: int) -> None:
        """now: when the stage began. done: how much of it was done then, for one that goes on is not at 0."""
        self._began, self._done = now, done
        self._marks = deque([(now, done)])
        """The stretch that counts begins at the first of them."""

    def take(self, now: float, done: int) -> None:
        """So much is done by now."""
        self._done, spent = done, now - self._began
        if now - self._marks[-1][0] >= max(0.5, spent / _MARKS):
            self._marks.append((now, done))
        while len(self._marks) > 1 and self._marks[1][0] <= now - max(_LEAST_S, _OF_LATE * spent):
            self._marks.popleft()

    def left(self, now: float, total: int) -> float | None:
        """Seconds until ``total`` is done; None while nobody can tell."""
        since, before = self._marks[0]
        if now - self._began < _PATIENCE_S or self._done <= before:
            return None
        return (now - since) * max(total - self._done, 0) / (self._done - before)
