"""The error of a motion against a triangulated reference of the same frames, for real footage."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...contract.skeletons import H36M17, H36M_ROWS
from . import metrics
from .metrics import Scores

_HIPS = [H36M17.index("RHip"), H36M17.index("LHip")]


@dataclass(frozen=True)
class Reference:
    """A triangulated motion.

    Attributes:
        joints: (T,17,3) Human3.6M-17, camera axes, metres.
        valid: (T,17) bool.
    """

    joints: np.ndarray
    valid: np.ndarray


def score(joints: np.ndarray, reference: Reference) -> Scores:
    """Returns scores over the valid ones of the twelve joints of the limbs (hip to ankle, shoulder to wrist).

    N-MPJPE: centred between the hips, one least-squares scale for the clip. PA-MPJPE: after a similarity transform a
    frame. Acceleration: mean error of the second difference, scaled.

    Args:
        joints: (T,17,3) of the same frames, any size, finite.
        reference: The reference.
    """
    rows = H36M_ROWS
    valid = reference.valid[:, rows] & reference.valid[:, _HIPS].all(axis=1, keepdims=True)
    valid &= valid.sum(axis=1, keepdims=True) >= 6
    predicted = (joints - joints[:, _HIPS].mean(axis=1, keepdims=True))[:, rows].astype(np.float64)
    true = (reference.joints - reference.joints[:, _HIPS].mean(axis=1, keepdims=True))[:, rows].astype(np.float64)
    predicted, true = predicted * valid[..., None], np.where(valid[..., None], true, 0.0)
    scale = (predicted * true).sum() / max((predicted**2).sum(), 1e-12)

    error = np.linalg.norm(scale * predicted - true, axis=-1)
    aligned = [
        metrics.joint_errors(metrics.procrustes(p[v], t[v]), t[v])
        for p, t, v in zip(predicted, true, valid, strict=True)
        if v.any()
    ]
    bend = np.linalg.norm(np.diff(scale * predicted - true, 2, axis=0), axis=-1)
    bend = bend[valid[:-2] & valid[1:-1] & valid[2:]]
    return Scores(
        n_mpjpe_mm=1000 * float(error[valid].mean()),
        pa_mpjpe_mm=1000 * float(np.concatenate(aligned).mean()),
        accel_mm=1000 * float(bend.mean()),
    )
