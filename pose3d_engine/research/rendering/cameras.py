"""Virtual cameras of a clip: still or moving, rolled, shifted, with cuts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .motions import wander


@dataclass(frozen=True)
class Camera:
    """A pinhole camera over T frames.

    Attributes:
        width: Pixels.
        height: Pixels.
        focal: (T,) pixels.
        centre: (T,2) principal point, pixels.
        rotation: (T,3,3) from world to camera axes.
        translation: (T,3) metres: camera = rotation @ world + translation.
    """

    width: int
    height: int
    focal: np.ndarray
    centre: np.ndarray
    rotation: np.ndarray
    translation: np.ndarray

    def to_camera(self, points: np.ndarray) -> np.ndarray:
        """World points (T,N,3) in camera axes."""
        return np.asarray(points @ np.swapaxes(self.rotation, -1, -2) + self.translation[:, None])

    def project(self, points: np.ndarray) -> np.ndarray:
        """Pixels (T,N,2) of world points (T,N,3); NaN behind the camera."""
        local = self.to_camera(points)
        depth = np.where(local[..., 2:] > 0.05, local[..., 2:], np.nan)
        return np.asarray(local[..., :2] / depth * self.focal[:, None, None] + self.centre[:, None])


def look_at(eye: np.ndarray, target: np.ndarray, roll: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Rotations (T,3,3) and translations (T,3) of cameras at ``eye`` (T,3) towards ``target``, rolled by radians."""
    forward = target - eye
    forward = forward / np.linalg.norm(forward, axis=-1, keepdims=True)
    right = np.cross(forward, [0, 0, 1.0])
    right /= np.linalg.norm(right, axis=-1, keepdims=True)
    down = np.cross(forward, right)
    cos, sin = np.cos(roll)[:, None], np.sin(roll)[:, None]
    rotation = np.stack([cos * right + sin * down, cos * down - sin * right, forward], axis=1)
    return rotation, -np.einsum("tij,tj->ti", rotation, eye)


@dataclass(frozen=True)
class View:
    """How a camera is placed; degrees and shares.

    Attributes:
        azimuth: Of the camera around the person, 0 before a person who faces -y.
        pitch: Downwards.
        roll: Clockwise.
        field: Vertical field of view.
        share: Of the picture's height that the person fills when standing.
        shift: (2,) of the person from the middle of the picture, as shares of its size.
        pan: 0 for a camera that keeps its direction, 1 for one that turns after the person.
        dolly: 0 for a camera that stays in its place, 1 for one that moves with the person.
        shake: Degrees rms of a hand-held camera's unrest.
        cut: Share of the clip after which the azimuth jumps by 90 degrees; None for no cut.
    """

    azimuth: float
    pitch: float
    roll: float = 0.0
    field: float = 50.0
    share: float = 0.6
    shift: tuple[float, float] = (0.0, 0.0)
    pan: float = 0.0
    dolly: float = 0.0
    shake: float = 0.0
    cut: float | None = None


def draw_view(rng: np.random.Generator, azimuth: float | None = None) -> View:
    """Draws an ordinary camera: most are still, some turn or move with the person, some are held by hand."""
    still, moves = rng.random() < 0.6, rng.random() < 0.4
    return View(
        rng.uniform(-180, 180) if azimuth is None else azimuth,
        rng.uniform(-10, 40) if rng.random() < 0.5 else rng.normal(6, 6),
        rng.normal(0, 4),
        rng.uniform(40, 65),
        rng.uniform(0.4, 0.8),
        (rng.normal(0, 0.05), rng.normal(0, 0.03)),
        0.0 if still else rng.uniform(0.3, 1.0),
        rng.uniform(0.5, 1.0) if moves and not still else 0.0,
        0.0 if still else rng.uniform(0.1, 0.8),
    )


FAR_WALK = 1.3
"""Factor of the distance at which a still camera would have to stand back to keep the path in its picture, and above
which the camera moves with the person instead."""


def place(
    rng: np.random.Generator, view: View, joints: np.ndarray, height: float, rate: float, size: tuple[int, int]
) -> Camera:
    """Places a camera so that it films the person.

    Args:
        rng: For the unrest of the hand.
        view: How.
        joints: (T,17,3) of the person, world.
        height: Of the person, metres.
        rate: Frames a second.
        size: Width and height in pixels.
    """
    width, tall = size
    frames = len(joints)
    focal = tall / 2 / np.tan(np.radians(view.field) / 2)
    everything = joints.reshape(-1, 3)
    middle = (everything.min(axis=0) + everything.max(axis=0)) / 2
    path = joints[:, 0] - joints[:, 0].mean(axis=0)
    azimuth = np.full(frames, np.radians(view.azimuth))
    if view.cut is not None:
        azimuth[int(view.cut * frames) :] += np.pi / 2
    pitch = np.radians(view.pitch)
    away = np.stack([np.sin(azimuth), -np.cos(azimuth), np.zeros(frames)], axis=-1) * np.cos(pitch)
    away[:, 2] += np.sin(pitch)
    distance = max(focal * height / (view.share * tall), 1.3)
    needed = np.ptp(everything[:, :2], axis=0).max() * focal / min(width, tall) + 0.5
    dolly, pan = view.dolly, view.pan
    if needed > FAR_WALK * distance:
        dolly = max(dolly, 0.8)
    elif pan < 0.5:
        distance = max(distance, needed)
    target = middle + dolly * path
    unrest = np.radians(view.shake) * wander(rng, frames, rate, 3, seconds=0.3)
    eye = target + distance * away
    eye[:, 2] = np.maximum(eye[:, 2], 0.15)
    side = np.stack([np.cos(azimuth), np.sin(azimuth), np.zeros(frames)], axis=-1)
    aim = target + pan * (1 - dolly) * path + distance * (unrest[:, :1] * side + unrest[:, 1:2] * [0, 0, 1])
    rotation, translation = look_at(eye, aim, np.radians(view.roll) + unrest[:, 2])
    centre = np.tile([width / 2 + view.shift[0] * width, tall / 2 + view.shift[1] * tall], (frames, 1))
    return Camera(width, tall, np.full(frames, focal), centre, rotation, translation)
