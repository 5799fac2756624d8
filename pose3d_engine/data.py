"""What the stages hand to each other: plain arrays with their facts, and the files they are stored in."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import numpy as np

from . import files
from .errors import UserError


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
class FrameDetections:
    """What a detector saw in one frame: N people.

    keypoints: (N,17,3) float32, COCO-17 pixels and score 0..1; NaN and 0 where a keypoint was not seen.
    boxes: (N,4) float32, x0, y0, x1, y1 pixels.
    extras: further arrays whose first axis is N (``blazepose33`` (N,33,3); ``blazepose33_world`` (N,33,3)
    metres, camera axes, hip-centred).
    """

    keypoints: np.ndarray
    boxes: np.ndarray
    extras: dict[str, np.ndarray] = field(default_factory=dict)


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
        files.save_npz(
            path,
            {
                "keypoints2d": self.keypoints2d.astype(np.float32),
                "boxes": self.boxes.astype(np.float32),
                "frames": self.frames.astype(np.int32),
                "times": self.times.astype(np.float64),
                "meta": files.pack_meta(self.meta),
                **({} if self.background is None else {"background": self.background.astype(np.float64)}),
                **{key: value.astype(np.float32) for key, value in self.extras.items()},
            },
        )

    @classmethod
    def load(cls, path: Path) -> People:
        """Reads PEOPLE.npz. Raises UserError on anything else."""
        keys = ("keypoints2d", "boxes", "frames", "times", "meta")
        arrays = files.load_npz(path, keys, "a file of people (PEOPLE.npz)")
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
            meta = files.unpack_meta(arrays["meta"])
        except ValueError as error:
            raise UserError(f"{path}: meta is not JSON ({error}); make it again") from error
        lacking = {"people", "video", "detector"} - set(meta)
        if lacking:
            raise UserError(f"{path}: meta lacks {', '.join(sorted(lacking))}; make it again")
        facts = {fact.name for fact in fields(VideoInfo)}
        if not isinstance(meta["video"], dict) or not facts <= set(meta["video"]):
            raise UserError(f"{path}: video in meta does not say {', '.join(sorted(facts))}; make the file again")
        background = arrays.pop("background", None)
        if background is not None and (background.shape != (rows, 3, 3) or background.dtype.kind != "f"):
            raise UserError(f"{path}: background is {background.shape}, not (frames, 3, 3); make the file again")
        extras = {key: value for key, value in arrays.items() if key not in keys}
        for key, value in extras.items():
            if value.shape[:2] != (people, rows):
                raise UserError(f"{path}: {key} is {value.shape}, not (people, frames, ...); make the file again")
        return cls(keypoints, arrays["boxes"], arrays["frames"], arrays["times"], meta, extras, background)


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
        files.save_npz(path, {**arrays, **self.extras, "meta": files.pack_meta(self.meta)})

    @classmethod
    def load(cls, path: Path) -> Motion:
        """Reads a motion file. Raises UserError on anything else."""
        arrays = files.load_npz(path, (*MOTION_ARRAYS, "meta"), "a motion file")
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
            meta = files.unpack_meta(arrays.pop("meta"))
        except ValueError as error:
            raise UserError(f"{path}: meta is not JSON ({error}); make it again") from error
        extras = {key: value for key, value in arrays.items() if key not in MOTION_ARRAYS}
        return cls(**{key: arrays[key] for key in MOTION_ARRAYS}, meta=meta, extras=extras)
