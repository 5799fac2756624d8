"""From the camera's space to the world's: z up, the floor at 0."""

from __future__ import annotations

import numpy as np

from ..contract.skeletons import H36M17
from .body import ANKLE_HEIGHT, CANONICAL_HEIGHT

SIZES = (0.6, 1.4)
"""Of people beside each other, children included."""

SIZE_SPREAD = 0.15
"""Standard deviation of that, as a share."""

LEAST_CAMERA_HEIGHT = 0.5
"""Metres over the floor from which on its distance tells sizes; from lower down, an error of the feet tells more."""

ANKLES = [H36M17.index("LAnkle"), H36M17.index("RAnkle")]
"""Left, right: the order of ``contacts``."""

_LOWEST_SHARE = 0.02
"""The floor is where the lowest ankles are, but for this share of them: a single wrong frame is not the floor."""


def floor_height(ankles: np.ndarray, seen: np.ndarray, height: float) -> float:
    """Height of the floor under the lowest feet, in the axis in which ``ankles`` (T,2) are heights, metres.

    seen: (T,2) bool; where no ankle is ever seen, all count. height: of the person, which scales the ankle's.
    """
    known = ankles[seen] if seen.any() else ankles.ravel()
    return float(np.quantile(known, _LOWEST_SHARE)) - ankle_height(height)


def ankle_height(height: float) -> float:
    """Metres of the ankle joint over the floor, for a standing person of that height."""
    return ANKLE_HEIGHT * height / CANONICAL_HEIGHT


def relative_size(ground: float, reference: float, error: float) -> float:
    """How tall somebody is beside another who stands on the same floor before the same camera.

    A picture does not tell the tall and far from the small and near, but the floor does: under one camera it is equally
    far below for everybody. ground, reference: heights of the floor over the camera, metres (below it: negative), found
    as if both were as tall. error: of their ratio, as a share. The likeliest size between what the floor says and that
    people are about as tall as each other (normal distributions of its logarithm); 1 with a camera on the floor.
    """
    if max(ground, reference) > -LEAST_CAMERA_HEIGHT:
        return 1.0
    trust = SIZE_SPREAD**2 / (SIZE_SPREAD**2 + error**2)
    return float(np.clip((reference / ground) ** trust, *SIZES))
