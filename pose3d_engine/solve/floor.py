"""The floor: its height, what feet stand on above it, and the sizes of people who stand on it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..contract.runs import runs
from .body import ANKLE_HEIGHT, CANONICAL_HEIGHT
from .kinematics import ANKLES as ANKLES
from .kinematics import SOLE_ROWS

SIZE_RANGE, SIZE_SPREAD = (0.6, 1.4), 0.15  #: Bounds and standard deviation (of the logarithm) of relative sizes.
MIN_CAMERA_HEIGHT = 0.5  #: Metres over the floor, below which the floor's distance says too little about sizes.
_STEP, _LEVEL = 0.15, 0.10
"""Metres over the floor from which on a stance may be on something else, and by which such stances agree. Stances of
level walks are 0.12 m apart at most where the tilt is found."""

_OUTLIERS = 0.02  #: Share of soles that may lie below the floor: single wrong frames.
_LONG_S = 1.0  #: Seconds of a stance that count in full.


@dataclass(frozen=True)
class Stance:
    """One foot in one contact: frames, and the height of its sole over the solver's origin, metres."""

    foot: int
    rows: slice
    height: float


def stances(points: np.ndarray, contacts: np.ndarray) -> list[Stance]:
    """The stances of points (T,21,3), z up, with contacts (T,2,2), in the order of their first frames."""
    found = []
    for foot in range(2):
        heights = np.where(contacts[:, foot], points[:, SOLE_ROWS[foot], 2], np.inf).min(axis=1)
        for first, end in runs(contacts[:, foot].any(axis=1)):
            found.append(Stance(foot, slice(first, end), float(np.median(heights[first:end]))))
    return sorted(found, key=lambda stance: stance.rows.start)


def floor_height(found: list[Stance], lowest: np.ndarray, fps: float) -> float:
    """The height on which most stances are, robustly; lower where the person comes far below it.

    Args:
        found: The stances.
        lowest: Heights of the lower sole in frames where feet were observed, metres; at least one.
        fps: Frames a second.
    """
    below = float(np.quantile(lowest, _OUTLIERS))
    if not found:
        return below
    heights = np.array([stance.height for stance in found])
    weights = np.array([min((stance.rows.stop - stance.rows.start) / fps, _LONG_S) for stance in found])
    support = weights @ np.exp(-(((heights[:, None] - heights) / _LEVEL) ** 2))
    height = float(heights[support.argmax()])
    for _ in range(5):
        near = weights / (1 + ((heights - height) / _LEVEL) ** 2) ** 2
        height = float(near @ heights / near.sum())
    return height if below > height - 2 * _STEP else below


def levels(found: list[Stance], floor: float, frames: int) -> np.ndarray:
    """(T,2) metres over the floor of what each foot stands on, 0 between stances.

    Somebody stands on something only where several stances in a row, of both feet, agree about its height: a single
    one errs by more than a step.
    """
    result = np.zeros((frames, 2))
    high = np.array([stance.height - floor > _STEP for stance in found])
    for first, end in runs(high):
        run = found[first:end]
        heights = np.array([stance.height for stance in run]) - floor
        if len({stance.foot for stance in run}) == 2 and np.ptp(heights) < _LEVEL:
            for stance in run:
                result[stance.rows, stance.foot] = np.median(heights)
    return result


def ankle_height(height: float) -> float:
    """Metres of the ankle joint over the floor for a standing person of that height."""
    return ANKLE_HEIGHT * height / CANONICAL_HEIGHT


def relative_size(ground: float, reference: float, error: float) -> float:
    """Estimates how tall a person is relative to another one on the same floor before the same camera.

    One picture does not distinguish tall and far from small and near, but the floor is equally far below the camera
    for everybody. The result is the likeliest size between that evidence and equal sizes (log-normal). ``ground`` and
    ``reference``: heights of the floor over the camera (negative), if both were equally tall; ``error``: of their
    ratio, as a share.
    """
    if max(ground, reference) > -MIN_CAMERA_HEIGHT:
        return 1.0
    weight = SIZE_SPREAD**2 / (SIZE_SPREAD**2 + error**2)
    return float(np.clip((reference / ground) ** weight, *SIZE_RANGE))
