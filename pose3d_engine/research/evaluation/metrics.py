"""The errors that papers report. Every function takes and gives the unit of its input, and raises ValueError
where shapes differ.

Poses are (..., J, 3), root-relative unless said otherwise. Protocol 1 (MPJPE) and 2 (P-MPJPE): Ionescu et al.,
Human3.6M, TPAMI 2014, as later papers use them. N-MPJPE: Rhodin et al., CVPR 2018. Velocity error (MPJVE):
Pavllo et al., VideoPose3D, CVPR 2019. PCK and AUC in 3D: Mehta et al., MPI-INF-3DHP, 3DV 2017.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

PCK_THRESHOLD_MM = 150.0
AUC_THRESHOLDS_MM = np.arange(0, 151, 5)
"""31 thresholds. The first is 0, below which no error lies: it counts, as in the official scripts."""


@dataclass(frozen=True)
class Scores:
    """Millimetres, of a body of 1.70 m: root-relative after one scale a sample; after a similarity a frame; mean
    error of the second difference a frame."""

    n_mpjpe_mm: float
    pa_mpjpe_mm: float
    accel_mm: float


def joint_errors(predicted: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Distance of every joint from where it should be, (..., J)."""
    if predicted.shape != target.shape:
        raise ValueError(f"predicted {predicted.shape}, target {target.shape}")
    return np.linalg.norm(predicted - target, axis=-1)


def mpjpe(predicted: np.ndarray, target: np.ndarray) -> float:
    """Protocol 1: the mean distance of a joint."""
    return float(joint_errors(predicted, target).mean())


def weighted_mpjpe(predicted: np.ndarray, target: np.ndarray, weights: np.ndarray) -> float:
    """The mean distance with a weight (..., J or 1) a joint. The weights are not normalised."""
    return float((weights * joint_errors(predicted, target)).mean())


def n_mpjpe(predicted: np.ndarray, target: np.ndarray) -> float:
    """The mean distance after the best scale of each pose."""
    scale = (predicted * target).sum(axis=(-2, -1), keepdims=True)
    norm = (predicted**2).sum(axis=(-2, -1), keepdims=True)
    return mpjpe(predicted * (scale / np.maximum(norm, np.finfo(predicted.dtype).tiny)), target)


def procrustes(predicted: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Each pose (..., J, 3), turned, scaled and moved as near to its target as it goes, without mirroring it."""
    predicted, target = predicted.astype(np.float64), target.astype(np.float64)
    centre_p, centre_t = predicted.mean(axis=-2, keepdims=True), target.mean(axis=-2, keepdims=True)
    p, t = predicted - centre_p, target - centre_t
    tiny = np.finfo(np.float64).tiny
    norm_p = np.maximum(np.sqrt((p**2).sum(axis=(-2, -1), keepdims=True)), tiny)
    norm_t = np.sqrt((t**2).sum(axis=(-2, -1), keepdims=True))
    p = p / norm_p
    u, singular, vt = np.linalg.svd(np.swapaxes(t, -1, -2) @ p)  # rotation = u @ diag(1, 1, +-1) @ vt
    turn = np.ones(singular.shape)
    turn[..., -1] = np.sign(np.linalg.det(u @ vt))
    rotation = (u * turn[..., None, :]) @ vt
    # ``singular`` already holds the size of the target, ``p`` is of unit size.
    scale = (singular * turn).sum(axis=-1)[..., None, None]
    return np.where(norm_t > 0, scale, 1.0) * (p @ np.swapaxes(rotation, -1, -2)) + centre_t


def p_mpjpe(predicted: np.ndarray, target: np.ndarray) -> float:
    """Protocol 2: the mean distance after a rigid alignment with scale of each pose."""
    if predicted.shape != target.shape:
        raise ValueError(f"predicted {predicted.shape}, target {target.shape}")
    return mpjpe(procrustes(predicted, target), target.astype(np.float64))


def mean_velocity_error(predicted: np.ndarray, target: np.ndarray) -> float:
    """The mean distance of the frame-to-frame steps of one sequence (T, J, 3); nan for fewer than two frames."""
    if len(target) < 2:
        return float("nan")
    return mpjpe(np.diff(predicted, axis=0), np.diff(target, axis=0))


def pck(errors_mm: np.ndarray, threshold_mm: float = PCK_THRESHOLD_MM) -> float:
    """Percent of errors, of any shape, that are smaller than the threshold; nan if there are none."""
    return float((errors_mm < threshold_mm).mean() * 100) if errors_mm.size else float("nan")


def auc(errors_mm: np.ndarray) -> float:
    """Percent: the mean of PCK over :data:`AUC_THRESHOLDS_MM`; nan if there are no errors."""
    return float(np.mean([pck(errors_mm, threshold) for threshold in AUC_THRESHOLDS_MM]))
