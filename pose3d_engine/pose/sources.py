"""Sources of root-relative 3D: a 3D model that lifts the 2D track, or a file of another system."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from .. import detect
from ..contract import arrays
from ..contract.errors import UserError
from ..progress import Progress
from ..take import PoseSource, Take
from . import lifters


class Lifted(PoseSource):
    """A 3D model that lifts the 2D track."""

    def __init__(self, lifter: lifters.Lifter, detector: str, frame_step: int | None, flip: bool) -> None:
        """``detector``: source of the 2D. ``frame_step``: stride of the window, frames of the clip; None chooses the
        stride and the rate that fit. ``flip``: whether to average with the mirrored input."""
        self._lifter, self._detector, self._frame_step, self._flip = lifter, detector, frame_step, flip
        self.name, self.file = lifter.name, lifter.checkpoint
        self.rate = lifter.rate if frame_step is None else None

    def frame_step(self, fps: float) -> int:
        return self._frame_step or lifters.automatic_tds(fps, self._lifter.rate)

    def estimate(self, take: Take, progress: Progress) -> np.ndarray:
        camera, fps = take.main.camera, take.main.fps * take.upsampling
        scores = detect.lifter_scores(take.lifter_input, self._detector)
        track = lifters.Track2D(scores, camera.width, camera.height, fps, camera.focal)
        return self._lifter.lift(track, take.frame_step, self._flip, progress)[:: take.upsampling]


class FromFile(PoseSource):
    """Joints of another system: an .npz with ``joints3d`` (T,17,3), Human3.6M-17, camera axes, and ``frames`` (T,)
    unless it contains every frame from 0 on. Motion files are such files."""

    def __init__(self, path: Path, frames: np.ndarray) -> None:
        """Reads the joints for ``frames`` (T,) of the video. Raises UserError, also where it lacks one of them."""
        self.name, self.file = "file", path
        found = arrays.load_npz(path, ("joints3d",), "a file of 3D joints (.npz with joints3d)")
        joints = found["joints3d"]
        if joints.ndim != 3 or joints.shape[1:] != (17, 3) or joints.dtype.kind != "f" or not np.isfinite(joints).all():
            raise UserError(f"{path}: joints3d is {joints.shape} {joints.dtype}; give finite (frames, 17, 3) in metres")
        rows = found.get("frames", np.arange(len(joints)))
        if rows.shape != joints.shape[:1] or rows.dtype.kind not in "iu":
            raise UserError(f"{path}: frames is not one whole number a row of joints3d; write the file again")
        at = np.minimum(np.searchsorted(rows, frames), len(rows) - 1)
        missing = np.asarray(frames)[rows[at] != frames]
        if len(missing):
            raise UserError(f"{path}: frame {missing[0]} is not in it; are the joints and the video of one clip?")
        self._joints = (joints - joints[:, :1])[at].astype(np.float32)

    def estimate(self, take: Take, progress: Progress) -> np.ndarray:
        return self._joints.copy()
