"""Motion of rendered people: stretches of a mocap file, and poses that it lacks: standing, sitting, reaching."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter1d

from ..data_sets.kinematics import rotation_vectors
from ..data_sets.mocap_data import RATE, Clip, split, take
from ..data_sets.synthetic_poses import LIMITS, REST, pose_from_angles
from .posing import z_up

KINDS = {"mocap": 0.5, "walk": 0.15, "stand": 0.13, "sit": 0.1, "reach": 0.12}
"""Kinds of motion and their shares. ``walk`` is mocap whose take has the word in its name."""


@dataclass(frozen=True)
class Motion:
    """A stretch of motion.

    Attributes:
        kind: One of KINDS.
        take: The take it is of; the kind again where it is made up.
        joints: (T,17,3) Human3.6M-17, metres, z up.
        face: (T,5,3) nose, eyes and ears.
        seated: Whether the person sits on something.
    """

    kind: str
    take: str
    joints: np.ndarray
    face: np.ndarray
    seated: bool = False


def wander(rng: np.random.Generator, frames: int, rate: float, count: int, seconds: float) -> np.ndarray:
    """(T,count) random curves with unit variance that change within ``seconds``."""
    width = seconds * rate
    noise = rng.normal(size=(frames + int(8 * width), count))
    smooth = gaussian_filter1d(noise, width, axis=0)[int(4 * width) :][:frames]
    return np.asarray(smooth * np.sqrt(2 * np.sqrt(np.pi) * width))


def draw(rng: np.random.Generator, clips: list[Clip], frames: int, held_out: bool) -> Motion:
    """Draws a motion of ``frames`` at RATE; of the takes that are held out, or of the others."""
    kind = str(rng.choice(list(KINDS), p=list(KINDS.values())))
    if kind in ("stand", "sit", "reach"):
        return made_up(rng, kind, frames)
    chosen = split(clips)[1 if held_out else 0]
    if kind == "walk":
        chosen = [clip for clip in chosen if "walk" in take(clip).lower()] or chosen
    # Takes of one source must not outweigh the others.
    weights = np.array([min(len(clip.joints), 600) for clip in chosen], float)
    clip = chosen[rng.choice(len(chosen), p=weights / weights.sum())]
    start = int(rng.integers(max(len(clip.joints) - frames, 0) + 1))
    rows = np.minimum(start + np.arange(frames), len(clip.joints) - 1)
    joints, face = clip.joints[rows], clip.face[rows]
    return Motion(kind, take(clip), z_up(joints), z_up(face))


def made_up(rng: np.random.Generator, kind: str, frames: int) -> Motion:
    """Standing straight, sitting or reaching forward, by joint angles that wander."""
    angles = {}
    for name, (low, high) in LIMITS.items():
        sides = 2 if name.startswith(("hip", "knee", "arm", "elbow")) else 1
        slow = wander(rng, frames, RATE, sides, seconds=rng.uniform(0.4, 1.5))
        rest, spread = _habit(rng, kind, name, sides)
        angles[name] = np.clip(rest + spread * slow, low, high)[None]
    joints, face = pose_from_angles(angles)
    turn = rotation_vectors(np.array([[0, rng.uniform(-np.pi, np.pi), 0]]))[0]
    # People reach forward wherever they face; the camera's azimuth decides whether that is towards it.
    drift = np.cumsum(wander(rng, frames, RATE, 3, seconds=1.0) * [0.0006, 0, 0.0006], axis=0)
    joints, face = (points[0] @ turn.T + drift[:, None] for points in (joints, face))
    return Motion(kind, kind, z_up(joints).astype(np.float32), z_up(face).astype(np.float32), kind == "sit")


def _habit(rng: np.random.Generator, kind: str, name: str, sides: int) -> tuple[np.ndarray, float]:
    """Middle (sides,) and spread of an angle, radians, of a person who stands, sits or reaches."""
    rest = np.full(sides, {"knee": 0.03, "hip_bend": 0.03, "arm_raise": 0.15}.get(name, REST.get(name, 0.0)))
    rest = rest + rng.normal(0, 0.04, sides) * (name not in ("knee", "hip_bend"))
    spread = 0.03
    if name in ("arm_twist", "elbow", "arm_plane", "neck_twist"):
        rest, spread = rest + rng.normal(0, 0.3, sides), 0.15
    if name in ("knee", "hip_bend"):
        rest, spread = np.abs(rest + rng.normal(0, 0.03)), 0.012
    if kind == "sit" and name in ("knee", "hip_bend"):
        rest = 1.5 + rng.normal(0, 0.15, sides) - (0.1 if name == "knee" else 0)
    if kind == "sit" and name == "hip_side":
        rest = 0.12 + np.abs(rng.normal(0, 0.12, sides))
    if kind in ("sit", "reach") or rng.random() < 0.4:
        arm = {"arm_raise": (1.45, 0.35), "arm_plane": (1.45, 0.3), "elbow": (0.35, 0.35)}
        if name in arm and (kind == "reach" or rng.random() < 0.3):
            middle, wide = arm[name]
            active = rng.random(sides) < 0.75 if kind == "reach" else np.ones(sides, bool)
            rest = np.where(active, middle + rng.normal(0, wide, sides) * 0.6, rest)
            spread = wide * 0.8
    return rest, spread
