"""The repair of a track before it is lifted: steps that can be left out, each with a count of its changes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..contract.settings import REPAIR
from .flips import fix_left_right_flips
from .gaps import fill_gaps
from .outliers import outliers
from .resampling import upsample, upsampling_factor

REPAIR_STEPS = frozenset(step.name for step in REPAIR)
"""Left/right flips undone, outliers removed, short gaps interpolated (else every gap has the score 0), low frame rates
upsampled; in this order."""


@dataclass(frozen=True)
class Repaired:
    """A track that can be lifted."""

    keypoints: np.ndarray  # (T,17,3) float32 pixels and score, finite
    detected: np.ndarray  # (T,) bool, frames in which the detector reports the person
    flipped: np.ndarray  # (T,2) bool, frames in which flips of arms and of legs were undone
    dense: np.ndarray  # ((T - 1) factor + 1, 17, 3) float32: the keypoints at the lifter's frame rate
    factor: int  # every factor-th frame of dense is a frame of the clip
    counts: dict[str, int]  # by step: frames with flips, outliers, interpolated keypoints, frames between


def repair(track: np.ndarray, times: np.ndarray, fps: float, rate: float | None, steps: frozenset[str]) -> Repaired:
    """Repairs a track; plausible detections stay as they are.

    Args:
        track: (T,17,3) pixels and score, NaN and 0 where not visible.
        times: (T,) seconds.
        rate: Frames a second of the lifter's training, None if it shall get the frames of the clip.
        steps: Names of REPAIR_STEPS.
    """
    keep_scores = "gaps" in steps
    filled, detected = fill_gaps(track, times, keep_scores)
    flipped = np.zeros((len(track), 2), bool)
    counts = {}
    if "swaps" in steps:
        # Before outliers: a short flip would be a dozen of them.
        flipped, order = fix_left_right_flips(filled, detected, fps)
        track = np.take_along_axis(track, order[..., None], axis=1)
        counts["swaps"] = int(flipped.any(axis=1).sum())
    finite = np.isfinite(track).all(axis=-1)
    if "outliers" in steps:
        wrong = outliers(track, fps)
        track = np.where(wrong[..., None], np.array([np.nan, np.nan, 0.0]), track)
        counts["outliers"] = int(wrong.sum())
    # Again, because the keypoints beside a gap may have changed.
    filled, _ = fill_gaps(track, times, keep_scores)
    if "gaps" in steps:
        counts["gaps"] = int((~finite & (filled[..., 2] > 0)).sum())
    factor = upsampling_factor(fps, rate) if rate is not None and "rate" in steps else 1
    dense = upsample(filled, times, factor)
    if "rate" in steps:
        counts["rate"] = len(dense) - len(filled)
    return Repaired(filled, detected, flipped, dense, factor, counts)
