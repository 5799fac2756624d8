"""Errors like a detector's, for 2D projected from motion capture; compared in docs/contributor/training.md."""

from __future__ import annotations

import numpy as np

from ...contract.skeletons import COCO17

FACE = [COCO17.index(n) for n in ("nose", "left_eye", "right_eye", "left_ear", "right_ear")]
"""COCO-17 keypoints of the face."""


def noisy(rng: np.random.Generator, points: np.ndarray, level: float | None) -> tuple[np.ndarray, np.ndarray]:
    """Adds errors like a detector's.

    A constant offset of each keypoint; drift that is correlated in time; jitter; bursts in which a limb is confused
    with something else; stretches in which a keypoint is lost and keeps its position; left/right flips. Scores fall
    with the error, imperfectly.

    Args:
        rng: Random generator.
        points: (n,T,17,2) COCO-17.
        level: Size of the errors as a share of the person's size; None draws it for every sample.

    Returns:
        Points (n,T,17,2) and scores (n,T,17).
    """
    n, length = points.shape[:2]
    size = np.median((points.max(axis=2) - points.min(axis=2)).max(axis=-1), axis=1)[:, None, None, None]
    sigma = np.full(n, level) if level is not None else np.exp(rng.uniform(np.log(0.003), np.log(0.03), n))
    sigma = sigma[:, None, None, None]
    each = np.exp(rng.normal(0, 0.4, (n, 1, 17, 1)))
    # Ends of limbs are detected less accurately than the face.
    each[:, :, FACE] *= 0.6

    constant = rng.normal(0, 0.5, (n, 1, 17, 2))
    drift = smooth_noise(rng, n, length, 17 * 2, 8).reshape(n, length, 17, 2) * 0.7
    jitter = rng.normal(0, 0.35, (n, length, 17, 2)).astype(np.float32)
    error = (constant + drift + jitter) * sigma * each

    burst = (smooth_noise(rng, n, length, 17, 4) > 2.6)[..., None]
    error = error + burst * rng.normal(0, 0.08, (n, 1, 17, 2))
    # A hidden limb: half of the body, inaccurate for a while.
    hidden = (smooth_noise(rng, n, length, 6, 25) > 1.7)[
        :, :, np.array([0, 0, 0, 0, 0, 1, 2, 1, 2, 1, 2, 3, 4, 3, 4, 3, 4])
    ]
    hidden[:, :, :5] = False
    error = error * np.where(hidden[..., None], 2.5, 1.0)
    points = points + (error * size).astype(np.float32)

    flipped = rng.random(n) < 0.06
    if flipped.any():
        when = smooth_noise(rng, int(flipped.sum()), length, 1, 6)[..., 0] > 1.0
        legs = np.arange(17) >= 11
        some = points[flipped]
        points[flipped] = np.where((when[:, :, None] & legs)[..., None], some[:, :, COCO17.mirror], some)

    relative = np.linalg.norm(error, axis=-1)
    doubt = relative * 6 + np.abs(rng.normal(0, 0.06, relative.shape)) + 0.35 * hidden
    if level is None:
        # Detectors differ in how much their scores depend on the error: MediaPipe's are near 1 for everything that it
        # believes to be visible, and low for hidden limbs that it places well.
        overconfident = smooth_noise(rng, n, length, 17, 25) > 1.3
        telling = np.where(rng.random((n, 1, 1)) < 0.5, 1.0, rng.random((n, 1, 1)) ** 3)
        doubt = doubt * telling + 0.4 * overconfident * rng.random((n, 1, 1)) * (telling < 1)
    scores = np.clip(1.0 - doubt, 0.05, 1)
    lost = smooth_noise(rng, n, length, 17, 5) > 2.7
    points = held(points, lost)
    return points.astype(np.float32), np.where(lost, 0, scores).astype(np.float32)


def held(points: np.ndarray, lost: np.ndarray) -> np.ndarray:
    """Keeps lost keypoints at their last position."""
    rows = np.where(lost, 0, np.arange(points.shape[1])[None, :, None])
    rows = np.maximum.accumulate(rows, axis=1)
    return np.take_along_axis(points, rows[..., None], axis=1)


def smooth_noise(rng: np.random.Generator, n: int, length: int, channels: int, period: int) -> np.ndarray:
    """Returns unit-variance noise (n, length, channels) that keeps its value for about ``period`` frames."""
    knots = rng.normal(size=(n, length // period + 3, channels)).astype(np.float32)
    at = np.arange(length, dtype=np.float32) / period + rng.random()
    low = at.astype(int)
    blend = (at - low)[None, :, None].astype(np.float32)
    mixed = knots[:, low] * (1 - blend) + knots[:, low + 1] * blend
    return mixed / np.sqrt((1 - blend) ** 2 + blend**2)
