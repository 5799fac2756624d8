"""The height of the floor, and the sizes of people who stand on it."""

from __future__ import annotations

import numpy as np

from ..contract.skeletons import H36M17
from .body import ANKLE_HEIGHT, CANONICAL_HEIGHT

SIZE_RANGE, SIZE_SPREAD = (0.6, 1.4), 0.15  #: Bounds and standard deviation (of the logarithm) of relative sizes.
MIN_CAMERA_HEIGHT = 0.5  #: Metres over the floor, below which the floor's distance says too little about sizes.
ANKLES = [H36M17.index("LAnkle"), H36M17.index("RAnkle")]  #: The order of ``contacts``.
_OUTLIERS = 0.02  #: Share of ankles that may lie below the floor: single wrong frames.


def floor_height(ankles: np.ndarray, observed: np.ndarray, height: float) -> float:
    """Height of the floor under the lowest of ankles (T,2) of a person of ``height``, metres over the same origin. Only
    ``observed`` (T,2) ankles count, unless there are none."""
    known = ankles[observed] if observed.any() else ankles.ravel()
    return float(np.quantile(known, _OUTLIERS)) - ankle_height(height)


def ankle_height(height: float) -> float:
    """Metres of the ankle joint over the floor for a standing person of that height."""
    return ANKLE_HEIGHT * height / CANONICAL_HEIGHT


def relative_size(ground: float, reference: float, error: float) -> float:
    """Estimates how tall a person is relative to another one on the same floor before the same camera.

    One picture does not distinguish tall and far from small and near, but the floor is equally far below the camera
    for everybody. The result is the likeliest size between that evidence and equal sizes (log-normal). ``ground`` and
    ``reference``: heights of the floor over the camera (negative), if both were equally tall; ``error``: of their
    ratio, as a share.
    """
    if max(ground, reference) > -MIN_CAMERA_HEIGHT:
        return 1.0
    weight = SIZE_SPREAD**2 / (SIZE_SPREAD**2 + error**2)
    return float(np.clip((reference / ground) ** weight, *SIZE_RANGE))
