"""From the detections in another program's file to people with one track each: the steps that all formats share.

These are the numbers of frames, checks, conversion to COCO-17, scores to 0..1, and tracks.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from ..contract.errors import UserError
from ..contract.keypoint_orders import layout_of_length
from ..contract.people_file import People, VideoInfo
from ..contract.skeletons import COCO17, Layout
from ..contract.warnings import TRACKS_LEFT_OUT, Notice, add
from ..detect.base import FrameDetections
from ..track import Tracker
from ..track.tracker import MAX_TRACKS, largest, people_of
from ..track.tracklets import Observation

MAX_IN_FRAME = 100
"""People in a picture at most: more are false detections of a detector whose threshold is too low."""

FARTHEST_PX = 1e6
"""Pixels: no picture is so large, and up to here float32 resolves less than a pixel."""

_LAST_FRAME = 10**7
"""Four days of video. Higher numbers are times or numbers of tracks."""

_HIGHEST_SCORES = {"alphapose": 6.0, "poseflow": 6.0}
"""By AlphaPose's documentation its scores are in [0, 6] for COCO. Those of its newer versions stay near 1."""

_OVERSHOOT = 1.5
"""Maxima of heat maps overshoot 1 a little. Scores up to this are clipped to 1, higher ones are on another scale."""

_MAX_SPAN, _SPAN_PER_FRAME = 1000, 100
"""Frame numbers with a larger span than both together are those of pictures in a data set, not of frames of a video."""


@dataclass(frozen=True)
class PersonDetection:
    """One person in one frame."""

    frame: int  # from 0
    points: np.ndarray  # (K,3) pixels and score in the order of the layout
    layout: Layout
    track: int | None = None  # the program's own number of the person
    extras: dict[str, np.ndarray] = field(default_factory=dict)  # of same names and shapes for all people of a file


@dataclass(frozen=True)
class FileDetections:
    """The content of a file."""

    source: str  # name of the program
    frames: set[int]  # that are listed, also those without people
    detections: list[PersonDetection]
    facts: dict[str, float] = field(default_factory=dict)  # width, height and fps, where the file says them


def parse_points(values: Any, choices: tuple[Layout, ...], where: str) -> tuple[np.ndarray, Layout]:
    """Points (K,3) float64 from a flat list x, y, score, x, y, score, ..., and the layout with that many points.

    Raises:
        UserError: If no layout fits or a value is not plausible; ``where`` is the place in the file.
    """
    numbers = parse_numbers(values, where).ravel()
    layout = layout_of_length(len(numbers) // 3, choices) if len(numbers) % 3 == 0 else None
    if layout is None:
        known = ", ".join(f"{3 * len(choice)} ({choice.name})" for choice in choices)
        raise UserError(f"{where}: has {len(numbers)} numbers; x, y and score of a known layout are {known}")
    return require_plausible(numbers.reshape(-1, 3), where), layout


def parse_numbers(values: Any, where: str) -> np.ndarray:
    """Lists of numbers, nested to any depth, as a float64 array; raises UserError for anything else."""
    if values is None:
        raise UserError(f"{where}: has no keypoints; write the file again")
    try:
        return np.asarray(values, np.float64)
    except (TypeError, ValueError, OverflowError):
        raise UserError(f"{where}: keypoints are not a list of numbers; write the file again") from None


def require_plausible(keypoints: np.ndarray, where: str) -> np.ndarray:
    """Keypoints (K,3) as they are; raises UserError for one that is not finite, too far away or has a bad score."""
    if not (np.abs(keypoints) < FARTHEST_PX).all():
        raise UserError(f"{where}: a keypoint is not a finite number; write 0, 0, 0 for points that are not visible")
    if (keypoints[:, 2] < 0).any():
        raise UserError(f"{where}: a score is {keypoints[:, 2].min():g}; scores are 0 to 1 (AlphaPose's: to 6)")
    return keypoints


def frame_numbers(names: Iterable[Any], path: Path) -> dict[Any, int]:
    """The frame of every picture, from 0, by the last number in its name (or by a whole number itself).

    Names count from 0, but from 1 if the smallest is 1 and has leading zeros, as ffmpeg names pictures. AlphaPose's
    plain ``1.jpg`` is its second frame, after a first one without people.

    Raises:
        UserError: For names without numbers, and for two names with one number, which are of two videos.
    """
    result: dict[Any, int] = {}
    owner: dict[int, Any] = {}
    for name in names:
        number = name
        if isinstance(name, str):
            digits = re.findall(r"\d{1,18}", Path(name.replace("\\", "/")).stem)
            number = int(digits[-1]) if digits else None
        if isinstance(number, bool) or not isinstance(number, int) or number < 0:
            raise UserError(f"{path}: {name!r} has no frame number; name pictures like frame_000012.jpg")
        other = owner.setdefault(number, name)
        if other != name:
            raise UserError(f"{path}: {other!r} and {name!r} are both frame {number}; give the results of one video")
        result[name] = number
    lowest = min(owner, default=0)
    if lowest == 1 and isinstance(owner[1], str) and re.search(r"0\d*1\D*$", Path(owner[1]).stem):
        return {name: number - 1 for name, number in result.items()}
    return result


def to_people(
    path: Path, found: FileDetections, width: float | None, height: float | None, fps: float | None
) -> People:
    """The people of a file, with a video of that size (pixels) and rate if the file says no other.

    Rows run from the first listed frame to the last; frames that are not listed have no people. The file's own tracks
    are kept; without them a :class:`~pose3d_engine.track.Tracker` makes them.

    Raises:
        UserError: If the content makes no sense or a fact of the video is missing.
    """
    facts = video_facts(path, found.facts, {"width": width, "height": height, "fps": fps})
    _require_plausible_file(path, found, facts)
    by_frame: dict[int, list[PersonDetection]] = defaultdict(list)
    for one in _converted(found):
        if (one.points[:, 2] > 0).any():
            by_frame[one.frame].append(one)
    if not by_frame:
        raise UserError(f"{path}: no visible keypoint in it; check the program that wrote it")
    first, last = min(found.frames), max(found.frames)
    frames = np.arange(first, last + 1, dtype=np.int32)
    info = video_info(path, facts, len(frames) / facts["fps"], last + 1)
    if _has_tracks(by_frame):
        return _from_tracks(by_frame, frames, info, found.source)
    tracker = Tracker()
    for frame in frames.tolist():
        tracker.add(frame, frame / info.fps, _frame_detections(by_frame.get(frame, [])))
    people = tracker.finish(info, found.source)
    if not len(people.keypoints2d):
        raise UserError(f"{path}: no detections last long enough or are sure enough for a person; check the scores")
    return people


def video_facts(path: Path, said: Mapping[str, Any], given: Mapping[str, float | None]) -> dict[str, float]:
    """Facts of a video by name: those in the file, else those given by the user.

    Raises:
        UserError: If a fact is missing or no number above 0.
    """
    facts = {}
    for name, value in given.items():
        fact = said.get(name, value)
        if fact is None:
            raise UserError(f"{path}: does not say {name}; give it with --{name}")
        try:
            facts[name] = float(fact)
        except (TypeError, ValueError):
            raise UserError(f"{path}: {name} is not a number") from None
        if not (np.isfinite(facts[name]) and facts[name] > 0):
            raise UserError(f"{path}: {name} is {facts[name]:g}; it must be more than 0")
    return facts


def video_info(path: Path, facts: Mapping[str, float], duration: float, frames: int) -> VideoInfo:
    """The facts of the video that a keypoint file is from, whose own path is not known."""
    return VideoInfo(str(path), int(facts["width"]), int(facts["height"]), facts["fps"], duration, frames, rotation=0)


def _require_plausible_file(path: Path, found: FileDetections, facts: dict[str, float]) -> None:
    """Raises UserError if the content of a file as a whole cannot be pixels of one video with these facts."""
    if not found.detections:
        raise UserError(f"{path}: no people in it; check the program that wrote it")
    layouts = {one.layout.name for one in found.detections}
    if len(layouts) > 1:
        raise UserError(f"{path}: mixes the layouts {', '.join(sorted(layouts))}; give the results of one model")
    fullest, count = Counter(one.frame for one in found.detections).most_common(1)[0]
    if count > MAX_IN_FRAME:
        raise UserError(f"{path}: {count} people in frame {fullest} are too many; raise the detector's threshold")
    first, last, count = min(found.frames), max(found.frames), len(found.frames)
    if last > _LAST_FRAME or last - first + 1 > _MAX_SPAN + _SPAN_PER_FRAME * count:
        pictures = f"{count} pictures with numbers from {first} to {last}"
        raise UserError(f"{path}: {pictures} are no frames of one video; give the results of one video")
    visible = np.concatenate([one.points[one.points[:, 2] > 0, :2] for one in found.detections])
    if not len(visible):
        raise UserError(f"{path}: no keypoint in it has a score above 0; check the program that wrote it")
    width, height = facts["width"], facts["height"]
    if np.abs(visible).max() <= 2 and min(width, height) > 8:
        raise UserError(f"{path}: coordinates are shares of the picture; write pixels (OpenPose: --keypoint_scale 0)")
    x, y = np.median(visible, axis=0)
    if not (0 <= x <= width and 0 <= y <= height):
        place = f"at {x:.0f}, {y:.0f}, outside of a picture of {width:.0f} x {height:.0f}"
        raise UserError(f"{path}: people are {place}; are they of this video?")


def _converted(found: FileDetections) -> Iterator[PersonDetection]:
    """Every detection in COCO-17, with its own layout among the extras; scores 0..1, NaN and 0 where not visible."""
    highest = max(float(one.points[:, 2].max()) for one in found.detections)
    scale = 1.0 if highest <= _OVERSHOOT else max(highest, _HIGHEST_SCORES.get(found.source, 0.0))
    for one in found.detections:
        points = _normalised(one.points, scale)
        extras = {name: _normalised(value, 1.0) for name, value in one.extras.items()}
        if one.layout.exceeds_coco:
            extras[one.layout.name] = points
        yield PersonDetection(one.frame, one.layout.to_coco(points), COCO17, one.track, extras)


def _normalised(keypoints: np.ndarray, scale: float) -> np.ndarray:
    result = keypoints.astype(np.float32)
    result[:, 2] = np.clip(keypoints[:, 2] / scale, 0, 1)
    result[result[:, 2] == 0, :2] = np.nan
    return result


def boxes_around(keypoints: np.ndarray) -> np.ndarray:
    """(N,4) float32 around the visible keypoints of (N,17,3), NaN where none is."""
    visible = keypoints[..., 2] > 0
    points = np.where(visible[..., None], keypoints[..., :2], np.nan)
    low, high = np.nanmin(points, axis=1, initial=np.inf), np.nanmax(points, axis=1, initial=-np.inf)
    boxes = np.where(visible.any(axis=1)[:, None], np.concatenate([low, high], axis=1), np.nan)
    return boxes.astype(np.float32)


def _frame_detections(detections: list[PersonDetection]) -> FrameDetections:
    """The detections of one frame as a detector gives them."""
    points = np.array([one.points for one in detections], np.float32).reshape(-1, 17, 3)
    names = detections[0].extras if detections else {}
    extras = {name: np.stack([one.extras[name] for one in detections]) for name in names}
    return FrameDetections(points, boxes_around(points), extras)


def _has_tracks(by_frame: dict[int, list[PersonDetection]]) -> bool:
    """Whether the people's numbers are tracks: AlphaPose writes ``idx`` 0 for all people if it did not track."""
    tracks = {one.track for detections in by_frame.values() for one in detections} - {None}
    return len(tracks) > 1 or (len(tracks) == 1 and all(len(detections) == 1 for detections in by_frame.values()))


def _from_tracks(
    by_frame: dict[int, list[PersonDetection]], frames: np.ndarray, info: VideoInfo, source: str
) -> People:
    """The file's own tracks as people, at most MAX_TRACKS of the largest."""
    tracks: dict[int, dict[int, Observation]] = defaultdict(dict)
    extras: dict[str, dict[int, np.ndarray]] = defaultdict(dict)
    for frame, detections in by_frame.items():
        row = frame - int(frames[0])
        people = _frame_detections(detections)
        for name, values in people.extras.items():
            extras[name][row] = values
        # Of several detections of a track in a frame the one with the highest score counts.
        for index in np.argsort([-one.points[:, 2].sum() for one in detections], kind="stable").tolist():
            track = detections[index].track
            if track is not None:
                one = Observation(row, frame / info.fps, people.keypoints[index], people.boxes[index], index)
                tracks[track].setdefault(row, one)
    kept = largest([list(track.values()) for track in tracks.values()], MAX_TRACKS)
    meta = {"video": asdict(info), "detector": source}
    if left_out := len(tracks) - len(kept):
        text = f"{left_out} tracks of {Path(info.path).name} that cover the smallest area are left out"
        add(meta, Notice(TRACKS_LEFT_OUT, text))
    return people_of(kept, extras, frames, frames / info.fps, meta)
