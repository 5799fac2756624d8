"""Zero-phase low-pass filters: no delay, and fast moves keep their peaks."""

from __future__ import annotations

import numpy as np
from scipy.linalg import solveh_banded
from scipy.signal import butter, sosfiltfilt

from .trajectory import second_differences

CUTOFF_HZ = 6.0  #: Of walking and gestures (Winter, Biomechanics and Motor Control of Human Movement, 1990).
JOINT_CUTOFF_HZ, ACCELERATION_SCALE = 4.0, 12.0  #: Cut-off for joints, and acceleration in m/s^2 where it rises.
_ROUNDS = 4
_LEAST_WEIGHT = 0.05  #: Of a joint with confidence 0; with confidence 1 it is 1.


def smooth(values: np.ndarray, fps: float, cutoff_hz: float = CUTOFF_HZ) -> np.ndarray:
    """Filters (T, ...), sampled nearly evenly, by a second-order Butterworth low pass, forwards and backwards. Clips
    that are too short, or too slow for the cut-off, stay unchanged."""
    if fps <= 2.2 * cutoff_hz or len(values) < 4:
        return values
    sections = butter(2, cutoff_hz, fs=fps, output="sos")
    # The edges are mirrored far enough for the filter to settle.
    return sosfiltfilt(sections, values, axis=0, padlen=min(len(values) - 1, int(fps)))


def smooth_joints(joints: np.ndarray, confidence: np.ndarray, fps: float) -> np.ndarray:
    """Smooths each joint by its confidence and its acceleration.

    Minimises the squared distance from the input, weighted by confidence, plus a robust squared acceleration
    (Whittaker, Proceedings of the Edinburgh Mathematical Society, 1923; iteratively reweighted least squares). At low
    accelerations this equals a zero-phase Butterworth at JOINT_CUTOFF_HZ; during a punch the cut-off rises.

    Args:
        joints: (T,J,3) metres.
        confidence: (T,J) 0..1.
        fps: Frames a second, nearly even. Clips that are too short or too slow stay unchanged.
    """
    if fps <= 2.2 * JOINT_CUTOFF_HZ or len(joints) < 4:
        return joints
    stiff = (2 * np.sin(np.pi * JOINT_CUTOFF_HZ / fps)) ** -4
    result = np.empty(joints.shape)
    for joint in range(joints.shape[1]):
        weights = _LEAST_WEIGHT + (1 - _LEAST_WEIGHT) * confidence[:, joint]
        path = joints[:, joint].astype(np.float64)
        stiffness: float | np.ndarray = stiff
        for _ in range(1 + _ROUNDS):
            bands = second_differences(len(path), stiffness, weights)
            result[:, joint] = solveh_banded(bands, weights[:, None] * path, lower=True)
            acceleration = np.linalg.norm(np.diff(result[:, joint], 2, axis=0), axis=-1) * fps**2
            stiffness = stiff / (1 + (acceleration / ACCELERATION_SCALE) ** 2)
    return result
