"""A zero-phase low pass: jitter goes, nothing comes late, and fast moves keep their peaks."""

from __future__ import annotations

import numpy as np
from scipy.linalg import solveh_banded
from scipy.signal import butter, sosfiltfilt

CUTOFF_HZ = 6.0
"""Walking and gestures lie below 6 Hz (Winter, Biomechanics and motor control of human movement)."""

CALM_HZ, LIVELY = 4.0, 12.0
"""The cut-off for joints that move calmly, and the acceleration in m/s^2 from on which it rises."""

_ROUNDS = 4
_LEAST = 0.05
"""Weight of a joint that was not seen, against one that was: something has to hold it."""


def smooth(values: np.ndarray, fps: float, cutoff_hz: float = CUTOFF_HZ) -> np.ndarray:
    """(T, ...) -> (T, ...): a second-order Butterworth low pass, forwards and backwards.

    Assumes nearly even sampling at ``fps``. A clip whose rate cannot hold the cut-off, or that is too short to be
    filtered, is returned as it is.
    """
    if fps <= 2.2 * cutoff_hz or len(values) < 4:
        return values
    sections = butter(2, cutoff_hz, fs=fps, output="sos")
    # The edges are mirrored far enough for the filter to settle.
    return sosfiltfilt(sections, values, axis=0, padlen=min(len(values) - 1, int(fps)))


def smooth_joints(joints: np.ndarray, confidence: np.ndarray, fps: float) -> np.ndarray:
    """Joints (T,J,3) in metres, smoothed by how sure and how lively each is; confidence: (T,J) 0..1.

    Minimises, for each joint, the squared distance from where it was, weighted by its confidence, and its robust
    acceleration (Whittaker, 1923; weights as in iteratively reweighted least squares). For a calm joint that is the
    same low pass as a Butterworth forwards and backwards, at CALM_HZ; where a joint accelerates as in a punch, the
    cut-off rises with it. Assumes nearly even sampling; short and slow clips are returned as they are.
    """
    if fps <= 2.2 * CALM_HZ or len(joints) < 4:
        return joints
    stiff = (2 * np.sin(np.pi * CALM_HZ / fps)) ** -4
    result = np.empty(joints.shape)
    for joint in range(joints.shape[1]):
        trust = _LEAST + (1 - _LEAST) * confidence[:, joint]
        path = joints[:, joint].astype(np.float64)
        smooth_path = _whittaker(path, trust, np.full(len(path) - 2, stiff))
        for _ in range(_ROUNDS):
            acceleration = np.linalg.norm(np.diff(smooth_path, 2, axis=0), axis=-1) * fps**2
            smooth_path = _whittaker(path, trust, stiff / (1 + (acceleration / LIVELY) ** 2))
        result[:, joint] = smooth_path
    return result


def _whittaker(path: np.ndarray, trust: np.ndarray, stiffness: np.ndarray) -> np.ndarray:
    """path (T,3) smoothed: trust (T,) of each row, stiffness (T-2,) of each second difference."""
    bands = np.zeros((3, len(path)))
    bands[0] = trust
    for row, value in enumerate((1, 4, 1)):
        bands[0, row : row + len(stiffness)] += value * stiffness
    bands[1, : len(stiffness)] -= 2 * stiffness
    bands[1, 1 : len(stiffness) + 1] -= 2 * stiffness
    bands[2, : len(stiffness)] += stiffness
    return solveh_banded(bands, trust[:, None] * path, lower=True)
