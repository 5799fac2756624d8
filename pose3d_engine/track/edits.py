"""Corrections of tracks by a user who looks at the video: one track is two people, two tracks are one."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from ..contract.errors import UserError
from ..contract.people_file import People
from .records import numbered


@dataclass(frozen=True)
class Split:
    """From a time on, in seconds of the video, a track is another person."""

    person: int
    seconds: float

    @classmethod
    def parse(cls, text: str) -> Split:
        """From ``ID@SECONDS``; raises UserError for any other text."""
        try:
            person, seconds = text.split("@")
            split = cls(int(person), float(seconds))
        except ValueError:
            split = cls(0, math.nan)
        if not math.isfinite(split.seconds):
            raise UserError(f"split is {text!r}; give ID@SECONDS, such as 2@3.5")
        return split

    def apply(self, people: People) -> People:
        """The people with one more, all numbered anew by size; raises UserError if the person is not on both sides."""
        row = _row(people, self.person)
        later = people.times >= self.seconds
        detected = _detected(people, row)
        if not (detected & later).any() or not (detected & ~later).any():
            when = people.times[detected]
            visible = f"they are visible from {when[0]:.2f} to {when[-1]:.2f} s; give a time between"
            raise UserError(f"person {self.person} cannot be split at {self.seconds:g} s: {visible}")
        source = np.vstack([_unchanged(people), np.where(later, row, -1)])
        source[row, later] = -1
        return _rearranged(people, source)


@dataclass(frozen=True)
class Merge:
    """Two tracks are one person. Where both are detected, the first counts."""

    first: int
    second: int

    @classmethod
    def parse(cls, text: str) -> Merge:
        """From ``ID,ID``; raises UserError for any other text."""
        try:
            first, second = (int(number) for number in text.split(","))
        except ValueError:
            raise UserError(f"merge is {text!r}; give two numbers of people, such as 1,3") from None
        return cls(first, second)

    def apply(self, people: People) -> People:
        """The people with one less, all numbered anew by size; raises UserError for numbers that do not exist."""
        first, second = _row(people, self.first), _row(people, self.second)
        if first == second:
            raise UserError(f"person {self.first} cannot be merged with itself; give two people")
        source = _unchanged(people)
        source[first, ~_detected(people, first)] = second
        return _rearranged(people, np.delete(source, second, axis=0))


def _row(people: People, person: int) -> int:
    count = len(people.keypoints2d)
    if not 1 <= person <= count:
        raise UserError(f"there is no person {person}; the file has people 1 to {count}")
    return person - 1


def _detected(people: People, row: int) -> np.ndarray:
    """(T,) bool, frames with a detection of a person."""
    return np.asarray(np.isfinite(people.boxes[row]).all(axis=-1))


def _unchanged(people: People) -> np.ndarray:
    """(P,T): the source of :func:`_rearranged` with which everybody stays as they are."""
    return np.repeat(np.arange(len(people.keypoints2d))[:, None], len(people.times), axis=1)


def _rearranged(people: People, source: np.ndarray) -> People:
    """New people: in each frame each is the old person whose row is in ``source`` (P,T); -1 where not detected."""

    def taken(values: np.ndarray, empty: float | tuple[float, ...] = np.nan) -> np.ndarray:
        result = np.asarray(values[source, np.arange(source.shape[1])])  # a copy
        result[source < 0] = empty
        return result

    keypoints, boxes = taken(people.keypoints2d, (np.nan, np.nan, 0.0)), taken(people.boxes)
    extras = {name: taken(values) for name, values in people.extras.items()}
    return numbered(replace(people, keypoints2d=keypoints, boxes=boxes, extras=extras))
