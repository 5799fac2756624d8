"""The errors that papers report. Every function gives the unit of its input and raises ValueError if shapes differ.

Poses are (..., J, 3), root-relative unless said otherwise. Protocol 1 (MPJPE) and 2 (P-MPJPE): Ionescu et al.,
Human3.6M, TPAMI 2014, as later papers use them. N-MPJPE: Rhodin et al., CVPR 2018. Velocity error (MPJVE):
Pavllo et al., VideoPose3D, CVPR 2019. PCK and AUC in 3D: Mehta et al., MPI-INF-3DHP, 3DV 2017.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

PCK_THRESHOLD_MM = 150.0
AUC_THRESHOLDS_MM = np.arange(0, 151, 5)
"""31 thresholds. The first is 0, below which there is no error; it counts as in the official scripts."""


@dataclass(frozen=True)
class Scores:
    """Errors in millimetres, of a body of 1.70 m.

    Attributes:
        n_mpjpe_mm: Root-relative after one scale a sample.
        pa_mpjpe_mm: After a similarity transform a frame.
        accel_mm: Mean error of the second difference a frame.
    """

    n_mpjpe_mm: float
    pa_mpjpe_mm: float
    accel_mm: float


def joint_errors(predicted: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Returns the distance of every joint from its target, (..., J)."""
    if predicted.shape != target.shape:
        raise ValueError(f"predicted {predicted.shape}, target {target.shape}")
    return np.linalg.norm(predicted - target, axis=-1)


def mpjpe(predicted: np.ndarray, target: np.ndarray) -> float:
    """Returns protocol 1: the mean distance of a joint."""
    return float(joint_errors(predicted, target).mean())


def weighted_mpjpe(predicted: np.ndarray, target: np.ndarray, weights: np.ndarray) -> float:
    """Returns the mean distance with a weight (..., J or 1) a joint. The weights are not normalised."""
    return float((weights * joint_errors(predicted, target)).mean())


def n_mpjpe(predicted: np.ndarray, target: np.ndarray) -> float:
    """Returns the mean distance after the best scale of each pose."""
    scale = (predicted * target).sum(axis=(-2, -1), keepdims=True)
    norm = (predicted**2).sum(axis=(-2, -1), keepdims=True)
    return mpjpe(predicted * (scale / np.maximum(norm, np.finfo(predicted.dtype).tiny)), target)


def procrustes(predicted: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Aligns each pose (..., J, 3) with its target by the best similarity transform, without reflection."""
    predicted, target = predicted.astype(np.float64), target.astype(np.float64)
    centre_p, centre_t = predicted.mean(axis=-2, keepdims=True), target.mean(axis=-2, keepdims=True)
    p, t = predicted - centre_p, target - centre_t
    tiny = np.finfo(np.float64).tiny
    norm_p = np.maximum(np.sqrt((p**2).sum(axis=(-2, -1), keepdims=True)), tiny)
    norm_t = np.sqrt((t**2).sum(axis=(-2, -1), keepdims=True))
    p = p / norm_p
    u, singular, vt = np.linalg.svd(np.swapaxes(t, -1, -2) @ p)  # rotation = u @ diag(1, 1, +-1) @ vt
    signs = np.ones(singular.shape)
    signs[..., -1] = np.sign(np.linalg.det(u @ vt))
    rotation = (u * signs[..., None, :]) @ vt
    # ``singular`` already contains the size of the target, ``p`` has unit size.
    scale = (singular * signs).sum(axis=-1)[..., None, None]
    return np.where(norm_t > 0, scale, 1.0) * (p @ np.swapaxes(rotation, -1, -2)) + centre_t


def p_mpjpe(predicted: np.ndarray, target: np.ndarray) -> float:
    """Returns protocol 2: the mean distance after a rigid alignment with scale of each pose."""
    if predicted.shape != target.shape:
        raise ValueError(f"predicted {predicted.shape}, target {target.shape}")
    return mpjpe(procrustes(predicted, target), target.astype(np.float64))


def mean_velocity_error(predicted: np.ndarray, target: np.ndarray) -> float:
    """Returns the mean distance of the frame-to-frame steps of a sequence (T, J, 3); nan for fewer than two frames."""
    if len(target) < 2:
        return float("nan")
    return mpjpe(np.diff(predicted, axis=0), np.diff(target, axis=0))


def pck(errors_mm: np.ndarray, threshold_mm: float = PCK_THRESHOLD_MM) -> float:
    """Returns the percentage of errors, of any shape, below the threshold; nan if there are none."""
    return float((errors_mm < threshold_mm).mean() * 100) if errors_mm.size else float("nan")


def auc(errors_mm: np.ndarray) -> float:
    """Returns the mean of PCK, percent, over :data:`AUC_THRESHOLDS_MM`; nan if there are no errors."""
    return float(np.mean([pck(errors_mm, threshold) for threshold in AUC_THRESHOLDS_MM]))
