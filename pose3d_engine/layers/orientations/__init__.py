"""The orientation of head and hands, from BlazePose's points on them."""

from __future__ import annotations

import numpy as np
from scipy.spatial.transform import Rotation, Slerp

from ...contract.skeletons import BLAZEPOSE33
from ...pose.lifters import view
from ...solve.smoothing import smooth
from ...solve.vectors import dot, reject, unit
from ...take import Shot, Take

PARTS = ("head", "left_hand", "right_hand")

_POINTS = {
    "head": ("nose", "left_eye", "right_eye", "left_ear", "right_ear"),
    "hand": ("wrist", "pinky", "index"),
}
_TORSO = BLAZEPOSE33.rows("left_shoulder", "right_shoulder", "left_hip", "right_hip")

_CUTOFF_HZ = 4.0  #: Small parts jitter more than limbs.
_MIN_SCORE = 0.5  #: Score (visibility) of its points, from which on a part is observed.

_MAX_NECK_DEG = 100.0
"""Largest angle between face and chest. Seen from behind, a head gets a face towards the camera; necks rotate by 80."""


def capture(shot: Shot, take: Take) -> dict[str, np.ndarray]:
    """The arrays of the layer; none where no part is ever observed."""
    layouts = take.main.layouts
    # The detector's 3D is in the axes of a camera that looks at the person.
    rays = shot.camera.rays(take.keypoints[..., :2])
    to_world = take.camera_R @ np.swapaxes(view.look_at_torso(rays)[1], -1, -2)
    scores = np.nan_to_num(layouts["blazepose33"][..., 2])
    return orientations(layouts["blazepose33_world"], scores, to_world, take.flipped, take.main.fps)


def orientations(
    blazepose: np.ndarray, scores: np.ndarray, to_world: np.ndarray, flipped: np.ndarray, fps: float
) -> dict[str, np.ndarray]:
    """Estimates the orientation of each part; not observed frames are interpolated, all are smoothed with zero phase.

    A part is not observed where its score is low or its limb had exchanged sides: its depth is wrong then. A head is
    not observed where arms and legs had, or where it faces the chest's back.

    Args:
        blazepose: (T,33,3) metres, NaN where not detected.
        scores: (T,33) 0..1.
        to_world: (T,3,3) axes of ``blazepose`` -> world axes.
        flipped: (T,2) bool, frames in which left and right arms, and legs, had been exchanged.

    Returns:
        For each part ``PART_R`` (T,3,3) float32, the rotation from a T-pose that faces -Y (left +X, up +Z, palms down,
        soles flat), and ``PART_valid`` (T,) bool, frames in which it was observed. Empty where none ever was.
    """
    points = np.einsum("tij,tpj->tpi", to_world, blazepose.astype(np.float64))
    result = {}
    for part in PARTS:
        side, _, kind = part.rpartition("_")
        rows = [BLAZEPOSE33.index(f"{side}_{name}" if side else name) for name in _POINTS[kind]]
        frame = _frame(points[:, rows], part)
        wrong = flipped.all(axis=1) | _faces_back(points, -frame[..., 1]) if part == "head" else flipped[:, 0]
        valid = np.isfinite(frame).all(axis=(1, 2)) & (scores[:, rows].min(axis=1) >= _MIN_SCORE) & ~wrong
        rotations = _interpolated(frame, valid, fps) if valid.any() else np.repeat(np.eye(3)[None], len(points), axis=0)
        result[f"{part}_R"], result[f"{part}_valid"] = rotations.astype(np.float32), valid
    return result if any(result[f"{part}_valid"].any() for part in PARTS) else {}


def _frame(points: np.ndarray, part: str) -> np.ndarray:
    """(T,3,3) whose columns are the directions of the part's rest axes x (left), y (back) and z (up)."""
    each = np.moveaxis(points, 1, 0)
    if part == "head":
        # Eyes are a little over the ears, the tip of the nose as far below: their middle is straight ahead.
        face, ears = points[:, [1, 2, 0, 0]].mean(axis=1), points[:, 3:].mean(axis=1)
        return _axes(x=each[3] - each[4], y=ears - face)
    wrist, pinky, index = each
    fingers = (pinky + index) / 2 - wrist
    # In T-pose with the palms down the thumb's side is in front, the little finger's behind.
    return _axes(x=fingers if part.startswith("left") else -fingers, y=pinky - index)


def _faces_back(points: np.ndarray, face: np.ndarray) -> np.ndarray:
    """(T,) bool, where the direction ``face`` (T,3) is further from the chest's than a neck rotates."""
    left_shoulder, right_shoulder, left_hip, right_hip = np.moveaxis(points[:, _TORSO], 1, 0)
    up = (left_shoulder + right_shoulder) / 2 - (left_hip + right_hip) / 2
    return dot(face, unit(np.cross(left_shoulder - right_shoulder, up)))[:, 0] < np.cos(np.radians(_MAX_NECK_DEG))


def _axes(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Orthogonal columns x, y, z; y is kept where the two are not quite orthogonal."""
    y = unit(y)
    x = unit(reject(x, y))
    return np.stack([x, y, np.cross(x, y)], axis=-1)


def _interpolated(frames: np.ndarray, valid: np.ndarray, fps: float) -> np.ndarray:
    """Rotations of every row: between valid ones by slerp, before and after as the nearest; then smoothed."""
    rows = np.flatnonzero(valid)
    if len(rows) == 1:
        return np.repeat(frames[rows], len(frames), axis=0)
    between = Slerp(rows, Rotation.from_matrix(frames[rows]))(np.clip(np.arange(len(frames)), rows[0], rows[-1]))
    quaternions = between.as_quat()
    signs = np.cumsum(np.concatenate([[0], (quaternions[1:] * quaternions[:-1]).sum(axis=-1) < 0]))
    smoothed = smooth(quaternions * (1 - 2 * (signs % 2))[:, None], fps, _CUTOFF_HZ)
    return Rotation.from_quat(smoothed).as_matrix()
