"""What the add-on uses of the engine's motion file (OUT.npz)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from ..contract import motion_file
from ..contract.errors import UserError
from ..contract.layers import channels
from ..contract.skeletons import H36M17
from .arrays import Array

JOINTS = H36M17.joints
"""The 17 joints in the order of the file's rows (Human3.6M)."""

_ARRAYS = ("world", "camera_R", "camera_t", "confidence", "contacts", "times")


class MotionFileError(UserError):
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
        parts: by bone (``hand.L``, ...) that the detector observed: the orientation (T,3,3) of that part of a figure in
            T-pose that faces -Y, world axes, and where it is known (T,).
        values: of the layers, (T,) by the name of their channel.
        row_rate: rows a second where they are no longer the video's frames; 0 where they are.
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
    values: Mapping[str, Array] = field(default_factory=dict)
    row_rate: float = 0.0

    def __len__(self) -> int:
        return len(self.times)

    @property
    def fps(self) -> float:
        """Mean frames a second of the video."""
        return float(self.meta["fps"])

    @property
    def rate(self) -> float:
        """Mean rows a second."""
        return self.row_rate or self.fps


def load(path: str | Path) -> MotionFile:
    """Reads and checks a motion file; nothing in it is executed. Raises MotionFileError."""
    path = Path(path)
    try:
        arrays, layers, meta = motion_file.read(path, _ARRAYS)
    except UserError as error:
        raise MotionFileError(str(error)) from error
    _require_facts(path, meta)
    parts = {}
    for channel in channels():
        valid = layers.get(channel.valid)
        if channel.bone and channel.name in layers and valid is not None and valid.any():
            parts[channel.bone] = (layers[channel.name], valid)
    values = {item.name: layers[item.name] for item in channels() if item.kind == "value" and item.name in layers}
    rows: dict[str, Any] = dict(arrays)
    return MotionFile(path=path, meta=meta, parts=parts, values=values, **rows)


def _require_facts(path: Path, meta: dict[str, Any]) -> None:
    """Raises MotionFileError if a fact that the add-on needs is missing or senseless."""
    try:
        wanted = {key: float(meta[key]) for key in ("fps", "width", "height", "focal_px")}
        wanted["principal point"] = min(float(value) for value in meta["principal_point"])
    except (ValueError, TypeError, KeyError, IndexError) as error:
        raise MotionFileError(
            f"{path}: its facts (meta) are incomplete ({str(error)[:100]!r}); capture the video again"
        ) from error
    for key, value in wanted.items():
        if not np.isfinite(value) or (value <= 0 and key != "principal point"):
            raise MotionFileError(f"{path}: {key} is {value} in its facts (meta); capture the video again")
