"""Who is who after people were analysed or edited again: numbers go by size, and so change."""

from __future__ import annotations

import numpy as np

from ..contract.people_file import People

MIN_IOU = 0.5
"""Of two boxes in the same frame that show the same person: the customary bound in multi-object tracking (MOTChallenge,
Leal-Taixe et al., 2015)."""


def predecessors(people: People, former: People, earliest: bool = False) -> list[list[int]]:
    """The numbers that each person had before, by the boxes of the frames that both results have.

    Args:
        people: The people now.
        former: The people before, of the same video.
        earliest: Whether somebody from before is the one of now with the earliest common box, as after a split, and not
            the one with the most common boxes.

    Returns:
        For each person, in order, the numbers in ``former`` of the same person; none for somebody who is new. A number
        occurs once at most.
    """
    _, now, before = np.intersect1d(people.frames, former.frames, return_indices=True)
    found: list[list[int]] = [[] for _ in people.boxes]
    for row, boxes in enumerate(former.boxes[:, before]):
        common = [np.flatnonzero(_iou(mine, boxes) >= MIN_IOU) for mine in people.boxes[:, now]]
        same = [person for person, frames in enumerate(common) if len(frames)]
        if same:
            best = min(same, key=lambda person: common[person][0] if earliest else -len(common[person]))
            found[best].append(row + 1)
    return found


def _iou(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """(n,) intersection over union of boxes (n,4) x0, y0, x1, y1; 0 where one is NaN."""
    size = np.minimum(a[:, 2:], b[:, 2:]) - np.maximum(a[:, :2], b[:, :2])
    common = np.prod(np.maximum(size, 0.0), axis=1)
    union = np.prod(a[:, 2:] - a[:, :2], axis=1) + np.prod(b[:, 2:] - b[:, :2], axis=1) - common
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.nan_to_num(common / union)
