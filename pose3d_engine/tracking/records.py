"""What is told of a person before anybody is chosen: the records in the meta of People."""

from __future__ import annotations

from typing import Any

import numpy as np

from .completeness import complete_share


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
