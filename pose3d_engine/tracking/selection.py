"""Which person."""

from __future__ import annotations

from ..data import People
from ..errors import UserError


def select(people: People, wanted: str) -> list[int]:
    """Rows of ``people`` for ``largest``, ``all`` or numbers of persons such as ``1,3`` (row = number - 1).

    Raises UserError for anything else and for a person who is not there.
    """
    count = len(people.keypoints2d)
    if count == 0:
        raise UserError("no person was found; choose another part of the video or another video")
    if wanted == "largest":
        return [0]
    if wanted == "all":
        return list(range(count))
    try:
        numbers = [int(number) for number in wanted.split(",")]
    except ValueError:
        raise UserError(f"person is {wanted!r}; give largest, all or numbers such as 1,2") from None
    for number in numbers:
        if not 1 <= number <= count:
            there = "only person 1" if count == 1 else f"persons 1 to {count}"
            raise UserError(f"there is no person {number}; the clip has {there}")
    return [number - 1 for number in dict.fromkeys(numbers)]
