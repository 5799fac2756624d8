"""The error of a motion file against a known truth: pose, path through the world, vertical and feet."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from ...contract.motion_file import Motion
from ...contract.runs import runs
from ...contract.skeletons import H36M17
from ...solve import floor, limits, smoothing
from . import metrics

WINDOW = 100
"""Frames over which the path is compared, after aligning on the first two, as for WHAM (Shin et al., CVPR 2024)."""

_WALKED, _UPRIGHT, _LEAN, _STRETCHED = 2.0, 0.5, 20.0, 0.9
"""Metres between the farthest places of the Hip, or share of upright frames, by which a clip tells where up is; degrees
that a trunk leans at most then, and the share of a leg's length by which a foot is below the Hip."""

_LOW, _SLOW, _SHORTEST = 0.07, 0.5, 3
"""Metres over where that ankle stands, metres a second, frames: what a foot is in contact by, in the truth."""


@dataclass(frozen=True)
class Scores:
    """Scores in mm unless noted otherwise; NaN if a clip has no evidence for one.

    Attributes:
        mpjpe: Root-relative, camera axes, without alignment.
        pa_mpjpe: After a similarity transform a frame.
        accel: Mean error of the second difference a frame.
        accel_6hz: The same against the truth after a low pass of 6 Hz, as usual for recordings (Winter).
        bone: Largest standard deviation of a bone's length.
        world: All joints in the world over windows of 100 frames, aligned on the first two.
        drift: Error of the Hip's path (root mean square) after a rigid alignment, percent of the distance walked.
        vertical: Degrees, if the person walks or stands (:func:`has_vertical_evidence`).
        contact_f1: F1 score of the contacts, 0..1.
        slide: Speed of the ankles along the floor while in contact, mm a second.
        sink: Depth of the ankles below the floor while in contact, 95th percentile.
        wrong_way: Percent of knees and elbows outside human limits (``solve.limits``).
    """

    mpjpe: float
    pa_mpjpe: float
    accel: float
    accel_6hz: float
    bone: float
    world: float
    drift: float
    vertical: float
    contact_f1: float
    slide: float
    sink: float
    wrong_way: float


def true_contacts(world: np.ndarray, rate: float) -> np.ndarray:
    """Returns (T,2) bool, left and right: the ankle is low and slow for some frames. ``world``: (T,17,3), the truth."""
    ankles = world[:, floor.ANKLES]
    low = ankles[..., 2] < np.quantile(ankles[..., 2], 0.05, axis=0) + _LOW
    slow = np.linalg.norm(np.gradient(ankles, axis=0), axis=-1) * rate < _SLOW
    return np.stack([_long_enough(column) for column in (low & slow).T], axis=1)


def has_vertical_evidence(world: np.ndarray) -> bool:
    """Returns whether the person walks two metres or stands upright half of the time; ``world``: (T,17,3) truth."""
    hip, trunk = world[:, 0], world[:, H36M17.index("Thorax")] - world[:, 0]
    leg = max(np.linalg.norm(np.diff(world[:, [1, 2, 3]], axis=1), axis=-1).sum(axis=1).mean(), 1e-6)
    reach = np.linalg.norm(hip[:, None] - world[:, floor.ANKLES], axis=-1).max(axis=1) / leg
    leans = trunk[:, 2] < np.cos(np.radians(_LEAN)) * np.linalg.norm(trunk, axis=-1)
    walked = float(np.linalg.norm(np.ptp(hip[:, :2], axis=0)))
    return walked >= _WALKED or float((~leans & (reach > _STRETCHED)).mean()) >= _UPRIGHT


def score(motion: Motion, world: np.ndarray, rotation: np.ndarray, place: np.ndarray) -> Scores:
    """Returns the scores of a motion.

    Args:
        motion: The motion.
        world: (T,17,3) the true joints, z up, metres.
        rotation: (3,3) camera axes to world axes.
        place: (3,) position of the camera.
    """
    rate = float(motion.meta["fps"])
    camera = (world - place) @ rotation
    true = camera - camera[:, :1]
    predicted = motion.joints3d.astype(np.float64)
    bones = [np.linalg.norm(predicted[:, c] - predicted[:, p], axis=-1).std() for p, c in H36M17.bones]
    up = motion.camera_R[:, 2].astype(np.float64)
    vertical = np.degrees(np.arccos(np.clip(up @ rotation[2], -1, 1))).mean()
    contact, truth = motion.contacts, true_contacts(world, rate)
    ankles = motion.world[:, floor.ANKLES].astype(np.float64)
    speed = np.linalg.norm(np.diff(ankles[..., :2], axis=0), axis=-1) * rate
    held = contact[1:] & contact[:-1]
    below = floor.ankle_height(motion.meta["height_m"]) - ankles[..., 2]
    both = (contact & truth).sum()
    mm = 1000.0
    return Scores(
        mpjpe=mm * metrics.mpjpe(predicted, true),
        pa_mpjpe=mm * metrics.p_mpjpe(predicted, true),
        accel=mm * metrics.mpjpe(np.diff(predicted, 2, axis=0), np.diff(true, 2, axis=0)),
        accel_6hz=mm * metrics.mpjpe(np.diff(predicted, 2, axis=0), np.diff(smoothing.smooth(true, rate), 2, axis=0)),
        bone=mm * float(max(bones)),
        world=mm * _windows(motion.world.astype(np.float64), world),
        drift=_drift(motion.world[:, 0].astype(np.float64), world[:, 0]),
        vertical=float(vertical) if has_vertical_evidence(world) else float("nan"),
        contact_f1=float(2 * both / max(contact.sum() + truth.sum(), 1)),
        slide=mm * float(speed[held].mean()) if held.any() else float("nan"),
        sink=mm * max(float(np.quantile(below[contact], 0.95)), 0.0) if contact.any() else float("nan"),
        wrong_way=100 * float(limits.violates_limits(predicted).mean()),
    )


def table(scores: dict[str, list[Scores]], head: bool = True) -> str:
    """Returns a line for each name: means over the clips, medians of the vertical."""
    names = [field.name for field in fields(Scores)]
    lines = [f"{'':34}" + "".join(f"{name:>11}" for name in names)] if head else []
    for name, rows in scores.items():
        values = []
        for key in names:
            column = np.array([getattr(row, key) for row in rows])
            known = column[np.isfinite(column)]
            value = float("nan") if not len(known) else (np.median if key == "vertical" else np.mean)(known)
            values.append(
                f"{value:11.2f}" if key in ("contact_f1", "drift", "vertical", "wrong_way") else f"{value:11.1f}"
            )
        lines.append(f"{name:34}" + "".join(values))
    return "\n".join(lines)


def _windows(predicted: np.ndarray, true: np.ndarray) -> float:
    errors = []
    for first in range(0, max(len(true) - WINDOW // 2, 1), WINDOW):
        rows = slice(first, first + WINDOW)
        scale, turn, shift = similarity(predicted[rows][:2].reshape(-1, 3), true[rows][:2].reshape(-1, 3))
        errors.append(metrics.joint_errors(scale * predicted[rows] @ turn.T + shift, true[rows]))
    return float(np.concatenate(errors).mean())


def _drift(predicted: np.ndarray, true: np.ndarray) -> float:
    walked = float(np.linalg.norm(np.diff(true[:, :2], axis=0), axis=-1).sum())
    if np.ptp(true[:, :2], axis=0).max() < 1.0:
        return float("nan")
    _, turn, shift = similarity(predicted, true, scaled=False)
    error = np.linalg.norm(predicted @ turn.T + shift - true, axis=-1)
    return 100 * float(np.sqrt((error**2).mean())) / walked


def similarity(source: np.ndarray, target: np.ndarray, scaled: bool = True) -> tuple[float, np.ndarray, np.ndarray]:
    """Returns scale, rotation (3,3) and shift (3,) that align points (N,3) with others (Umeyama, PAMI 1991)."""
    a, b = source - source.mean(axis=0), target - target.mean(axis=0)
    u, singular, vt = np.linalg.svd(b.T @ a)
    sign = np.array([1.0, 1.0, np.sign(np.linalg.det(u @ vt))])
    rotation = (u * sign) @ vt
    scale = float((singular * sign).sum() / max((a**2).sum(), 1e-12)) if scaled else 1.0
    return scale, rotation, target.mean(axis=0) - scale * rotation @ source.mean(axis=0)


def _long_enough(column: np.ndarray) -> np.ndarray:
    result = np.zeros_like(column)
    for first, last in runs(column):
        result[first:last] = last - first >= _SHORTEST
    return result
