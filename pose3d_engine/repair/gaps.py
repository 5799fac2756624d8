"""Frames in which a keypoint is not visible: an interpolated place for it, and an honest score."""

from __future__ import annotations

import itertools

import numpy as np
from scipy.interpolate import PchipInterpolator

INTERPOLATED_S, _INTERPOLATED_SCORE = 0.5, 0.5
"""Keypoints in a gap up to so many seconds long get this share of the lower score at its ends, in longer ones 0."""


def fill_gaps(track: np.ndarray, times: np.ndarray, keep_scores: bool = True) -> tuple[np.ndarray, np.ndarray]:
    """A track (T,17,3) with a place for every keypoint in every frame, float32; (T,) bool where it was detected.

    Places in gaps lie on a spline that keeps the shape of the data (PCHIP, Fritsch and Carlson, SIAM J. Numer. Anal.
    1980: no overshoot); before the first and after the last detection they are held.

    Args:
        track: (T,17,3) pixels and score, NaN and 0 where not visible.
        times: (T,) seconds.
        keep_scores: Without it no gap keeps a part of the score, and places lie on a straight line.

    Raises:
        ValueError: If no keypoint is visible in any frame.
    """
    finite = np.isfinite(track).all(axis=-1)
    detected = finite.any(axis=-1)
    if not detected.any():
        raise ValueError("a track without any visible keypoint")
    filled = np.zeros(track.shape, np.float32)
    middle = track[detected][finite[detected]][:, :2].mean(axis=0)
    for keypoint in range(track.shape[1]):
        known = np.flatnonzero(finite[:, keypoint])
        if known.size == 0:
            filled[:, keypoint, :2] = middle
            continue
        filled[:, keypoint, :2] = _places(track[known, keypoint, :2], known, times, keep_scores)
        filled[known, keypoint] = track[known, keypoint]
        for before, after in itertools.pairwise(known):
            if keep_scores and after - before > 1 and times[after] - times[before] <= INTERPOLATED_S:
                ends = min(track[before, keypoint, 2], track[after, keypoint, 2])
                filled[before + 1 : after, keypoint, 2] = _INTERPOLATED_SCORE * ends
    return filled, detected


def _places(values: np.ndarray, known: np.ndarray, times: np.ndarray, spline: bool) -> np.ndarray:
    """(T,2) places of a keypoint that is at ``values`` (n,2) in the frames ``known`` (n,)."""
    if spline and known.size > 1:
        within = np.clip(times, times[known[0]], times[known[-1]])
        return np.asarray(PchipInterpolator(times[known], values)(within))
    return np.stack([np.interp(times, times[known], values[:, axis]) for axis in range(2)], axis=-1)


def long_gaps(detected: np.ndarray, times: np.ndarray) -> list[tuple[float, float]]:
    """The gaps that are too long to keep scores: seconds of the last detection before and the first one after each."""
    rows = np.flatnonzero(detected)
    return [
        (float(times[before]), float(times[after]))
        for before, after in itertools.pairwise(rows)
        if after - before > 1 and times[after] - times[before] > INTERPOLATED_S
    ]
