"""Motion of whole bodies: the anatomical joints of adults of any shape, posed by motion capture.

Skeletons of recordings differ in where a hip or a shoulder is. A detector's offsets were measured on the bodies of
:mod:`..rendering`, so their joints are what the offsets belong to.
"""

from __future__ import annotations

import numpy as np

from ...contract.skeletons import H36M17
from ...solve.body import LENGTHS
from ..rendering import body, hands, motions, posing
from .mocap_data import RATE, AugmentationConfig, Clip, MocapSampler

_SIZE = ("RKnee", "RAnkle", "Spine", "Thorax")
"""Bones whose lengths together make a body of canonical size."""

MADE_UP = {"stand": 0.14, "sit": 0.1, "reach": 0.1}
"""Shares of bodies whose motion is made up; the others move as recorded."""

RECORDED = AugmentationConfig(recombined=0.2, perturbed=0.3)
"""How recorded motion is varied before a body follows it."""

FRAMES, FEWEST, FRESH = 150, 240, 2
"""Frames of a body's motion; bodies that samples are drawn from; bodies that each batch replaces by new ones."""


class Bodies:
    """An endless stream of bodies in motion, deterministic by seed.

    Raises:
        UserError: The packages of the extra ``rendering`` are not installed.
    """

    def __init__(self, clips: list[Clip], seed: int, count: int = FEWEST) -> None:
        self.rng = np.random.default_rng([seed, 1])
        self.recorded = MocapSampler(clips, seed, RECORDED)
        self.model = body.load()
        self.pool = [self._make() for _ in range(count)]

    def motion(self, n: int, length: int) -> tuple[np.ndarray, np.ndarray]:
        """Draws joints (n,length,17,3) and faces (n,length,5,3), metres, Y up, of bodies of canonical size, faster or
        slower than they were made."""
        for _ in range(FRESH):
            self.pool[self.rng.integers(len(self.pool))] = self._make()
        parts = []
        for chosen in self.rng.integers(len(self.pool), size=n):
            points = self.pool[chosen]
            last = len(points) - 1
            speed = min(np.exp(self.rng.uniform(np.log(0.6), np.log(1.5))), last / max(length - 1, 1))
            at = self.rng.uniform(0, last - speed * (length - 1)) + speed * np.arange(length)
            low = np.minimum(at.astype(int), last - 1)
            blend = (at - low).astype(np.float32)[:, None, None]
            parts.append(points[low] * (1 - blend) + points[low + 1] * blend)
        found = np.stack(parts)
        return found[:, :, :17], found[:, :, 17:]

    def _make(self) -> np.ndarray:
        """(T,22,3) joints and face of one body."""
        rng = self.rng
        person = body.make(self.model, body.draw_traits(rng))
        kinds, shares = list(MADE_UP), list(MADE_UP.values())
        kind = rng.choice([*kinds, ""], p=[*shares, 1 - sum(shares)])
        if kind:
            motion = motions.made_up(rng, kind, FRAMES)
            joints, face = motion.joints, motion.face
        else:
            joints, face = (posing.z_up(part[0]) for part in self.recorded._motion(1, FRAMES))
        fingers = hands.rotations(person, hands.draw(rng, FRAMES, RATE))
        posed = posing.pose(person, joints, face, RATE, fingers)
        on_skin = posed.of_bone("head", self.model.regressor[:5] @ person.vertices)
        joints, face = canonical(posed.joints, on_skin)
        points = np.concatenate([joints, face], axis=1)[..., [0, 2, 1]] * [1, 1, -1]
        return points.astype(np.float32)


def canonical(joints: np.ndarray, face: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Joints (T,17,3) and face (T,5,3) at the size, and with the neck's and head's lengths, of other samples. Both are
    scaled about the origin, so what a camera there sees does not change."""
    joints = joints.astype(float)
    face = np.zeros((len(joints), 5, 3)) if face is None else face.astype(float)
    size = sum(np.linalg.norm(_bone(joints, name), axis=-1).mean() for name in _SIZE)
    scale = sum(LENGTHS[name][0] for name in _SIZE) / size
    joints, face = joints * scale, face * scale
    for name in ("Neck/Nose", "Head"):
        bone = _bone(joints, name)
        shift = bone * (LENGTHS[name][0] / np.linalg.norm(bone, axis=-1, keepdims=True) - 1)
        joints[:, H36M17.below(name)] += shift[:, None]
    return joints, face


def _bone(joints: np.ndarray, name: str) -> np.ndarray:
    child = H36M17.index(name)
    parent = next(parent for parent, end in H36M17.bones if end == child)
    return np.asarray(joints[:, child] - joints[:, parent])
