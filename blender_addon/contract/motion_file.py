"""OUT.npz: the motion of one person, one row a video frame.

A reader leaves out unknown arrays. A file of version 0.1, which says neither format nor version, is version 1.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from . import arrays as npz
from .errors import UserError
from .layers import channels

FORMAT, VERSION = "video-to-mocap motion", 2
"""Of files from version 0.2 on."""

ARRAYS: dict[str, tuple[tuple[int, ...], type]] = {
    "joints3d": ((17, 3), np.float32),
    "root": ((3,), np.float32),
    "world": ((17, 3), np.float32),
    "camera_R": ((3, 3), np.float32),
    "camera_t": ((3,), np.float32),
    "keypoints2d": ((17, 3), np.float32),
    "confidence": ((17,), np.float32),
    "contacts": ((2,), np.bool_),
    "frames": ((), np.int32),
    "times": ((), np.float64),
}
"""Shape without the axis of frames, and type, of every array that a motion file must have."""

LAYER_ARRAYS: dict[str, tuple[tuple[int, ...], type]] = {
    **{channel.name: (channel.shape, np.float32) for channel in channels()},
    **{channel.valid: ((), np.bool_) for channel in channels() if channel.kind == "rotation"},
}
"""The same of the optional arrays of layers."""

_PARTS_OF_VERSION_1 = ("head", "left_hand", "right_hand", "left_foot", "right_foot")
"""Columns of ``orientation_valid``, in which version 0.1 has the validity of all orientations."""


@dataclass
class Motion:
    """The motion of one person; T rows, always finite.

    Attributes:
        joints3d: (T,17,3) Human3.6M-17, root-relative, camera axes (x right, y down, z forward), metres.
        root: (T,3) Hip in camera axes, metres.
        world: (T,17,3) world axes (z up, floor at 0), metres.
        camera_R, camera_t: (T,3,3) and (T,3), world = camera_R @ camera + camera_t.
        keypoints2d: (T,17,3) COCO-17 pixels and score as fed to the 3D model.
        confidence: (T,17) 0..1 of each joint; 0 where it was not detected.
        contacts: (T,2) left and right foot on the floor.
        frames, times: (T,) the source frame and its seconds.
        meta: fps, width, height, focal_px, principal_point, person, detector, lifter, checkpoint, checkpoint_sha256,
            tds, height_m, engine, repairs (counts by step), camera, feet, warnings (see :mod:`.warnings`); imported, of
            3D without its video (what the file had, and whether ``keypoints2d`` are any).
        extras: Arrays of optional layers by name.
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
        """Writes the motion file. Raises UserError where it cannot be written, ValueError for values not finite."""
        arrays = {key: getattr(self, key).astype(kind) for key, (_, kind) in ARRAYS.items()}
        for key, value in arrays.items():
            if not np.isfinite(value).all():
                raise ValueError(f"{key} is not finite")
        npz.save_npz(path, {**npz.stamp(FORMAT, VERSION), **arrays, **self.extras, "meta": npz.pack_meta(self.meta)})

    @classmethod
    def load(cls, path: Path) -> Motion:
        """Reads a motion file. Raises UserError for anything else."""
        arrays, layers, meta = read(path)
        return cls(**arrays, meta=meta, extras=layers)


def read(
    path: Path, wanted: Collection[str] = tuple(ARRAYS)
) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray], dict[str, Any]]:
    """The ``wanted`` of :data:`ARRAYS`, the arrays of the known layers, and the meta of a motion file.

    Raises UserError if it is none, is damaged, or is newer than this program.
    """
    known = {*wanted, *LAYER_ARRAYS, "times", "meta", "format", "version", "orientation_valid"}
    arrays = npz.load_npz(path, (*wanted, "times", "meta"), "a motion file", known.__contains__)
    npz.require_version(path, arrays, FORMAT, VERSION)
    try:
        meta = npz.unpack_meta(arrays.pop("meta"))
    except ValueError as error:
        raise UserError(f"{path}: its facts (meta) are not JSON ({error}); capture the video again") from error
    rows = arrays["times"].shape[0] if arrays["times"].ndim else 0
    _split_validity(arrays)
    if not rows:
        raise UserError(f"{path}: the motion has no frames; capture a longer part of the video")
    for key, array in arrays.items():
        shape, kind = (ARRAYS | LAYER_ARRAYS)[key]
        if array.shape != (rows, *shape) or array.dtype.kind != np.dtype(kind).kind:
            found, due = f"{array.shape} {array.dtype}", f"{(rows, *shape)} {np.dtype(kind)}"
            raise UserError(f"{path}: {key} is {found}, not {due}; capture the video again")
        with np.errstate(over="ignore"):  # what is too large becomes infinite, which is refused
            arrays[key] = array.astype(kind, copy=False)
        if not np.isfinite(arrays[key]).all():
            raise UserError(f"{path}: {key} has values that are not finite; capture the video again")
    if (np.diff(arrays["times"]) <= 0).any():
        raise UserError(f"{path}: times do not ascend; capture the video again")
    layers = {key: arrays.pop(key) for key in LAYER_ARRAYS if key in arrays}
    return {key: arrays[key] for key in wanted}, layers, meta


def _split_validity(arrays: dict[str, np.ndarray]) -> None:
    """Splits the validity in files of version 0.1 into an array for each orientation; drops their feet, which do not
    agree with the floor."""
    together = arrays.pop("orientation_valid", None)
    if together is not None and together.ndim == 2 and together.shape[1] == len(_PARTS_OF_VERSION_1):
        for column, part in enumerate(_PARTS_OF_VERSION_1):
            if part.endswith("foot"):
                arrays.pop(f"{part}_R", None)
            elif f"{part}_R" in arrays:
                arrays[f"{part}_valid"] = together[:, column].astype(bool)
