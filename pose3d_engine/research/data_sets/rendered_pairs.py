"""Rendered people seen by a real detector, as samples for training and as a test."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ...contract import arrays
from ...contract.errors import UserError
from ...contract.skeletons import COCO17, H36M17
from ...pose import joint_definitions
from ...progress import silent
from ..rendering import pairs as rendering
from . import detector_model
from .kinematics import about
from .posed_bodies import canonical
from .scenes import Scene, observed, wrong_focal

TRAINING, HELD_OUT = "training", "held-out"

ROLL = 0.14
"""Standard deviation of the roll that samples get, radians."""


@dataclass(frozen=True)
class Pair:
    """One clip.

    Attributes:
        keypoints: (T,17,2) COCO-17 on the plane z = 1 of the true camera; held where the detector found nobody.
        scores: (T,17) as a lifter gets them.
        joints: (T,17,3) as a lifter is to give them, camera axes, metres, of a body of canonical size.
        assumed_over_true: The focal length that a capture assumes, over the true one.
    """

    keypoints: np.ndarray
    scores: np.ndarray
    joints: np.ndarray
    assumed_over_true: float


def load(folder: Path, split: str, detector: str = "mediapipe-full") -> list[Pair]:
    """Returns the pairs of a detector of one split.

    Raises:
        UserError: There are none, or the folder holds something else.
    """
    found = [
        _pair(pair) for pair in rendering.load(folder, detector, silent) if arrays.unpack_meta(pair["meta"])["split"] == split
    ]
    if not found:
        raise UserError(f"{folder}: no {split} pairs of {detector}; render more")
    return found


def _pair(data: dict[str, np.ndarray]) -> Pair:
    focal, points = data["focal_px"].astype(float), data["keypoints2d"].astype(float)
    keypoints = (points[..., :2] - data["centre"][:, None]) / focal[:, None, None]
    scores = np.nan_to_num(points[..., 2])
    rows = np.arange(len(points))
    for joint in range(17):
        seen = np.isfinite(keypoints[:, joint, 0])
        scores[~seen, joint] = 0
        for axis in range(2):
            known = keypoints[seen, joint, axis] if seen.any() else np.zeros(1)
            keypoints[:, joint, axis] = np.interp(rows, rows[seen] if seen.any() else [0], known)
    joints, _ = canonical(data["joints"])
    assumed = max(int(data["width"]), int(data["height"])) / 2 / np.tan(np.radians(30))
    return Pair(
        keypoints.astype(np.float32),
        detector_model.lifter_scores(scores),
        joint_definitions.from_anatomical(joints).astype(np.float32),
        float(assumed / focal.mean()),
    )


class PairSampler:
    """Endless random samples of pairs, deterministic by seed: other speeds, mirrored, rolled, another focal length."""

    def __init__(self, pairs: list[Pair], seed: int) -> None:
        self.pairs, self.rng = pairs, np.random.default_rng(seed)

    def batch(self, n: int, length: int, outputs: int) -> tuple[np.ndarray, np.ndarray]:
        """Draws ``n`` samples of ``length`` frames whose ``outputs`` middle ones lie inside a clip, as
        :meth:`.mocap_data.MocapSampler.batch` does."""
        rng = self.rng
        parts = [self._stretch(self.pairs[i], length, outputs) for i in rng.integers(len(self.pairs), size=n)]
        keypoints, scores, joints = (np.stack(part) for part in zip(*parts, strict=True))
        mirrored = rng.random(n) < 0.5
        keypoints[mirrored] = keypoints[mirrored][:, :, COCO17.mirror] * np.float32([-1, 1])
        scores[mirrored] = scores[mirrored][:, :, COCO17.mirror]
        joints[mirrored] = joints[mirrored][:, :, H36M17.mirror] * np.float32([-1, 1, 1])
        roll = about("z", rng.normal(0, ROLL, n)).astype(np.float32).swapaxes(1, 2)[:, None]
        joints, keypoints = np.matmul(joints, roll), np.matmul(keypoints, roll[..., :2, :2])
        scene = observed(Scene(joints, keypoints, scores), wrong_focal(rng, n))
        return scene.inputs, scene.targets

    def _stretch(self, pair: Pair, length: int, outputs: int) -> tuple[np.ndarray, ...]:
        last = len(pair.joints) - 1
        speed = min(self.rng.uniform(0.75, 1.33), last / max(outputs - 1, 1))
        first = self.rng.uniform(0, last - speed * (outputs - 1)) - speed * ((length - outputs) // 2)
        at = np.clip(first + speed * np.arange(length), 0, last)
        low = np.minimum(at.astype(int), last - 1)
        blend = (at - low).astype(np.float32)[:, None]
        parts = (pair.keypoints, pair.scores[..., None], pair.joints)
        mixed = [part[low] * (1 - blend[..., None]) + part[low + 1] * blend[..., None] for part in parts]
        return mixed[0], mixed[1][..., 0], mixed[2]


def scenes(pairs: Iterable[Pair], reach: int) -> list[Scene]:
    """Returns whole clips as a capture gives them to a lifter, with the focal length that it assumes; their ends are
    repeated for ``reach`` frames."""
    found = []
    for pair in pairs:
        rows = np.clip(np.arange(-reach, len(pair.joints) + reach), 0, len(pair.joints) - 1)
        scene = Scene(pair.joints[None, rows], pair.keypoints[None, rows], pair.scores[None, rows])
        found.append(observed(scene, np.array([pair.assumed_over_true])))
    return found
