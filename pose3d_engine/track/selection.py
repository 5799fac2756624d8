"""Which person."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from ..contract.errors import UserError
from ..contract.people_file import People

_NEAR_S = 1.0
"""A person who is not seen at the moment itself is where they were seen last or next, within this time."""


@dataclass(frozen=True)
class PersonAt:
    """The person at a place of the picture: x, y pixels as displayed, at a time in seconds of the video."""

    x: float
    y: float
    seconds: float

    @classmethod
    def parse(cls, text: str) -> PersonAt:
        """From ``X,Y,SECONDS``. Raises UserError for anything else."""
        try:
            x, y, seconds = (float(number) for number in text.split(","))
        except ValueError:
            x = y = seconds = math.nan
        if not all(map(math.isfinite, (x, y, seconds))):
            raise UserError(f"person-at is {text!r}; give X,Y,SECONDS: pixels and a time, such as 640,360,2.5")
        return cls(x, y, seconds)

    def __str__(self) -> str:
        return f"{self.x:g},{self.y:g} at {self.seconds:g} s"


def select(people: People, wanted: str | PersonAt) -> list[int]:
    """Rows of ``people`` for ``largest``, ``all``, numbers of persons such as ``1,3`` (row = number - 1) or a place.

    ``largest`` is person 1, as persons are numbered by size. Raises UserError for anything else and for a person who is
    not there.
    """
    count = len(people.keypoints2d)
    if count == 0:
        raise UserError("no person was found; choose another part of the video or another video")
    if isinstance(wanted, PersonAt):
        return [_row_at(people, wanted)]
    if wanted == "largest":
        return [0]
    if wanted == "all":
        return list(range(count))
    for number in person_numbers(wanted):
        if not 1 <= number <= count:
            there = "only person 1" if count == 1 else f"persons 1 to {count}"
            raise UserError(f"there is no person {number}; the clip has {there}")
    return [number - 1 for number in dict.fromkeys(person_numbers(wanted))]


def person_numbers(wanted: str) -> list[int]:
    """The numbers of ``1,3``; none for ``largest`` and ``all``. Raises UserError for other words."""
    if wanted in ("largest", "all"):
        return []
    try:
        return [int(number) for number in wanted.split(",")]
    except ValueError:
        raise UserError(f"person is {wanted!r}; give largest, all or numbers such as 1,2") from None


def _row_at(people: People, place: PersonAt) -> int:
    """The row of the smallest box that holds a place: of two people it is the smaller one who would be missed."""
    boxes = {}
    for row, track in enumerate(people.boxes):
        seen = np.flatnonzero(np.isfinite(track).all(axis=-1))
        if seen.size:
            apart = np.abs(people.times[seen] - place.seconds)
            if apart.min() <= _NEAR_S:
                boxes[row] = track[seen[apart.argmin()]]
    inside = {
        row: float((x1 - x0) * (y1 - y0))
        for row, (x0, y0, x1, y1) in boxes.items()
        if x0 <= place.x <= x1 and y0 <= place.y <= y1
    }
    if inside:
        return min(inside, key=lambda row: inside[row])
    there = "; ".join(
        f"person {row + 1} is between {x0:.0f},{y0:.0f} and {x1:.0f},{y1:.0f}"
        for row, (x0, y0, x1, y1) in boxes.items()
    )
    raise UserError(
        f"nobody is at {place}; "
        + (there or f"nobody is seen around then, the clip is from {people.times[0]:.2f} to {people.times[-1]:.2f} s")
    )


def present(people: People) -> list[int]:
    """Rows of the people who are detected at all; a part that was cut out of a clip can be without somebody."""
    detected = np.isfinite(people.keypoints2d).all(axis=-1).any(axis=(1, 2))
    return [int(row) for row in np.flatnonzero(detected)]


def select_present(people: People, wanted: str | PersonAt) -> list[int]:
    """As :func:`select`, for people who are detected in this part of the clip. Raises UserError."""
    there = present(people)
    chosen = select(people, wanted)
    if wanted == "all":
        chosen = [row for row in chosen if row in there]
    absent = [row for row in chosen if row not in there]
    if absent or not chosen:
        subject = f"person {absent[0] + 1} is not" if absent else "nobody is"
        raise UserError(f"{subject} visible in this part of the clip; choose another person or part")
    return chosen
