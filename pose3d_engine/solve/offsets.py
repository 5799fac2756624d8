"""What a detector reports as a joint is not the skeleton's joint: the offsets between them."""

from __future__ import annotations

import numpy as np

from .kinematics import POINTS

_MEDIAPIPE = {
    "Hip": (-22, 24, -13),
    "Knee": (-6, -10, -2),
    "Ankle": (0, 14, 25),
    "Shoulder": (-15, 2, 28),
    "Elbow": (-14, 9, 20),
    "Wrist": (-8, 6, 4),
}


def of(detector: str) -> np.ndarray:
    """(21,3) metres of the canonical body, from points to what the detector reports: left, back and up of the trunk."""
    result = np.zeros((len(POINTS), 3))
    for row, point in enumerate(POINTS[:17]):
        if point[1:] in _MEDIAPIPE and point[0] in "LR":
            out, forward, up = _MEDIAPIPE[point[1:]]
            result[row] = np.array([out if point[0] == "L" else -out, -forward, up]) / 1000
    return result
