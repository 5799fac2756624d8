"""Which foot stands on something, in every frame."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import minimum_filter1d

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


def contacts(world: np.ndarray, confidence: np.ndarray, times: np.ndarray, camera: np.ndarray) -> np.ndarray:
    """(T,2) bool, left and right foot on the ground: low and slow, with hysteresis in both directions of time.

    world: (T,17,3) metres, z up. camera: (3,) its place in the world: towards it movement is little known and counts
    less. confidence: (T,17); who is not seen does not stand.

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
    enter = (speed < _ENTER_SPEED) & (over < _ENTER_HEIGHT)
    stay = (speed < _LEAVE_SPEED) & (over < _LEAVE_HEIGHT)
    return _hysteresis(enter, stay) | _hysteresis(enter[::-1], stay[::-1])[::-1]


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
