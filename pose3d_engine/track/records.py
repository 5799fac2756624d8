"""The numbers of the persons, and what is told of each before anybody is chosen: the records in the meta of People."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import numpy as np

from ..contract.people_file import People
from .completeness import complete_share


def ranking(tracks: Iterable[tuple[np.ndarray, np.ndarray]]) -> list[int]:
    """The order of tracks, each (n,17,3) keypoints and (n,4) boxes of the frames in which somebody is seen.

    By the area they cover over the clip, the largest first; but who is never seen whole last, because half a person
    near the camera may cover more of the picture than the one who is filmed.
    """
    keys = [
        (complete_share(np.asarray(keypoints)) == 0, -float(_area(np.asarray(boxes)).sum()))
        for keypoints, boxes in tracks
    ]
    return sorted(range(len(keys)), key=keys.__getitem__)


def numbered(people: People) -> People:
    """Everybody who is seen, in the order of their numbers and with a record each."""
    seen = np.isfinite(people.boxes).all(axis=-1)
    there = np.flatnonzero(seen.any(axis=1))
    order = ranking((people.keypoints2d[row, seen[row]], people.boxes[row, seen[row]]) for row in there)
    rows = there[order]
    ordered = people
    if rows.tolist() != list(range(len(people.boxes))):  # of a long clip a copy is half a gigabyte
        extras = {name: values[rows] for name, values in people.extras.items()}
        ordered = replace(people, keypoints2d=people.keypoints2d[rows], boxes=people.boxes[rows], extras=extras)
    return replace(ordered, meta={**people.meta, "people": records(ordered)})


def records(people: People) -> list[dict[str, Any]]:
    """A record of every person who is seen in these frames; the numbers are those of the rows."""
    return [
        person_record(row + 1, people.frames, people.keypoints2d[row], boxes)
        for row, boxes in enumerate(people.boxes)
        if np.isfinite(boxes).all(axis=-1).any()
    ]


def _area(boxes: np.ndarray) -> np.ndarray:
    return np.prod(boxes[..., 2:] - boxes[..., :2], axis=-1)


def person_record(person: int, frames: np.ndarray, keypoints: np.ndarray, boxes: np.ndarray) -> dict[str, Any]:
    """The record of a person, by number, who is seen in one frame at least.

    frames: (T,) indices in the file. keypoints: (T,17,3), NaN and 0 where not seen. boxes: (T,4) pixels, NaN in the
    frames without the person.
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
