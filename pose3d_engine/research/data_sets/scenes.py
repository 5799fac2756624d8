"""Samples as a lifter gets them."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from ...pose.lifters import view

ASSUMED_FOCAL, ASSUMED_OVER_TRUE = 0.7, (0.62, 1.45)
"""Share of samples of a measured detector whose focal length is assumed, and the range of assumed over true: a field of
view of 60 degrees for one of 39 to 80."""


@dataclass(frozen=True)
class Scene:
    """Samples with their truth.

    Attributes:
        joints: (n,T,17,3) camera axes, metres, as a lifter is to give them.
        keypoints: (n,T,17,2) with errors, on the plane z = 1.
        scores: (n,T,17).
        inputs: See :meth:`MocapSampler.batch`; of :func:`observed`.
        targets: See :meth:`MocapSampler.batch`; of :func:`observed`.
    """

    joints: np.ndarray
    keypoints: np.ndarray
    scores: np.ndarray
    inputs: np.ndarray = field(default_factory=lambda: np.empty(0))
    targets: np.ndarray = field(default_factory=lambda: np.empty(0))


def wrong_focal(rng: np.random.Generator, n: int) -> np.ndarray:
    """Draws the focal length that a lifter gets over the true one (n,): most often it is assumed."""
    assumed = rng.random(n) < ASSUMED_FOCAL
    return np.where(assumed, rng.uniform(*ASSUMED_OVER_TRUE, n), np.exp(rng.normal(0, 0.06, n)))


def observed(scene: Scene, wrong: np.ndarray) -> Scene:
    """Returns a scene with the lifter's inputs and targets; ``wrong`` (n,): the focal length that the lifter gets over
    the true one."""
    seen, rotation = view.look_at_torso(scene.keypoints / wrong[:, None, None, None].astype(np.float32))
    size = np.nanmedian(view.person_size(seen, scene.scores), axis=1, keepdims=True)
    inputs = view.features(seen, scene.scores, np.nan_to_num(size, nan=1.0))
    targets = np.matmul(scene.joints - scene.joints[:, :, :1], np.swapaxes(rotation, -1, -2))
    return replace(scene, inputs=inputs, targets=targets.astype(np.float32))
