"""Motion capture as training data: bodies with random proportions, recombined, before virtual cameras.

The file (``--data``, e.g. ``cmu_h36m17.npz``) holds Human3.6M-17 joints of many clips: ``joints_q`` (N,17,3) and
``face_q`` (N,5,3) int16 in units of ``unit_m``, relative to ``root`` (N,3) metres, Y up, at ``fps``; clip i is rows
``start[i]:start[i+1]``, with its ``source`` and ``name``.

Every sample is new: a stretch of a clip, warped in time, with the proportions of a random person, tilted, before a
random camera, with errors like a detector's.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

import numpy as np

from ...contract import arrays
from ...contract.errors import UserError
from ...contract.skeletons import H36M17
from ...pose import joint_definitions
from ...solve.body import CHAIN, CHAIN_LENGTH, LENGTHS
from . import detector_model, synthetic_poses
from .detector_noise import noisy
from .kinematics import rotation_vectors, straighten_knees
from .scenes import Scene, observed, wrong_focal

RATE = 30.0
"""Frames a second of the training motion."""

UPPER = [H36M17.index(n) for n in H36M17.joints if H36M17.index(n) >= 7]
FACE_MIRROR = np.array([0, 2, 1, 4, 3])


@dataclass(frozen=True)
class Clip:
    """joints (T,17,3) and face (T,5,3), metres, Y up, at RATE."""

    source: str
    name: str
    joints: np.ndarray
    face: np.ndarray


def load_clips(path: Path) -> list[Clip]:
    """Returns all clips of a mocap file.

    Raises:
        UserError: Another file.
    """
    keys = ("joints_q", "face_q", "root", "start", "source", "name", "fps", "unit_m")
    data = arrays.load_npz(path, keys, "a mocap file (docs/contributor/training.md says how to make one)")
    if abs(float(data["fps"]) - RATE) > 0.5:
        raise UserError(f"{path}: {float(data['fps']):g} frames a second; resample the motion to {RATE:g}")
    clips = []
    for i, (source, name) in enumerate(zip(data["source"], data["name"], strict=True)):
        rows = slice(int(data["start"][i]), int(data["start"][i + 1]))
        root = data["root"][rows, None].astype(np.float32)
        joints = data["joints_q"][rows].astype(np.float32) * float(data["unit_m"]) + root
        face = data["face_q"][rows].astype(np.float32) * float(data["unit_m"]) + root
        clips.append(Clip(str(source), str(name), joints, face))
    return clips


_JUMPS = ("127 127_31", "139 139_17", "140 140_02", "16 16_07", "49 49_02", "85 85_05", "88 88_09", "90 90_16")

VALIDATION_TAKES = frozenset(
    ("bvh_indian 06", "bvh_martial 05", "bvh_salsa 04", "bvh_salsa 19", "amc_01 01_07", "amc_03 03_04")
    + ("expmap_basketball_signal basketball_signal_3", "expmap_directing_traffic directing_traffic_4")
    + ("expmap_washwindow washwindow_1", "expmap_walking_extra walking_24", "expmap_running running_3")
    + ("expmap_jumping jumping_2",)
    # The same takes under the names of CMU's own files (docs/contributor/training.md).
    + tuple(f"{source}_{name}" for source in ("jump", "amc") for name in _JUMPS)
)
"""Validation takes. None has a twin in another source: no subject 02, soccer, walking_1 or jumping_1;
the two dancers of a salsa take (04 and 19) are both in it."""


def take(clip: Clip) -> str:
    """Returns the take of a clip: its source and the file's stem."""
    return f"{clip.source} {re.sub(r'#[0-9]+$', '', clip.name).rsplit('/', 1)[-1].rsplit('.', 1)[0]}"


def split(clips: list[Clip]) -> tuple[list[Clip], list[Clip]]:
    """Returns training and validation clips, by take."""
    validation = [clip for clip in clips if take(clip) in VALIDATION_TAKES]
    training = [clip for clip in clips if take(clip) not in VALIDATION_TAKES]
    return training, validation


@dataclass(frozen=True)
class AugmentationConfig:
    """Augmentation of the recorded motion. The defaults are for training, :data:`PLAIN` for validation."""

    synthetic: float = 0.25
    """Share of bodies with synthetic poses: see :mod:`.synthetic_poses`."""
    recombined: float = 0.4
    """Share of samples whose upper body comes from another clip."""
    perturbed: float = 0.5
    """Share of samples whose limbs are turned by random, slowly varying angles."""
    tilted: float = 0.25
    """Share of samples whose body is tilted as a whole."""
    fallen: float = 0.06
    """Share of samples in any attitude at all: lying, crawling, upside down."""
    steep: float = 0.3
    """Share of cameras that look steeply up or down."""
    rolled: float = 0.3
    """Share of cameras that are rolled."""
    warped: bool = True
    """Whether motion is sped up, slowed down and mirrored."""
    straightened: float = 0.4
    """Share of bodies whose knees are bent less, by up to :data:`STRAIGHTENED`: people stand straight more often than
    dancers and martial artists do."""
    turning: float = 0.2
    """Share of bodies that turn about the vertical."""
    measured: float = 0.5
    """Share of samples with the errors of a measured detector; the others have those of any (:func:`.noisy`)."""
    views: int = 3
    """Cameras of each body: motion takes longer to make than a view of it."""
    distance: tuple[float, float] = (1.5, 9.0)
    """Range of distances from the camera, metres, drawn on a logarithmic scale."""
    noise: float | None = None
    """Errors of the other samples as a share of the person's size; None draws it for every sample."""


STRAIGHTENED = 0.45
"""Radians by which bodies' knees are straightened at most."""

BENT_SOURCES = {"bvh": 0.31}
"""Radians by which the skeletons of some sources bend a straight knee: the conversion to BVH, by the first percentile
of 36,000 frames. Other sources have 0."""


PLAIN = AugmentationConfig(
    synthetic=0, recombined=0, perturbed=0, tilted=0, fallen=0, steep=0.1, rolled=0.1, warped=False, noise=0.02,
    straightened=0, turning=0, measured=0, views=1, distance=(1.8, 12.0),
)  # fmt: skip

MEASURED = replace(PLAIN, measured=1.0)
"""The same views as a measured detector sees them."""


class MotionSource(Protocol):
    """Other bodies than those that are made of clips' directions: see :mod:`.posed_bodies`."""

    def motion(self, n: int, length: int) -> tuple[np.ndarray, np.ndarray]:
        """Draws joints (n,length,17,3) and faces (n,length,5,3), metres, Y up."""
        ...


class MocapSampler:
    """Endless random samples (inputs, targets) of clips, deterministic by seed. Samples of a measured detector are of
    ``bodies`` if there are some.

    Raises:
        UserError: There are no clips.
    """

    def __init__(
        self,
        clips: list[Clip],
        seed: int,
        augmentation: AugmentationConfig | None = None,
        bodies: MotionSource | None = None,
    ) -> None:
        if not clips:
            raise UserError("no motion clips to sample from; check --data")
        self.clips, self.bodies = clips, bodies
        self.augmentation = augmentation or AugmentationConfig()
        self.rng = np.random.default_rng(seed)
        # Long takes of one dance must not outweigh the short ones of everything else.
        totals: dict[str, int] = {}
        for clip in clips:
            totals[clip.source] = totals.get(clip.source, 0) + len(clip.joints)
        weights = np.array([len(clip.joints) / totals[clip.source] ** 0.5 for clip in clips])
        self.weights = weights / weights.sum()

    def batch(self, n: int, length: int) -> tuple[np.ndarray, np.ndarray]:
        """Draws ``n`` samples of ``length`` frames.

        Returns:
            Inputs (n, length, 17, 4), see :func:`pose3d_engine.pose.lifters.view.features`, and targets
            (n, length, 17, 3): root-relative joints in metres of a body of canonical size, in the axes of the virtual
            camera (x right, y down, z forward).
        """
        scene = self.scene(n, length)
        return scene.inputs, scene.targets

    def scene(self, n: int, length: int) -> Scene:
        """Draws samples as :meth:`batch` does, with their full truth."""
        views = self.augmentation.views
        count = -(-n // views)
        measured = np.zeros(count, bool)
        if self.augmentation.measured:
            measured = self.rng.random(count) < self.augmentation.measured
        if self.bodies is None:
            joints, face = self._motion(count, length)
        else:
            joints, face = np.empty((count, length, 17, 3), np.float32), np.empty((count, length, 5, 3), np.float32)
            for some, source in ((measured, self.bodies.motion), (~measured, self._motion)):
                if some.any():
                    joints[some], face[some] = source(int(some.sum()), length)
        joints, face, measured = (np.repeat(part, views, axis=0)[:n] for part in (joints, face, measured))
        joints, face = self._orient(joints, face)
        camera_joints, camera_face = self._project(joints, face)
        return self._observe(camera_joints, camera_face, measured)

    # Bodies

    def _stretches(self, n: int, length: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        joints = np.empty((n, length, 17, 3), np.float32)
        face = np.empty((n, length, 5, 3), np.float32)
        bent = np.zeros(n)
        for i, c in enumerate(self.rng.choice(len(self.clips), n, p=self.weights)):
            clip = self.clips[c]
            bent[i] = BENT_SOURCES.get(clip.source.partition("_")[0], 0.0)
            speed = float(np.exp(self.rng.uniform(np.log(0.6), np.log(1.7)))) if self.augmentation.warped else 1.0
            last = len(clip.joints) - 1
            room = last - speed * (length - 1)
            first = (
                self.rng.uniform(min(room, 0), max(room, 0)) if self.augmentation.warped else np.floor(max(room, 0) / 2)
            )
            at = first + speed * np.arange(length)
            # A clip that is too short is played forwards and backwards.
            at = np.abs((at + last) % max(2 * last, 1) - last) if last else np.zeros(length)
            low = np.floor(at).astype(int)
            high = np.minimum(low + 1, last)
            blend = (at - low)[:, None, None].astype(np.float32)
            joints[i] = clip.joints[low] * (1 - blend) + clip.joints[high] * blend
            face[i] = clip.face[low] * (1 - blend) + clip.face[high] * blend
        if self.augmentation.synthetic:
            chosen = self.rng.random(n) < self.augmentation.synthetic
            joints[chosen], face[chosen] = synthetic_poses.motion(self.rng, int(chosen.sum()), length, RATE)
            bent[chosen] = 0
        return joints, face, bent

    def _motion(self, n: int, length: int) -> tuple[np.ndarray, np.ndarray]:
        joints, face, bent = self._stretches(n, length)
        if self.augmentation.straightened:
            bent += (self.rng.random(n) < self.augmentation.straightened) * self.rng.uniform(0, STRAIGHTENED, n)
            straighten_knees(joints, bent)
        chosen = self.rng.random(n) < self.augmentation.recombined
        if chosen.any():
            other, other_face, _ = self._stretches(int(chosen.sum()), length)
            here, there = _pelvis(joints[chosen]), _pelvis(other)
            turn = here @ np.swapaxes(there, -1, -2)
            hip = joints[chosen][:, :, :1]
            upper = np.matmul(other - other[:, :, :1], np.swapaxes(turn, -1, -2)) + hip
            joints[np.ix_(chosen, np.arange(length), np.array(UPPER))] = upper[:, :, UPPER]
            face[chosen] = np.matmul(other_face - other[:, :, :1], np.swapaxes(turn, -1, -2)) + hip
        if self.augmentation.warped:
            mirrored = self.rng.random(n) < 0.5
            joints[mirrored] = joints[mirrored][:, :, H36M17.mirror] * np.array([-1, 1, 1], np.float32)
            face[mirrored] = face[mirrored][:, :, FACE_MIRROR] * np.array([-1, 1, 1], np.float32)
        return self._redraw(joints, face)

    def _redraw(self, joints: np.ndarray, face: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Changes bone lengths and, for some, the angles of limbs."""
        n, length = joints.shape[:2]
        lengths = {}
        build = self.rng.normal(0, 0.5, n)  # long limbs go together
        for joint, (mean, spread) in LENGTHS.items():
            lengths[joint] = mean + spread * (build * 0.6 + self.rng.normal(0, 0.8, n))
        scale = CHAIN_LENGTH / sum(lengths[joint] for joint in CHAIN)
        turns = self._limb_turns(n, length)
        new = np.zeros_like(joints)
        for parent, child in H36M17.bones:
            name = H36M17.joints[child]
            size = lengths[name if name in lengths else "R" + name[1:]] * scale
            bone = joints[:, :, child] - joints[:, :, parent]
            bone /= np.maximum(np.linalg.norm(bone, axis=-1, keepdims=True), 1e-6)
            for joint, turn in turns.items():
                # A rotated limb moves all joints below it.
                if child in H36M17.below(joint):
                    bone = np.einsum("ntij,ntj->nti", turn, bone)
            new[:, :, child] = new[:, :, parent] + bone * size[:, None, None].astype(np.float32)
        head = H36M17.index("Neck/Nose")
        face_scale = (scale * self.rng.normal(1, 0.06, n))[:, None, None, None].astype(np.float32)
        new_face = (face - joints[:, :, head : head + 1]) * face_scale + new[:, :, head : head + 1]
        # The path stays, in the scale of the new body.
        path = joints[:, :, :1] - joints[:, :1, :1]
        return new + path, new_face + path

    def _limb_turns(self, n: int, length: int) -> dict[str, np.ndarray]:
        """Returns rotations (n, length, 3, 3) of the limbs below some joints: a constant and a slow oscillation."""
        if not self.augmentation.perturbed:
            return {}
        turns = {}
        bounds = {"RKnee": 0.45, "LKnee": 0.45, "RElbow": 0.7, "LElbow": 0.7, "RWrist": 0.45, "LWrist": 0.45}
        bounds |= {"RAnkle": 0.15, "LAnkle": 0.15, "Spine": 0.25, "Thorax": 0.25}
        phase = np.arange(length)[None, :, None] / RATE
        for joint, bound in bounds.items():
            chosen = (self.rng.random((n, 1, 1)) < self.augmentation.perturbed) * (self.rng.random((n, 1, 1)) < 0.7)
            constant = self.rng.normal(0, bound * 0.7, (n, 1, 3))
            swing = self.rng.normal(0, bound * 0.5, (n, 1, 3))
            speed, start = self.rng.uniform(0.1, 0.8, (n, 1, 3)), self.rng.uniform(0, 6.28, (n, 1, 3))
            angles = chosen * (constant + swing * np.sin(6.28 * speed * phase + start))
            turns[joint] = rotation_vectors(angles.astype(np.float32))
        return turns

    def _orient(self, joints: np.ndarray, face: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Rotates bodies about the vertical, tilts some and gives a few any orientation."""
        n = len(joints)
        turn = _about(np.array([0, 1, 0], np.float32), self.rng.uniform(-np.pi, np.pi, n))
        tilted = self.rng.random(n) < self.augmentation.tilted
        axis = self.rng.normal(size=(n, 3)) * [1, 0.2, 1]
        tilt = rotation_vectors(_unit(axis) * (np.abs(self.rng.normal(0, 0.4, n)) * tilted)[:, None])
        fallen = self.rng.random(n) < self.augmentation.fallen
        throw = rotation_vectors(
            _unit(self.rng.normal(size=(n, 3))) * (self.rng.uniform(0, np.pi, n) * fallen)[:, None]
        )
        whole = np.swapaxes((throw @ tilt @ turn).astype(np.float32), -1, -2)[:, None]
        if self.augmentation.turning:
            angles = self.rng.normal(0, 1.2, n) * (self.rng.random(n) < self.augmentation.turning)
            at = (np.arange(joints.shape[1]) / RATE)[None] * angles[:, None]
            spin = _about(np.array([0, 1, 0], np.float32), at.ravel()).reshape(*at.shape, 3, 3)
            whole = np.matmul(np.swapaxes(spin, -1, -2).astype(np.float32), whole)
        centre = joints[:, :1, :1]
        return np.matmul(joints - centre, whole), np.matmul(face - centre, whole)

    # Cameras

    def _project(self, joints: np.ndarray, face: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """World (Y up, first Hip near the origin) -> camera axes (x right, y down, z forward), before the camera."""
        n, length = joints.shape[:2]
        rng, augmentation = self.rng, self.augmentation
        pitch = rng.normal(0.12, 0.18, n)
        steep = rng.random(n) < augmentation.steep
        pitch = np.where(steep, rng.uniform(-0.6, 1.0, n), pitch)
        roll = np.where(rng.random(n) < augmentation.rolled, rng.uniform(-0.52, 0.52, n), rng.normal(0, 0.04, n))
        flip = np.diag(np.array([1, -1, -1], np.float32))  # Y up, z backward -> y down, z forward
        turn = _about(np.array([0, 0, 1], np.float32), roll) @ _about(np.array([1, 0, 0], np.float32), -pitch) @ flip
        joints = np.matmul(joints, np.swapaxes(turn, -1, -2)[:, None].astype(np.float32))
        face = np.matmul(face, np.swapaxes(turn, -1, -2)[:, None].astype(np.float32))
        # Position in the picture and distance; never behind the lens.
        distance = np.exp(rng.uniform(*np.log(augmentation.distance), n))
        wide = rng.uniform(0.25, 0.75, n)  # tangent of half the field of view
        x, y = (rng.uniform(-0.8, 0.8, n) * wide, rng.uniform(-0.6, 0.6, n) * wide)
        place = np.stack([x * distance, y * distance, distance], axis=-1)[:, None].astype(np.float32)
        middle = joints[:, length // 2, 0][:, None]
        offset = place - middle
        nearest = np.minimum((joints + offset[:, :, None])[..., 2].min(axis=(1, 2)), 10)
        offset[..., 2] += np.maximum(0.6 - nearest, 0)[:, None]
        return joints + offset[:, :, None], face + offset[:, :, None]

    def _observe(self, joints: np.ndarray, face: np.ndarray, measured: np.ndarray) -> Scene:
        """Adds a detector's errors and makes the lifter's inputs and targets."""
        true = detector_model.coco_points(joints, face)
        points, scores = true[..., :2] / true[..., 2:], np.ones(true.shape[:-1], np.float32)
        if measured.any():
            table = detector_model.measured()
            points[measured], own = detector_model.detect(self.rng, table, joints[measured], face[measured])
            scores[measured] = detector_model.lifter_scores(own)
            joints[measured] = joint_definitions.from_anatomical(joints[measured])
        if not measured.all():
            points[~measured], scores[~measured] = noisy(self.rng, points[~measured], self.augmentation.noise)
        # Nobody knows the focal length exactly.
        wrong = np.exp(self.rng.normal(0, 0.12, len(points)))
        wrong[measured] = wrong_focal(self.rng, int(measured.sum()))
        return observed(Scene(joints, points, scores), wrong)


def _pelvis(joints: np.ndarray) -> np.ndarray:
    """(..., 17, 3) -> (..., 3, 3) whose columns are left, up and forward of the pelvis."""
    left = _unit(joints[..., H36M17.index("LHip"), :] - joints[..., H36M17.index("RHip"), :])
    up = joints[..., H36M17.index("Spine"), :] - joints[..., H36M17.index("Hip"), :]
    up = _unit(up - (up * left).sum(axis=-1, keepdims=True) * left)
    return np.stack([left, up, np.cross(left, up)], axis=-1)


def _unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-8)


def _about(axis: np.ndarray, angles: np.ndarray) -> np.ndarray:
    return rotation_vectors(axis[None] * angles[:, None].astype(np.float32))
