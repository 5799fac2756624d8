"""The error of lifters on validation motion: the published split, virtual cameras, detector-like noise."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch

from ... import weights
from ...contract import atomic
from ...contract.errors import UserError
from ...contract.skeletons import H36M17
from ...pose.lifters import view
from ...pose.lifters.base import Lifter, Track2D
from ...pose.lifters.viewed import Network
from ...progress import Progress, silent
from ..data_sets import mocap_data, rendered_pairs
from ..data_sets.scenes import Scene
from . import metrics
from .metrics import Scores
from .tables import Cell, Table


def n_mpjpe(predicted: np.ndarray, target: np.ndarray) -> float:
    """(N,T,17,3) metres, root-relative -> mm, after the best scale of each of the N samples."""
    samples = len(predicted)
    return 1000 * metrics.n_mpjpe(predicted.reshape(samples, -1, 3), target.reshape(samples, -1, 3))


def pa_mpjpe(predicted: np.ndarray, target: np.ndarray) -> float:
    """(..., 17, 3) metres -> mm, after the best similarity of each frame (Procrustes, without reflection)."""
    return 1000 * metrics.p_mpjpe(predicted, target)


def validate(model: Network, clips: list[mocap_data.Clip], samples: int = 192) -> Lifted:
    """Returns what a network in training makes of a fixed set of views of ``clips`` (``mocap_data.MEASURED``)."""
    scene = mocap_data.MocapSampler(clips, SEED, mocap_data.MEASURED).scene(samples, LENGTH)
    return lifted(model, scene)


def validate_pairs(model: Network, folder: Path) -> Lifted:
    """Returns what a network in training makes of the held-out rendered pairs of a folder."""
    scenes = rendered_pairs.scenes(rendered_pairs.load(folder, rendered_pairs.HELD_OUT), model.receptive_field // 2)
    parts = [lifted(model, scene) for scene in scenes]
    return Lifted(np.concatenate([each.predicted for each in parts]), np.concatenate([each.target for each in parts]))


def lifted(model: Network, scene: Scene) -> Lifted:
    """Returns what a network makes of the frames of a scene that have its whole reach around them."""
    reach = model.receptive_field // 2
    device = next(model.parameters()).device
    model.eval()
    with torch.inference_mode():
        features = getattr(model, "features", 2)
        predicted = model(torch.from_numpy(scene.inputs[..., :features]).to(device)).float().cpu().numpy()
    predicted[:, :, 0] = 0  # the origin, which is not trained
    return Lifted(predicted, scene.targets[:, reach:-reach])


@dataclass(frozen=True)
class Lifted:
    """A lifter's result and the truth in axes that look at the torso (x right, y down, z forward).

    Attributes:
        predicted: (N,T,17,3) metres, root-relative.
        target: (N,T,17,3) metres, root-relative.
    """

    predicted: np.ndarray
    target: np.ndarray

    def scores(self) -> Scores:
        """Returns the scores over all joints."""
        return _scores(self.predicted, self.target)

    def uncertainty(self) -> np.ndarray:
        """Returns (17,2) the standard deviation of each joint, metres: along each axis across the line of sight, and
        along it; two thirds of the errors are below it, whatever a few outliers do."""
        off = np.abs(self.predicted - self.target)
        across = np.concatenate([off[..., 0], off[..., 1]])
        return np.stack([np.quantile(each, 0.683, axis=(0, 1)) for each in (across, off[..., 2])], axis=-1)


def evaluate(
    lifter: Lifter,
    clips: list[mocap_data.Clip],
    tds: int = 1,
    flip: bool = True,
    samples: int = 192,
    progress: Progress = silent,
) -> Lifted:
    """Runs any lifter as in a capture, ends of clips included, on the views of :func:`validate`.

    The lifter gets a focal length with an error of 12 % on average, as in videos.

    Args:
        lifter: The lifter.
        clips: Validation clips.
        tds: Frame step.
        flip: Average with the mirrored input.
        samples: Number of views.
        progress: Called after each view.
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
    into = np.swapaxes(view.look_at_torso(scene.keypoints)[1], -1, -2)
    return Lifted(np.matmul(predicted, into), np.matmul(scene.joints - scene.joints[:, :, :1], into))


def joint_table(title: str, predicted: np.ndarray, target: np.ndarray, valid: np.ndarray | None = None) -> Table:
    """Returns the mean error of each joint along x, y and z (depth) and its length, mm, after one scale a sample.

    Args:
        title: Title of the table.
        predicted: (N,T,17,3) metres, root-relative.
        target: (N,T,17,3) metres, root-relative.
        valid: (N,T,17) bool; all if None.
    """
    valid = np.ones(target.shape[:-1], bool) if valid is None else valid
    predicted, target = predicted * valid[..., None], np.where(valid[..., None], target, 0)
    every = (1, 2, 3)
    scale = (predicted * target).sum(every, keepdims=True) / (predicted**2).sum(every, keepdims=True)
    error = 1000 * (scale * predicted - target)
    parts = np.concatenate([np.abs(error), np.linalg.norm(error, axis=-1, keepdims=True)], axis=-1)
    rows: list[tuple[Cell, ...]] = []
    means: list[np.ndarray] = []
    for joint, name in enumerate(H36M17.joints):
        seen = valid[..., joint]
        if joint and seen.any():
            means.append(parts[..., joint, :][seen].mean(axis=0))
            rows.append((name, *map(float, means[-1])))
    rows.append(("mean", *map(float, np.mean(means, axis=0))))
    return Table(title, ("mm", "across", "down", "depth", "all"), tuple(rows))


BASELINE = "baseline.json"
"""File beside the register of weights with the scores of the first recipe after eleven minutes."""


def score_table(scores: dict[str, Scores], data: Path) -> Table:
    """Lifters on the published split; on the project's own mocap file, beside the baseline and as parts of it."""
    rows: list[tuple[Cell, ...]] = [(name, *asdict(each).values()) for name, each in scores.items()]
    header: tuple[str, ...] = ("validation motion, mm", "N-MPJPE", "PA-MPJPE", "accel.")
    baseline = _baseline(data)
    if baseline is not None:
        first = asdict(baseline)
        rows = [("baseline, 11 minutes on one core", *first.values()), *rows]
        header += ("N, %", "PA, %")
        for i, row in enumerate(rows):
            parts = (float(row[1 + k]) / first[key] for k, key in enumerate(("n_mpjpe_mm", "pa_mpjpe_mm")))
            rows[i] = (*row, *(f"{100 * (part - 1):+.0f}" for part in parts))
    return Table("Validation takes, 192 views, 2 % noise", header, tuple(rows))


def _baseline(data: Path) -> Scores | None:
    """Returns the recorded scores of the baseline if they are of the file ``data``."""
    path = weights.beside_register(BASELINE)
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
        return Scores(**stored["scores"]) if stored["data_sha256"] == atomic.sha256(data) else None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(f"{path}: missing or damaged ({error}); restore it") from error


SEED, LENGTH = 7, 80
"""Seed and length in frames of the views for comparisons."""

_PICTURE, _FOCAL = 1920, 1600.0


def _scores(predicted: np.ndarray, target: np.ndarray) -> Scores:
    acceleration = np.linalg.norm(np.diff(predicted, 2, axis=1) - np.diff(target, 2, axis=1), axis=-1)
    return Scores(n_mpjpe(predicted, target), pa_mpjpe(predicted, target), 1000 * float(acceleration.mean()))
