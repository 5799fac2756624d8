"""Camera tilt: the direction of gravity in camera axes, from people who stand.

On average a body's centre of mass is over its feet, which every clip shows within some degrees. The solver refines the
direction by footsteps, which lie in one plane (:func:`.solver.solve_with_gravity`).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..contract.skeletons import H36M17
from ..take import CameraTilt
from .body import centre_of_mass
from .floor import ANKLES, Stance
from .kinematics import SOLE_ROWS
from .vectors import dot, unit

_FOREFOOT = 0.10  #: Metres in front of the ankles, over which a standing body has its centre of mass.
_BALANCE_RAD, _LEAN_RAD = 0.08, 0.15  #: Usual error of a clip's balance, and the lean of a frame without standing.
_ENOUGH = 0.4  #: Share of standing frames, from which on a clip's balance is as good as it gets.
_PITCH_RAD, _ROLL_RAD, _ROLL_OUTLIER_RAD = 0.20, 0.06, 0.10
"""Usual pitch and roll of cameras, and the roll from which on that prior fades."""

_SOME = 0.1  #: Share of standing frames, without which footsteps tell nothing: people who crawl make none.
_WALKED_M = 1.5  #: Metres between the farthest footsteps that make the tilt known.
_PITCHES, _ROLLS = (-40.0, 65.0), (-35.0, 35.0)  #: Degrees; results beyond come from people who lie or hang.

KNOWN_ERROR, UNKNOWN_ERROR = 4.0, 12.0
"""Usual error in degrees of a known tilt, and of the assumption of a level camera; see ``scripts/bench/motion.py``."""

UNKNOWN = CameraTilt(0.0, 0.0, known=False)
_LEVEL_UP = np.array([0.0, -1.0, 0.0])  # against gravity, in the axes of a level camera
_HIP, _THORAX, _LEFT_HIP, _RIGHT_HIP, _LEFT_SHOULDER, _RIGHT_SHOULDER = (
    H36M17.index(joint) for joint in ("Hip", "Thorax", "LHip", "RHip", "LShoulder", "RShoulder")
)


@dataclass(frozen=True)
class Balance:
    """What the balance of people tells: ``up`` (3,), unit vector in camera axes; ``information`` (3,3), 1/rad^2; the
    largest ``share`` of frames in which one of them stands."""

    up: np.ndarray
    information: np.ndarray
    share: float


def balance(bodies: Sequence[tuple[np.ndarray, np.ndarray]]) -> Balance:
    """The direction against gravity, by the balance of people and a prior of how cameras are held.

    Args:
        bodies: Of each person, joints (T,17,3) in camera axes, metres, at CANONICAL_HEIGHT, and confidence (T,17).
    """
    standing = [_standing(*body) for body in bodies]
    share = max((float((weight > 0.5).mean()) for weight in standing), default=0.0)
    if not share:
        return Balance(_LEVEL_UP, _camera_prior(_LEVEL_UP), 0.0)
    directions, weights = [], []
    for (joints, _), weight in zip(bodies, standing, strict=True):
        left = unit(joints[:, _LEFT_HIP] - joints[:, _RIGHT_HIP])
        left = left + unit(joints[:, _LEFT_SHOULDER] - joints[:, _RIGHT_SHOULDER])
        forward = unit(np.cross(left, joints[:, _THORAX] - joints[:, _HIP]))
        support = joints[:, ANKLES].mean(axis=1) + _FOREFOOT * forward
        directions.append(unit(centre_of_mass(joints) - support))
        weights.append(weight)
    every, weight = np.concatenate(directions), np.concatenate(weights)
    up = unit((weight[:, None] * every).sum(axis=0))
    for _ in range(10):  # frames with a large lean weigh less
        lean = 2 * (1 - every @ up)
        up = unit(((weight / (1 + lean / _LEAN_RAD**2))[:, None] * every).sum(axis=0))
    seen = np.eye(3) * min(share / _ENOUGH, 1.0) / _BALANCE_RAD**2
    held = _camera_prior(up)
    both = unit(np.linalg.solve(seen + held, seen @ up + held @ _LEVEL_UP))
    return Balance(both, seen + held, share)


def tilt_of(up: np.ndarray, share: float, walked: float) -> CameraTilt:
    """The tilt of a camera with gravity against ``up`` (3,); UNKNOWN if the people lie or hang.

    Args:
        share: Of the frames in which somebody stands.
        walked: Metres between the farthest footsteps.
    """
    pitch = math.degrees(math.atan2(-up[2], math.hypot(up[0], up[1])))
    roll = math.degrees(math.atan2(-up[0], -up[1]))
    inside = _PITCHES[0] < pitch < _PITCHES[1] and _ROLLS[0] < roll < _ROLLS[1]
    return (
        CameraTilt(pitch, roll, known=share >= _ENOUGH or (share >= _SOME and walked >= _WALKED_M))
        if inside
        else UNKNOWN
    )


def extent(points: np.ndarray, stances: Sequence[Stance]) -> float:
    """Metres between the farthest footsteps of points (T,21,3), along their longest direction."""
    if len(stances) < 3:
        return 0.0
    places = np.array([points[stance.rows, SOLE_ROWS[stance.foot]].mean(axis=(0, 1)) for stance in stances])
    apart = places - places.mean(axis=0)
    return float(np.ptp(apart @ np.linalg.svd(apart, full_matrices=False)[2][0]))


def _camera_prior(up: np.ndarray) -> np.ndarray:
    """(3,3) information of a level camera; cameras that are rolled on purpose are rolled much."""
    roll = math.atan2(-up[0], -up[1])
    return np.diag([1 / (_ROLL_RAD**2 * (1 + (roll / _ROLL_OUTLIER_RAD) ** 2) ** 2), 1e-3, 1 / _PITCH_RAD**2])


def _standing(joints: np.ndarray, confidence: np.ndarray) -> np.ndarray:
    """(T,) 0..1: legs stretched, trunk in line with them, all of it observed."""
    hip, feet = joints[:, _HIP], joints[:, ANKLES].mean(axis=1)
    reach = np.linalg.norm(hip - feet, axis=-1) / 0.84
    line = dot(unit(joints[:, _THORAX] - hip), unit(hip - feet))[:, 0]
    observed = confidence[:, [*ANKLES, _HIP, _THORAX]].min(axis=1) > 0
    return np.clip((reach - 0.75) / 0.15, 0, 1) * np.clip((line - 0.7) / 0.2, 0, 1) * observed
