"""OUT.npz: the motion of one person."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from . import arrays as npz
from .errors import UserError

MOTION_ARRAYS: dict[str, tuple[tuple[int | None, ...], type]] = {
    "joints3d": ((None, 17, 3), np.float32),
    "root": ((None, 3), np.float32),
    "world": ((None, 17, 3), np.float32),
    "camera_R": ((None, 3, 3), np.float32),
    "camera_t": ((None, 3), np.float32),
    "keypoints2d": ((None, 17, 3), np.float32),
    "confidence": ((None, 17), np.float32),
    "contacts": ((None, 2), np.bool_),
    "frames": ((None,), np.int32),
    "times": ((None,), np.float64),
}
"""Shape (None = one row a frame) and type of every array of a motion file."""


@dataclass
class Motion:
    """The motion of one person, one row a video frame: OUT.npz.

    joints3d (T,17,3): Human3.6M-17, root-relative, camera axes (x right, y down, z forward), metres.
    root (T,3): Hip in camera axes, metres. world (T,17,3): world axes (z up, floor at 0), metres.
    camera_R (T,3,3), camera_t (T,3): world = camera_R @ camera + camera_t.
    keypoints2d (T,17,3): COCO-17 pixels and score as fed to the lifter. confidence (T,17): 0..1 a joint.
    contacts (T,2): left, right foot on the floor. frames (T,), times (T,): source frame and its seconds.
    meta: fps, width, height, focal_px, principal_point, person, detector, lifter, checkpoint,
    checkpoint_sha256, tds, height_m, engine, repairs (counts a step), warnings. extras: documented optional arrays.
    """

    joints3d: np.ndarray
    root: np.ndarray
    world: np.ndarray
    camera_R: np.ndarray  # noqa: N815 - the name in the file
    camera_t: np.ndarray
    keypoints2d: np.ndarray
    confidence: np.ndarray
    contacts: np.ndarray
    frames: np.ndarray
    times: np.ndarray
    meta: dict[str, Any]
    extras: dict[str, np.ndarray] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.frames)

    def save(self, path: Path) -> None:
        """Writes the motion file atomically. Raises UserError if it cannot be written, ValueError if not finite."""
        arrays = {key: getattr(self, key).astype(kind) for key, (_, kind) in MOTION_ARRAYS.items()}
        for key, value in arrays.items():
            if not np.isfinite(value).all():
                raise ValueError(f"{key} is not finite")
        npz.save_npz(path, {**arrays, **self.extras, "meta": npz.pack_meta(self.meta)})

    @classmethod
    def load(cls, path: Path) -> Motion:
        """Reads a motion file. Raises UserError on anything else."""
        arrays = npz.load_npz(path, (*MOTION_ARRAYS, "meta"), "a motion file")
        rows = arrays["frames"].size
        for key, (shape, kind) in MOTION_ARRAYS.items():
            if arrays[key].dtype.kind != np.dtype(kind).kind:
                raise UserError(f"{path}: {key} holds {arrays[key].dtype}, not {np.dtype(kind)}; make the file again")
            wanted = tuple(rows if size is None else size for size in shape)
            if arrays[key].shape != wanted:
                raise UserError(f"{path}: {key} is {arrays[key].shape}, not {wanted}; make the file again")
            if not np.isfinite(arrays[key]).all():
                raise UserError(f"{path}: {key} has values that are not finite; make the file again")
        try:
            meta = npz.unpack_meta(arrays.pop("meta"))
        except ValueError as error:
            raise UserError(f"{path}: meta is not JSON ({error}); make it again") from error
        extras = {key: value for key, value in arrays.items() if key not in MOTION_ARRAYS}
        return cls(**{key: arrays[key] for key in MOTION_ARRAYS}, meta=meta, extras=extras)
