"""Human3.6M as VideoPose3D prepares it: ``data_3d_h36m.npz`` and ``data_2d_h36m_DETECTIONS.npz``.

``positions_3d``: {subject: {action: (T,32,3) metres, world}}. ``positions_2d``: {subject: {action: [(T,17,2 or 3)
pixels of each of the four cameras]}}, with ``metadata`` that names the keypoints of the left and the right side.
Actions are named "Walking", "Walking 1", ...: takes of one action count together.
"""

from __future__ import annotations

import json
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np

from ... import object_archive
from ...contract.errors import UserError
from ...contract.skeletons import H36M17
from ...pose.lifters import geometry
from ..geometry import world_to_camera
from .sequences import DataSet, Layout, Sequence, select

TRAINING = ("S1", "S5", "S6", "S7", "S8")
TESTING = ("S9", "S11")
FPS = 50.0

IN_THE_WILD = "detectron_pt_coco"
"""The detections in COCO order that lifters for videos are trained with."""

KEPT = np.array([0, 1, 2, 3, 6, 7, 8, 12, 13, 14, 15, 17, 18, 19, 25, 26, 27])
"""The 17 joints that lifters use, of the 32 in the file. The others are static or duplicates."""


class Camera:
    """One camera of one subject: intrinsics in pixels, position in metres."""

    def __init__(self, intrinsics: dict[str, Any], placement: dict[str, Any]) -> None:
        self.name = str(intrinsics["id"])
        self.width, self.height = int(intrinsics["width"]), int(intrinsics["height"])
        self.focal = np.array(intrinsics["focal"])
        self.centre = np.array(intrinsics["centre"])
        self.radial, self.tangential = np.array(intrinsics["radial"]), np.array(intrinsics["tangential"])
        self.orientation = np.array(placement["orientation"])  # camera axes -> world axes
        self.position = np.array(placement["translation"]) / 1000

    def from_world(self, points: np.ndarray) -> np.ndarray:
        """World (..., 3) -> camera axes (x right, y down, z forward), metres."""
        return world_to_camera(points.astype(np.float64), self.orientation, self.position)

    def pixels(self, points: np.ndarray) -> np.ndarray:
        """Camera axes (..., 3) -> pixels (..., 2), with the distortion of the lens."""
        x = np.clip(points[..., :2] / points[..., 2:], -1, 1)
        r2 = (x**2).sum(axis=-1, keepdims=True)
        radial = 1 + (self.radial * np.concatenate([r2, r2**2, r2**3], axis=-1)).sum(axis=-1, keepdims=True)
        tangential = (self.tangential * x).sum(axis=-1, keepdims=True)
        return self.focal * (x * (radial + tangential) + self.tangential * r2) + self.centre

    @property
    def on_screen(self) -> np.ndarray:
        """(4,) float32: focal lengths and centre in the scale of the screen, see :mod:`..lifters.geometry`."""
        centre = geometry.normalise(self.centre, self.width, self.height)
        return np.concatenate([self.focal / self.width * 2, centre]).astype(np.float32)


@cache
def _calibration() -> dict[str, Any]:
    text = resources.files(__package__).joinpath("h36m_cameras.json").read_text(encoding="utf-8")
    return json.loads(text)


@cache
def cameras(subject: str) -> tuple[Camera, ...]:
    """Returns the four cameras of a subject, in the order of the files.

    Raises:
        UserError: A subject without cameras.
    """
    calibration = _calibration()
    if subject not in calibration["placements"]:
        known = ", ".join(calibration["placements"])
        raise UserError(f"{subject}: no camera calibration for this subject; choose among {known}")
    pairs = zip(calibration["cameras"], calibration["placements"][subject], strict=True)
    return tuple(Camera(intrinsics, placement) for intrinsics, placement in pairs)


def load(folder: Path, detections: str, subjects: tuple[str, ...], actions: tuple[str, ...] = ()) -> DataSet:
    """Loads the takes of some subjects through all four cameras, 3D in metres.

    Args:
        folder: Folder of the data set.
        detections: Name of the 2D data: ``gt``, ``cpn_ft_h36m_dbb``, ``detectron_pt_coco``, ...
        subjects: Names of the subjects.
        actions: Beginnings of the actions' names; all if empty.

    Raises:
        UserError: Files are missing or do not fit.
    """
    path_3d = Path(folder) / "data_3d_h36m.npz"
    path_2d = Path(folder) / f"data_2d_h36m_{detections}.npz"
    positions = object_archive.load(path_3d, ("positions_3d",), "VideoPose3D's 3D data")["positions_3d"]
    archive = object_archive.load(path_2d, ("positions_2d", "metadata"), "VideoPose3D's 2D data")
    found: list[Sequence] = []
    for subject in subjects:
        for source, path in ((positions, path_3d), (archive["positions_2d"], path_2d)):
            if subject not in source:
                raise UserError(f"{path}: no subject {subject}; it has {', '.join(source)}")
        for action, world in positions[subject].items():
            if action not in archive["positions_2d"][subject]:
                raise UserError(f"{path_2d}: no action {action!r} of {subject}; get the file that fits {path_3d.name}")
            views = archive["positions_2d"][subject][action]
            if world.ndim != 3 or world.shape[1:] != (32, 3):
                raise UserError(f"{path_3d}: {subject} {action!r} is {world.shape}, not (frames, 32, 3)")
            for camera, pixels in zip(cameras(subject), views, strict=False):
                found.append(_sequence(subject, action, camera, world[:, KEPT], pixels, path_2d))
    sequences = select(found, actions)
    if not sequences:
        raise UserError(f"{path_3d}: no action begins with {', '.join(actions)}")
    layout = Layout(_mirror(archive["metadata"], sequences[0].keypoints.shape[1], path_2d), H36M17.mirror, 0)
    return DataSet("h36m", layout, 1000.0, FPS, sequences)


def _sequence(subject: str, action: str, camera: Camera, world: np.ndarray, pixels: np.ndarray, path: Path) -> Sequence:
    # Detections continue after the end of motion capture.
    if pixels.ndim != 3 or len(pixels) < len(world):
        raise UserError(f"{path}: {subject} {action!r} has {pixels.shape} keypoints for {len(world)} frames")
    seen = pixels[: len(world), :, :2].astype(np.float64)
    joints = camera.from_world(world).astype(np.float32)
    return Sequence(
        subject,
        action,
        camera.name,
        geometry.normalise(seen, camera.width, camera.height).astype(np.float32),
        joints - joints[:, :1],
        joints[:, 0],
        camera.on_screen,
        np.ones(len(world), bool),
        np.zeros(len(world), int),
    )


def _mirror(metadata: Any, keypoints: int, path: Path) -> np.ndarray:
    try:
        left, right = (list(map(int, side)) for side in metadata["keypoints_symmetry"])
        mirror = np.arange(keypoints)
        mirror[left], mirror[right] = right, left
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise UserError(f"{path}: metadata does not pair left and right keypoints ({error})") from error
    return mirror


def action_name(action: str) -> str:
    """ "Walking 1" -> "Walking"."""
    return action.split(" ")[0]
