"""How the camera is tilted: where up is, found from people who stand and walk."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..contract.skeletons import H36M17
from ..take import CameraTilt
from . import contacts, floor
from .body import centre_of_mass

LEVEL = np.array([0.0, -1.0, 0.0])
"""Up in the axes of a level camera."""

_FOREFOOT = 0.10
"""Metres in front of the ankles over which a standing body has its centre of mass."""

_BODY_RAD, _LEAN_RAD = 0.08, 0.15
"""How far a clip's balance is off as a whole, and from which lean on a frame is not taken for standing."""

_STEP_M, _STEP_S = 0.10, 0.5
"""How far one planted foot is off the floor's plane; the length of such a piece."""

_DEPTH_M = 0.10
"""How far it is off along the line of sight beside."""

_OFF_FLOOR_M = 0.2
"""From which distance off the plane on a foot stands on something else."""

_ROLL_RAD, _ROLLED_RAD = 0.06, 0.10
"""Cameras are mostly held level from left to right; one that is rolled by much more than this is believed."""

_SURE_SHARE, _WALKED_M = 0.4, 1.5
"""Share of upright frames, or metres between footsteps, that up is known by."""

_PITCHES, _ROLLS = (-40.0, 65.0), (-35.0, 35.0)
"""Degrees; an answer beyond them is that of somebody who lies or hangs, not of a camera."""

KNOWN_ERROR, UNKNOWN_ERROR = 4.0, 12.0
"""Degrees by which the camera's tilt is off, mostly, where it is known and where a level camera is assumed; measured
by ``scripts/bench/motion.py``."""


@dataclass(frozen=True)
class Body:
    """One person in camera axes. joints (T,17,3) metres, for a person of 1.70 m; confidence (T,17); times (T,)."""

    joints: np.ndarray
    confidence: np.ndarray
    times: np.ndarray


UNKNOWN = CameraTilt(0.0, 0.0, known=False)


def estimate_tilt(bodies: Sequence[Body]) -> CameraTilt:
    """The tilt of one camera that filmed all ``bodies``; UNKNOWN where nobody stands or walks.

    Two things tell: on average a body has its centre of mass over its feet, which is known for every view but only to
    some degrees; and all footsteps lie in one plane, which is sure but only along the ways that were walked. Both are
    weighed by what they are sure of (least squares), with a weak belief that cameras are not rolled.

    Assumes: a level floor, people who are on their feet for much of the time, a camera that keeps its tilt.
    """
    upright = [_upright(body) for body in bodies]
    told = list(zip(bodies, upright, strict=True))
    if not any((body.confidence > 0).any() for body in bodies):
        return UNKNOWN
    up = _balance(told, LEVEL, None)
    walked = 0.0
    for _ in range(3):
        believed = _tilt_of(up)
        planted = [_planted(body, believed) for body, _ in told]
        up = _balance(told, up, planted)
        up, walked = _with_floor(up, told, planted)
    share = max(float((weight > 0.5).mean()) for _, weight in told)
    found = _tilt_of(up)
    inside = _PITCHES[0] < found.pitch < _PITCHES[1] and _ROLLS[0] < found.roll < _ROLLS[1]
    return found if inside and (share >= _SURE_SHARE or walked >= _WALKED_M) else UNKNOWN


def _tilt_of(up: np.ndarray) -> CameraTilt:
    """up: (3,) unit vector in camera axes."""
    return CameraTilt(
        math.degrees(math.atan2(-up[2], math.hypot(up[0], up[1]))), math.degrees(math.atan2(-up[0], -up[1])), True
    )


def _row(joint: str) -> int:
    return H36M17.index(joint)


def _upright(body: Body) -> np.ndarray:
    """(T,) 0..1: legs stretched, trunk in line with them, all of it seen."""
    joints = body.joints
    hip, chest = joints[:, _row("Hip")], joints[:, _row("Thorax")]
    feet = joints[:, floor.ANKLES].mean(axis=1)
    reach = np.linalg.norm(hip - feet, axis=-1) / 0.84
    line = (_unit(chest - hip) * _unit(hip - feet)).sum(axis=-1)
    seen = body.confidence[:, [*floor.ANKLES, _row("Hip"), _row("Thorax")]].min(axis=1) > 0
    return np.clip((reach - 0.75) / 0.15, 0, 1) * np.clip((line - 0.7) / 0.2, 0, 1) * seen


def _balance(told: list[tuple[Body, np.ndarray]], start: np.ndarray, planted: list[np.ndarray] | None) -> np.ndarray:
    """Unit vector (3,): the usual direction from the feet to the centre of mass; frames that lean far count less."""
    directions, weights = [], []
    for i, (body, upright) in enumerate(told):
        joints = body.joints
        mass = centre_of_mass(joints)
        left = _unit(joints[:, _row("LHip")] - joints[:, _row("RHip")]) + _unit(
            joints[:, _row("LShoulder")] - joints[:, _row("RShoulder")]
        )
        forward = _unit(np.cross(left, joints[:, _row("Thorax")] - joints[:, _row("Hip")]))
        support = joints[:, floor.ANKLES].mean(axis=1) + _FOREFOOT * forward
        directions.append(_unit(mass - support))
        both = np.ones(len(joints)) if planted is None else np.where(planted[i].all(axis=1), 1.0, 0.3)
        weights.append(both * np.maximum(upright, 0.02))
    every, weight = np.concatenate(directions), np.concatenate(weights)
    up = _unit((weight[:, None] * every).sum(axis=0)) if planted is None else start
    for _ in range(10):
        lean = 2 * (1 - every @ up)
        up = _unit(((weight / (1 + lean / _LEAN_RAD**2))[:, None] * every).sum(axis=0))
    return up


def _planted(body: Body, believed: CameraTilt) -> np.ndarray:
    """(T,2) contacts, as far as they can be told before the floor is known."""
    world = body.joints @ believed.rotation.T
    return contacts.contacts(world, body.confidence, body.times, np.zeros(3))


def _with_floor(
    up: np.ndarray, told: list[tuple[Body, np.ndarray]], planted: list[np.ndarray]
) -> tuple[np.ndarray, float]:
    """``up`` turned so that each person's footsteps lie in a plane across it; and how far apart steps are, metres.

    Persons have planes of their own: how tall they are, and so how far away, is not known well enough for one.
    """
    information = np.eye(3) / _BODY_RAD**2
    walked = 0.0
    for (body, _), contact in zip(told, planted, strict=True):
        rate = (len(body.times) - 1) / max(body.times[-1] - body.times[0], 1e-6)
        piece = max(int(_STEP_S * rate), 1)
        places, weights = [], []
        for foot, ankle in enumerate(floor.ANKLES):
            for first, end in contacts.stretches(contact[:, foot]):
                for at in range(first, end, piece):
                    rows = slice(at, min(at + piece, end))
                    places.append(body.joints[rows, ankle].mean(axis=0))
                    weights.append((rows.stop - rows.start) / piece)
        if len(places) > 2:
            scatter, extent = _scatter(np.array(places), np.array(weights), up)
            information += scatter / _STEP_M**2
            walked = max(walked, extent)
    rolled = math.atan2(up[0], -up[1])
    information[0, 0] += 1 / (_ROLL_RAD**2 * (1 + (rolled / _ROLLED_RAD) ** 2) ** 2)
    return _unit(np.linalg.solve(information, up / _BODY_RAD**2)), walked


def _scatter(places: np.ndarray, weights: np.ndarray, up: np.ndarray) -> tuple[np.ndarray, float]:
    """How footsteps (N,3) with weights (N,) lie apart, as a sum of squares (3,3), and how far, metres.

    Steps off their plane across ``up`` count less (Geman-McClure), and what the error of depth alone spreads is taken
    off again (total least squares): else every floor would seem to lie along the line of sight.
    """
    robust = weights
    for _ in range(3):
        apart = places - (robust[:, None] * places).sum(axis=0) / robust.sum()
        robust = weights / (1 + (apart @ up / _OFF_FLOOR_M) ** 2) ** 2
    apart = places - (robust[:, None] * places).sum(axis=0) / robust.sum()
    sight = _unit(places)
    spread = (robust[:, None] * apart).T @ apart - _DEPTH_M**2 * (robust[:, None] * sight).T @ sight
    values, axes = np.linalg.eigh(spread)
    extent = float(np.ptp(apart @ np.linalg.svd(apart, full_matrices=False)[2][0]))
    return (axes * np.maximum(values, 0)) @ axes.T, extent


def _unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-9)
