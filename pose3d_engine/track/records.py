"""The order of the people, and their records in the meta of People, by which the user chooses one."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import numpy as np

from ..contract.people_file import People
from .completeness import complete_share


def ranking(tracks: Iterable[tuple[np.ndarray, np.ndarray]]) -> list[int]:
    """The indices of tracks, keypoints (n,17,3) and boxes (n,4), by the area that they cover, the largest first.

    People who are never completely visible come last: half a person near the camera may cover more of the picture than
    the performer.
    """
    keys = []
    for keypoints, boxes in tracks:
        area = np.prod(boxes[:, 2:] - boxes[:, :2], axis=-1).sum()
        keys.append((complete_share(keypoints) == 0, -float(area)))
    return sorted(range(len(keys)), key=keys.__getitem__)


def numbered(people: People) -> People:
    """The people who are detected in some frame, in the order of their numbers and with a record each."""
    detected = np.isfinite(people.boxes).all(axis=-1)
    present = np.flatnonzero(detected.any(axis=1))
    order = ranking((people.keypoints2d[row, detected[row]], people.boxes[row, detected[row]]) for row in present)
    rows = present[order]
    if rows.tolist() != list(range(len(people.boxes))):  # of a long clip a copy is half a gigabyte
        extras = {name: values[rows] for name, values in people.extras.items()}
        people = replace(people, keypoints2d=people.keypoints2d[rows], boxes=people.boxes[rows], extras=extras)
    return replace(people, meta={**people.meta, "people": records(people)})


def records(people: People) -> list[dict[str, Any]]:
    """A record of each person who is detected in these frames; person ``n`` is row ``n - 1``."""
    result = []
    for person, (keypoints, boxes) in enumerate(zip(people.keypoints2d, people.boxes, strict=True), start=1):
        rows = np.flatnonzero(np.isfinite(boxes).all(axis=-1))
        if rows.size:
            record = {
                "person": person,
                "first": int(people.frames[rows[0]]),
                "last": int(people.frames[rows[-1]]),
                "coverage": round(len(rows) / len(people.frames), 4),
                "score": round(float(keypoints[rows, :, 2].mean()), 4),
                "complete": round(complete_share(keypoints), 4),
                "height_px": round(float(np.median(boxes[rows, 3] - boxes[rows, 1]))),
            }
            result.append(record)
    return result
