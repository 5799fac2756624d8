"""Cameras as the papers use them.

Camera axes: x right, y down, z forward. Quaternions: (w, x, y, z), unit length. Functions take and give numpy arrays
with free leading axes and keep their type.
"""

from __future__ import annotations

import numpy as np

IN_THE_WILD_CAMERA = np.array([0.14070565, -0.15007018, -0.7552408, 0.62232804], np.float32)
"""The camera that the papers show videos with: the orientation of a camera of Human3.6M, camera axes to world axes.

It reproduces the papers' pictures. A video's own camera is another one, so the product does not use it.
"""


def rotate(quaternion: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Rotates points (..., 3) by one quaternion (4,)."""
    axis = quaternion[1:]
    across = np.cross(axis, points)
    return points + 2 * (quaternion[0] * across + np.cross(axis, across))


def camera_to_world(points: np.ndarray, orientation: np.ndarray, position: np.ndarray | float = 0) -> np.ndarray:
    """Camera axes (..., 3) -> world axes, for a camera with an orientation (4,) and a position (3,)."""
    return rotate(orientation, points) + np.asarray(position, points.dtype)


def world_to_camera(points: np.ndarray, orientation: np.ndarray, position: np.ndarray | float = 0) -> np.ndarray:
    """World axes (..., 3) -> camera axes, for a camera with an orientation (4,) and a position (3,)."""
    conjugate = orientation * np.array([1, -1, -1, -1], orientation.dtype)
    return rotate(conjugate, points - np.asarray(position, points.dtype))


def in_the_wild_world(joints: np.ndarray) -> np.ndarray:
    """Joints (T,J,3) in camera axes -> world axes of the papers' fixed camera, the lowest joint at z = 0."""
    world = camera_to_world(joints, IN_THE_WILD_CAMERA.astype(joints.dtype))
    world[..., 2] -= world[..., 2].min()
    return world
