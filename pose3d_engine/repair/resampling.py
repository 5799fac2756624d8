"""Frames between the frames, for a lifter that knows people at a higher rate."""

from __future__ import annotations

import numpy as np
from scipy.interpolate import PchipInterpolator

MOST = 6
"""Frames made of one at most: from further apart nothing is known of what happened between."""

_LENIENCE = 0.2
"""A clip of 16 frames a second still becomes one of 32 for a lifter of 30: twice is nearer than once."""


def factor_for(fps: float, rate: float) -> int:
    """The whole number of frames to make of one, so that a lifter of ``rate`` sees about the rate it knows.

    1, a track as it is, from 0.56 of the rate upwards. Measured with the lifter that ships (30 a second) on 64 views of
    unseen motion capture, N-MPJPE in mm without and with, for detectors that err by 0.5 and by 2 % of a person's size:

        6 a second   65.4 -> 55.9   78.0 -> 72.3      15 a second   57.0 -> 55.4   70.0 -> 69.8
        10           59.6 -> 55.5   72.7 -> 70.7      20            56.3 -> 55.6   69.2 -> 69.8 (so not done)
        12           58.5 -> 55.7   71.5 -> 70.1

    The error of acceleration falls too, by 3 to 30 %, where the detector errs by 0.5 %; at 2 % it rises by a tenth at
    10 and 12 and by a fifth at 15: the lifter then takes a slow clip's jitter for movement.
    """
    if fps <= 0:
        return 1
    return min(max(1, int(rate / fps + _LENIENCE)), MOST)


def densify(track: np.ndarray, times: np.ndarray, factor: int) -> np.ndarray:
    """A filled track (T,17,3) with ``factor - 1`` frames between each two: ((T - 1) factor + 1, 17, 3) float32.

    times: (T,) seconds. Every ``factor``-th row is a row of the track. Positions between lie on a spline that keeps
    the shape (PCHIP), scores on a straight line.
    """
    if factor == 1 or len(track) < 2:
        return track
    rows = np.arange(len(track))
    wanted = np.arange((len(track) - 1) * factor + 1) / factor
    dense = PchipInterpolator(times, track)(np.interp(wanted, rows, times))
    dense[::factor] = track
    below = np.floor(wanted).astype(int)
    share = (wanted - below)[:, None]
    dense[..., 2] = (1 - share) * track[below, :, 2] + share * track[np.minimum(below + 1, rows[-1]), :, 2]
    return dense.astype(np.float32)
