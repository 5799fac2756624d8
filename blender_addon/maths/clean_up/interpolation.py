"""Replaces a bad range by one smooth curve from the motion before it to the motion after it."""

from __future__ import annotations

import numpy as np

from .errors import CleanUpError
from .key_reduction import Channels, Keys
from .motion import Motion

AROUND = 4
"""Frames before and after the range over which the slopes at its ends are measured."""


def interpolate_range(
    motion: Motion, channels: list[Channels], first: float, last: float
) -> tuple[Motion, list[list[Keys]]]:
    """One Bezier piece a curve across a range.

    Args:
        motion: the motion, with frames outside the range.
        channels: the curves to change.
        first, last: scene frames of the range, where the keys will be.

    Returns:
        The motion of the range alone, and for every curve of ``channels`` a key at each end. The slopes are those of
        the motion outside, limited so that a curve overshoots by at most half of the difference of its two keys.

    Raises:
        CleanUpError: less than three frames are in the range.
    """
    inside = motion.rows_in(first, last)
    if len(inside) < 3:
        raise CleanUpError("There is nothing to replace between these two frames; choose a longer range")
    a, b = int(inside[0]), int(inside[-1])
    part = motion.take(inside)
    span = float(b - a)
    handle = np.full(2, span / 3)
    keys = []
    for item in channels:
        values = item.values
        before = (values[a] - values[max(a - AROUND, 0)]) / max(a - max(a - AROUND, 0), 1)
        end = min(b + AROUND, len(values) - 1)
        after = (values[end] - values[b]) / max(end - b, 1)
        most = 3.0 * np.abs(values[b] - values[a]) / span + 1e-3
        slopes = np.clip(np.stack([before, after]), -most, most)
        keys.append(
            [
                Keys(np.array([0, b - a]), values[[a, b], column], slopes[:, column], handle, handle)
                for column in range(values.shape[1])
            ]
        )
    return part, keys
