"""Arrays of Human3.6M-17 joints: VideoPose3D, MotionBERT, PoseFormerV2 (.npy), MHFormer, StridedTransformer, P-STMO;
our own motion files, and any .npz with ``joints3d`` (T,17,3), camera axes, metres."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from ...contract.errors import UserError
from ...contract.skeletons import H36M17
from .motion3d import FARTHEST, Motion3D, Person3D, array, upright

_TALLEST, _SHORTEST = 2.2, 1.1
"""Metres from ankles to head within which joints that also lie before the camera are metres with a path."""

_ANKLES = [H36M17.index("LAnkle"), H36M17.index("RAnkle")]


def is_joints(content: Any) -> bool:
    return isinstance(content, np.ndarray) and content.ndim in (3, 4) and content.shape[-2:] == (17, 3)


def is_reconstruction(content: Any) -> bool:
    """Whether it is ``output_keypoints_3d.npz`` of MHFormer and its kin."""
    return isinstance(content, dict) and is_joints(content.get("reconstruction"))


def read_reconstruction(path: Path, content: dict[str, np.ndarray]) -> Motion3D:
    return read(path, content["reconstruction"], "MHFormer")


def read(path: Path, content: np.ndarray, source: str = "VideoPose3D or MotionBERT") -> Motion3D:
    """Joints (T,17,3). Files do not say their axes and unit: y down is the camera's, another up axis is a world's; a
    path is kept only where the person is before the camera in metres. MotionBERT's depth starts anew every 243 frames.
    """
    joints = array(content.reshape(-1, 17, 3), (None, 17, 3), str(path))
    largest = np.abs(joints).max(initial=0.0)
    if largest > FARTHEST:  # other checks are of metres; these numbers have no unit
        joints = joints / largest
    hip = joints[:, :1]
    up = np.median(joints[:, H36M17.index("Head")] - joints[:, _ANKLES].mean(axis=1), axis=0) if len(joints) else hip
    camera = bool(len(joints)) and int(np.abs(up).argmax()) == 1 and up[1] < 0
    size = np.linalg.norm(up)
    path_known = bool(camera and _SHORTEST < size < _TALLEST and (hip[..., 2] > 1.0).all())
    if not path_known:
        joints = joints - hip
        joints = joints / max(float(size), 1e-9) * 1.5
    frames = np.arange(len(joints))
    if camera or not len(joints):
        return Motion3D(
            source, [Person3D(frames, joints, axes="camera", has_path=path_known, metric=False)], every_frame=True
        )
    return Motion3D(source, [Person3D(frames, upright(joints, 2), has_path=False, metric=False)], every_frame=True)


def is_ours(content: Any) -> bool:
    return isinstance(content, dict) and "joints3d" in content


def read_ours(path: Path, content: dict[str, Any]) -> Motion3D:
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
