"""Stages of all people together: one camera, one floor."""

from __future__ import annotations

import math

import numpy as np

from ..solve import floor, gravity
from ..solve.body import CANONICAL_HEIGHT
from ..take import CameraTilt, Shot, Take

FEET_VISIBLE = 0.3  #: Confidence of the ankles, from which on they are evidence for floor and sizes.
_GROUND_ERROR = 0.05  #: Of the floor's distance below the camera, as a share: feet are off by a few centimetres.


def find_gravity(shot: Shot) -> None:
    """Estimates the camera's tilt from the reference people; the user's values take precedence."""
    tilt, roll = shot.settings.tilt, shot.settings.roll
    found = gravity.UNKNOWN
    if tilt is None or roll is None:
        takes, times = [shot.takes[row] for row in shot.references], shot.people.times
        bodies = [gravity.Body(take.body, take.confidence * take.detected[:, None], times) for take in takes]
        found = gravity.estimate_tilt(bodies)
    known = found.known or tilt is not None or roll is not None
    shot.tilt = CameraTilt(found.pitch if tilt is None else tilt, found.roll if roll is None else roll, known)


def find_floor(shot: Shot) -> None:
    """Finds the floor under each person and sizes relative to the first captured one; drops reference people."""
    shot.takes = {row: shot.takes[row] for row in sorted({shot.first, *shot.captured})}
    for take in shot.takes.values():
        heights = (take.body @ shot.tilt.rotation.T)[:, floor.ANKLES, 2]
        take.ground = floor.floor_height(heights, take.confidence[:, floor.ANKLES] > 0, CANONICAL_HEIGHT)
    reference = shot.takes[shot.captured[0]]
    for take in shot.takes.values():
        take.size = _relative_size(shot, take, reference)


def ankle_confidence(confidence: np.ndarray) -> float:
    """Median confidence of the ankles in rows (T,17)."""
    return float(np.median(confidence[:, floor.ANKLES]))


def _relative_size(shot: Shot, take: Take, reference: Take) -> float:
    """Size of a person relative to another one, from the floor under their feet; 1 without that evidence."""
    visible = min(ankle_confidence(one.confidence[one.detected]) for one in (take, reference))
    if take is reference or shot.settings.raw or visible < FEET_VISIBLE:
        return 1.0
    depths = [float(np.median(one.root[one.detected, 2])) for one in (take, reference)]
    known = gravity.KNOWN_ERROR if shot.tilt.known else gravity.UNKNOWN_ERROR
    tilt_error = math.radians(0.0 if shot.settings.tilt is not None else known)
    depth_error = abs(depths[0] - depths[1]) * math.tan(tilt_error) / max(abs(reference.ground), 1e-3)
    return floor.relative_size(take.ground, reference.ground, math.hypot(_GROUND_ERROR, depth_error))
