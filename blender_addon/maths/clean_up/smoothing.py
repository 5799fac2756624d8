"""A zero-phase low pass on rotations and locations."""

from __future__ import annotations

import numpy as np

from ..arrays import Array
from ..rotations import continuous, normalise
from .errors import CleanUpError
from .motion import Motion


def smooth(motion: Motion, cutoff: float) -> Motion:
    """Removes movement faster than a cut-off, without delay; both ends stay where they are.

    Quaternions are filtered number by number and scaled back to length 1, which for neighbours in time is the same as
    filtering their rotations.

    Args:
        motion: the motion to smooth.
        cutoff: Hz.

    Raises:
        CleanUpError: a cut-off of 0 or less.
    """
    if not cutoff > 0:
        raise CleanUpError(f"A cut-off of {cutoff:g} Hz would remove all movement; give more than 0")
    if len(motion.frames) < 4 or cutoff >= 0.5 / motion.step:
        return motion
    rotations = continuous(motion.rotations, motion.rotations[0])
    rotations = normalise(low_pass(rotations, cutoff * motion.step))
    return motion.with_rotations(rotations).with_locations(low_pass(motion.locations, cutoff * motion.step))


def low_pass(values: Array, cutoff: float) -> Array:
    """Columns (T,...) without frequencies above ``cutoff`` periods a row, below 0.5.

    A second-order Butterworth forwards and backwards has the gain 1 / (1 + (f/cutoff)^4); here that gain is applied
    to the spectrum at once, which costs no loop over frames. The columns are continued by their point reflection in
    the first and last row, so that the ends stay where they are.
    """
    count = len(values)
    reach = int(np.ceil(3 / cutoff))
    width = ((reach, reach), *[(0, 0)] * (values.ndim - 1))
    padded = np.pad(values, width, mode="reflect", reflect_type="odd")
    # The slope from end to end would be a jump where the spectrum joins them.
    share = np.linspace(0.0, 1.0, len(padded)).reshape(-1, *[1] * (values.ndim - 1))
    line = padded[:1] + (padded[-1:] - padded[:1]) * share
    size = _fast_length(len(padded))
    spectrum = np.fft.rfft(padded - line, size, axis=0)
    gain = 1 / (1 + (np.fft.rfftfreq(size) / cutoff) ** 4)
    kept = np.fft.irfft(spectrum * gain.reshape(-1, *[1] * (values.ndim - 1)), size, axis=0)[: len(padded)]
    return (kept + line)[reach : reach + count]


def _fast_length(count: int) -> int:
    """The next length, with room for the filter to ring out, that is a power of two times 1, 3, 5 or 9."""
    return min(factor << max(0, int(np.ceil(np.log2(count * 1.1 / factor)))) for factor in (1, 3, 5, 9))
