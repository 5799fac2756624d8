"""The order of the people, and their records in the meta of People, by which the user chooses one."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import numpy as np

from ..contract.people_file import People
from .completeness import complete_share


def ranking(tracks: Iterable[tuple[np.ndarray, np.ndarray]]) -> list[int]:
    """The order of tracks by the area that they cover over the clip, the largest first.

    People who are never completely visible come last: half a person near the camera may cover more of the picture than
    the performer.

    Args:
        tracks: Of each the keypoints (n,17,3) and boxes (n,4) of the frames with detections.

    Returns:
        Indices of the tracks.
    """
    keys = [
        (complete_share(np.asarray(keypoints)) == 0, -float(_area(np.asarray(boxes)).sum()))
        for keypoints, boxes in tracks
    ]
    return sorted(range(len(keys)), key=keys.__getitem__)


def numbered(people: People) -> People:
    """The people who are detected in some frame, in the order of their numbers and with a record each."""
    detected = np.isfinite(people.boxes).all(axis=-1)
    present = np.flatnonzero(detected.any(axis=1))
    order = ranking((people.keypoints2d[row, detected[row]], people.boxes[row, detected[row]]) for row in present)
    rows = present[order]
    ordered = people
    if rows.tolist() != list(range(len(people.boxes))):  # of a long clip a copy is half a gigabyte
        extras = {name: values[rows] for name, values in people.extras.items()}
        ordered = replace(people, keypoints2d=people.keypoints2d[rows], boxes=people.boxes[rows], extras=extras)
    return replace(ordered, meta={**people.meta, "people": records(ordered)})


def records(people: People) -> list[dict[str, Any]]:
    """A record of each person who is detected in these frames; person ``n`` is row ``n - 1``."""
    return [
        person_record(row + 1, people.frames, people.keypoints2d[row], boxes)
        for row, boxes in enumerate(people.boxes)
        if np.isfinite(boxes).all(axis=-1).any()
    ]


def _area(boxes: np.ndarray) -> np.ndarray:
    return np.asarray(np.prod(boxes[..., 2:] - boxes[..., :2], axis=-1))


def person_record(person: int, frames: np.ndarray, keypoints: np.ndarray, boxes: np.ndarray) -> dict[str, Any]:
    """The record of one person, who is detected in one frame at least.

    Args:
        person: Number of the person.
        frames: (T,) indices in the file.
        keypoints: (T,17,3) pixels and score, NaN and 0 where not visible.
        boxes: (T,4) pixels, NaN in frames without the person.
    """
    rows = np.flatnonzero(np.isfinite(boxes).all(axis=1))
    return {
        "person": person,
        "first": int(frames[rows[0]]),
        "last": int(frames[rows[-1]]),
        "coverage": round(len(rows) / len(frames), 4),
        "score": round(float(keypoints[rows, :, 2].mean()), 4),
        "complete": round(complete_share(keypoints), 4),
        "height_px": round(float(np.median(boxes[rows, 3] - boxes[rows, 1]))),
    }
