"""3DPW (von Marcard et al., ECCV 2018): people outdoors before a camera that is carried around.

The sequence files (``sequenceFiles/test/*.pkl``) are pickles of Python 2 and are read as data. Of each we use
``jointPositions`` (24 joints of SMPL in world axes, metres), ``cam_poses`` (world -> camera), ``cam_intrinsics``,
``poses2d`` (OpenPose COCO-18) and ``campose_valid``; no body model and no picture is needed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ... import object_archive
from ...contract.errors import UserError
from ...contract.keypoint_orders import COCO18
from ...contract.people_file import People, VideoInfo
from ...contract.skeletons import H36M17
from ...track import numbered

FPS = 30.0

SMPL14 = (8, 5, 2, 1, 4, 7, 21, 19, 17, 16, 18, 20, 12, 15)
"""The 14 joints that are compared among SMPL's 24: right ankle, knee, hip, left hip, knee, ankle, right wrist, elbow,
shoulder, left shoulder, elbow, wrist, neck, head."""

_OURS = "RAnkle RKnee RHip LHip LKnee LAnkle RWrist RElbow RShoulder LShoulder LElbow LWrist Thorax Neck/Nose"
OURS = [H36M17.index(name) for name in _OURS.split()]
"""The same among Human3.6M's joints. SMPL's head is at the base of the skull: Neck/Nose is nearest."""

_WHAT = "a sequence of 3DPW"


@dataclass(frozen=True)
class Track:
    """One person of a sequence.

    Attributes:
        people: The person's 2D keypoints as a clip of one person.
        joints: (T,14,3) camera axes, metres, in the order of :data:`SMPL14`.
        valid: (T,) bool, frames that count.
        focal: Pixels.
    """

    name: str
    people: People
    joints: np.ndarray
    valid: np.ndarray
    focal: float


def load(path: Path) -> Iterator[Track]:
    """The people of a sequence file, or of all in a folder (or its ``sequenceFiles/test``), one after the other.

    Raises:
        UserError: There is no sequence file, or one is damaged.
    """
    folder = next((place for place in (path / "sequenceFiles" / "test", path) if place.is_dir()), None)
    files = [path] if folder is None else sorted(folder.glob("*.pkl"))
    if not files:
        raise UserError(f"{path}: no sequence files of 3DPW; give its folder, or sequenceFiles/test")
    for file in files:
        content = object_archive.load_any(file, _WHAT)
        yield from _tracks(file, content)


def _tracks(path: Path, content: Any) -> Iterator[Track]:
    try:
        poses, lens = _array(content["cam_poses"], (None, 4, 4)), _array(content["cam_intrinsics"], (3, 3))
        for row, (world, pixels) in enumerate(zip(content["jointPositions"], content["poses2d"], strict=True)):
            joints = _array(world, (len(poses), 72)).reshape(-1, 24, 3)[:, SMPL14]
            in_camera = np.einsum("tij,tkj->tki", poses[:, :3, :3], joints) + poses[:, None, :3, 3]
            points = np.swapaxes(_array(pixels, (len(poses), 3, 18)), 1, 2)
            valid = _array(content["campose_valid"][row], (len(poses),)) > 0
            people = _people(path, points, (round(2 * lens[0, 2]), round(2 * lens[1, 2])))
            yield Track(f"{path.stem} {row}", people, in_camera, valid, float(lens[0, 0]))
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise UserError(f"{path}: not {_WHAT} ({error}); get the file again") from error


def _array(value: Any, shape: tuple[int | None, ...]) -> np.ndarray:
    """A float64 array of that shape. Raises ValueError for another one."""
    found = np.asarray(value, np.float64)
    if len(found.shape) != len(shape) or any(b not in (None, a) for a, b in zip(found.shape, shape, strict=True)):
        raise ValueError(f"{found.shape} in place of {shape}")
    if not np.isfinite(found).all():
        raise ValueError("values that are not finite")
    return found


def _people(path: Path, points: np.ndarray, size: tuple[int, int]) -> People:
    """People of one track of OpenPose's points (T,18,3) COCO-18."""
    keypoints = np.stack([COCO18.to_coco(frame) for frame in points]).astype(np.float32)
    keypoints[..., :2][keypoints[..., 2] <= 0] = np.nan
    keypoints[..., 2] = np.clip(keypoints[..., 2], 0, 1)
    seen = np.nan_to_num(keypoints[..., :2], nan=np.inf)
    low, high = seen.min(axis=1), np.where(np.isinf(seen), -np.inf, seen).max(axis=1)
    boxes = np.concatenate([low, high], axis=-1)
    boxes[~np.isfinite(boxes).all(axis=1)] = np.nan
    frames = np.arange(len(points), dtype=np.int32)
    info = VideoInfo(str(path), *size, FPS, len(points) / FPS, len(points), 0)
    meta = {"video": asdict(info), "detector": "3dpw"}
    return numbered(People(keypoints[None], boxes[None].astype(np.float32), frames, frames / FPS, meta))
