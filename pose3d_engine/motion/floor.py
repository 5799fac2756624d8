"""From the camera's space to the world's: z up, the floor at 0; and which foot stands on it."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import minimum_filter1d

from ..body import ANKLE_HEIGHT, CANONICAL_HEIGHT
from ..skeletons import H36M17

ANKLES = [H36M17.index("LAnkle"), H36M17.index("RAnkle")]
"""Left, right: the order of ``contacts``."""

LEVEL_CAMERA = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, 1.0], [0.0, -1.0, 0.0]])
"""Camera axes (x right, y down, z forward) -> world axes (z up, the camera looks along +Y), for a level camera."""

_LOWEST_SHARE = 0.02
"""The floor is where the lowest ankles are, but for this share of them: a single wrong frame is not the floor."""

SUPPORT_S = 1.0
"""Seconds before and after, in which a foot is sure to have stood: longer than a jump, shorter than a climb."""

_DEPTH_SHARE = 0.25
"""By how much of its speed along the line of sight a foot is said to move: depth errs several times as much."""

_ENTER_SPEED, _LEAVE_SPEED = 0.35, 0.70
_ENTER_HEIGHT, _LEAVE_HEIGHT = 0.08, 0.14
"""Metres a second, and metres over the ground: a foot comes to rest below the first and leaves at the second."""


def floor_height(ankles: np.ndarray, seen: np.ndarray, height: float) -> float:
    """Height of the floor under the lowest feet, in the axis in which ``ankles`` (T,2) are heights, metres.

    seen: (T,2) bool; where no ankle is ever seen, all count. height: of the person, which scales the ankle's.
    """
    known = ankles[seen] if seen.any() else ankles.ravel()
    return float(np.quantile(known, _LOWEST_SHARE)) - ankle_height(height)


def ankle_height(height: float) -> float:
    """Metres of the ankle joint over the floor, for a standing person of that height."""
    return ANKLE_HEIGHT * height / CANONICAL_HEIGHT


def contacts(world: np.ndarray, confidence: np.ndarray, times: np.ndarray, camera: np.ndarray) -> np.ndarray:
    """(T,2) bool, left and right foot on the ground: low and slow, with hysteresis.

    world: (T,17,3) metres. camera: (3,) its place in the world: towards it movement is little known and counts less.

    The ground is where the lower ankle gets within SUPPORT_S around, so that a wall, stairs and a tilted camera have
    one too. Assumes that somebody stands now and then: feet that hang still are taken for standing.
    """
    ankles = world[:, ANKLES]
    sure = confidence[:, ANKLES] > 0
    lowest = np.where(sure, ankles[..., 2], np.inf).min(axis=1)
    rate = (len(times) - 1) / max(times[-1] - times[0], 1e-6)
    support = minimum_filter1d(lowest, 2 * int(SUPPORT_S * rate) + 1, mode="nearest")
    over = np.where(sure, ankles[..., 2], np.inf) - np.where(np.isfinite(support), support, 0.0)[:, None]
    velocity = np.gradient(ankles, times, axis=0) if len(world) > 1 else np.zeros_like(ankles)
    sight = ankles - camera
    sight /= np.maximum(np.linalg.norm(sight, axis=-1, keepdims=True), 1e-6)
    depth = (velocity * sight).sum(axis=-1, keepdims=True) * sight
    speed = np.linalg.norm(velocity - (1 - _DEPTH_SHARE) * depth, axis=-1)
    enter = (speed < _ENTER_SPEED) & (over < _ENTER_HEIGHT)
    stay = (speed < _LEAVE_SPEED) & (over < _LEAVE_HEIGHT)
    result = np.zeros(enter.shape, bool)
    down = np.zeros(2, bool)
    for row in range(len(world)):
        down = enter[row] | (down & stay[row])
        result[row] = down
    return result
