"""Changes the time of keys: speed and length of an Action."""

from __future__ import annotations

from typing import Any

import numpy as np

from . import fcurves
from .fcurves import SAME_FRAME


def retime(bag: Any, first: float, last: float, factor: float) -> None:
    """Makes the range from ``first`` to ``last`` take ``factor`` times as long; later keys are moved on."""
    for curve in bag.fcurves:
        keys = fcurves.read_keys(curve)
        for name in fcurves.NUMBERS:
            frames = keys[name][:, 0]
            stretched = np.clip(frames - first, 0.0, last - first) * (factor - 1)
            keys[name][:, 0] = frames + stretched
        fcurves.replace_keys(curve, keys)


def cut(bag: Any, first: float, last: float) -> None:
    """Removes all keys outside ``first`` to ``last``, with a key at both ends."""
    for curve in bag.fcurves:
        ends = [
            frame for frame in (first, last) if curve.range()[0] - SAME_FRAME <= frame <= curve.range()[1] + SAME_FRAME
        ]
        values = fcurves.sampled(curve, np.array(ends)) if ends else np.empty(0)
        here = fcurves.read_keys(curve, ("co",))["co"][:, 0]
        for frame, value in zip(ends, values, strict=True):
            if not len(here) or np.abs(here - frame).min() > SAME_FRAME:
                curve.keyframe_points.insert(frame, value, options={"FAST"})
        curve.update()
        keys = fcurves.read_keys(curve)
        inside = (keys["co"][:, 0] >= first - SAME_FRAME) & (keys["co"][:, 0] <= last + SAME_FRAME)
        if inside.any():
            fcurves.replace_keys(curve, {name: values[inside] for name, values in keys.items()})
