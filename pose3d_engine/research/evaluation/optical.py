"""The error of a motion against optical motion capture: joint centres of a model that was fitted to markers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.spatial.transform import Rotation

from ...contract.motion_file import Motion
from ...contract.skeletons import H36M17
from . import metrics

_LIMBS = (("Hip", "Knee", "Ankle"), ("Shoulder", "Elbow", "Wrist"))
JOINTS = [H36M17.index(side + joint) for limb in _LIMBS for side in "RL" for joint in limb]
"""Rows of the compared joints in a motion, in the order of :class:`Optical`."""

_HIPS, _LEGS = (0, 3), ((0, 1, 2), (3, 4, 5))  # rows in JOINTS


@dataclass(frozen=True)
class Optical:
    """Measured joint centres: ``times`` (S,), seconds on the video's clock; ``joints`` (S,12,3), z up, metres."""

    times: np.ndarray
    joints: np.ndarray

    def at(self, times: np.ndarray) -> np.ndarray:
        """(T,12,3) at other times, interpolated."""
        columns = self.joints.reshape(len(self.times), -1).T
        return np.stack([np.interp(times, self.times, column) for column in columns], axis=1).reshape(-1, 12, 3)


@dataclass(frozen=True)
class Scores:
    """Mean errors of twelve joints, after one turn about the vertical fitted to the clip: a wrong tilt counts.

    Attributes:
        hip_rel_mm: Relative to the middle of the hips, at the motion's own size.
        n_mm: The same with one fitted size.
        pa_mm: After a similarity transform a frame.
        knee_deg: Of the bend of the knees.
        tilt_deg: Lean that a free rotation of the clip would take out.
    """

    hip_rel_mm: float
    n_mm: float
    pa_mm: float
    knee_deg: float
    tilt_deg: float


def score(motion: Motion, reference: Optical) -> Scores:
    """Returns the errors in the frames that the reference covers."""
    covered = (motion.times >= reference.times[0]) & (motion.times <= reference.times[-1])
    joints, true = motion.world[covered][:, JOINTS].astype(np.float64), reference.at(motion.times[covered])
    ours, theirs = _centred(joints), _centred(true)
    # In the plane of the floor as complex numbers: the best turn is the angle of their correlation.
    flat = [pose[..., 0] + 1j * pose[..., 1] for pose in (ours, theirs)]
    turned = ours @ Rotation.from_euler("z", np.angle(np.vdot(*flat))).as_matrix().T
    size = (turned * theirs).sum() / (turned**2).sum()
    free, _ = Rotation.align_vectors(theirs.reshape(-1, 3), ours.reshape(-1, 3))
    return Scores(
        hip_rel_mm=1000 * metrics.mpjpe(turned, theirs),
        n_mm=1000 * metrics.mpjpe(size * turned, theirs),
        pa_mm=1000 * metrics.p_mpjpe(ours, theirs),
        knee_deg=float(np.abs(bends(joints, _LEGS) - bends(true, _LEGS)).mean()),
        tilt_deg=float(np.degrees(np.arccos(np.clip(free.as_matrix()[2, 2], -1, 1)))),
    )


def bends(points: np.ndarray, legs: tuple[tuple[int, ...], ...]) -> np.ndarray:
    """(T,L) degrees by which the knees of points (T,P,3) are bent; legs: rows of hip, knee and ankle."""
    hips, knees, ankles = (points[:, [leg[part] for leg in legs]] for part in range(3))
    over, under = knees - hips, ankles - knees
    size = np.linalg.norm(over, axis=-1) * np.linalg.norm(under, axis=-1)
    return np.degrees(np.arccos(np.clip((over * under).sum(axis=-1) / np.maximum(size, 1e-9), -1, 1)))


def _centred(joints: np.ndarray) -> np.ndarray:
    return joints - joints[:, _HIPS].mean(axis=1, keepdims=True)
