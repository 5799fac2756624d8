"""Camera tilt: the direction of gravity in camera axes, from people who stand and walk."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..contract.runs import runs
from ..contract.skeletons import H36M17
from ..take import CameraTilt
from . import contacts, floor
from .body import centre_of_mass
from .vectors import dot, unit

_FOREFOOT = 0.10  #: Metres in front of the ankles, over which a standing body has its centre of mass.
_BALANCE_RAD, _LEAN_RAD = 0.08, 0.15  #: Usual error of a clip's balance, and the lean of a frame without standing.

_STEP_S, _STEP_M, _DEPTH_M, _OFF_FLOOR_M = 0.5, 0.10, 0.10, 0.2
"""Seconds of contact that are one footstep; its usual distance from the floor's plane and error along the line of
sight; the distance from the plane from which on a foot stands on something else."""

_ROLL_RAD, _ROLL_OUTLIER_RAD = 0.06, 0.10  #: Usual roll of cameras, and the roll from which on this prior fades.
_MIN_STANDING, _MIN_WALKED_M = 0.4, 1.5  #: Share of standing frames, or metres walked, that make the tilt known.
_PITCHES, _ROLLS = (-40.0, 65.0), (-35.0, 35.0)  #: Degrees; results beyond come from people who lie or hang.

KNOWN_ERROR, UNKNOWN_ERROR = 4.0, 12.0
"""Usual error in degrees of a known tilt, and of the assumption of a level camera; see ``scripts/bench/motion.py``."""

UNKNOWN = CameraTilt(0.0, 0.0, known=False)
_HIP, _THORAX, _LEFT_HIP, _RIGHT_HIP, _LEFT_SHOULDER, _RIGHT_SHOULDER = (
    H36M17.index(joint) for joint in ("Hip", "Thorax", "LHip", "RHip", "LShoulder", "RShoulder")
)


@dataclass(frozen=True)
class Body:
    """One person: joints (T,17,3) in camera axes, metres, at CANONICAL_HEIGHT; confidence (T,17); times (T,)."""

    joints: np.ndarray
    confidence: np.ndarray
    times: np.ndarray


def estimate_tilt(bodies: Sequence[Body]) -> CameraTilt:
    """Estimates the tilt of one camera from the people in its picture.

    There are two kinds of evidence: on average a body's centre of mass is over its feet, which every clip shows within
    some degrees; and footsteps lie in one plane, which is precise, but only along the paths that were walked. Least
    squares weighs both, with a weak prior against roll. Assumes a level floor and a camera that keeps its tilt. UNKNOWN
    where nobody stands or walks.
    """
    if not any((body.confidence > 0).any() for body in bodies):
        return UNKNOWN
    standing = [_standing(body) for body in bodies]
    up, walked = _balance(bodies, standing, None, None), 0.0
    for _ in range(3):
        rotation = _tilt_of(up).rotation
        planted = [contacts.contacts(one.joints @ rotation.T, one.confidence, one.times, np.zeros(3)) for one in bodies]
        up, walked = _with_floor(_balance(bodies, standing, up, planted), bodies, planted)
    share, found = max(float((weight > 0.5).mean()) for weight in standing), _tilt_of(up)
    inside = _PITCHES[0] < found.pitch < _PITCHES[1] and _ROLLS[0] < found.roll < _ROLLS[1]
    return found if inside and (share >= _MIN_STANDING or walked >= _MIN_WALKED_M) else UNKNOWN


def _tilt_of(up: np.ndarray) -> CameraTilt:
    """up: (3,) unit vector in camera axes."""
    pitch = math.degrees(math.atan2(-up[2], math.hypot(up[0], up[1])))
    return CameraTilt(pitch, math.degrees(math.atan2(-up[0], -up[1])), known=True)


def _standing(body: Body) -> np.ndarray:
    """(T,) 0..1: legs stretched, trunk in line with them, all of it observed."""
    joints = body.joints
    hip, feet = joints[:, _HIP], joints[:, floor.ANKLES].mean(axis=1)
    reach = np.linalg.norm(hip - feet, axis=-1) / 0.84
    line = dot(unit(joints[:, _THORAX] - hip), unit(hip - feet))[:, 0]
    observed = body.confidence[:, [*floor.ANKLES, _HIP, _THORAX]].min(axis=1) > 0
    return np.clip((reach - 0.75) / 0.15, 0, 1) * np.clip((line - 0.7) / 0.2, 0, 1) * observed


def _balance(
    bodies: Sequence[Body], standing: list[np.ndarray], start: np.ndarray | None, planted: list[np.ndarray] | None
) -> np.ndarray:
    """Unit vector (3,): the mean direction from feet to centre of mass; frames with a large lean weigh less."""
    directions, weights = [], []
    for i, body in enumerate(bodies):
        joints = body.joints
        left = unit(joints[:, _LEFT_HIP] - joints[:, _RIGHT_HIP])
        left = left + unit(joints[:, _LEFT_SHOULDER] - joints[:, _RIGHT_SHOULDER])
        forward = unit(np.cross(left, joints[:, _THORAX] - joints[:, _HIP]))
        support = joints[:, floor.ANKLES].mean(axis=1) + _FOREFOOT * forward
        directions.append(unit(centre_of_mass(joints) - support))
        both = 1.0 if planted is None else np.where(planted[i].all(axis=1), 1.0, 0.3)
        weights.append(both * np.maximum(standing[i], 0.02))
    every, weight = np.concatenate(directions), np.concatenate(weights)
    up = unit((weight[:, None] * every).sum(axis=0)) if start is None else start
    for _ in range(10):
        lean = 2 * (1 - every @ up)
        up = unit(((weight / (1 + lean / _LEAN_RAD**2))[:, None] * every).sum(axis=0))
    return up


def _with_floor(up: np.ndarray, bodies: Sequence[Body], planted: list[np.ndarray]) -> tuple[np.ndarray, float]:
    """``up`` rotated so that each person's footsteps lie in a plane across it; and the extent of footsteps, metres."""
    information, walked = np.eye(3) / _BALANCE_RAD**2, 0.0
    # Each person has an own plane: sizes, and so distances, are not known well enough for a common one.
    for body, contact in zip(bodies, planted, strict=True):
        rate = (len(body.times) - 1) / max(body.times[-1] - body.times[0], 1e-6)
        piece = max(int(_STEP_S * rate), 1)
        places, weights = [], []
        for foot, ankle in enumerate(floor.ANKLES):
            for first, end in runs(contact[:, foot]):
                for at in range(first, end, piece):
                    rows = slice(at, min(at + piece, end))
                    places.append(body.joints[rows, ankle].mean(axis=0))
                    weights.append((rows.stop - rows.start) / piece)
        if len(places) > 2:
            scatter, extent = _scatter(np.array(places), np.array(weights), up)
            information += scatter / _STEP_M**2
            walked = max(walked, extent)
    roll = math.atan2(up[0], -up[1])
    information[0, 0] += 1 / (_ROLL_RAD**2 * (1 + (roll / _ROLL_OUTLIER_RAD) ** 2) ** 2)
    return unit(np.linalg.solve(information, up / _BALANCE_RAD**2)), walked


def _scatter(places: np.ndarray, weights: np.ndarray, up: np.ndarray) -> tuple[np.ndarray, float]:
    """Scatter matrix (3,3) of footsteps (N,3) with weights (N,), and their extent, metres.

    Footsteps off their plane across ``up`` weigh less (Geman-McClure). The scatter that errors of depth cause is
    subtracted (total least squares): otherwise every floor would seem to lie along the line of sight.
    """
    robust, sight = weights, unit(places)
    for _ in range(3):
        apart = places - (robust[:, None] * places).sum(axis=0) / robust.sum()
        robust = weights / (1 + (apart @ up / _OFF_FLOOR_M) ** 2) ** 2
    apart = places - (robust[:, None] * places).sum(axis=0) / robust.sum()
    spread = (robust[:, None] * apart).T @ apart - _DEPTH_M**2 * (robust[:, None] * sight).T @ sight
    values, axes = np.linalg.eigh(spread)
    extent = float(np.ptp(apart @ np.linalg.svd(apart, full_matrices=False)[2][0]))
    return (axes * np.maximum(values, 0)) @ axes.T, extent
