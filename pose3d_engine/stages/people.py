"""Stages of all people together: one camera, one floor."""

from __future__ import annotations

import math

import numpy as np

from ..solve import floor, gravity
from ..solve.body import CANONICAL_HEIGHT
from ..take import CameraTilt, Shot, Take

FEET_VISIBLE = 0.3
"""Confidence of the ankles from which on floor and sizes can be told from them."""

_GROUND_ERROR = 0.05
"""Of the floor's distance below the camera, as a share: feet are found a few centimetres too high or too low."""


def find_gravity(shot: Shot) -> None:
    """How the camera is held, from the reference people; what the user gives wins."""
    given = shot.settings.tilt, shot.settings.roll
    if given[0] is not None and given[1] is not None:
        shot.tilt = CameraTilt(given[0], given[1], known=True)
        return
    takes = [shot.takes[row] for row in shot.references]
    found = gravity.estimate_tilt(
        [gravity.Body(take.body, take.confidence * take.detected[:, None], shot.people.times) for take in takes]
    )
    if given != (None, None):
        found = CameraTilt(
            found.pitch if given[0] is None else given[0], found.roll if given[1] is None else given[1], known=True
        )
    shot.tilt = found


def find_floor(shot: Shot) -> None:
    """The floor under each person, and their sizes beside each other; reference people are no longer needed.

    The height that was given is that of the first captured person; the floor tells how tall the others are beside.
    """
    shot.takes = {row: shot.takes[row] for row in shot.wanted}
    for take in shot.takes.values():
        heights = (take.body @ shot.tilt.rotation.T)[:, floor.ANKLES, 2]
        take.ground = floor.floor_height(heights, take.confidence[:, floor.ANKLES] > 0, CANONICAL_HEIGHT)
    reference = shot.takes[shot.captured[0]]
    for take in shot.takes.values():
        take.size = _relative_size(shot, take, reference)


def ankle_confidence(confidence: np.ndarray) -> float:
    """How well the feet are visible in half of the rows (T,17)."""
    return float(np.median(confidence[:, floor.ANKLES]))


def _relative_size(shot: Shot, take: Take, reference: Take) -> float:
    """Size of one person beside that of another, as far as the floor under their feet tells it; else 1."""
    visible = min(ankle_confidence(one.confidence[one.detected]) for one in (take, reference))
    if take is reference or shot.settings.raw or visible < FEET_VISIBLE:
        return 1.0
    depths = [float(np.median(one.root[one.detected, 2])) for one in (take, reference)]
    known = gravity.KNOWN_ERROR if shot.tilt.known else gravity.UNKNOWN_ERROR
    tilt_error = math.radians(0.0 if shot.settings.tilt is not None else known)
    depth_error = abs(depths[0] - depths[1]) * math.tan(tilt_error) / max(abs(reference.ground), 1e-3)
    return floor.relative_size(take.ground, reference.ground, math.hypot(_GROUND_ERROR, depth_error))
