"""The proportions and masses of a person."""

from __future__ import annotations

import numpy as np

from ..contract.skeletons import H36M17

CANONICAL_HEIGHT = 1.70  #: Metres, sole to crown, of the body that the stages are tuned for; the default height.

LENGTHS: dict[str, tuple[float, float]] = {
    "RHip": (0.083, 0.008),
    "RKnee": (0.414, 0.022),
    "RAnkle": (0.424, 0.020),
    "Spine": (0.229, 0.016),
    "Thorax": (0.243, 0.016),
    "Neck/Nose": (0.115, 0.012),
    "Head": (0.112, 0.008),
    "RShoulder": (0.171, 0.013),
    "RElbow": (0.265, 0.013),
    "RWrist": (0.237, 0.013),
}
"""Length of the bone that ends in a joint (Human3.6M-17): mean and spread in metres for CANONICAL_HEIGHT, after
Human3.6M's actors and anthropometric tables. Left is as right."""

CHAIN = ("RKnee", "RAnkle", "Spine", "Thorax", "Neck/Nose", "Head")  #: Ankle to head, in a fixed ratio to the height.
CHAIN_LENGTH = sum(LENGTHS[joint][0] for joint in CHAIN)  #: Metres, of the canonical body.
ANKLE_HEIGHT = 0.08  #: Metres of the ankle joint above the sole, of the canonical body.
HEEL_BACK, TOE_FORWARD = 0.05, 0.17
"""Metres of the canonical body: the ends of the sole behind and before the ankle."""

MASSES: tuple[tuple[str, str, float, float], ...] = (
    ("Neck/Nose", "Head", 0.5, 0.081),
    ("Hip", "Thorax", 0.5, 0.497),
    *(
        (side + near, side + far, place, mass)
        for side in "LR"
        for near, far, place, mass in (
            ("Shoulder", "Elbow", 0.436, 0.028),
            ("Elbow", "Wrist", 0.68, 0.022),
            ("Hip", "Knee", 0.433, 0.1),
            ("Knee", "Ankle", 0.5, 0.061),
        )
    ),
)
"""Segments between two joints: the place of their centre, as a share of the way, and their share of the mass (Winter,
Biomechanics and Motor Control of Human Movement, table 4.1, 1990). Forearms include hands. Shanks include feet: the
centre is between that without a foot, 0.433, and with a foot straight below, 0.606."""


def point_masses(points: int) -> np.ndarray:
    """(P,) the weight of each point in the centre of mass; those after the 17 joints have none."""
    masses = np.zeros(points)
    for near, far, place, mass in MASSES:
        masses[H36M17.index(near)] += mass * (1 - place)
        masses[H36M17.index(far)] += mass * place
    return masses / masses.sum()


def centre_of_mass(joints: np.ndarray) -> np.ndarray:
    """Centres of mass (..., 3) of joints (..., 17, 3), any unit and axes."""
    return np.einsum("j,...ji->...i", point_masses(17), joints)
