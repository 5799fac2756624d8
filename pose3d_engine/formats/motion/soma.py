"""GEM-X and SOMA: 77 joints whose rotations are relative to a T-pose, as SMPL's (NVIDIA, SOMA-X).

Rotations of fingers are left out: the motion file has no place for them.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ...contract.errors import UserError
from . import figure, smpl
from .motion3d import UNITS, Y_UP, Motion3D, Person3D, array

_FIRST = ["Hips", "Spine1", "Spine2", "Chest", "Neck1", "Neck2", "Head"]  #: Names by which SOMA is recognised.

_JOINTS = {
    "pelvis": 0, "spine1": 1, "spine2": 2, "spine3": 3, "neck": 4, "head": 6,
    "left_collar": 11, "left_shoulder": 12, "left_elbow": 13, "left_wrist": 14,
    "right_collar": 39, "right_shoulder": 40, "right_elbow": 41, "right_wrist": 42,
    "left_hip": 67, "left_knee": 68, "left_ankle": 69, "left_foot": 70,
    "right_hip": 72, "right_knee": 73, "right_ankle": 74, "right_foot": 75,
}  # fmt: skip
"""Joint of the figure -> SOMA's row."""

_NECK2 = 5
_COUNT = 77


def is_gem(content: Any) -> bool:
    """Whether it is of GEM-X: GEM-SMPL names its parameters alike, but has another number of joints."""
    body = content.get("body_params_global") if isinstance(content, dict) else None
    pose = body.get("body_pose") if isinstance(body, dict) else None
    return isinstance(pose, np.ndarray) and pose.ndim == 2 and pose.shape[1] == 3 * (_COUNT - 1)


def read_gem(path: Path, content: Mapping[str, Any]) -> Motion3D:
    world, camera = (_parameters(content.get(f"body_params_{kind}"), str(path)) for kind in ("global", "incam"))
    if world is None:
        raise UserError(f"{path}: has no motion in the world; write the file again")
    person = smpl.person_of(np.arange(len(world.pelvis)), world, camera, str(path))
    return Motion3D("GEM-X", [person], every_frame=True, **smpl.lens(content.get("K_fullimg")))


def _parameters(given: Any, where: str) -> smpl.Pose | None:
    if not isinstance(given, Mapping):
        return None
    parts = [value for name in ("global_orient", "body_pose") if isinstance(value := given.get(name), np.ndarray)]
    if len(parts) < 2 or len(parts[0]) != len(parts[1]):
        raise UserError(f"{where}: its rotations are missing or of different length; write the file again")
    rotations = np.concatenate([value.reshape(len(value), -1) for value in parts], axis=1)
    return _pose(rotations, given.get("transl"), where)


def _pose(rotations: np.ndarray, transl: Any, where: str) -> smpl.Pose:
    """The figure in SOMA's rotations, at its own size: what SOMA's shape parameters mean is part of its models."""
    found = figure.matrices(rotations, _COUNT, f"{where}: the pose")
    turns = found[:, [_JOINTS[name] for name in figure.NAMES]]
    neck = figure.NAMES.index("neck")
    turns[:, neck] = turns[:, neck] @ found[:, _NECK2]
    places = array(transl, (len(turns), 3), f"{where}: the translation")
    return smpl.Pose(turns, places, 1.0)


def is_soma(content: Any) -> bool:
    return isinstance(content, dict) and {"poses", "transl", "joint_names"} <= content.keys()


def read_soma(path: Path, content: Mapping[str, Any]) -> Motion3D:
    where, poses = str(path), content["poses"]
    names = [str(name) for name in np.asarray(content["joint_names"]).ravel()[: _COUNT + 1]]
    first = names.index("Hips") if "Hips" in names else len(names)
    if not isinstance(poses, np.ndarray) or poses.ndim < 3 or names[first : first + len(_FIRST)] != _FIRST:
        raise UserError(f"{where}: not the joints of SOMA; write the file again with its own tools")
    if str(content.get("absolute_pose", "joint_orient" not in content)) != "False":
        raise UserError(f"{where}: its rotations are absolute; save them relative to the T-pose (absolute_pose=False)")
    unit = str(np.asarray(content.get("unit", "meters"))).lower()
    if unit not in UNITS:
        raise UserError(f"{where}: its unit is {unit[:40]!r}; write it in meters")
    transl = array(content["transl"], (len(poses), 3), f"{where}: the translation") * UNITS[unit]
    start = first if poses.shape[1] > _COUNT else 0
    pose = _pose(poses[:, start:], transl, where)
    parts = {name: Y_UP @ part for name, part in pose.parts.items()}
    return Motion3D("SOMA", [Person3D(np.arange(len(poses)), pose.joints @ Y_UP.T, parts=parts)], every_frame=True)
