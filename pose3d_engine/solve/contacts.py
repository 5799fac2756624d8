"""Foot contacts: which foot is on the ground in each frame."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import minimum_filter1d

from ..contract.skeletons import LAYOUTS
from . import smoothing
from .floor import ANKLES
from .vectors import dot, unit

SUPPORT_S = 0.6
"""Seconds around a frame, within which a foot has been on its ground: longer than a swing, shorter than a climb."""

_DEPTH_SHARE = 0.25  #: Share of the speed along the line of sight that counts: depth errs several times as much.
_ENTER_SPEED, _LEAVE_SPEED = 0.35, 0.50  #: m/s, below which a contact begins and above which it ends.
_ENTER_HEIGHT, _LEAVE_HEIGHT = 0.08, 0.14  #: Metres over the ground, alike.
_LIFTED = 0.25  #: Metres over the other foot, from which on a motionless foot is in the air.
_SOLE_SCORE, _SOLE_HZ = 0.3, 4.0  #: Minimum score of heel and toe, and the cut-off that removes their jitter.


def contacts(
    world: np.ndarray, confidence: np.ndarray, times: np.ndarray, camera: np.ndarray, soles: np.ndarray | None = None
) -> np.ndarray:
    """Finds contacts (T,2) bool, left and right, of low and slow feet, with hysteresis in both directions of time.

    A foot's ground is the lowest place of that foot within SUPPORT_S, unless it is far above the other foot's; so walls
    and stairs have one. Assumes that the person stands now and then: feet that hang motionless together count as
    standing.

    Args:
        world: (T,17,3) metres, z up.
        confidence: (T,17); feet with 0 have no contact.
        times: (T,) seconds.
        camera: (3,) place of the camera; motion towards it counts less.
        soles: (T,2,2,3) of :func:`sole_offsets`, world axes. A foot whose heel and toe both move has no contact.
    """
    ankles = world[:, ANKLES].astype(np.float64)
    observed = confidence[:, ANKLES] > 0
    rate = (len(times) - 1) / max(times[-1] - times[0], 1e-6)
    reach = 2 * int(SUPPORT_S * rate) + 1
    heights = np.where(observed, ankles[..., 2], np.inf)
    own = minimum_filter1d(heights, reach, axis=0, mode="nearest")
    lowest = own.min(axis=1, keepdims=True)
    with np.errstate(invalid="ignore"):  # both are infinite where no foot is observed
        ground = np.where(own - lowest < _LIFTED, own, lowest)
        over = np.where(observed, heights - ground, np.inf)
    speed = _speed(ankles, times, camera)
    if soles is not None:
        ends = [_speed(ankles + soles[:, :, end], times, camera) for end in range(2)]
        speed = np.fmax(speed, np.minimum(*ends))  # NaN where not observed: the ankle alone decides
    enter = (speed < _ENTER_SPEED) & (over < _ENTER_HEIGHT)
    stay = (speed < _LEAVE_SPEED) & (over < _LEAVE_HEIGHT)
    return _hysteresis(enter, stay) | _hysteresis(enter[::-1], stay[::-1])[::-1]


def sole_offsets(
    points: np.ndarray, layout: str, ankles: np.ndarray, depths: np.ndarray, focal: float, fps: float
) -> np.ndarray:
    """Measures heels and toes from the ankles, across the line of sight (their depth is unknown), smoothed.

    Args:
        points: (T,P,3) pixels and score.
        layout: Of the points, one with heels and toes.
        ankles, depths: (T,2,2) pixels and (T,2) metres.
        focal: Pixels.
        fps: Frames a second, nearly even.

    Returns:
        (T,2,2,3) metres, camera axes: left and right foot's heel and toe; NaN where not observed.
    """
    rows_of = LAYOUTS[layout].rows
    ends = points[:, [rows_of(f"{side}_heel", f"{side}_toe") for side in ("left", "right")]].astype(np.float64)
    observed = (np.nan_to_num(ends[..., 2]) >= _SOLE_SCORE) & np.isfinite(ends[..., :2]).all(axis=-1)
    offsets = (ends[..., :2] - ankles[:, :, None]) * (depths / focal)[:, :, None, None]
    result = np.full((*observed.shape, 3), np.nan)
    for foot, end in np.ndindex(2, 2):
        rows = np.flatnonzero(observed[:, foot, end])
        if len(rows):
            path = [np.interp(np.arange(len(observed)), rows, offsets[rows, foot, end, axis]) for axis in (0, 1)]
            smoothed = smoothing.smooth(np.stack(path, axis=-1), fps, _SOLE_HZ)
            result[rows, foot, end] = np.pad(smoothed, ((0, 0), (0, 1)))[rows]
    return result


def _speed(points: np.ndarray, times: np.ndarray, camera: np.ndarray) -> np.ndarray:
    """m/s of points (T,N,3), along the line of sight in part."""
    velocity = np.gradient(points, times, axis=0) if len(points) > 1 else np.zeros_like(points)
    sight = unit(points - camera)
    return np.linalg.norm(velocity - (1 - _DEPTH_SHARE) * (dot(velocity, sight) * sight), axis=-1)


def _hysteresis(enter: np.ndarray, stay: np.ndarray) -> np.ndarray:
    """(T,2): True from a row of ``enter`` on, as long as ``stay``."""
    result = enter.copy()
    for row in range(1, len(enter)):
        result[row] |= result[row - 1] & stay[row]
    return result
