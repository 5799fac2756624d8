"""How feet stand in a motion, which needs no reference: level, still, not in the floor, without jerks of the knees."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...contract.runs import runs
from ...solve import floor
from ...solve.kinematics import ANKLES, LEGS, SOLE_ROWS
from .optical import bends

NEAR = 2  #: Frames on both sides of a stance's end, in which knees are compared.


@dataclass(frozen=True)
class Footing:
    """What is wrong with the feet of a motion.

    Attributes:
        stances: Number of stances.
        spread_mm: Between the heights of the highest and the lowest one.
        drift_mm: Largest distance of an end of a sole from its mean place in a contact.
        ankle_mm: The same of ankles over feet that are planted and do not roll.
        depth_mm: Of the deepest end of a sole below the floor.
        knee_deg: Largest change of a knee's bend in a frame, near the start or end of a stance, that the motion without
            contacts does not have.
    """

    stances: int
    spread_mm: float
    drift_mm: float
    ankle_mm: float
    depth_mm: float
    knee_deg: float


def measure(points: np.ndarray, contacts: np.ndarray, planted: np.ndarray, free: np.ndarray) -> Footing:
    """Returns the measures.

    Args:
        points: (T,21,3) joints and soles, z up, the floor at 0, metres.
        contacts: (T,2,2) bool, left and right foot's heel and toe.
        planted: (T,2) bool, left and right foot that is planted and does not roll.
        free: (T,21,3) the motion without contacts, in any axes and size.
    """
    stances = floor.stances(points, contacts)
    heights = [stance.height for stance in stances]
    soles = points[:, SOLE_ROWS.ravel()]
    return Footing(
        stances=len(stances),
        spread_mm=1000 * float(np.ptp(heights)) if stances else 0.0,
        drift_mm=1000 * _drift(soles, contacts.reshape(len(points), 4)),
        ankle_mm=1000 * _drift(points[:, ANKLES], planted),
        depth_mm=1000 * max(0.0, -float(soles[..., 2].min())),
        knee_deg=_knee_jump(points, free, contacts.any(axis=2)),
    )


def _drift(points: np.ndarray, held: np.ndarray) -> float:
    """Metres of points (T,P,3) from their mean place in each run of held (T,P)."""
    parts = [points[first:end, point] for point, column in enumerate(held.T) for first, end in runs(column)]
    return max((float(np.linalg.norm(part - part.mean(axis=0), axis=-1).max()) for part in parts), default=0.0)


def _knee_jump(points: np.ndarray, free: np.ndarray, stands: np.ndarray) -> float:
    more = np.abs(np.diff(bends(points, LEGS), axis=0) - np.diff(bends(free, LEGS), axis=0))
    near = [
        more[max(edge - 1 - NEAR, 0) : edge + NEAR]
        for column in stands.T
        for run in runs(column)
        for edge in run
        if 0 < edge < len(points)
    ]
    return max((float(part.max()) for part in near if part.size), default=0.0)
