"""Where the person is: the path of the Hip through the camera's space, from 2D and root-relative 3D."""

from __future__ import annotations

import numpy as np
from scipy.linalg import solveh_banded

PIXEL_SHARE = 0.015
"""Error that a keypoint usually has, as a share of the person's size: what detectors reach."""

ACCELERATION = 4.0
"""m/s^2 that a body's middle usually reaches; a jump reaches more, for a short time."""


def root_path(
    joints: np.ndarray,
    points: np.ndarray,
    weights: np.ndarray,
    fps: float,
    rounds: int = 4,
) -> np.ndarray:
    """(T,3) metres, camera axes: the path on which the joints, seen by a pinhole camera, fall on the keypoints.

    joints: (T,J,3) metres, root-relative, camera axes. points: (T,J,2) keypoints on the plane z = 1 (pixels less
    principal point, over focal length). weights: (T,J) 0..1; a row of zeros is bridged by the smoothest path.

    Least squares over the whole clip: the error of a joint is its distance in metres from the ray through its
    keypoint, and the acceleration of the path is held to what bodies do, which steadies depth. Linear in the path,
    so one banded solve a round; rounds re-weigh errors (Geman-McClure) so that a wrong limb does not drag the body.
    """
    frames = len(joints)
    sigma = PIXEL_SHARE * 1.7
    # Row of the ray equation: (X + t_x) - u (Z + t_z) = 0, and alike for y: in metres at the joint's depth.
    u, v = points[..., 0], points[..., 1]
    right_x = u * joints[..., 2] - joints[..., 0]
    right_y = v * joints[..., 2] - joints[..., 1]
    smoothness = second_differences(frames) * (sigma * fps**2 / ACCELERATION) ** 2
    robust = np.ones_like(weights)
    path = np.zeros((frames, 3))
    for _ in range(rounds):
        w = weights * robust
        total, wu, wv = w.sum(axis=1), (w * u).sum(axis=1), (w * v).sum(axis=1)
        squares = (w * (u**2 + v**2)).sum(axis=1)
        # Normal equations of frame t: [[n, 0, -a], [0, n, -b], [-a, -b, s]] path = right side.
        blocks = np.zeros((frames, 3, 3))
        blocks[:, 0, 0] = blocks[:, 1, 1] = total
        blocks[:, 0, 2] = blocks[:, 2, 0] = -wu
        blocks[:, 1, 2] = blocks[:, 2, 1] = -wv
        blocks[:, 2, 2] = squares
        right = np.stack(
            [(w * right_x).sum(axis=1), (w * right_y).sum(axis=1), -(w * (u * right_x + v * right_y)).sum(axis=1)],
            axis=-1,
        )
        path = solve(blocks, right, smoothness)
        error = np.hypot(
            joints[..., 0] + path[:, None, 0] - u * (joints[..., 2] + path[:, None, 2]),
            joints[..., 1] + path[:, None, 1] - v * (joints[..., 2] + path[:, None, 2]),
        )
        robust = (1 + (error / (4 * sigma)) ** 2) ** -2
    return _in_front(path, joints)


def second_differences(frames: int) -> np.ndarray:
    """(3, frames): the diagonal and the two above of D^T D, D the second difference."""
    bands = np.zeros((3, frames))
    rows = max(frames - 2, 0)
    for a, p in enumerate((1.0, -2.0, 1.0)):
        for b, q in enumerate((1.0, -2.0, 1.0)):
            if b >= a:
                bands[b - a, a : a + rows] += p * q
    return bands


def solve(blocks: np.ndarray, right: np.ndarray, smoothness: np.ndarray) -> np.ndarray:
    """(T,3): solves (block diagonal + smoothness of each axis) path = right; both symmetric, so banded Cholesky.

    blocks: (T,3,3). right: (T,3). smoothness: (3,T), as of :func:`second_differences`.
    """
    frames = len(blocks)
    bands = np.zeros((7, 3 * frames))  # lower form: bands[k, j] = A[j + k, j]
    for i in range(3):
        for j in range(i + 1):
            bands[i - j, j::3] += blocks[:, i, j]
    for k in range(3):
        bands[3 * k] += np.repeat(smoothness[k], 3)
    # A whisper of a prior keeps frames apart that nothing else holds (a clip in which nobody is seen for long).
    bands[0] += 1e-9 * max(float(bands[0].max()), 1.0)
    return solveh_banded(bands, right.reshape(-1), lower=True).reshape(frames, 3)


def _in_front(path: np.ndarray, joints: np.ndarray) -> np.ndarray:
    """Nothing of a body is behind the lens: pushes frames in which it would be along the optical axis."""
    nearest = path[:, 2] + joints[..., 2].min(axis=1)
    return path + np.stack([np.zeros(len(path)), np.zeros(len(path)), np.maximum(0.2 - nearest, 0)], axis=-1)
