"""Selection of people by number, size or place."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from ..contract.errors import UserError
from ..contract.people_file import People

_NEAR_S = 1.0
"""Seconds: a person who is not detected at the moment itself is at the nearest detection within this time."""


@dataclass(frozen=True)
class PersonAt:
    """A place in the picture: x, y pixels as displayed, at a time in seconds of the video."""

    x: float
    y: float
    seconds: float

    @classmethod
    def parse(cls, text: str) -> PersonAt:
        """From ``X,Y,SECONDS``; raises UserError for any other text."""
        try:
            x, y, seconds = (float(number) for number in text.split(","))
        except ValueError:
            x = y = seconds = math.nan
        if not all(map(math.isfinite, (x, y, seconds))):
            raise UserError(f"person-at is {text!r}; give X,Y,SECONDS: pixels and a time, such as 640,360,2.5")
        return cls(x, y, seconds)


def select(people: People, wanted: str | PersonAt) -> list[int]:
    """The rows of ``largest`` (person 1, as people are numbered by size), ``all``, numbers such as ``1,3`` or a place.

    Raises:
        UserError: For any other text and for a person who does not exist.
    """
    count = len(people.keypoints2d)
    if count == 0:
        raise UserError("no person was found; choose another part of the video or another video")
    if isinstance(wanted, PersonAt):
        return [_row_at(people, wanted)]
    if wanted == "all":
        return list(range(count))
    try:
        numbers = [1] if wanted == "largest" else [int(number) for number in wanted.split(",")]
    except ValueError:
        raise UserError(f"person is {wanted!r}; give largest, all or numbers such as 1,2") from None
    for number in numbers:
        if not 1 <= number <= count:
            there = "only person 1" if count == 1 else f"people 1 to {count}"
            raise UserError(f"there is no person {number}; the clip has {there}")
    return [number - 1 for number in dict.fromkeys(numbers)]


def _row_at(people: People, place: PersonAt) -> int:
    """The row of the smallest box around a place: a large person in front is easily selected elsewhere."""
    areas, there = {}, []
    for row, track in enumerate(people.boxes):
        detected = np.flatnonzero(np.isfinite(track).all(axis=-1))
        elapsed = np.abs(people.times[detected] - place.seconds)
        if not detected.size or elapsed.min() > _NEAR_S:
            continue
        x0, y0, x1, y1 = track[detected[elapsed.argmin()]]
        there.append(f"person {row + 1} is between {x0:.0f},{y0:.0f} and {x1:.0f},{y1:.0f}")
        if x0 <= place.x <= x1 and y0 <= place.y <= y1:
            areas[row] = float((x1 - x0) * (y1 - y0))
    if areas:
        return min(areas, key=areas.__getitem__)
    if not there:
        clip = f"{people.times[0]:.2f} to {people.times[-1]:.2f} s"
        there = [f"nobody is visible around that time, the clip is from {clip}"]
    raise UserError(f"nobody is at {place.x:g},{place.y:g} at {place.seconds:g} s; {'; '.join(there)}")


def present(people: People) -> list[int]:
    """Rows of the people who are detected in some frame; a part of a clip may not contain all of them."""
    detected = np.isfinite(people.keypoints2d).all(axis=-1).any(axis=(1, 2))
    return [int(row) for row in np.flatnonzero(detected)]


def select_present(people: People, wanted: str | PersonAt) -> list[int]:
    """As :func:`select`, of the people in this part of the clip; raises UserError if one of them is not there."""
    there = present(people)
    chosen = select(people, wanted)
    if wanted == "all":
        chosen = there
    absent = [row for row in chosen if row not in there]
    if absent or not chosen:
        subject = f"person {absent[0] + 1} is not" if absent else "nobody is"
        raise UserError(f"{subject} visible in this part of the clip; choose another person or part")
    return chosen
