"""Reads the engine's motion file (OUT.npz): arrays of one row a video frame, and facts as JSON."""

from __future__ import annotations

import json
import struct
import tokenize
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from .arrays import Array

JOINTS = (
    "Hip",
    "RHip",
    "RKnee",
    "RAnkle",
    "LHip",
    "LKnee",
    "LAnkle",
    "Spine",
    "Thorax",
    "Neck/Nose",
    "Head",
    "LShoulder",
    "LElbow",
    "LWrist",
    "RShoulder",
    "RElbow",
    "RWrist",
)
"""The 17 joints in the order of the file's rows (Human3.6M)."""

_SHAPES: dict[str, tuple[int, ...]] = {
    "world": (17, 3),
    "camera_R": (3, 3),
    "camera_t": (3,),
    "confidence": (17,),
    "contacts": (2,),
    "times": (),
}
"""What follows the frame axis, for each array that the add-on uses."""

_PARTS = ("left_hand", "right_hand", "left_foot", "right_foot")
"""Parts of the body in the order of ``orientation_valid``, in which the head comes before them. The head's own
orientation is no nearer to the picture than that of its joints, so it is not read."""


_EXTRAS = {"orientation_valid": (5,), **{f"{part}_R": (3, 3) for part in _PARTS}}
"""Shapes of the arrays that a motion file has where the detector observes head, hands and feet."""

_DAMAGE = (
    OSError,
    ValueError,
    EOFError,
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    NotImplementedError,
    RuntimeError,
    MemoryError,
    AttributeError,  # a lone .npy array is no context manager
    TypeError,
    tokenize.TokenError,  # numpy's reader of headers, from Python 3.12 on
)
"""What numpy and zipfile raise on bytes that are no archive of arrays."""


class MotionFileError(Exception):
    """The file is not a motion file. The message is one line for the user: what, where, what to do."""


@dataclass(frozen=True)
class MotionFile:
    """The part of a motion file that the add-on uses; T rows, one a video frame, always finite, single precision.

    Attributes:
        path: of the file.
        world: (T,17,3) joints, metres, z up, floor at 0.
        camera_R, camera_t: (T,3,3), (T,3): world = camera_R @ camera + camera_t, with camera axes x right, y down,
            z forward.
        confidence: (T,17) 0..1, 0 where a joint is interpolated.
        contacts: (T,2) bool, left and right foot on the floor.
        times: (T,) seconds of the video, ascending; double precision.
        meta: the engine's facts (fps, width, height, focal_px, principal_point, person, ...).
        parts: by part of the body (``left_hand``, ...) that the detector observed: the orientation (T,3,3) of the same
            part of a figure in T-pose that faces -Y, world axes, and whether it was observed (T,).
    """

    path: Path
    world: Array
    camera_R: Array  # noqa: N815 - the name in the file
    camera_t: Array
    confidence: Array
    contacts: Array
    times: Array
    meta: dict[str, Any]
    parts: Mapping[str, tuple[Array, Array]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.times)

    @property
    def fps(self) -> float:
        """Mean frames a second of the video."""
        return float(self.meta["fps"])


def load(path: str | Path) -> MotionFile:
    """Reads and checks a motion file; nothing in it is executed. Raises MotionFileError."""
    path = Path(path)
    if not path.is_file():
        raise MotionFileError(f"{path}: no such file; capture the video again")
    try:
        with np.load(path, allow_pickle=False) as archive:
            arrays = {key: np.asarray(archive[key]) for key in (*_SHAPES, "meta")}
            extras = {key: np.asarray(archive[key]) for key in _EXTRAS} if set(_EXTRAS) <= set(archive.files) else {}
    except KeyError as error:
        raise MotionFileError(f"{path}: not a motion file ({error.args[0]}); capture the video again") from error
    except _DAMAGE as error:
        raise MotionFileError(f"{path}: not a motion file; capture the video again") from error

    rows = arrays["times"].shape[0] if arrays["times"].ndim else 0
    if rows == 0:
        raise MotionFileError(f"{path}: the motion has no frames; capture a longer part of the video")
    for key, shape in {**_SHAPES, **(_EXTRAS if extras else {})}.items():
        array = (arrays | extras)[key]
        if array.shape != (rows, *shape):
            raise MotionFileError(f"{path}: {key} is {array.shape}, not {(rows, *shape)}; capture the video again")
        if array.dtype.kind not in "bif" or not np.isfinite(_single(key, array)).all():
            raise MotionFileError(f"{path}: {key} has values that are not finite numbers; capture the video again")
    if (np.diff(arrays["times"]) <= 0).any():
        raise MotionFileError(f"{path}: times do not ascend; capture the video again")

    return MotionFile(
        path=path,
        contacts=arrays["contacts"].astype(bool),
        meta=_meta(path, arrays["meta"]),
        parts={
            part: (_single("", extras[f"{part}_R"]), extras["orientation_valid"][:, row].astype(bool))
            for row, part in enumerate(_PARTS, start=1)
            if extras and extras["orientation_valid"][:, row].any()
        },
        **{key: _single(key, arrays[key]) for key in _SHAPES if key != "contacts"},
    )


def _single(key: str, array: Array) -> Array:
    """Single precision, as all but the times are stored: an hour of motion has 200 MB of numbers otherwise."""
    with np.errstate(over="ignore"):  # what is too large becomes infinite, which is refused
        return array.astype(np.float64 if key == "times" else np.float32, copy=False)


def _meta(path: Path, array: Array) -> dict[str, Any]:
    try:
        meta = json.loads(str(array[()]))
        wanted = {key: float(meta[key]) for key in ("fps", "width", "height", "focal_px")}
        wanted["principal point"] = min(float(value) for value in meta["principal_point"])
    except (ValueError, TypeError, KeyError, IndexError) as error:
        raise MotionFileError(
            f"{path}: its facts (meta) are incomplete ({str(error)[:100]!r}); capture the video again"
        ) from error
    for key, value in wanted.items():
        if not np.isfinite(value) or (value <= 0 and key != "principal point"):
            raise MotionFileError(f"{path}: {key} is {value} in its facts (meta); capture the video again")
    return meta
