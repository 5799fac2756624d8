"""Where a keypoint was not seen: a place for it, and an honest score."""

from __future__ import annotations

import itertools

import numpy as np
from scipy.interpolate import PchipInterpolator

INTERPOLATED_S = 0.5
"""A gap up to this long is interpolated and keeps some score; in a longer one nobody knows, so the score is 0."""

_INTERPOLATED_SCORE = 0.5
"""Share of the score of the gap's ends that an interpolated keypoint gets."""


def fill(track: np.ndarray, times: np.ndarray, believe: bool = True) -> tuple[np.ndarray, np.ndarray]:
    """A track whose every value is finite, and where it was really seen.

    track: (T,17,3) pixels and score, NaN and 0 where not seen; times: (T,) seconds. Returns (T,17,3) float32 and
    (T,) bool. Positions in gaps lie on a spline through what was seen that keeps its shape (PCHIP, Fritsch and
    Carlson 1980: no overshoot); before the first and after the last sight they are held. Scores there are 0, but for
    gaps up to INTERPOLATED_S, which keep a part of their ends' scores. Without ``believe`` no gap does, and positions
    in it lie on a straight line. Raises ValueError if nobody is seen in any row.
    """
    finite = np.isfinite(track).all(axis=-1)
    seen = finite.any(axis=-1)
    if not seen.any():
        raise ValueError("a track in which nobody is seen")
    filled = np.zeros(track.shape, np.float32)
    anyone = track[seen][finite[seen]][:, :2].mean(axis=0)
    for keypoint in range(track.shape[1]):
        known = np.flatnonzero(finite[:, keypoint])
        if known.size == 0:
            filled[:, keypoint, :2] = anyone
            continue
        values = track[known, keypoint, :2]
        if known.size == len(track):
            filled[:, keypoint, :2] = values
        elif believe and known.size > 1:
            within = np.clip(times, times[known[0]], times[known[-1]])
            filled[:, keypoint, :2] = PchipInterpolator(times[known], values)(within)
        else:
            for axis in range(2):
                filled[:, keypoint, axis] = np.interp(times, times[known], values[:, axis])
        filled[known, keypoint] = track[known, keypoint]
        for before, after in itertools.pairwise(known):
            if believe and after - before > 1 and times[after] - times[before] <= INTERPOLATED_S:
                ends = min(track[before, keypoint, 2], track[after, keypoint, 2])
                filled[before + 1 : after, keypoint, 2] = _INTERPOLATED_SCORE * ends
    return filled, seen


def long_gaps(seen: np.ndarray, times: np.ndarray) -> list[tuple[float, float]]:
    """Seconds of the last sight before and the first after each gap that is too long to be interpolated.

    seen: (T,) bool. times: (T,) seconds.
    """
    rows = np.flatnonzero(seen)
    return [
        (float(times[before]), float(times[after]))
        for before, after in itertools.pairwise(rows)
        if after - before > 1 and times[after] - times[before] > INTERPOLATED_S
    ]
