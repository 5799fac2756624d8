"""Who is who after people were analysed or edited again: numbers go by size, and so change."""

from __future__ import annotations

import numpy as np

from ..contract.people_file import People
from .tracker import intersection_over_union

MIN_IOU = 0.5
"""Of two boxes in the same frame that show the same person: the customary bound in multi-object tracking (MOTChallenge,
Leal-Taixe et al., 2015)."""


def predecessors(people: People, former: People, earliest: bool = False) -> list[list[int]]:
    """For each person the numbers of the same person in ``former``, by the boxes of the frames that both have.

    None for somebody who is new; a number occurs once at most. Somebody from before is the one of now with the most
    common boxes, or with ``earliest``, as after a split, the one with the earliest.
    """
    _, now, before = np.intersect1d(people.frames, former.frames, return_indices=True)
    found: list[list[int]] = [[] for _ in people.boxes]
    for row, boxes in enumerate(former.boxes[:, before]):
        common = [np.flatnonzero(intersection_over_union(mine, boxes) >= MIN_IOU) for mine in people.boxes[:, now]]
        same = [person for person, frames in enumerate(common) if len(frames)]
        if same:
            best = min(same, key=lambda person: common[person][0] if earliest else -len(common[person]))
            found[best].append(row + 1)
    return found
