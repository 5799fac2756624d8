"""The path of the Hip through camera space, from 2D and root-relative 3D."""

from __future__ import annotations

import numpy as np
from scipy.linalg import solveh_banded

PIXEL_SHARE, ACCELERATION = 0.015, 4.0
"""Usual error of a keypoint, as a share of the person's size, and usual acceleration of a body's middle, m/s^2; jumps
exceed it for a short time."""

_ROUNDS, _NEAREST_M = 4, 0.2  #: Rounds of reweighting, and least depth of a joint: a body is in front of the lens.


def root_path(joints: np.ndarray, points: np.ndarray, weights: np.ndarray, fps: float) -> np.ndarray:
    """The path (T,3), metres, camera axes, on which the joints, projected by a pinhole camera, meet the keypoints.

    Least squares over the whole clip: the error of a joint is its distance in metres from the ray through its
    keypoint, and the acceleration of the path is bounded, which stabilises depth. The problem is linear, so each
    round is one banded solve; rounds reweight errors (Geman-McClure), so that a wrong limb does not move the body.

    Args:
        joints: (T,J,3) metres, root-relative, camera axes.
        points: (T,J,2) keypoints on the plane z = 1.
        weights: (T,J) 0..1; the smoothest path bridges rows of zeros.
    """
    frames = len(joints)
    sigma = PIXEL_SHARE * 1.7
    # Row of the ray equation: (X + t_x) - u (Z + t_z) = 0, and alike for y: in metres at the joint's depth.
    u, v = points[..., 0], points[..., 1]
    right_x = u * joints[..., 2] - joints[..., 0]
    right_y = v * joints[..., 2] - joints[..., 1]
    smoothness = second_differences(frames) * (sigma * fps**2 / ACCELERATION) ** 2
    robust = np.ones_like(weights)
    for _ in range(_ROUNDS):
        w = weights * robust
        # Normal equations of frame t: [[n, 0, -a], [0, n, -b], [-a, -b, s]] path = right side.
        blocks = np.zeros((frames, 3, 3))
        blocks[:, 0, 0] = blocks[:, 1, 1] = w.sum(axis=1)
        blocks[:, 0, 2] = blocks[:, 2, 0] = -(w * u).sum(axis=1)
        blocks[:, 1, 2] = blocks[:, 2, 1] = -(w * v).sum(axis=1)
        blocks[:, 2, 2] = (w * (u**2 + v**2)).sum(axis=1)
        right = [(w * right_x).sum(axis=1), (w * right_y).sum(axis=1), -(w * (u * right_x + v * right_y)).sum(axis=1)]
        path = solve(blocks, np.stack(right, axis=-1), smoothness)
        x, y, z = np.moveaxis(joints + path[:, None], -1, 0)
        robust = (1 + (np.hypot(x - u * z, y - v * z) / (4 * sigma)) ** 2) ** -2
    path[:, 2] += np.maximum(_NEAREST_M - (path[:, 2] + joints[..., 2].min(axis=1)), 0)
    return path


def second_differences(frames: int) -> np.ndarray:
    """(3, frames): the diagonal and the two below of D^T D, with D the second difference."""
    bands = np.zeros((3, frames))
    rows = max(frames - 2, 0)
    for below, products in enumerate(((1, 4, 1), (-2, -2), (1,))):
        for column, product in enumerate(products):
            bands[below, column : column + rows] += product
    return bands


def solve(blocks: np.ndarray, right: np.ndarray, smoothness: np.ndarray) -> np.ndarray:
    """Solves (block diagonal + smoothness of each axis) path = right (T,3) for symmetric blocks (T,3,3) and a
    smoothness (3,T) of :func:`second_differences`."""
    frames = len(blocks)
    bands = np.zeros((7, 3 * frames))  # lower form: bands[k, j] = A[j + k, j]
    for i in range(3):
        for j in range(i + 1):
            bands[i - j, j::3] += blocks[:, i, j]
    for k in range(3):
        bands[3 * k] += np.repeat(smoothness[k], 3)
    # Regularisation, for frames without any observation near.
    bands[0] += 1e-9 * max(float(bands[0].max()), 1.0)
    return solveh_banded(bands, right.reshape(-1), lower=True).reshape(frames, 3)
