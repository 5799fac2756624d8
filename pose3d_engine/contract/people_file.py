"""PEOPLE.npz: the people of a clip, and the facts of the video."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import numpy as np

from . import arrays as npz
from . import paths
from .errors import UserError

FORMAT, VERSION = "video-to-mocap people", 2
"""Of files from version 0.2 on."""


@dataclass(frozen=True)
class VideoInfo:
    """The facts of a video.

    Attributes:
        width, height: Pixels as displayed, after the rotation tag.
        fps: Mean frames a second.
        duration: Seconds; 0 where the file does not say.
        frames: As the file says or as rate x duration gives; an estimate, 0 where unknown.
        rotation: Clockwise degrees (0, 90, 180, 270) by which the stored picture is turned for display.
    """

    path: str
    width: int
    height: int
    fps: float
    duration: float
    frames: int
    rotation: int


@dataclass
class People:
    """All people of a clip over T frames, by the area they cover, incomplete bodies last; row p is person p + 1.

    Attributes:
        keypoints2d: (P,T,17,3) float32, COCO-17 pixels and score; NaN and 0 where not detected.
        boxes: (P,T,4) float32, NaN where not detected.
        frames, times: (T,) int32 and (T,) float64 seconds.
        meta: ``detector``, ``video`` (VideoInfo as a dict), ``people`` (a record a person: person, first, last,
            coverage, score; of videos also complete, the share of frames with a full body, and height_px, the median).
        extras: Further arrays with leading axes (P,T).
        background: (T,3,3) float64 homographies: pixels of each frame -> pixels of the first, from the picture's middle
            in units of its longer side; NaN where unknown, None where they were not estimated.
    """

    keypoints2d: np.ndarray
    boxes: np.ndarray
    frames: np.ndarray
    times: np.ndarray
    meta: dict[str, Any]
    extras: dict[str, np.ndarray] = field(default_factory=dict)
    background: np.ndarray | None = None

    def save(self, path: Path) -> None:
        """Writes PEOPLE.npz atomically. Raises UserError if it cannot be written."""
        arrays = {
            **npz.stamp(FORMAT, VERSION),
            "keypoints2d": self.keypoints2d.astype(np.float32),
            "boxes": self.boxes.astype(np.float32),
            "frames": self.frames.astype(np.int32),
            "times": self.times.astype(np.float64),
            "meta": npz.pack_meta(self.meta),
            **{key: value.astype(np.float32) for key, value in self.extras.items()},
        }
        if self.background is not None:
            arrays["background"] = self.background.astype(np.float64)
        npz.save_npz(path, arrays)

    @classmethod
    def load(cls, path: Path) -> People:
        """Reads PEOPLE.npz. Raises UserError on anything else."""
        keys = ("keypoints2d", "boxes", "frames", "times")
        arrays = npz.load_npz(path, (*keys, "meta"), "a file of people (PEOPLE.npz)")
        npz.require_version(path, arrays, FORMAT, VERSION)
        meta = _checked_meta(path, arrays.pop("meta"))
        people, rows = (*arrays["keypoints2d"].shape, 0, 0)[:2]
        shapes = {"keypoints2d": (people, rows, 17, 3), "boxes": (people, rows, 4), "background": (rows, 3, 3)}
        shapes |= {"frames": (rows,), "times": (rows,)}
        for key, array in arrays.items():
            shape = shapes.get(key, (people, rows, *array.shape[2:]))
            kinds = "f" if key in ("keypoints2d", "background") else "fiub"
            if array.shape != shape or array.dtype.kind not in kinds:
                raise UserError(f"{path}: {key} is {array.shape} {array.dtype}, not {shape}; make the file again")
        if not (np.isfinite(arrays["times"]).all() and (np.diff(arrays["times"]) > 0).all()):
            raise UserError(f"{path}: times do not rise from frame to frame; make the file again")
        background = arrays.pop("background", None)
        return cls(**{key: arrays.pop(key) for key in keys}, meta=meta, extras=arrays, background=background)


def _checked_meta(path: Path, array: np.ndarray) -> dict[str, Any]:
    """The meta of a file, with the path where the clip lies now."""
    try:
        meta = npz.unpack_meta(array)
    except ValueError as error:
        raise UserError(f"{path}: meta is not JSON ({error}); make it again") from error
    missing = {"people", "video", "detector"} - set(meta)
    if missing:
        raise UserError(f"{path}: meta lacks {', '.join(sorted(missing))}; make it again")
    facts = {fact.name for fact in fields(VideoInfo)}
    if not isinstance(meta["video"], dict) or not facts <= set(meta["video"]):
        raise UserError(f"{path}: video in meta does not say {', '.join(sorted(facts))}; make the file again")
    meta["video"]["path"] = paths.noted_clip(path) or meta["video"]["path"]
    return meta
