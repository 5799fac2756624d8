"""Files with a detector's points in 3D: SAM 3D Body (MHR-70), 4DHumans (PHALP), freemocap (MediaPipe)."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ...contract.errors import UserError
from ...contract.settings import DEFAULT_FOV
from ...contract.skeletons import BLAZEPOSE33, H36M17
from .motion3d import Motion3D, Person3D, array, number, upright
from .points import to_h36m

_MHR70 = {"nose": 0, "left_ear": 3, "right_ear": 4, "left_wrist": 62, "right_wrist": 41} | {
    f"{side}_{part}": 5 + 2 * pair + (side == "right")
    for pair, part in enumerate(("shoulder", "elbow", "hip", "knee", "ankle"))
    for side in ("left", "right")
}
"""Rows of MHR-70's points by role."""

_POINTS_3D, _PLACE = "pred_keypoints_3d", "pred_cam_t"


def _records(content: Any) -> list[list[dict[str, Any]]] | None:
    """SAM 3D Body's records of people by frame, however a tool has nested them; None for anything else."""
    if isinstance(content, dict) and _POINTS_3D in content:
        points = content[_POINTS_3D]
        if not isinstance(points, np.ndarray) or points.ndim < 3:
            return None
        keys = [key for key in (_POINTS_3D, _PLACE) if isinstance(content.get(key), np.ndarray)]
        if any(len(content[key]) != len(points) for key in keys):
            return None
        focal = content.get("focal_length")
        return [[{"focal_length": focal, **{key: content[key][row] for key in keys}}] for row in range(len(points))]
    if isinstance(content, dict) and content and all(isinstance(value, (dict, list)) for value in content.values()):
        content = list(content.values())
    if not isinstance(content, list) or not content:
        return None
    frames: list[Any] = [[frame] if isinstance(frame, dict) else frame for frame in content]
    sound = all(
        isinstance(frame, list) and all(isinstance(one, dict) and _POINTS_3D in one for one in frame)
        for frame in frames
    )
    return frames if sound and any(frames) else None


def is_sam3d(content: Any) -> bool:
    return _records(content) is not None


def read_sam3d(path: Path, content: Any) -> Motion3D:
    """Points and the place of each person, camera axes, metres; one person, or ``track_id`` in each record."""
    tracks: dict[str, list[tuple[int, np.ndarray]]] = defaultdict(list)
    focals = []
    for frame, records in enumerate(_records(content) or []):
        for one in records:
            where = f"{path}: frame {frame}"
            if len(records) > 1 and "track_id" not in one:
                raise UserError(f"{where} has {len(records)} people without track_id; write a file for each")
            place = array(one.get(_PLACE), (3,), f"{where}: {_PLACE}")
            points = array(one[_POINTS_3D], (70, 3), f"{where}: {_POINTS_3D}") + place
            tracks[str(one.get("track_id", 1))].append((frame, points))
            focals.append(one.get("focal_length"))
    people = []
    for name, rows in tracks.items():
        points = np.array([row for _, row in rows])
        joints = to_h36m({role: points[:, row] for role, row in _MHR70.items()}, str(path))
        people.append(Person3D(np.array([frame for frame, _ in rows]), joints, name, "camera"))
    known = [focal for focal in map(number, focals) if focal is not None]
    return Motion3D("SAM 3D Body", people, focal=float(np.median(known)) if known else None)


_SPIN = {
    "RAnkle": 25, "RKnee": 26, "RHip": 27, "LHip": 28, "LKnee": 29, "LAnkle": 30, "RWrist": 31, "RElbow": 32,
    "RShoulder": 33, "LShoulder": 34, "LElbow": 35, "LWrist": 36, "Hip": 39, "Thorax": 40, "Spine": 41,
    "Neck/Nose": 42, "Head": 43,
}  # fmt: skip
"""Human3.6M's joints among the 45 of 4DHumans: after OpenPose's 25 the 19 of SPIN (Kolotouros et al., ICCV 2019)."""

_PHALP_FOCAL = 5000 / 256
"""Focal length that 4DHumans assumes, in units of the longer side; depths are scaled to the default camera."""


def is_phalp(content: Any) -> bool:
    first = next(iter(content.values()), None) if isinstance(content, dict) else None
    return isinstance(first, dict) and {"tid", "3d_joints", "camera"} <= first.keys()


def read_phalp(path: Path, content: Mapping[Any, Any]) -> Motion3D:
    """Frames in the order of their pictures' names; a person is in a frame where ``tracked_ids`` has them."""
    tracks: dict[str, list[tuple[int, np.ndarray]]] = defaultdict(list)
    size: tuple[int, int] | None = None
    nearer = 0.5 / math.tan(math.radians(DEFAULT_FOV) / 2) / _PHALP_FOCAL
    for frame, name in enumerate(sorted(content, key=str)):
        record, where = content[name], f"{path}: frame {frame}"
        keys = ("tid", "3d_joints", "camera")
        lists: list[Any] = [record.get(key) if isinstance(record, dict) else None for key in keys]
        if any(not isinstance(one, (list, tuple, np.ndarray)) or len(one) != len(lists[0]) for one in lists):
            raise UserError(f"{where}: its lists of people are of different length; run 4DHumans again")
        tracked = {str(one) for one in np.ravel(record.get("tracked_ids", lists[0]))}
        for track, joints, camera in zip(*lists, strict=True):
            if str(track) in tracked:
                points = array(joints, (45, 3), f"{where}: 3d_joints")
                place = array(np.asarray(camera).reshape(-1), (3,), f"{where}: camera") * [1.0, 1.0, nearer]
                tracks[str(track)].append((frame, points[[_SPIN[joint] for joint in H36M17.joints]] + place))
        if size is None and len(lists[0]) and isinstance(record.get("size"), (list, tuple)) and record["size"]:
            high, wide = np.ravel(np.asarray(record["size"][0], np.float64))[:2]
            size = (int(wide), int(high)) if min(high, wide) >= 1 and max(high, wide) < 1e5 else None
    people = [
        Person3D(np.array([frame for frame, _ in rows]), np.array([joints for _, joints in rows]), name, "camera")
        for name, rows in list(tracks.items())[:100]
    ]
    return Motion3D("4DHumans", people, size=size)


MEDIAPIPE_ROWS = (33, 553)
"""Points of freemocap's files: the body's, and in older ones hands and face after them."""


def read_freemocap(path: Path, content: np.ndarray) -> Motion3D:
    """Millimetres, z up, NaN where not observed."""
    points = np.asarray(content[:, : len(BLAZEPOSE33)], np.float64) / 1000
    points[~np.isfinite(points)] = np.nan
    roles = {role: points[:, row] for role, row in BLAZEPOSE33.roles.items()}
    joints = upright(to_h36m(roles, str(path)), 2)
    return Motion3D("freemocap", [Person3D(np.arange(len(joints)), joints)], every_frame=True)


def is_freemocap(content: Any) -> bool:
    fits = isinstance(content, np.ndarray) and content.ndim == 3 and content.shape[2] == 3
    return bool(fits and content.shape[1] in MEDIAPIPE_ROWS and content.dtype.kind == "f")
