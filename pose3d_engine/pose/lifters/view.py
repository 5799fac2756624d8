"""The virtual camera of our lifters, which looks straight at the person.

A person at the edge of a wide picture looks turned, although they are not. A virtual camera is therefore rotated in
each frame, without roll, until its optical axis meets the torso; joints are lifted in the axes of that camera and
rotated back afterwards. Yu, Salzmann, Fua, Rhodin: PCLs: Geometry-aware Neural Reconstruction of 3D Pose with
Perspective Crop Layers, CVPR 2021.
"""

from __future__ import annotations

import numpy as np

from ...contract.skeletons import COCO17

TORSO = [COCO17.index(name) for name in ("left_shoulder", "right_shoulder", "left_hip", "right_hip")]


USUAL_SIZE = 0.4
"""Size on the plane z = 1 of a person of 1.70 m at 4.25 m: the origin of the measure of nearness."""


def rotation_to(rays: np.ndarray) -> np.ndarray:
    """Returns rotations (..., 3, 3) that turn rays (..., 3) in camera axes onto the optical axis, without roll."""
    z = rays / np.linalg.norm(rays, axis=-1, keepdims=True)
    x = np.stack([z[..., 2], np.zeros_like(z[..., 0]), -z[..., 0]], axis=-1)  # (0,1,0) x z: stays level
    x /= np.linalg.norm(x, axis=-1, keepdims=True)
    return np.stack([x, np.cross(z, x), z], axis=-2)


def look_at_torso(points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Projects COCO-17 points (..., 17, 2) on the camera's plane z = 1 to the virtual camera's, torso at the origin.

    Returns:
        The points (..., 17, 2), and the rotations (..., 3, 3) from camera axes to virtual axes.
    """
    centre = points[..., TORSO, :].mean(axis=-2)
    rotation = rotation_to(np.concatenate([centre, np.ones_like(centre[..., :1])], axis=-1))
    rays = np.concatenate([points, np.ones_like(points[..., :1])], axis=-1)
    turned = np.matmul(rays, np.swapaxes(rotation, -1, -2))
    # A limb almost beside the camera would project to infinity; it is an outlier of the detector anyway.
    return turned[..., :2] / np.maximum(turned[..., 2:], 0.1), rotation


def person_size(points: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """Returns the larger side (...) of the box around the visible keypoints (..., 17, 2); NaN for too few."""
    seen = (scores > 0.1)[..., None]
    low = np.where(seen, points, np.inf).min(axis=-2)
    high = np.where(seen, points, -np.inf).max(axis=-2)
    size = (high - low).max(axis=-1)
    return np.where(seen[..., 0].sum(axis=-1) >= 6, size, np.nan)


def running_median(values: np.ndarray, window: int) -> np.ndarray:
    """Returns the median around each row of (T,) without NaN; a window of NaN has the clip's, a clip of NaN has 1."""
    finite = values[np.isfinite(values)]
    overall = float(np.median(finite)) if finite.size else 1.0
    half = window // 2
    padded = np.pad(values, half, constant_values=np.nan)
    windows = np.lib.stride_tricks.sliding_window_view(padded, 2 * half + 1)
    ordered = np.sort(windows, axis=1)  # NaN sort to the end
    counted = np.isfinite(windows).sum(axis=1)
    rows = np.arange(len(values))
    lower, upper = np.maximum(counted - 1, 0) // 2, counted // 2
    medians = (ordered[rows, lower] + ordered[rows, np.minimum(upper, 2 * half)]) / 2
    return np.where(counted > 0, medians, overall)


def features(points: np.ndarray, scores: np.ndarray, size: np.ndarray) -> np.ndarray:
    """Returns the input of the network, (..., 17, 4) float32: points over the size, scores, and how large the person
    appears, the same for all points, which tells how near they are and so how strong the perspective is.

    Args:
        points: (..., 17, 2) of :func:`look_at_torso`.
        scores: (..., 17).
        size: Broadcasts against (...): the person's median size over the frames around, which a crouch does not change.
    """
    size = np.maximum(np.asarray(size)[..., None, None], 1e-6)
    near = np.broadcast_to(np.clip(np.log(size / USUAL_SIZE), -2, 2), (*scores.shape, 1))
    return np.concatenate([np.clip(points / size, -2, 2), scores[..., None], near], axis=-1).astype(np.float32)
