"""One smooth curve across a bad stretch, from what is before it to what is after it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from .errors import CleanUpError
from .key_reduction import Channels, Keys
from .motion import Motion

AROUND = 4
"""Frames before and after the stretch from which the slopes at its ends are taken."""


def bridge(motion: Motion, channels: list[Channels], first: float, last: float) -> tuple[Motion, list[list[Keys]]]:
    """The stretch from frame ``first`` to ``last``, and for every curve of ``channels`` a key at each of its ends.

    The slopes are those of the motion outside, kept below what would swing out beyond the two keys by more than half
    of their difference. Raises CleanUpError if less than three frames are in the stretch.
    """
    inside = np.flatnonzero((motion.frames >= first - 1e-3) & (motion.frames <= last + 1e-3))
    if len(inside) < 3:
        raise CleanUpError("There is nothing to replace between these two frames; choose a longer stretch")
    a, b = int(inside[0]), int(inside[-1])
    part = replace(
        motion,
        frames=motion.frames[inside],
        rotations=motion.rotations[inside],
        locations=motion.locations[inside],
    )
    span = float(b - a)
    reach = np.full(2, span / 3)
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
                Keys(np.array([0, b - a]), values[[a, b], column], slopes[:, column], reach, reach)
                for column in range(values.shape[1])
            ]
        )
    return part, keys
