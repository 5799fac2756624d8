"""The screen that the papers' networks take keypoints on: x in -1..1 over the width, y in the same scale, the middle of
the picture at the origin."""

from __future__ import annotations

import numpy as np


def normalise(pixels: np.ndarray, width: float, height: float) -> np.ndarray:
    """Pixels (..., 2) of a picture -> screen (..., 2), of the same type."""
    return pixels / width * 2 - np.array([1, height / width], pixels.dtype)
