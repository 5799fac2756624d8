"""Screen and camera as the papers use them.

Screen: x in -1..1 over the width, y in the same scale, the middle of the picture at the origin. Camera axes: x right,
y down, z forward. Quaternions: (w, x, y, z), unit length. All but :func:`unproject` take and give numpy arrays with
free leading axes and keep their type.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

IN_THE_WILD_CAMERA = np.array([0.14070565, -0.15007018, -0.7552408, 0.62232804], np.float32)
"""The camera that the papers show videos with: the orientation of a camera of Human3.6M, camera axes to world axes.

A video's own camera is another one; this is here to reproduce their pictures, and the pipeline does not use it.
"""


def normalise(pixels: np.ndarray, width: float, height: float) -> np.ndarray:
    """Pixels (..., 2) of a picture -> screen."""
    return pixels / width * 2 - np.array([1, height / width], pixels.dtype)


def to_pixels(screen: np.ndarray, width: float, height: float) -> np.ndarray:
    """Screen (..., 2) -> pixels of a picture."""
    return (screen + np.array([1, height / width], screen.dtype)) * width / 2


def rotate(quaternion: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Points (..., 3) turned by one quaternion (4,)."""
    axis = quaternion[1:]
    across = np.cross(axis, points)
    return points + 2 * (quaternion[0] * across + np.cross(axis, across))


def camera_to_world(points: np.ndarray, orientation: np.ndarray, place: np.ndarray | float = 0) -> np.ndarray:
    """Camera axes (..., 3) -> world axes, for a camera with that orientation (4,) and place (3,)."""
    return rotate(orientation, points) + np.asarray(place, points.dtype)


def world_to_camera(points: np.ndarray, orientation: np.ndarray, place: np.ndarray | float = 0) -> np.ndarray:
    """World axes (..., 3) -> camera axes, for a camera with that orientation (4,) and place (3,)."""
    conjugate = orientation * np.array([1, -1, -1, -1], orientation.dtype)
    return rotate(conjugate, points - np.asarray(place, points.dtype))


def in_the_wild_world(joints: np.ndarray) -> np.ndarray:
    """Joints (T,J,3) in camera axes as the papers show them: by their fixed camera, the lowest joint at z = 0."""
    world = camera_to_world(joints, IN_THE_WILD_CAMERA.astype(joints.dtype))
    world[..., 2] -= world[..., 2].min()
    return world


def unproject(keypoints: Tensor, depth: Tensor, root_depth: Tensor, camera: Tensor) -> Tensor:
    """Where keypoints lie in space if their depths are known.

    keypoints (B,T,J,2): screen. depth (B,T,J): of each joint, relative to joint 0; that of joint 0 is not looked at.
    root_depth (B,T): distance of joint 0 from the camera. camera (B,4 or more): focal lengths x, y and centre x, y in
    the scale of the screen. Returns (B,T,J,3), camera axes, relative to joint 0.
    """
    focal, centre = camera[:, None, None, :2], camera[:, None, None, 2:4]
    relative = torch.cat([torch.zeros_like(depth[..., :1]), depth[..., 1:]], dim=-1)
    distance = (relative + root_depth[..., None])[..., None]
    points = torch.cat([(keypoints - centre) * distance / focal, distance], dim=-1)
    return points - points[:, :, :1]
