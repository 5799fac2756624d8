"""The repair of a track before it is lifted: steps that can be left out, each with a count of what it did."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..contract.errors import UserError
from .flips import unswap
from .gaps import fill
from .outliers import outliers
from .resampling import densify, factor_for

_ORDER = ("swaps", "outliers", "gaps", "rate")
"""In their order: left and right put right, keypoints that jump away taken out, short gaps closed by a spline (else
every gap has the score 0), frames put between those of a clip with a low rate."""

REPAIR_STEPS = frozenset(_ORDER)


@dataclass(frozen=True)
class Repaired:
    """A track that can be lifted.

    keypoints: (T,17,3) float32 pixels and score, finite. seen: (T,) bool, where the detector saw anything.
    swapped: (T,2) bool, where arms and where legs were swapped back. lifted: ((T - 1) factor + 1, 17, 3), the same
    with frames between, every ``factor``-th of which is a frame of the clip. counts: frames swapped back, keypoints
    taken out, keypoints closed in short gaps, frames put between; a number for each step that was asked for.
    """

    keypoints: np.ndarray
    seen: np.ndarray
    swapped: np.ndarray
    lifted: np.ndarray
    factor: int
    counts: dict[str, int]


def repair_steps(text: str) -> frozenset[str]:
    """``all``, ``none`` or names of REPAIR_STEPS with commas between. Raises UserError for anything else."""
    if text in ("all", "none"):
        return REPAIR_STEPS if text == "all" else frozenset()
    names = [name.strip() for name in text.split(",")]
    for name in names:
        if name not in REPAIR_STEPS:
            raise UserError(f"repair is {text!r}; give all, none or some of {','.join(_ORDER)}")
    return frozenset(names)


def repair(track: np.ndarray, times: np.ndarray, fps: float, rate: float | None, steps: frozenset[str]) -> Repaired:
    """A track with the faults mended that ``steps`` names; what was seen and is plausible is left as it is.

    track: (T,17,3) pixels and score, NaN and 0 where not seen; times: (T,) seconds; fps: frames a second; rate: those
    of the motion that the lifter knows, None if it is to see the frames as they are.
    """
    believe = "gaps" in steps
    filled, seen = fill(track, times, believe)
    swapped = np.zeros((len(track), 2), bool)
    counts = {}
    if "swaps" in steps:
        # Before outliers, which a short swap would be a dozen of.
        _, swapped, order = unswap(filled, seen, fps)
        track = np.take_along_axis(track, order[..., None], axis=1)
        counts["swaps"] = int(swapped.any(axis=1).sum())
    finite = np.isfinite(track).all(axis=-1)
    if "outliers" in steps:
        wrong = outliers(track, fps)
        track = np.where(wrong[..., None], np.array([np.nan, np.nan, 0.0]), track)
        counts["outliers"] = int(wrong.sum())
    # Again, because what lies beside a gap may be something else by now.
    filled, _ = fill(track, times, believe)
    if "gaps" in steps:
        counts["gaps"] = int((~finite & (filled[..., 2] > 0)).sum())
    factor = factor_for(fps, rate) if rate is not None and "rate" in steps else 1
    lifted = densify(filled, times, factor)
    if "rate" in steps:
        counts["rate"] = len(lifted) - len(filled)
    return Repaired(filled, seen, swapped, lifted, factor, counts)
