"""From the detections in another program's file to people with one track each.

The reader of a format turns its file into detections: which person is where in which frame. The steps that are the same
for all formats are here: conversion to COCO-17, scores to 0..1, frame numbers, tracks, the order of the people.
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
from ..detect.base import FrameDetections
from ..track import Tracker, numbered, ranking
from ..track.tracker import MAX_TRACKS

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

_MAX_SPAN = 1000
_SPAN_PER_FRAME = 100
"""Frame numbers with a larger span than both together are those of pictures in a data set, not of frames of a video."""


@dataclass(frozen=True)
class PersonDetection:
    """One person in one frame.

    Attributes:
        frame: Number of the frame, from 0.
        points: (K,3) pixels and score in the order of ``layout``.
        layout: The order of the points.
        track: The program's own number of the person, None if it has none.
        extras: Further arrays of the person, of the same names and shapes for all detections of a file.
    """

    frame: int
    points: np.ndarray
    layout: Layout
    track: int | None = None
    extras: dict[str, np.ndarray] = field(default_factory=dict)


@dataclass(frozen=True)
class FileDetections:
    """The content of a file.

    Attributes:
        source: Name of the program.
        frames: Numbers of the frames that it lists, also of those without people.
        detections: The people in them.
        facts: ``width``, ``height`` and ``fps``, where the file says them.
    """

    source: str
    frames: set[int]
    detections: list[PersonDetection]
    facts: dict[str, float] = field(default_factory=dict)


def parse_points(values: Any, choices: Iterable[Layout], where: str) -> tuple[np.ndarray, Layout]:
    """Points from a flat list x, y, score, x, y, score, ...

    Args:
        values: The list.
        choices: Layouts that it may have, told apart by the number of points.
        where: Beginning of the error's text: the file and the place in it.

    Returns:
        (K,3) float64, and the layout with K points.

    Raises:
        UserError: If no layout fits or a value is not plausible.
    """
    numbers = parse_numbers(values, where).ravel()
    choices = tuple(choices)
    layout = layout_of_length(len(numbers) // 3, choices) if len(numbers) % 3 == 0 else None
    if layout is None:
        known = ", ".join(f"{3 * len(choice)} ({choice.name})" for choice in choices)
        raise UserError(f"{where}: has {len(numbers)} numbers; x, y and score of a known layout are {known}")
    return require_plausible(numbers.reshape(-1, 3), where), layout


def parse_numbers(values: Any, where: str) -> np.ndarray:
    """Lists of numbers, nested to any depth, as a float64 array of their shape.

    Raises:
        UserError: For anything else.
    """
    if values is None:
        raise UserError(f"{where}: has no keypoints; write the file again")
    try:
        return np.asarray(values, np.float64)
    except (TypeError, ValueError, OverflowError):
        raise UserError(f"{where}: keypoints are not a list of numbers; write the file again") from None


def require_plausible(keypoints: np.ndarray, where: str) -> np.ndarray:
    """Keypoints (K,3) as they are.

    Raises:
        UserError: If one is not finite or further away than FARTHEST_PX, or has a negative score.
    """
    if not (np.abs(keypoints) < FARTHEST_PX).all():
        raise UserError(f"{where}: a keypoint is not a finite number; write 0, 0, 0 for points that are not visible")
    if (keypoints[:, 2] < 0).any():
        raise UserError(f"{where}: a score is {keypoints[:, 2].min():g}; scores are 0 to 1 (AlphaPose's: to 6)")
    return keypoints


def frame_number(name: str) -> int | None:
    """The last number in the name of a picture, ``frame_000012.jpg`` -> 12; None if there is none."""
    numbers = re.findall(r"\d{1,18}", Path(name.replace("\\", "/")).stem)
    return int(numbers[-1]) if numbers else None


def frame_numbers(names: Iterable[Any], path: Path) -> dict[Any, int]:
    """The frame of every picture, from 0.

    Names (or whole numbers) count from 0, but from 1 if the smallest is 1 and has leading zeros, as ffmpeg names
    pictures. AlphaPose's plain ``1.jpg`` is its second frame, after a first one without people.

    Args:
        names: Names of pictures, or whole numbers, in any order.
        path: For errors.

    Raises:
        UserError: For names without numbers, and for two names with one number, which are of two videos.
    """
    result: dict[Any, int] = {}
    owner: dict[int, Any] = {}
    for name in names:
        number = frame_number(name) if isinstance(name, str) else name
        if isinstance(number, bool) or not isinstance(number, int) or number < 0:
            raise UserError(f"{path}: {name!r} has no frame number; name pictures like frame_000012.jpg")
        if owner.setdefault(number, name) != name:
            raise UserError(
                f"{path}: {owner[number]!r} and {name!r} are both frame {number}; give the results of one video"
            )
        result[name] = number
    if not result:
        return result
    first = owner[min(owner)]
    if min(owner) == 1 and isinstance(first, str) and re.search(r"0\d*1\D*$", Path(first).stem):
        return {name: number - 1 for name, number in result.items()}
    return result


def to_people(
    path: Path, found: FileDetections, width: float | None, height: float | None, fps: float | None
) -> tuple[People, int]:
    """The people of a file.

    Rows run from the first listed frame to the last; frames that are not listed have no people. The file's own tracks
    are kept; without them a :class:`~pose3d_engine.track.Tracker` makes them.

    Args:
        path: For errors.
        found: The content of the file.
        width: Of the video, pixels, where the file does not say it.
        height: Of the video, pixels.
        fps: Of the video, frames a second.

    Returns:
        The people, and the number of tracks that were left out as the smallest.

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
    info = VideoInfo(
        str(path), int(facts["width"]), int(facts["height"]), facts["fps"], len(frames) / facts["fps"], last + 1, 0
    )
    if _has_tracks(by_frame):
        return _from_tracks(by_frame, frames, info, found.source)
    tracker = Tracker()
    for frame in frames:
        tracker.add(int(frame), float(frame / info.fps), _frame_detections(by_frame.get(int(frame), [])))
    people = tracker.finish(info, found.source)
    if not len(people.keypoints2d):
        raise UserError(
            f"{path}: no detections in it last long enough or are sure enough for a person; check scores and frames"
        )
    return people, 0


def video_facts(path: Path, said: Mapping[str, Any], given: Mapping[str, float | None]) -> dict[str, float]:
    """Width, height (pixels) and fps of a video.

    Args:
        path: For errors.
        said: Facts in the file by name.
        given: Facts from the user by name, for those that the file does not say.

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


def _require_plausible_file(path: Path, found: FileDetections, facts: dict[str, float]) -> None:
    """Checks the content of a file as a whole.

    Raises:
        UserError: If it cannot be of one video with these facts.
    """
    if not found.detections:
        raise UserError(f"{path}: no people in it; check the program that wrote it")
    layouts = {one.layout.name for one in found.detections}
    if len(layouts) > 1:
        raise UserError(f"{path}: mixes the layouts {', '.join(sorted(layouts))}; give the results of one model")
    crowds = Counter(one.frame for one in found.detections)
    fullest, count = crowds.most_common(1)[0]
    if count > MAX_IN_FRAME:
        raise UserError(
            f"{path}: {count} people in frame {fullest} are false detections; raise the detector's threshold"
        )
    span = max(found.frames) - min(found.frames) + 1
    if max(found.frames) > _LAST_FRAME or span > _MAX_SPAN + _SPAN_PER_FRAME * len(found.frames):
        raise UserError(
            f"{path}: {len(found.frames)} pictures with numbers from {min(found.frames)} to {max(found.frames)} are no "
            "frames of one video; give the results of one video"
        )
    _require_pixels(path, found, facts)


def _require_pixels(path: Path, found: FileDetections, facts: dict[str, float]) -> None:
    """Checks that the coordinates are pixels of a picture of that size.

    Raises:
        UserError: If they are not.
    """
    visible = np.concatenate([one.points[one.points[:, 2] > 0, :2] for one in found.detections])
    if not len(visible):
        raise UserError(f"{path}: no keypoint in it has a score above 0; check the program that wrote it")
    if np.abs(visible).max() <= 2 and min(facts["width"], facts["height"]) > 8:
        raise UserError(f"{path}: coordinates are shares of the picture; write pixels (OpenPose: --keypoint_scale 0)")
    middle = np.median(visible, axis=0)
    size = (facts["width"], facts["height"])
    if (middle > size).any() or (middle < 0).any():
        raise UserError(
            f"{path}: people are at {middle[0]:.0f}, {middle[1]:.0f}, outside of a picture of {size[0]:.0f} x "
            f"{size[1]:.0f}; are they of this video?"
        )


def _converted(found: FileDetections) -> Iterator[PersonDetection]:
    """Every detection in COCO-17, with its own layout among the extras; scores 0..1, NaN and 0 where not visible."""
    scale = _scale(found.source, max(float(one.points[:, 2].max()) for one in found.detections))
    for one in found.detections:
        points = _normalised(one.points, scale)
        extras = {name: _normalised(value, 1.0) for name, value in one.extras.items()}
        if one.layout.exceeds_coco:
            extras[one.layout.name] = points
        yield PersonDetection(one.frame, one.layout.to_coco(points), COCO17, one.track, extras)


def _scale(source: str, highest: float) -> float:
    """The divisor of a file's scores, whose highest is ``highest``."""
    return 1.0 if highest <= _OVERSHOOT else max(highest, _HIGHEST_SCORES.get(source, 0.0))


def _normalised(keypoints: np.ndarray, scale: float) -> np.ndarray:
    result = keypoints.astype(np.float32)
    result[:, 2] = np.clip(keypoints[:, 2] / scale, 0, 1)
    result[result[:, 2] == 0, :2] = np.nan
    return result


def _box(coco: np.ndarray) -> np.ndarray:
    """(4,) float32 around the visible keypoints of (17,3)."""
    visible = coco[coco[:, 2] > 0, :2]
    return np.asarray(np.concatenate([visible.min(axis=0), visible.max(axis=0)]), np.float32)


def _frame_detections(detections: list[PersonDetection]) -> FrameDetections:
    """The detections of one frame as a detector gives them."""
    if not detections:
        return FrameDetections(np.zeros((0, 17, 3), np.float32), np.zeros((0, 4), np.float32))
    return FrameDetections(
        np.stack([one.points for one in detections]).astype(np.float32),
        np.stack([_box(one.points) for one in detections]),
        {name: np.stack([one.extras[name] for one in detections]) for name in detections[0].extras},
    )


def _has_tracks(by_frame: dict[int, list[PersonDetection]]) -> bool:
    """Whether the people's numbers are tracks: AlphaPose writes ``idx`` 0 for all people if it did not track."""
    tracks = {one.track for detections in by_frame.values() for one in detections} - {None}
    return len(tracks) > 1 or (len(tracks) == 1 and all(len(detections) == 1 for detections in by_frame.values()))


def _from_tracks(
    by_frame: dict[int, list[PersonDetection]], frames: np.ndarray, info: VideoInfo, source: str
) -> tuple[People, int]:
    """The file's own tracks as people, and the number of tracks that were left out as the smallest."""
    tracks = _tracks(by_frame)
    order = ranking(
        (np.stack([one.points for one in track]), np.stack([_box(one.points) for one in track])) for track in tracks
    )
    largest = [tracks[index] for index in order[:MAX_TRACKS]]
    keypoints = np.full((len(largest), len(frames), 17, 3), np.nan, np.float32)
    keypoints[..., 2] = 0
    boxes = np.full((len(largest), len(frames), 4), np.nan, np.float32)
    extras: dict[str, np.ndarray] = {}
    for person, track in enumerate(largest):
        for one in track:
            row = one.frame - int(frames[0])
            keypoints[person, row] = one.points
            boxes[person, row] = _box(one.points)
            for name, value in one.extras.items():
                if name not in extras:
                    extras[name] = np.full((len(largest), len(frames), *value.shape), np.nan, np.float32)
                extras[name][person, row] = value
    meta = {"video": asdict(info), "detector": source}
    people = People(keypoints, boxes, frames, frames / info.fps, meta, extras)
    return numbered(people), len(tracks) - len(largest)


def _tracks(by_frame: dict[int, list[PersonDetection]]) -> list[list[PersonDetection]]:
    """The file's own tracks, of each frame the detection with the highest score."""
    tracks: dict[int, dict[int, PersonDetection]] = defaultdict(dict)
    for frame, detections in by_frame.items():
        for one in detections:
            if one.track is None:
                continue
            other = tracks[one.track].get(frame)
            if other is None or one.points[:, 2].sum() > other.points[:, 2].sum():
                tracks[one.track][frame] = one
    return [list(track.values()) for track in tracks.values()]
