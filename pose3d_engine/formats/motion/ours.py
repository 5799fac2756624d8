"""Our own motion files, and any .npz with ``joints3d`` (T,17,3), camera axes, metres."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ...contract.errors import UserError
from .motion3d import Motion3D, Person3D, array


def is_ours(content: Any) -> bool:
    return isinstance(content, dict) and "joints3d" in content


def read(path: Path, content: Mapping[str, Any]) -> Motion3D:
    """``frames`` (T,) names the frames; without it the rows are frame 0, 1, 2 and so on."""
    joints = content["joints3d"]
    if not isinstance(joints, np.ndarray) or joints.ndim != 3 or joints.shape[1:] != (17, 3):
        raise UserError(f"{path}: joints3d is {np.shape(joints)}; give finite (frames, 17, 3) in metres")
    joints = array(joints, (None, 17, 3), f"{path}: joints3d")
    frames = content.get("frames", np.arange(len(joints)))
    if not isinstance(frames, np.ndarray) or frames.shape != joints.shape[:1] or frames.dtype.kind not in "iu":
        raise UserError(f"{path}: frames is not one whole number a row of joints3d; write the file again")
    joints = joints - joints[:, :1]
    person = Person3D(frames.astype(np.int64), joints, axes="camera", has_path=False, metric=False)
    return Motion3D("file", [person], every_frame="frames" not in content)
