"""Which foot stands on something, in every frame."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import minimum_filter1d

from ..contract.skeletons import BLAZEPOSE33
from . import smoothing
from .floor import ANKLES

SUPPORT_S = 0.6
"""Seconds before and after, in which a foot is sure to have stood: longer than a swing, shorter than a climb."""

_DEPTH_SHARE = 0.25
"""By how much of its speed along the line of sight a foot is said to move: depth errs several times as much."""

_ENTER_SPEED, _LEAVE_SPEED = 0.35, 0.50
_ENTER_HEIGHT, _LEAVE_HEIGHT = 0.08, 0.14
"""Metres a second, and metres over the ground: a foot comes to rest below the first and leaves at the second."""

_LIFTED = 0.25
"""Metres over the other foot from which on a foot that hangs still is not on the same ground, but in the air."""


def _sole(side: str) -> tuple[int, int]:
    return BLAZEPOSE33.index(f"{side}_heel"), BLAZEPOSE33.index(f"{side}_foot_index")


SOLES: dict[str, tuple[tuple[int, int], tuple[int, int]]] = {
    "blazepose33": (_sole("left"), _sole("right")),
    "halpe26": ((24, 20), (25, 21)),
}
"""Where detectors that see them have heel and toe: of the left foot, of the right."""

_SOLE_SEEN = 0.3
"""Score from which on heel and toe are believed."""

_SOLE_HZ = 4.0
"""They jitter more than what the fit has steadied; slower than this is what is looked for."""


def contacts(
    world: np.ndarray,
    confidence: np.ndarray,
    times: np.ndarray,
    camera: np.ndarray,
    soles: np.ndarray | None = None,
) -> np.ndarray:
    """(T,2) bool, left and right foot on the ground: low and slow, with hysteresis in both directions of time.

    world: (T,17,3) metres, z up. camera: (3,) its place in the world: towards it movement is little known and counts
    less. confidence: (T,17); who is not seen does not stand. soles: (T,2,2,3), what :func:`beside_ankles` gives, in
    the world's axes: a foot whose heel and toe both move does not stand either, though its ankle may hang still.

    A foot's ground is where that foot gets within SUPPORT_S around, so that a wall, stairs and a leaning body have one
    too, unless it is far over the other foot's. Assumes that somebody stands now and then: feet that hang still
    together are taken for standing.
    """
    ankles = world[:, ANKLES].astype(np.float64)
    sure = confidence[:, ANKLES] > 0
    rate = (len(times) - 1) / max(times[-1] - times[0], 1e-6)
    reach = 2 * int(SUPPORT_S * rate) + 1
    heights = np.where(sure, ankles[..., 2], np.inf)
    own = minimum_filter1d(heights, reach, axis=0, mode="nearest")
    lowest = own.min(axis=1, keepdims=True)
    with np.errstate(invalid="ignore"):  # both are infinite where nobody is seen
        ground = np.where(own - lowest < _LIFTED, own, lowest)
        over = np.where(sure, heights - ground, np.inf)
    speed = _speed(ankles, times, camera)
    if soles is not None:
        ends = [_speed(ankles + soles[:, :, end], times, camera) for end in range(2)]
        speed = np.fmax(speed, np.minimum(*ends))  # not seen is NaN: the ankle speaks alone
    enter = (speed < _ENTER_SPEED) & (over < _ENTER_HEIGHT)
    stay = (speed < _LEAVE_SPEED) & (over < _LEAVE_HEIGHT)
    return _hysteresis(enter, stay) | _hysteresis(enter[::-1], stay[::-1])[::-1]


def beside_ankles(
    points: np.ndarray, layout: str, ankles: np.ndarray, depths: np.ndarray, focal: float, fps: float
) -> np.ndarray:
    """(T,2,2,3) metres, camera axes: the left foot's heel and toe from its ankle, and the right's, across the line of
    sight (their depth is not known); NaN where they are not seen.

    points: (T,P,3) pixels and score of a detector whose ``layout`` is one of SOLES. ankles: (T,2,2) pixels. depths:
    (T,2) metres, of the ankles. focal: pixels. Smoothed with zero phase; assumes nearly even sampling at ``fps``.
    """
    ends = points[:, np.array(SOLES[layout])].astype(np.float64)
    seen = (np.nan_to_num(ends[..., 2]) >= _SOLE_SEEN) & np.isfinite(ends[..., :2]).all(axis=-1)
    offsets = (ends[..., :2] - ankles[:, :, None]) * (depths / focal)[:, :, None, None]
    result = np.full((*seen.shape, 3), np.nan)
    for foot, end in np.ndindex(2, 2):
        rows = np.flatnonzero(seen[:, foot, end])
        if len(rows):
            path = [np.interp(np.arange(len(seen)), rows, offsets[rows, foot, end, axis]) for axis in (0, 1)]
            steady = smoothing.smooth(np.stack(path, axis=-1), fps, _SOLE_HZ)
            result[rows, foot, end] = np.pad(steady, ((0, 0), (0, 1)))[rows]
    return result


def stretches(contact: np.ndarray) -> list[tuple[int, int]]:
    """First row and the one after the last of each stretch of True in (T,)."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], contact.astype(np.int8), [0]])))
    return [(int(first), int(end)) for first, end in edges.reshape(-1, 2)]


def _speed(ankles: np.ndarray, times: np.ndarray, camera: np.ndarray) -> np.ndarray:
    velocity = np.gradient(ankles, times, axis=0) if len(ankles) > 1 else np.zeros_like(ankles)
    sight = ankles - camera
    sight /= np.maximum(np.linalg.norm(sight, axis=-1, keepdims=True), 1e-6)
    depth = (velocity * sight).sum(axis=-1, keepdims=True) * sight
    return np.linalg.norm(velocity - (1 - _DEPTH_SHARE) * depth, axis=-1)


def _hysteresis(enter: np.ndarray, stay: np.ndarray) -> np.ndarray:
    result = np.zeros(enter.shape, bool)
    down = np.zeros(enter.shape[1], bool)
    for row in range(len(enter)):
        down = enter[row] | (down & stay[row])
        result[row] = down
    return result
