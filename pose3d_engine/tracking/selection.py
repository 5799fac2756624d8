"""Which person, and a track without holes in it."""

from __future__ import annotations

import itertools

import numpy as np

from ..data import People
from ..errors import UserError

INTERPOLATED_S = 0.5
"""A gap up to this long is interpolated and keeps some score; in a longer one nobody knows, so the score is 0."""

_INTERPOLATED_SCORE = 0.5
"""Share of the score of the gap's ends that an interpolated keypoint gets."""


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


def fill(track: np.ndarray, times: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A track whose every value is finite, and where it was really seen.

    track: (T,17,3) pixels and score, NaN and 0 where not seen; times: (T,) seconds. Returns (T,17,3) float32 and
    (T,) bool. Positions in gaps are interpolated in time, before the first and after the last sight they are
    held. Scores there are 0, but for gaps up to INTERPOLATED_S, which keep a part of their ends' scores.
    Raises ValueError if nobody is seen in any row.
    """
    finite = np.isfinite(track).all(axis=-1)
    seen = finite.any(axis=-1)
    if not seen.any():
        raise ValueError("a track in which nobody is seen")
    filled = np.zeros(track.shape, np.float32)
    anyone = track[seen][finite[seen]][:, :2].mean(axis=0)
    for keypoint in range(track.shape[1]):
        known = np.flatnonzero(finite[:, keypoint])
        if known.size == 0:
            filled[:, keypoint, :2] = anyone
            continue
        for axis in range(2):
            values = track[known, keypoint, axis]
            filled[:, keypoint, axis] = np.interp(times, times[known], values)
        filled[known, keypoint, 2] = track[known, keypoint, 2]
        for before, after in itertools.pairwise(known):
            if after - before > 1 and times[after] - times[before] <= INTERPOLATED_S:
                ends = min(track[before, keypoint, 2], track[after, keypoint, 2])
                filled[before + 1 : after, keypoint, 2] = _INTERPOLATED_SCORE * ends
    return filled, seen
