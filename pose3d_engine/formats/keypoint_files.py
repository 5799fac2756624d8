"""2D keypoints in place of a detector: ``--keypoints`` and ``lift``.

Read here: our own ``.npz``, either PEOPLE.npz or one track with ``keypoints2d`` (T,17,2 or 3), COCO-17 pixels and
score, ``width``, ``height``, ``fps``. The results of other programs are read by :mod:`pose3d_engine.formats`.
"""

from __future__ import annotations

import zipfile
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np

from .. import formats
from ..contract import arrays as npz
from ..contract.errors import UserError
from ..contract.people_file import People, VideoInfo
from ..track import numbered, records
from .detections import FARTHEST_PX, boxes_around, video_facts, video_info


def read(path: Path, width: int | None = None, height: int | None = None, fps: float | None = None) -> People:
    """The people of a keypoint file or folder.

    ``width``, ``height`` (pixels) and ``fps`` are those of the video, for files that do not say them.

    Raises:
        UserError: If the file cannot be read, its content makes no sense, or a fact of the video is missing.
    """
    is_npz = path.suffix.lower() == ".npz" or zipfile.is_zipfile(path)
    if not is_npz or formats.is_archive_of_others(path):
        return formats.read(path, width, height, fps)
    arrays = npz.load_npz(path, ("keypoints2d",), "a file of keypoints (.npz with keypoints2d)")
    if arrays["keypoints2d"].ndim == 4:
        return People.load(path)
    keypoints = _track(path, arrays["keypoints2d"])
    facts = video_facts(path, _said_facts(path, arrays), {"width": width, "height": height, "fps": fps})
    frames = _numbers(path, "frames", arrays.get("frames", np.arange(len(keypoints))), keypoints).astype(np.int32)
    times = _numbers(path, "times", arrays.get("times", frames / facts["fps"]), keypoints).astype(np.float64)
    if len(times) > 1 and not (np.diff(times) > 0).all():
        raise UserError(f"{path}: times do not rise from frame to frame; write the seconds of each frame, in order")
    duration = float(times[-1] - times[0] + 1 / facts["fps"])
    meta = {"video": asdict(video_info(path, facts, duration, len(keypoints))), "detector": "keypoints"}
    return numbered(People(keypoints[None], boxes_around(keypoints)[None], frames, times, meta))


def _said_facts(path: Path, arrays: dict[str, np.ndarray]) -> dict[str, Any]:
    """Facts of the video by name: from arrays, else from ``meta``, which motion files have."""
    said: dict[str, Any] = {}
    if "meta" in arrays:
        try:
            said = npz.unpack_meta(arrays["meta"])
        except ValueError as error:
            raise UserError(f"{path}: meta is not JSON ({error}); write the file again") from error
    return said | {name: value[()] for name, value in arrays.items()}


def _track(path: Path, keypoints: np.ndarray) -> np.ndarray:
    """(T,17,3) float32, NaN and 0 where not visible, from (T,17,2 or 3)."""
    if keypoints.ndim != 3 or keypoints.shape[1] != 17 or keypoints.shape[2] not in (2, 3) or not len(keypoints):
        raise UserError(f"{path}: keypoints2d is {keypoints.shape}, not (frames, 17, 2 or 3) of COCO-17 keypoints")
    if keypoints.dtype.kind not in "fiu":
        raise UserError(f"{path}: keypoints2d holds {keypoints.dtype}, not numbers")
    finite = np.isfinite(keypoints).all(axis=-1)
    result = np.full((*keypoints.shape[:2], 3), np.nan, np.float32)
    result[..., : keypoints.shape[2]] = keypoints
    score = np.where(finite, np.clip(keypoints[..., 2], 0, 1), 0) if keypoints.shape[2] == 3 else finite
    result[..., :2][score == 0] = np.nan
    result[..., 2] = score
    if not (score > 0).any():
        raise UserError(f"{path}: no keypoint in it is visible; check the scores")
    if np.abs(result[..., :2][score > 0]).max() > FARTHEST_PX:
        raise UserError(f"{path}: keypoints lie millions of pixels away; write pixels, origin at the top left")
    return result


def _numbers(path: Path, name: str, values: np.ndarray, keypoints: np.ndarray) -> np.ndarray:
    if values.shape != (len(keypoints),) or not np.isfinite(values).all():
        raise UserError(f"{path}: {name} is not one finite number a row of keypoints2d")
    return values


def on_video(people: People, info: VideoInfo, path: Path) -> People:
    """The people of a file with the facts of their video; raises UserError if they cannot be from it."""
    last = int(people.frames[-1])
    if info.frames and last >= info.frames + 5:  # a container's number of frames is an estimate
        raise UserError(f"{path}: has frame {last}, but the video has {info.frames}; are they of one video?")
    return replace(people, meta={**people.meta, "video": asdict(info)})


def between(people: People, start: float | None, end: float | None) -> People:
    """The frames from ``start`` to before ``end``, seconds; None for the clip's own.

    People keep their numbers; people who are not visible there have no record.

    Raises:
        UserError: If no frame lies there.
    """
    if not start and end is None:
        return people
    rows = (people.times >= (start or 0.0)) & (people.times < (np.inf if end is None else end))
    if not rows.any():
        span = f"between {start or 0:g} s and {'the end' if end is None else f'{end:g} s'}"
        raise UserError(f"no frame lies {span}; the keypoints end at {people.times[-1]:.2f} s")
    cut = replace(
        people,
        keypoints2d=people.keypoints2d[:, rows],
        boxes=people.boxes[:, rows],
        frames=people.frames[rows],
        times=people.times[rows],
        extras={name: value[:, rows] for name, value in people.extras.items()},
        background=None if people.background is None else people.background[rows],
    )
    return replace(cut, meta={**people.meta, "people": records(cut)})
