"""What every reader gives, and what becomes of it: people, one track each.

A reader turns its file into sightings: who was seen where in which frame. All that is alike for every format is done
here: layouts to COCO-17, scores to 0..1, frame numbers, tracks, the order of the persons.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from ..contract.errors import UserError
from ..contract.keypoint_orders import layout_of_length
from ..contract.people_file import People, VideoInfo
from ..contract.skeletons import Layout
from ..detect.base import FrameDetections
from ..track import Tracker, numbered, ranking
from ..track.tracker import MAX_TRACKS

MAX_IN_FRAME = 100
"""More people than that in one picture are mistakes of a detector whose threshold is too low."""

_FAR = 1e6
"""No pixel of a video is there, and float32 holds less than a pixel up to here."""

_LAST_FRAME = 10**7
"""Four days of video. Higher numbers are times or identities."""

_SCALES = {"alphapose": 6.0, "poseflow": 6.0}
"""AlphaPose's documentation: its scores are in [0, 6] for COCO. Its newer versions stay near 1."""

_OVERSHOOT = 1.5
"""Maxima of heat maps overshoot 1 a little. Scores up to here are cut, beyond it they are on another scale."""

_MAX_SPAN = 1000
_SPAN_PER_FRAME = 100
"""Numbers that lie further apart than this are identities of pictures in a data set, not frames of a video."""


@dataclass(frozen=True)
class Sighting:
    """One person in one frame.

    points: (K,3) pixels and score in the order of ``layout``. track: the program's own number of the person, None if it
    has none. extras: further arrays of that person, the same for every sighting of a file.
    """

    frame: int
    points: np.ndarray
    layout: Layout
    track: int | None = None
    extras: dict[str, np.ndarray] = field(default_factory=dict)


@dataclass(frozen=True)
class Sightings:
    """All that a file says. frames: numbers of the frames that it lists, also those in which nobody is."""

    source: str
    frames: set[int]
    seen: list[Sighting]
    facts: dict[str, float] = field(default_factory=dict)
    """width, height and fps, where the file says them."""


def points(values: Any, choices: Iterable[Layout], where: str) -> tuple[np.ndarray, Layout]:
    """Flat x, y, score, x, y, score, ... as (K,3) with the layout that has K points. Raises UserError."""
    numbers = array(values, where).ravel()
    choices = tuple(choices)
    layout = layout_of_length(len(numbers) // 3, choices) if len(numbers) % 3 == 0 else None
    if layout is None:
        known = ", ".join(f"{3 * len(choice)} ({choice.name})" for choice in choices)
        raise UserError(f"{where}: has {len(numbers)} numbers; x, y and score of a known layout are {known}")
    return checked(numbers.reshape(-1, 3), where), layout


def array(values: Any, where: str) -> np.ndarray:
    """Numbers, in lists of any depth, as a float64 array of their shape. Raises UserError for anything else."""
    if values is None:
        raise UserError(f"{where}: has no keypoints; write the file again")
    try:
        return np.asarray(values, np.float64)
    except (TypeError, ValueError, OverflowError):
        raise UserError(f"{where}: keypoints are not a list of numbers; write the file again") from None


def checked(keypoints: np.ndarray, where: str) -> np.ndarray:
    """(K,3) as it is. Raises UserError for what is not finite or as good as that, and for negative scores."""
    if not (np.abs(keypoints) < _FAR).all():
        raise UserError(f"{where}: a keypoint is not a finite number; write 0, 0, 0 for points that are not seen")
    if (keypoints[:, 2] < 0).any():
        raise UserError(f"{where}: a score is {keypoints[:, 2].min():g}; scores are 0 to 1 (AlphaPose's: to 6)")
    return keypoints


def frame_number(name: str) -> int | None:
    """The last number in the name of a picture, ``frame_000012.jpg`` -> 12; None if there is none."""
    numbers = re.findall(r"\d{1,18}", Path(name.replace("\\", "/")).stem)
    return int(numbers[-1]) if numbers else None


def frame_numbers(names: Iterable[Any], path: Path) -> dict[Any, int]:
    """The frame of every picture, from 0, whatever the order of the names.

    Names (or whole numbers) count from 0, but from 1 if the smallest is 1 and has leading zeros, as ffmpeg names
    pictures. AlphaPose's plain ``1.jpg`` is its second frame: nobody is in the first. Raises UserError for names
    without numbers and for two names of one number: those are of two videos.
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
    path: Path, found: Sightings, width: float | None, height: float | None, fps: float | None
) -> tuple[People, int]:
    """The people of a file, and how many of its tracks were left out as the smallest.

    Rows run from the first frame listed to the last; nobody is in those that are not listed. The file's own tracks are
    kept; without them a :class:`~pose3d_engine.track.Tracker` makes them. Raises UserError for what cannot be used.
    """
    facts = video_facts(path, found.facts, {"width": width, "height": height, "fps": fps})
    _check(path, found, facts)
    by_frame: dict[int, list[Sighting]] = defaultdict(list)
    for sighting, coco, extras in _converted(found):
        if (coco[:, 2] > 0).any():
            by_frame[sighting.frame].append(Sighting(sighting.frame, coco, sighting.layout, sighting.track, extras))
    if not by_frame:
        raise UserError(f"{path}: nobody is seen in it; check the program that wrote it")
    first, last = min(found.frames), max(found.frames)
    frames = np.arange(first, last + 1, dtype=np.int32)
    info = VideoInfo(
        str(path), int(facts["width"]), int(facts["height"]), facts["fps"], len(frames) / facts["fps"], last + 1, 0
    )
    if _tracked(by_frame):
        return _from_tracks(by_frame, frames, info, found.source)
    tracker = Tracker()
    for frame in frames:
        tracker.add(int(frame), float(frame / info.fps), _detections(by_frame.get(int(frame), [])))
    people = tracker.finish(info, found.source)
    if not len(people.keypoints2d):
        raise UserError(f"{path}: nobody in it is seen long and surely enough to be a person; check scores and frames")
    return people, 0


def video_facts(path: Path, said: Mapping[str, Any], given: Mapping[str, float | None]) -> dict[str, float]:
    """width, height (pixels) and fps of a video: what the file ``said``, else what was given by the same name.

    Raises UserError where neither does, and for what is no number above 0.
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


def _check(path: Path, found: Sightings, facts: dict[str, float]) -> None:
    if not found.seen:
        raise UserError(f"{path}: nobody is in it; check the program that wrote it")
    layouts = {sighting.layout.name for sighting in found.seen}
    if len(layouts) > 1:
        raise UserError(f"{path}: mixes the layouts {', '.join(sorted(layouts))}; give the results of one model")
    crowds: dict[int, int] = defaultdict(int)
    for sighting in found.seen:
        crowds[sighting.frame] += 1
    fullest = max(crowds, key=lambda frame: crowds[frame])
    if crowds[fullest] > MAX_IN_FRAME:
        raise UserError(
            f"{path}: {crowds[fullest]} people in frame {fullest} are false ones; raise the detector's threshold"
        )
    span = max(found.frames) - min(found.frames) + 1
    if max(found.frames) > _LAST_FRAME or span > _MAX_SPAN + _SPAN_PER_FRAME * len(found.frames):
        raise UserError(
            f"{path}: {len(found.frames)} pictures with numbers from {min(found.frames)} to {max(found.frames)} are no "
            "frames of one video; give the results of one video"
        )
    seen = np.concatenate([sighting.points[sighting.points[:, 2] > 0, :2] for sighting in found.seen])
    if not len(seen):
        raise UserError(f"{path}: no keypoint in it has a score above 0; check the program that wrote it")
    if np.abs(seen).max() <= 2 and min(facts["width"], facts["height"]) > 8:
        raise UserError(f"{path}: coordinates are shares of the picture; write pixels (OpenPose: --keypoint_scale 0)")
    middle = np.median(seen, axis=0)
    size = (facts["width"], facts["height"])
    if (middle > size).any() or (middle < 0).any():
        raise UserError(
            f"{path}: people are at {middle[0]:.0f}, {middle[1]:.0f}, outside of a picture of {size[0]:.0f} x "
            f"{size[1]:.0f}; are they of this video?"
        )


def _converted(found: Sightings) -> Iterable[tuple[Sighting, np.ndarray, dict[str, np.ndarray]]]:
    """Every sighting with its COCO-17 and its extras; scores 0..1, NaN and 0 where not seen."""
    scale = _scale(found.source, max(float(sighting.points[:, 2].max()) for sighting in found.seen))
    for sighting in found.seen:
        whole = _normalised(sighting.points, scale)
        extras = {name: _normalised(value, 1.0) for name, value in sighting.extras.items()}
        if sighting.layout.exceeds_coco:
            extras[sighting.layout.name] = whole
        yield sighting, sighting.layout.to_coco(whole), extras


def _scale(source: str, highest: float) -> float:
    """What the scores of a file are divided by."""
    return 1.0 if highest <= _OVERSHOOT else max(highest, _SCALES.get(source, 0.0))


def _normalised(keypoints: np.ndarray, scale: float) -> np.ndarray:
    result = keypoints.astype(np.float32)
    result[:, 2] = np.clip(keypoints[:, 2] / scale, 0, 1)
    result[result[:, 2] == 0, :2] = np.nan
    return result


def _box(coco: np.ndarray) -> np.ndarray:
    seen = coco[coco[:, 2] > 0, :2]
    return np.concatenate([seen.min(axis=0), seen.max(axis=0)]).astype(np.float32)


def _detections(seen: list[Sighting]) -> FrameDetections:
    """Sightings of one frame as a detector gives them."""
    if not seen:
        return FrameDetections(np.zeros((0, 17, 3), np.float32), np.zeros((0, 4), np.float32))
    return FrameDetections(
        np.stack([sighting.points for sighting in seen]).astype(np.float32),
        np.stack([_box(sighting.points) for sighting in seen]),
        {name: np.stack([sighting.extras[name] for sighting in seen]) for name in seen[0].extras},
    )


def _tracked(by_frame: dict[int, list[Sighting]]) -> bool:
    """Whether the numbers of the persons are tracks: AlphaPose writes ``idx`` 0 for everybody if it did not track."""
    tracks = {sighting.track for seen in by_frame.values() for sighting in seen} - {None}
    return len(tracks) > 1 or (len(tracks) == 1 and all(len(seen) == 1 for seen in by_frame.values()))


def _from_tracks(
    by_frame: dict[int, list[Sighting]], frames: np.ndarray, info: VideoInfo, source: str
) -> tuple[People, int]:
    """The file's own tracks as people. A track that is twice in a frame is there where its score is higher."""
    tracks: dict[int, dict[int, Sighting]] = defaultdict(dict)
    for frame, seen in by_frame.items():
        for sighting in seen:
            if sighting.track is None:
                continue
            before = tracks[sighting.track].get(frame)
            if before is None or sighting.points[:, 2].sum() > before.points[:, 2].sum():
                tracks[sighting.track][frame] = sighting

    everybody = [list(track.items()) for track in tracks.values()]
    order = ranking(
        (np.stack([seen.points for _, seen in track]), np.stack([_box(seen.points) for _, seen in track]))
        for track in everybody
    )
    largest = [everybody[index] for index in order[:MAX_TRACKS]]
    keypoints = np.full((len(largest), len(frames), 17, 3), np.nan, np.float32)
    keypoints[..., 2] = 0
    boxes = np.full((len(largest), len(frames), 4), np.nan, np.float32)
    extras: dict[str, np.ndarray] = {}
    for person, track in enumerate(largest):
        for frame, sighting in track:
            row = frame - int(frames[0])
            keypoints[person, row] = sighting.points
            boxes[person, row] = _box(sighting.points)
            for name, value in sighting.extras.items():
                if name not in extras:
                    extras[name] = np.full((len(largest), len(frames), *value.shape), np.nan, np.float32)
                extras[name][person, row] = value
    meta = {"video": asdict(info), "detector": source}
    people = People(keypoints, boxes, frames, frames / info.fps, meta, extras)
    return numbered(people), len(tracks) - len(largest)
