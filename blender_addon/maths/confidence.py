"""Which frames of a motion are little more than a guess, so that an animator should check them."""

from __future__ import annotations

import numpy as np

from .arrays import Array
from .motion_file import JOINTS

_LIMBS = (
    ("LShoulder", "LElbow", "LWrist"),
    ("RShoulder", "RElbow", "RWrist"),
    ("LHip", "LKnee", "LAnkle"),
    ("RHip", "RKnee", "RAnkle"),
)

LOW = 0.3
"""Mean confidence of a limb's joints, 0..1, below which it has to be checked. One hidden hand, as of everybody who is
filmed from the side, is not enough; a hidden arm or leg is, and so is a person who is not visible."""


def is_low(confidence: Array) -> Array:
    """The rows (T,; bool) in which a limb, or the whole person, was hardly visible; ``confidence`` (T,17)."""
    limbs = np.array([[JOINTS.index(joint) for joint in limb] for limb in _LIMBS])
    return (confidence[:, limbs].mean(axis=-1) < LOW).any(axis=-1)
