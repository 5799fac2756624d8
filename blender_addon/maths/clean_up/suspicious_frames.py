"""Frames that an animator should check, because nobody moves like that."""

from __future__ import annotations

import numpy as np

from .. import rotations as rot
from ..arrays import Array
from .motion import Motion

_LEAST_USUAL = np.radians(600.0)
"""Radians/s^2: the angular acceleration that counts as usual in a motion however calm."""


def find_jerks(motion: Motion, bones: list[int], times: float = 8.0) -> Array:
    """Rows in which a bone changes its angular velocity abruptly.

    Args:
        motion: the motion to check.
        bones: rows of the bones to check.
        times: how often an acceleration exceeds the usual one: the 90th percentile of the bone's own, at least
            600 degrees/s^2.

    Returns:
        (T,) bool.
    """
    flags = np.zeros(len(motion.frames), bool)
    if len(flags) < 4 or not bones:
        return flags
    q = motion.rotations[:, bones]
    turn = rot.nearest_sign(rot.multiply(q[1:], rot.inverse(q[:-1])), rot.IDENTITY)
    velocity = 2 * turn[..., 1:] / motion.step
    acceleration = np.linalg.norm(np.diff(velocity, axis=0), axis=-1) / motion.step
    usual = np.maximum(np.percentile(acceleration, 90, axis=0), _LEAST_USUAL)
    flags[1:-1] = (acceleration > times * usual).any(axis=1)
    return flags
