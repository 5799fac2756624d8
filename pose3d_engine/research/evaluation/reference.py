"""How far a motion is from a triangulated reference of the same frames: the numbers of real footage."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...contract.skeletons import H36M17, H36M_ROWS
from . import metrics
from .metrics import Scores

_HIPS = [H36M17.index("RHip"), H36M17.index("LHip")]


@dataclass(frozen=True)
class Reference:
    """joints (T,17,3) Human3.6M-17 in camera axes, metres; valid (T,17) bool."""

    joints: np.ndarray
    valid: np.ndarray


def score(joints: np.ndarray, reference: Reference) -> Scores:
    """Scores over the twelve joints of the limbs (hips, knees, ankles, shoulders, elbows, wrists) that are valid.

    joints: (T,17,3) of the same frames, any size, finite. N-MPJPE: centred between the hips, one least-squares scale
    for the clip. PA-MPJPE: after a similarity a frame. Acceleration: mean error of the second difference, scaled.
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
