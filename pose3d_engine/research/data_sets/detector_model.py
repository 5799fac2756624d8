"""What a measured detector reports of a body: keypoints that are not the joints, errors that stay, and its scores.

The numbers are those of :mod:`pose3d_engine.detect.calibration`. A detector's point is off the joint by an offset that
depends on view and pose, and by an error most of which stays for a second or more, which a network cannot average away:
part is fixed for a clip, part is a function of pose and view, part fades within some frames, and the rest is white.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np

from ...contract.skeletons import COCO17, COCO_ROWS, H36M_ROWS
from ...detect import calibration, registry
from ...detect.calibration import Calibration
from ...pose.joint_definitions import body_axes
from .detector_noise import FACE, held, smooth_noise

LIMBS = [COCO17.index(f"{side}_{part}") for part in calibration.BONES for side in ("left", "right")]
"""COCO-17 keypoints of the limbs, left and right of each part."""

FADING = 7.0
"""Frames at 30 a second after which the fading part of an error is 1/e: fits the autocorrelation at 1 and 10 frames."""

HEIGHT = calibration.CANONICAL_HEIGHT


@functools.cache
def measured(detector: str = "mediapipe-full") -> Calibration:
    """The calibration of a detector."""
    return calibration.load(detector)


def coco_points(joints: np.ndarray, face: np.ndarray) -> np.ndarray:
    """Returns COCO-17 points (...,17,3) of Human3.6M-17 joints (...,17,3) and the face (...,5,3)."""
    points = np.empty_like(joints)
    points[..., FACE, :] = face
    points[..., COCO_ROWS, :] = joints[..., H36M_ROWS, :]
    return points


@dataclass(frozen=True)
class Errors:
    """How much of the errors a sample has; the default is as measured."""

    offset: float = 1.0
    """Factor of the mean offsets."""
    spread: float = 1.0
    """Factor of the spread."""
    outliers: bool = True
    """Whether points are hidden, lost, jump, or change sides."""


def detect(
    rng: np.random.Generator, table: Calibration, joints: np.ndarray, face: np.ndarray, errors: Errors | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Simulates a detector.

    Args:
        rng: Random generator.
        table: The detector's errors.
        joints: (n,T,17,3) Human3.6M-17, camera axes, metres, of bodies of :data:`HEIGHT`.
        face: (n,T,5,3) likewise.
        errors: Which errors.

    Returns:
        Keypoints (n,T,17,2) COCO-17 on the plane z = 1 and scores (n,T,17), the detector's own.
    """
    errors = errors or Errors()
    n, length = joints.shape[:2]
    points, axes = coco_points(joints, face), body_axes(joints)
    hidden = _hidden(rng, points) if errors.outliers else np.zeros((n, length, 17), bool)
    # Some people differ more from the mean than others: clothes, build.
    sigma = (errors.spread * table.spread * np.exp(rng.normal(-0.1, 0.4, (n, 1, 1)))).astype(np.float32)
    sigma = sigma * (0.85 + 0.7 * hidden)
    solid = (points + errors.offset * (table.expected(points, axes, HEIGHT) - points)).astype(np.float32)
    wander = correlated_errors(rng, table, points, axes) * sigma[..., None]
    lost = np.zeros((n, length, 17), bool)
    if errors.outliers:
        wander += _jumps(rng, table, hidden)
        lost = smooth_noise(rng, n, length, 17, 5) > 2.9
    solid[..., :2] += wander
    keypoints = solid[..., :2] / solid[..., 2:]
    if errors.outliers:
        _change_sides(rng, keypoints)
    scores = _scores(rng, np.linalg.norm(wander, axis=-1), hidden)
    return held(keypoints, lost).astype(np.float32), np.where(lost, 0, scores).astype(np.float32)


def correlated_errors(rng: np.random.Generator, table: Calibration, points: np.ndarray, axes: np.ndarray) -> np.ndarray:
    """Returns errors (n,T,17,2) of unit variance with the table's autocorrelation.

    What is left after 30 frames is half constant for the clip, half a smooth random function of pose and view.

    Args:
        rng: Random generator.
        table: The detector's errors.
        points: (n,T,17,3) COCO-17, camera axes.
        axes: (n,T,3,3) of :func:`body_axes`.
    """
    n, length = points.shape[:2]
    last = table.correlation[:, 2]
    fading = np.clip((table.correlation[:, 0] - last) / np.exp(-1 / FADING), 0, 1 - last)
    constant, slow, fades, white = (
        np.sqrt(part)[:, None].astype(np.float32) for part in (last / 2, last / 2, fading, 1 - last - fading)
    )
    error = fades * _fading_noise(rng, n, length) + white * rng.standard_normal((n, length, 17, 2), np.float32)
    return error + constant * rng.standard_normal((n, 1, 17, 2), np.float32) + slow * _pose_noise(rng, points, axes)


_ENDS = {"shoulder": "elbow", "elbow": "wrist", "wrist": "elbow", "hip": "knee", "knee": "ankle", "ankle": "knee"}
"""The other end of the bone whose direction the errors of a part depend on, beside the trunk's."""

_WAVES, _REACH = 6, 1.0
"""Waves of a random function, and how fast it changes with the directions of bones, radians a unit."""


def _pose_noise(rng: np.random.Generator, points: np.ndarray, axes: np.ndarray) -> np.ndarray:
    """Returns random functions (n,T,17,2) of pose and view with unit variance: random Fourier features (Rahimi and
    Recht, NeurIPS 2007) of the directions of the trunk and of the point's bone."""
    n, length = points.shape[:2]
    ends = [COCO17.index(f"{name.split('_')[0]}_{_ENDS[part]}") if (part := name.split("_")[-1]) in _ENDS else 0
            for name in COCO17.joints]  # fmt: skip
    bones = calibration.unit(points - points[:, :, ends])
    trunk = np.broadcast_to(axes[:, :, None, :, 1:].reshape(n, length, 1, 6), (n, length, 17, 6))
    pose = np.concatenate([bones, trunk], axis=-1).astype(np.float32).transpose(0, 2, 1, 3)
    waves = rng.standard_normal((n, 17, pose.shape[-1], 2 * _WAVES), np.float32) * np.float32(_REACH)
    phase = np.matmul(pose, waves) + rng.uniform(0, 6.28, (n, 17, 1, 2 * _WAVES)).astype(np.float32)
    value = np.cos(phase).reshape(n, 17, length, _WAVES, 2).sum(axis=3) * np.float32(np.sqrt(2 / _WAVES))
    return value.transpose(0, 2, 1, 3)


def _fading_noise(rng: np.random.Generator, n: int, length: int) -> np.ndarray:
    """Returns noise (n,T,17,2) of unit variance whose autocorrelation falls by e in :data:`FADING` frames."""
    keep = np.float32(np.exp(-1 / FADING))
    noise = rng.standard_normal((length, n, 17, 2), np.float32)
    noise[1:] *= np.sqrt(1 - keep**2)
    for frame in range(1, length):
        noise[frame] += keep * noise[frame - 1]
    return noise.transpose(1, 0, 2, 3)


_TORSO = [COCO17.index(f"{side}_{part}") for part in ("hip", "shoulder") for side in ("left", "right")]
_SEEN = [*FACE, *_TORSO]
"""Points that MediaPipe always scores near 1."""


def _hidden(rng: np.random.Generator, points: np.ndarray) -> np.ndarray:
    """Returns which points (n,T,17) the detector cannot see: those behind the torso, and some at random."""
    corners = points[:, :, _TORSO]
    flat, image = corners[..., :2] / corners[..., 2:], points[..., :2] / points[..., 2:]
    inside = ((image > flat.min(axis=2)[:, :, None]) & (image < flat.max(axis=2)[:, :, None])).all(axis=-1)
    behind = points[..., 2] > corners[..., 2].mean(axis=2)[:, :, None] + 0.06
    hidden = (inside & behind) | (smooth_noise(rng, *points.shape[:3], 25) > 1.4)
    hidden[:, :, _SEEN] = False
    return np.asarray(hidden)


def _jumps(rng: np.random.Generator, table: Calibration, hidden: np.ndarray) -> np.ndarray:
    """Returns jumps (n,T,17,2), metres, of points that the detector takes for something else for some frames."""
    n, length = hidden.shape[:2]
    likely = table.outliers[:, 0] * np.where(hidden, 5.0, 1.0)
    # Quantiles of the normal distribution for a share p, good to 0.1 for p of 0.1 to 20 %.
    limit = 0.05 + np.sqrt(np.maximum(-2 * np.log(np.maximum(likely, 1e-4)) - 2.3, 0))
    away = smooth_noise(rng, n, length, 17, 8) > limit
    size = np.minimum(table.outliers[:, 1], 0.3)[:, None] / 1.18  # the median length of a normal vector
    return (away[..., None] * rng.normal(0, 1, (n, 1, 17, 2)) * size).astype(np.float32)


def _change_sides(rng: np.random.Generator, keypoints: np.ndarray) -> None:
    """Exchanges the legs' sides for a while in a few samples."""
    n, length = keypoints.shape[:2]
    changed = np.flatnonzero(rng.random(n) < 0.06)
    when = smooth_noise(rng, len(changed), length, 1, 6) > 1.0
    legs = np.arange(17) >= COCO17.index("left_hip")
    some = keypoints[changed]
    keypoints[changed] = np.where((when & legs)[..., None], some[:, :, COCO17.mirror], some)


def _scores(rng: np.random.Generator, error: np.ndarray, hidden: np.ndarray) -> np.ndarray:
    """Returns scores for errors (n,T,17), metres: near 1 for what is visible, whatever the error, and always for face,
    hips and shoulders; anything for hidden points."""
    n, length = error.shape[:2]
    doubt = np.abs(smooth_noise(rng, n, length, 17, 10)) * (0.03 + 0.35 * hidden + 2.0 * np.maximum(error - 0.05, 0))
    doubt[:, :, _SEEN] = 0
    return np.clip(1 - doubt - np.abs(rng.normal(0, 0.008, doubt.shape)), 0.02, 1).astype(np.float32)


def lifter_scores(scores: np.ndarray) -> np.ndarray:
    """Returns MediaPipe's scores as a lifter gets them: see :func:`pose3d_engine.detect.lifter_scores`."""
    lowest, highest = registry.source("mediapipe-full").scores
    return np.where(scores > 0, lowest + (highest - lowest) * scores, 0).astype(np.float32)
