"""A zero-phase low-pass filter: no delay."""

from __future__ import annotations

import numpy as np
from scipy.signal import butter, sosfiltfilt

CUTOFF_HZ = 6.0  #: Of walking and gestures (Winter, Biomechanics and Motor Control of Human Movement, 1990).


def smooth(values: np.ndarray, fps: float, cutoff_hz: float = CUTOFF_HZ) -> np.ndarray:
    """Filters (T, ...), sampled nearly evenly, by a second-order Butterworth low pass, forwards and backwards. Clips
    that are too short, or too slow for the cut-off, stay unchanged."""
    if fps <= 2.2 * cutoff_hz or len(values) < 4:
        return values
    sections = butter(2, cutoff_hz, fs=fps, output="sos")
    # The edges are mirrored far enough for the filter to settle.
    return sosfiltfilt(sections, values, axis=0, padlen=min(len(values) - 1, int(fps)))
