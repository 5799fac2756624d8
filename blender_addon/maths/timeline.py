"""Seconds of the video to frames of the scene."""

from __future__ import annotations

import numpy as np

from .arrays import Array

_SNAP = 0.05
"""Frames. Containers round timestamps (WebM to 1 ms); keys that near to whole frames belong on them."""


def key_frames(times: Array, rate: float) -> Array:
    """Scene frames (T,) of the keys: 1 + seconds x rate, so that the video's frame 0 is scene frame 1.

    A video of variable frame rate, or one whose rate is not the scene's, has keys between whole frames.
    """
    frames = 1.0 + np.asarray(times, np.float64) * rate
    whole = np.round(frames)
    if np.abs(frames - whole).max() < _SNAP and (np.diff(whole) > 0).all():
        return whole
    return frames


def scene_rate(fps: float) -> tuple[int, float]:
    """Blender's pair (fps, fps_base) for a rate: 29.97 is (30, 1.001)."""
    whole = max(1, round(fps))
    return whole, whole / fps
