"""What a real detector reports of a body: keypoints that are not the joints, errors that stay, and its scores.

Measured on rendered people with known joints (docs/contributor/training.md): a detector's point is off the joint by a
constant in the body's frame, which depends on the view, and by an error most of which stays for a second or more. So
errors are not independent from frame to frame: part is fixed for a clip, part is a function of pose and view, part
fades within some frames, and the rest is white.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...detect import registry
from ...contract.skeletons import COCO17, COCO_ROWS, H36M17, H36M_ROWS
from .detector_noise import FACE, held, smooth_noise

PAIRS = ("Hip", "Knee", "Ankle", "Shoulder", "Elbow", "Wrist")
"""Rows of a table: joints of the limbs, each on both sides."""

LIMBS = [COCO17.index(f"{side}_{joint.lower()}") for joint in PAIRS for side in ("left", "right")]
"""COCO-17 keypoints of the limbs: left and right of each row."""

_JOINTS = [H36M17.index(side + joint) for joint in PAIRS for side in "LR"]
_MIRROR = np.tile([[1, 1, 1], [-1, 1, 1]], (len(PAIRS), 1)).astype(np.float32)

FADING = 7.0
"""Frames at 30 a second after which the fading part of an error is 1/e: fits the autocorrelation at 1 and 10 frames."""


@dataclass(frozen=True)
class DetectorTable:
    """A detector's errors, a row for each of :data:`PAIRS`; metres, of a body of 1.70 m.

    Attributes:
        offset: (6,3) mean of the keypoint from the joint of a left limb: outwards, forwards, upwards in the torso's frame.
        facing: (6,3) change of the offset for a person who faces the camera; its negative for one seen from behind.
        spread: (6,) standard deviation around the offset, along each axis of the picture.
        correlation: (6,3) of the error with itself after 1, 10 and 30 frames of 30 a second.
        outliers: (6,) share of points that are off by more than :data:`OUTLIER`.
    """

    offset: np.ndarray
    facing: np.ndarray
    spread: np.ndarray
    correlation: np.ndarray
    outliers: np.ndarray

    def offsets(self, torso: np.ndarray) -> np.ndarray:
        """Returns the mean offsets (..., 12, 3), in camera axes, of limbs for torsos (..., 3, 3) of :func:`torso_axes`."""
        front = -torso[..., 1, 2, None, None]  # 1 faces the camera, -1 turns the back on it
        local = (np.repeat(self.offset, 2, 0) + front * np.repeat(self.facing, 2, 0)) * _MIRROR
        return np.matmul(local, torso).astype(np.float32)


OUTLIER = 0.15
"""Metres beyond which a point counts as an outlier, and is not part of the spread."""

MEDIAPIPE = DetectorTable(
    offset=np.array([[-22, 26, -13], [-6, -10, -2], [0, 14, 25], [-15, 2, 28], [-14, 9, 20], [-8, 6, 4]]) / 1000,
    facing=np.array([[0, 10, 0], [0, 0, 0], [0, 0, 0], [0, 0, 0], [0, 0, 0], [0, 0, 0]]) / 1000,
    spread=np.array([26, 32, 24, 24, 33, 35]) / 1000,
    correlation=np.array(
        [[0.94, 0.57, 0.45], [0.86, 0.45, 0.34], [0.77, 0.31, 0.21], [0.92, 0.60, 0.40], [0.88, 0.44, 0.30], [0.84, 0.33, 0.23]]
    ),
    outliers=np.array([0.008, 0.034, 0.037, 0.015, 0.059, 0.084]),
)
"""MediaPipe full on 185 rendered clips of 72 frames."""


def torso_axes(joints: np.ndarray) -> np.ndarray:
    """Returns axes (..., 3, 3), as rows left, forward and up of the torso, of Human3.6M-17 joints (..., 17, 3)."""
    left_hip, right_hip, left_shoulder, right_shoulder = (
        joints[..., H36M17.index(name), :] for name in ("LHip", "RHip", "LShoulder", "RShoulder")
    )
    up = unit(left_shoulder + right_shoulder - left_hip - right_hip)
    left = left_hip - right_hip + left_shoulder - right_shoulder
    left = unit(left - (left * up).sum(axis=-1, keepdims=True) * up)
    return np.stack([left, np.cross(left, up), up], axis=-2)


def unit(vectors: np.ndarray) -> np.ndarray:
    """Returns vectors (..., 3) of length 1."""
    return vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-8)


@dataclass(frozen=True)
class Errors:
    """How much of the errors a sample has; the default is as measured."""

    offset: float = 1.0
    """Factor of the table's mean offsets."""
    spread: float = 1.0
    """Factor of the table's spread."""
    outliers: bool = True
    """Whether points are lost, jump, or change sides."""


def detect(
    rng: np.random.Generator, table: DetectorTable, joints: np.ndarray, face: np.ndarray, errors: Errors | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Simulates a detector.

    Args:
        rng: Random generator.
        table: The detector's errors.
        joints: (n,T,17,3) Human3.6M-17, camera axes, metres, of bodies of 1.70 m.
        face: (n,T,5,3) likewise.
        errors: Which errors.

    Returns:
        Keypoints (n,T,17,2) COCO-17 on the plane z = 1 and scores (n,T,17), the detector's own.
    """
    errors = errors or Errors()
    n, length = joints.shape[:2]
    torso = torso_axes(joints)
    hidden = _hidden(rng, joints, torso)
    # Some people differ more from the mean than others: clothes, build.
    sigma = (errors.spread * np.repeat(table.spread, 2) * np.exp(rng.normal(0, 0.3, (n, 1, 1)))).astype(np.float32)
    sigma = sigma * (0.85 + 0.6 * hidden)
    points = joints[:, :, _JOINTS] + errors.offset * table.offsets(torso)
    wander = correlated_errors(rng, table, joints, torso) * sigma[..., None]
    lost = np.zeros((n, length, 17), bool)
    if errors.outliers:
        wander += _jumps(rng, table, n, length, hidden)
        lost = smooth_noise(rng, n, length, 17, 5) > 2.9
    points[..., :2] += wander
    solid = np.empty_like(joints)
    solid[:, :, LIMBS] = points
    solid[:, :, FACE] = face + errors.spread * _face_errors(rng, n, length)
    keypoints = solid[..., :2] / solid[..., 2:]
    if errors.outliers:
        _change_sides(rng, keypoints)
    scores = _scores(rng, np.linalg.norm(wander, axis=-1), hidden)
    return held(keypoints, lost).astype(np.float32), np.where(lost, 0, scores).astype(np.float32)


def correlated_errors(
    rng: np.random.Generator, table: DetectorTable, joints: np.ndarray, torso: np.ndarray
) -> np.ndarray:
    """Returns errors (n,T,12,2) of unit variance with the table's autocorrelation.

    What is left after 30 frames is half constant for the clip, half a smooth random function of pose and view.
    """
    n, length = joints.shape[:2]
    last = table.correlation[:, 2]
    fading = np.clip((table.correlation[:, 0] - last) / np.exp(-1 / FADING), 0, 1 - last)
    share = [np.sqrt(np.repeat(part, 2))[:, None].astype(np.float32) for part in (last / 2, fading, 1 - last - fading)]
    constant = rng.standard_normal((n, 1, 12, 2), np.float32)
    slow = constant + _pose_noise(rng, joints, torso)
    fade = _fading_noise(rng, n, length)
    return share[0] * slow + share[1] * fade + share[2] * rng.standard_normal((n, length, 12, 2), np.float32)


_BONES = [(H36M17.index(side + far), H36M17.index(side + near)) for far, near in
          (("Knee", "Hip"), ("Ankle", "Knee"), ("Elbow", "Shoulder"), ("Wrist", "Elbow")) for side in "LR"]
_NEAR = [(0, 0), (0, 2), (2, 2), (4, 4), (4, 6), (6, 6)]
"""The two of :data:`_BONES` (of the left side) whose directions the errors of each of :data:`PAIRS` depend on."""

_WAVES, _REACH = 6, 1.4
"""Waves of a random function, and how fast it changes with the directions of bones, radians a unit."""


def _pose_noise(rng: np.random.Generator, joints: np.ndarray, torso: np.ndarray) -> np.ndarray:
    """Returns random functions (n,T,12,2) of pose and view with unit variance: random Fourier features (Rahimi and
    Recht, NeurIPS 2007)."""
    n, length = joints.shape[:2]
    far, near = np.array(_BONES).T
    bones = unit(joints[:, :, far] - joints[:, :, near])
    axes = torso[:, :, 1:].reshape(n, length, 6)
    pose = np.concatenate(
        [bones[:, :, [[a + side, b + side] for a, b in _NEAR for side in (0, 1)]].reshape(n, length, 12, 6),
         np.broadcast_to(axes[:, :, None], (n, length, 12, 6))], axis=-1,
    ).astype(np.float32)  # fmt: skip
    waves = rng.standard_normal((n, 12, 12, 2 * _WAVES), np.float32) * _REACH
    phase = np.matmul(pose.transpose(0, 2, 1, 3), waves) + rng.uniform(0, 6.28, (n, 12, 1, 2 * _WAVES)).astype(np.float32)
    value = np.cos(phase).reshape(n, 12, length, _WAVES, 2).sum(axis=3) * np.float32(np.sqrt(2 / _WAVES))
    return value.transpose(0, 2, 1, 3)


def _fading_noise(rng: np.random.Generator, n: int, length: int) -> np.ndarray:
    """Returns noise (n,T,12,2) of unit variance whose autocorrelation falls by e in :data:`FADING` frames."""
    keep = np.float32(np.exp(-1 / FADING))
    noise = rng.standard_normal((length, n, 12, 2), np.float32)
    noise[1:] *= np.sqrt(1 - keep**2)
    for frame in range(1, length):
        noise[frame] += keep * noise[frame - 1]
    return noise.transpose(1, 0, 2, 3)


def _hidden(rng: np.random.Generator, joints: np.ndarray, torso: np.ndarray) -> np.ndarray:
    """Returns which limb points (n,T,12) the detector cannot see: those behind the torso, and some at random."""
    n, length = joints.shape[:2]
    corners = joints[:, :, [H36M17.index(name) for name in ("LHip", "RHip", "LShoulder", "RShoulder")]]
    limbs = joints[:, :, _JOINTS] / joints[:, :, _JOINTS, 2:]
    flat = corners[..., :2] / corners[..., 2:]
    inside = ((limbs[..., :2] > flat.min(axis=2)[:, :, None]) & (limbs[..., :2] < flat.max(axis=2)[:, :, None])).all(-1)
    behind = joints[:, :, _JOINTS, 2] > corners[..., 2].mean(axis=2)[:, :, None] + 0.06
    hidden = (inside & behind) | (smooth_noise(rng, n, length, 12, 25) > 1.9)
    hidden[:, :, :2] = hidden[:, :, 6:8] = False  # hips and shoulders are part of the torso
    return hidden


def _jumps(rng: np.random.Generator, table: DetectorTable, n: int, length: int, hidden: np.ndarray) -> np.ndarray:
    """Returns jumps (n,T,12,2), metres, of points that the detector takes for something else for some frames."""
    likely = np.repeat(table.outliers, 2) * np.where(hidden, 3.0, 0.7)
    # Quantiles of the normal distribution for a share p, good to 0.1 for p of 0.1 to 20 %.
    limit = 0.2 + np.sqrt(np.maximum(-2 * np.log(np.maximum(likely, 1e-4)) - 1.9, 0))
    away = smooth_noise(rng, n, length, 12, 8) > limit
    return (away[..., None] * rng.normal(0, 0.18, (n, 1, 12, 2))).astype(np.float32)


def _face_errors(rng: np.random.Generator, n: int, length: int) -> np.ndarray:
    """Returns errors (n,T,5,3) of the face's points, metres: most of them stay."""
    stays, moves = rng.normal(0, 0.012, (n, 1, 5, 3)), smooth_noise(rng, n, length, 15, 8).reshape(n, length, 5, 3)
    return (stays + 0.008 * moves + rng.normal(0, 0.003, (n, length, 5, 3))).astype(np.float32)


def _change_sides(rng: np.random.Generator, keypoints: np.ndarray) -> None:
    """Exchanges the legs' sides for a while in a few samples."""
    n, length = keypoints.shape[:2]
    changed = np.flatnonzero(rng.random(n) < 0.06)
    when = smooth_noise(rng, len(changed), length, 1, 6) > 1.0
    legs = np.arange(17) >= COCO17.index("left_hip")
    some = keypoints[changed]
    keypoints[changed] = np.where((when & legs)[..., None], some[:, :, COCO17.mirror], some)


def _scores(rng: np.random.Generator, error: np.ndarray, hidden: np.ndarray) -> np.ndarray:
    """Returns scores (n,T,17) for errors (n,T,12), metres: near 1 for what is visible, whatever the error, and always
    for hips and shoulders."""
    n, length = error.shape[:2]
    doubt = np.abs(smooth_noise(rng, n, length, 12, 10)) * (0.02 + 0.35 * hidden + 2.0 * np.maximum(error - 0.05, 0))
    doubt[:, :, :2] = doubt[:, :, 6:8] = 0
    scores = np.ones((n, length, 17), np.float32)
    scores[:, :, LIMBS] = np.clip(1 - doubt, 0.02, 1)
    return scores - np.abs(rng.normal(0, 0.008, scores.shape)).astype(np.float32)


def lifter_scores(scores: np.ndarray) -> np.ndarray:
    """Returns scores of a detector as a lifter gets them: see :func:`pose3d_engine.detect.lifter_scores`."""
    lowest, highest = registry.source("mediapipe-full").scores
    return np.where(scores > 0, lowest + (highest - lowest) * scores, 0).astype(np.float32)
