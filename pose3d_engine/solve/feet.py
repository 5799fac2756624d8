"""Feet: where they point before the solver looks, and how they are oriented after it."""

from __future__ import annotations

import numpy as np

from ..contract.skeletons import H36M17
from .body import ANKLE_HEIGHT, TOE_FORWARD
from .kinematics import LEGS, SOLE_ROWS
from .vectors import reject, unit

_ROW = H36M17.index


def usual_toes(joints: np.ndarray) -> np.ndarray:
    """(T,2,3) unit vectors from ankle to toe of joints (T,17,3): at right angles to the shank, as on a level floor, and
    turned as the pelvis and the knee are."""
    forward = np.cross(joints[:, LEGS[0][0]] - joints[:, LEGS[1][0]], joints[:, _ROW("Thorax")] - joints[:, 0])
    toes = []
    for hip, knee, ankle in LEGS:
        shank = unit(joints[:, knee] - joints[:, ankle])
        ahead = unit(reject(unit(forward) + unit(joints[:, knee] - joints[:, hip]), shank))
        toes.append(unit(TOE_FORWARD * ahead - ANKLE_HEIGHT * shank))
    return np.stack(toes, axis=1)


def rotations(points: np.ndarray) -> np.ndarray:
    """(T,2,3,3) of the feet of points (T,21,3), z up: from flat soles that point to -Y to the frame."""
    heels, toes = points[:, SOLE_ROWS[:, 0]], points[:, SOLE_ROWS[:, 1]]
    ankles = points[:, [leg[2] for leg in LEGS]]
    back = unit(heels - toes)
    left = unit(np.cross(back, ankles - heels))
    up = np.cross(left, back)
    return np.stack([left, back, up], axis=-1)
