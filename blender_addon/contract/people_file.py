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
"""What the file says of itself from version 0.2 on."""


@dataclass(frozen=True)
class VideoInfo:
    """The facts of a video. Width and height are as displayed, after the rotation tag."""

    path: str
    width: int
    height: int
    fps: float
    """Mean frames a second."""
    duration: float
    """Seconds; 0 where the file does not say."""
    frames: int
    """Frames as the file says or as rate x duration gives; an estimate, 0 where unknown."""
    rotation: int
    """Clockwise degrees (0, 90, 180, 270) by which the stored picture is turned for display."""


@dataclass
class People:
    """All people of a clip over T frames: PEOPLE.npz.

    keypoints2d: (P,T,17,3) float32, COCO-17 pixels and score; NaN and 0 where not seen.
    boxes: (P,T,4) float32, NaN where not seen. frames: (T,) int32. times: (T,) float64 seconds.
    meta: ``people`` (a record a person: person, first, last, coverage, score; of videos also complete, the share of
    their frames with a whole body, and height_px, the median box), ``video`` (VideoInfo as a dict),
    ``detector``. Persons are ordered by the area they cover over the clip, who is never seen whole last; row p is
    person p + 1.
    extras: further arrays with leading axes (P,T).
    background: (T,3,3) float64, behind the people: pixels of each frame -> pixels of the first, from the picture's
    middle in units of its longer side; NaN where unknown, None where nobody looked.
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
        npz.save_npz(
            path,
            {
                **npz.stamp(FORMAT, VERSION),
                "keypoints2d": self.keypoints2d.astype(np.float32),
                "boxes": self.boxes.astype(np.float32),
                "frames": self.frames.astype(np.int32),
                "times": self.times.astype(np.float64),
                "meta": npz.pack_meta(self.meta),
                **({} if self.background is None else {"background": self.background.astype(np.float64)}),
                **{key: value.astype(np.float32) for key, value in self.extras.items()},
            },
        )

    @classmethod
    def load(cls, path: Path) -> People:
        """Reads PEOPLE.npz. Raises UserError on anything else."""
        keys = ("keypoints2d", "boxes", "frames", "times", "meta")
        arrays = npz.load_npz(path, keys, "a file of people (PEOPLE.npz)")
        npz.require_version(path, arrays, FORMAT, VERSION)
        keypoints = arrays["keypoints2d"]
        if keypoints.ndim != 4 or keypoints.shape[2:] != (17, 3) or keypoints.dtype.kind != "f":
            raise UserError(f"{path}: keypoints2d is {keypoints.shape} {keypoints.dtype}, not (people, frames, 17, 3)")
        people, rows = keypoints.shape[:2]
        for key, shape in (("boxes", (people, rows, 4)), ("frames", (rows,)), ("times", (rows,))):
            if arrays[key].shape != shape or arrays[key].dtype.kind not in "fiu":
                found = f"{arrays[key].shape} {arrays[key].dtype}"
                raise UserError(f"{path}: {key} is {found}, not numbers of {shape}; make the file again")
        if not (np.isfinite(arrays["times"]).all() and (np.diff(arrays["times"]) > 0).all()):
            raise UserError(f"{path}: times do not rise from frame to frame; make the file again")
        try:
            meta = npz.unpack_meta(arrays["meta"])
        except ValueError as error:
            raise UserError(f"{path}: meta is not JSON ({error}); make it again") from error
        lacking = {"people", "video", "detector"} - set(meta)
        if lacking:
            raise UserError(f"{path}: meta lacks {', '.join(sorted(lacking))}; make it again")
        facts = {fact.name for fact in fields(VideoInfo)}
        if not isinstance(meta["video"], dict) or not facts <= set(meta["video"]):
            raise UserError(f"{path}: video in meta does not say {', '.join(sorted(facts))}; make the file again")
        meta["video"]["path"] = paths.noted_clip(path) or meta["video"]["path"]
        background = arrays.pop("background", None)
        if background is not None and (background.shape != (rows, 3, 3) or background.dtype.kind != "f"):
            raise UserError(f"{path}: background is {background.shape}, not (frames, 3, 3); make the file again")
        extras = {key: value for key, value in arrays.items() if key not in keys}
        for key, value in extras.items():
            if value.shape[:2] != (people, rows):
                raise UserError(f"{path}: {key} is {value.shape}, not (people, frames, ...); make the file again")
        return cls(keypoints, arrays["boxes"], arrays["frames"], arrays["times"], meta, extras, background)
