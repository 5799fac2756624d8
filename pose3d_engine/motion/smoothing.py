"""A zero-phase low pass: jitter goes, nothing comes late."""

from __future__ import annotations

import numpy as np
from scipy.signal import butter, sosfiltfilt

CUTOFF_HZ = 6.0
"""Walking and gestures lie below 6 Hz (Winter, Biomechanics and motor control of human movement)."""


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
