"""Seconds of the video to frames of the scene."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from .arrays import Array

_SNAP = 0.05
"""Frames. Containers round timestamps (WebM to 1 ms); keys that near to whole frames belong on them."""

_WHOLE_RATES = (24, 25, 30, 48, 50, 60, 90, 100, 120, 240)
"""Frames a second that film, television, games and cameras use."""

_NTSC = 1.001
"""By which 24, 30, 60 and 120 frames a second are divided in NTSC countries: 23.976, 29.97, ... (SMPTE 170M)."""

_SAME_RATE = 0.0004
"""Share by which a rate may differ from one of NTSC and still be meant as it: less than half way to the whole one."""


@dataclass(frozen=True)
class Timing:
    """Where a video lies on a scene's timeline.

    Attributes:
        rate: frames a second of the scene.
        start: the scene's frame at which the video begins.
        whole: whether keys lie on whole frames, so that a motion of another rate is resampled.
    """

    rate: float
    start: int = 1
    whole: bool = True

    def frames(self, times: Array) -> Array:
        """Scene frames (T,) of the seconds ``times`` (T,) of the video."""
        return key_frames(times, self.rate, self.start)

    def whole_frames(self, times: Array) -> Array:
        """The whole scene frames (N,) from the first to the last of ``times`` (T,); at least one."""
        frames = self.frames(times)
        first, last = math.ceil(frames[0] - _SNAP), math.floor(frames[-1] + _SNAP)
        return np.arange(first, max(first, last) + 1, dtype=np.float64)

    def seconds(self, frame: float) -> float:
        """The second of the video that a scene frame shows; negative before its beginning."""
        return (frame - self.start) / self.rate


def key_frames(times: Array, rate: float, start: int = 1) -> Array:
    """Scene frames (T,) of the keys: start + seconds x rate, so that the video's frame 0 is the scene frame ``start``.

    A video of variable frame rate, or one whose rate is not the scene's, has them between whole frames.
    """
    frames = start + np.asarray(times, np.float64) * rate
    whole = np.round(frames)
    if np.abs(frames - whole).max() < _SNAP and (np.diff(whole) > 0).all():
        return whole
    return frames


def scene_rate(fps: float) -> tuple[int, float]:
    """Blender's pair (fps, fps_base) of the standard rate nearest to ``fps``: (30, 1.001) for 29.98."""
    whole = min(_WHOLE_RATES, key=lambda rate: abs(math.log(rate / fps)))
    if whole % 24 and whole % 30:
        return whole, 1.0
    return whole, _NTSC if abs(fps * _NTSC / whole - 1.0) < _SAME_RATE else 1.0
