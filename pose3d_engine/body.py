"""The proportions of a person: what training redraws bodies from, and what sets the size of a captured one."""

from __future__ import annotations

CANONICAL_HEIGHT = 1.70
"""Metres from sole to crown of the body that lifters give, and that is assumed where no height is given."""

LENGTHS: dict[str, tuple[float, float]] = {
    # Mean and spread in metres of a person of 1.70 m, after Human3.6M's actors and anthropometric tables.
    "RHip": (0.120, 0.012),
    "RKnee": (0.425, 0.018),
    "RAnkle": (0.415, 0.020),
    "Spine": (0.225, 0.018),
    "Thorax": (0.245, 0.018),
    "Neck/Nose": (0.115, 0.012),
    "Head": (0.112, 0.008),
    "RShoulder": (0.155, 0.014),
    "RElbow": (0.275, 0.014),
    "RWrist": (0.245, 0.014),
}
"""Length of the bone that ends in a joint (Human3.6M-17). Left is as right."""

CHAIN = ("RKnee", "RAnkle", "Spine", "Thorax", "Neck/Nose", "Head")
"""The bones from ankle to head: their sum is in a fixed ratio to the height."""

CHAIN_LENGTH = sum(LENGTHS[joint][0] for joint in CHAIN)
"""Metres, of the canonical body."""

ANKLE_HEIGHT = 0.08
"""Metres of the ankle joint above the sole, of the canonical body."""
