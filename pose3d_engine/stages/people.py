"""Stages of all people together: one camera, one floor."""

from __future__ import annotations

import math

import numpy as np

from ..solve import contacts, floor, gravity, kinematics, solver
from ..solve.floor import Stance
from ..solve.terms import Ground
from ..solve.vectors import unit
from ..take import CameraTilt, Shot, Take

FEET_VISIBLE = 0.3  #: Confidence of the ankles, from which on they are evidence for floor and sizes.
_GROUND_ERROR = 0.05  #: Of the floor's distance below the camera, as a share: feet are off by a few centimetres.
_ROUNDS = 2  #: Of the solver, to find the tilt.


def find_gravity(shot: Shot) -> None:
    """Estimates the camera's tilt from the reference people; the user's values take precedence."""
    tilt, roll = shot.settings.tilt, shot.settings.roll
    found = gravity.UNKNOWN
    takes = [shot.takes[row] for row in shot.references]
    if takes and (tilt is None or roll is None):
        found = _tilt(shot, takes)
    known = found.known or tilt is not None or roll is not None
    shot.tilt = CameraTilt(found.pitch if tilt is None else tilt, found.roll if roll is None else roll, known)


def find_floor(shot: Shot) -> None:
    """Finds what each person stands on, and sizes relative to the first captured one; drops reference people."""
    shot.takes = {row: shot.takes[row] for row in sorted({shot.first, *shot.captured})}
    for take in shot.takes.values():
        take.ground, _ = _ground(shot, take, shot.tilt.rotation)
    reference = shot.takes[shot.captured[0]]
    for take in shot.takes.values():
        take.size = _relative_size(shot, take, reference)


def ankle_confidence(confidence: np.ndarray) -> float:
    """Median confidence of the ankles in rows (T,17)."""
    return float(np.median(confidence[:, floor.ANKLES]))


def _tilt(shot: Shot, takes: list[Take]) -> CameraTilt:
    """The tilt at which people are in balance and their footsteps lie in planes."""
    bodies = [(take.points[:, :17], take.confidence * take.detected[:, None]) for take in takes]
    balance = gravity.balance(bodies)
    first = gravity.tilt_of(balance.up, balance.share, 0.0)
    if first == gravity.UNKNOWN:  # footsteps of people who lie or hang are none
        return first
    up, walked = np.zeros(3), 0.0
    for take in takes:
        ground, stances = _ground(shot, take, first.rotation)
        across = kinematics.tangents(ground.up)
        information = across.T @ balance.information @ across
        _, found = solver.solve_with_gravity(take.problem, take.pose, ground, information, _ROUNDS)
        up += found.up * take.detected.sum()
        walked = max(walked, gravity.extent(take.points[take.visible], stances))
    return gravity.tilt_of(unit(up), balance.share, walked)


def _ground(shot: Shot, take: Take, rotation: np.ndarray) -> tuple[Ground, list[Stance]]:
    """What a person stands on, for a camera with that rotation to world axes; and where."""
    rows = take.visible
    points, observed = take.points[rows] @ rotation.T, take.confidence[rows][:, floor.ANKLES] > 0
    times = shot.people.times[rows]
    held = contacts.contacts(points, observed, times, np.zeros(3))
    stances = floor.stances(points, held)
    lowest = points[:, kinematics.SOLE_ROWS, 2].min(axis=2)
    height = floor.floor_height(stances, lowest[observed] if observed.any() else lowest, shot.fps)
    levels = floor.levels(stances, height, len(points))
    air, still = contacts.airborne(held, observed, times), contacts.standing(held, points, times)
    return Ground(rotation[2], height, held, levels, air, still, slides=shot.settings.feet == "ground"), stances


def _relative_size(shot: Shot, take: Take, reference: Take) -> float:
    """Size of a person relative to another one, from the floor under their feet; 1 without that evidence."""
    visible = min(ankle_confidence(one.confidence[one.detected]) for one in (take, reference))
    if take is reference or shot.settings.raw or visible < FEET_VISIBLE:
        return 1.0
    depths = [float(np.median(one.points[one.detected, 0, 2])) for one in (take, reference)]
    known = gravity.KNOWN_ERROR if shot.tilt.known else gravity.UNKNOWN_ERROR
    tilt_error = math.radians(0.0 if shot.settings.tilt is not None else known)
    ground, other = take.ground.height, reference.ground.height
    depth_error = abs(depths[0] - depths[1]) * math.tan(tilt_error) / max(abs(other), 1e-3)
    return floor.relative_size(ground, other, math.hypot(_GROUND_ERROR, depth_error))
