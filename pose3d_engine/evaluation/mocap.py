"""How good a lifter is on motion it has never seen: the published split, virtual cameras, detector-like noise."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from ..lifters.base import Lifter, Track2D
from ..lifters.temporal import TemporalModel
from ..progress import Progress, silent
from ..training import mocap_data
from . import metrics


@dataclass(frozen=True)
class Scores:
    """Millimetres, of a body of 1.70 m: root-relative after one scale a sample; after a similarity a frame; mean
    error of the second difference a frame."""

    n_mpjpe_mm: float
    pa_mpjpe_mm: float
    accel_mm: float


def n_mpjpe(predicted: np.ndarray, target: np.ndarray) -> float:
    """(N,T,17,3) metres, root-relative -> mm, after the best single scale of each of the N samples."""
    samples = len(predicted)
    return 1000 * metrics.n_mpjpe(predicted.reshape(samples, -1, 3), target.reshape(samples, -1, 3))


def pa_mpjpe(predicted: np.ndarray, target: np.ndarray) -> float:
    """(..., 17, 3) metres -> mm, after the best similarity of each frame (Procrustes, without reflection)."""
    return 1000 * metrics.p_mpjpe(predicted, target)


def validate(model: TemporalModel, clips: list[mocap_data.Clip], samples: int = 192) -> Scores:
    """Scores of a network in training: a fixed set of views of unseen clips, 2 % noise (``mocap_data.PLAIN``)."""
    inputs, targets = mocap_data.MocapSampler(clips, SEED, mocap_data.PLAIN).batch(samples, LENGTH)
    reach = model.receptive_field // 2
    device = next(model.parameters()).device
    model.eval()
    with torch.inference_mode():
        predicted = model(torch.from_numpy(inputs).to(device)).float().cpu().numpy()
    predicted[:, :, 0] = 0  # the origin, which is not trained
    return _scores(predicted, targets[:, reach:-reach])


def evaluate(
    lifter: Lifter,
    clips: list[mocap_data.Clip],
    tds: int = 1,
    flip: bool = True,
    samples: int = 192,
    progress: Progress = silent,
) -> Scores:
    """Scores of any lifter as it is used, ends of clips included: the same views, in camera axes.

    The focal length that the lifter is told is wrong by 12 % on average, as it is for videos.
    """
    scene = mocap_data.MocapSampler(clips, SEED, mocap_data.PLAIN).scene(samples, LENGTH)
    wrong = np.exp(np.random.default_rng(SEED).normal(0, 0.12, samples))
    predicted = np.empty_like(scene.joints)
    for sample in range(samples):
        pixels = scene.keypoints[sample] * _FOCAL + _PICTURE / 2
        keypoints = np.concatenate([pixels, scene.scores[sample][..., None]], axis=-1).astype(np.float32)
        track = Track2D(keypoints, _PICTURE, _PICTURE, mocap_data.RATE, _FOCAL * float(wrong[sample]))
        predicted[sample] = lifter.lift(track, tds, flip, silent)
        progress("evaluate", sample + 1, samples)
    return _scores(predicted, scene.joints - scene.joints[:, :, :1])


SEED, LENGTH = 7, 80
"""Of the views on which networks are compared; frames of each."""

_PICTURE, _FOCAL = 1920, 1600.0


def _scores(predicted: np.ndarray, target: np.ndarray) -> Scores:
    acceleration = np.linalg.norm(np.diff(predicted, 2, axis=1) - np.diff(target, 2, axis=1), axis=-1)
    return Scores(n_mpjpe(predicted, target), pa_mpjpe(predicted, target), 1000 * float(acceleration.mean()))
