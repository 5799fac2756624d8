"""From the detections of each frame to one track for each person.

In two steps. While frames come in, detections extend tracklets only while identities are certain: by similarity
of poses (object keypoint similarity, as COCO defines it, with one width for all keypoints) and of boxes, against a
constant-velocity prediction. When the clip has ended, the tracklets are joined over crossings and gaps, for all people
at once (see :mod:`.tracklets`). Only keypoints are kept, never pictures.
"""

from __future__ import annotations

import itertools
from dataclasses import asdict
from typing import Any

import numpy as np

from ..contract.people_file import People, VideoInfo
from ..detect.base import FrameDetections
from .absorption import absorb
from .records import numbered, ranking
from .tracklets import MIN_SCORE, Observation, Track, best_pairs, cut_at_encounters, join, mean_score

MAX_TRACKS, _MIN_TRACKS = 10, 2
"""Tracks that are kept of a short and of a very long clip, the largest first: PEOPLE.npz has rows for all frames."""

MAX_ROWS = 1_000_000
"""Rows of all people together, about a kilobyte each: 10 of half an hour at 60 frames a second, 4 of an hour."""

_MIN_TRACK_S, _MIN_TRACK_FRAMES = 0.3, 5
"""Shorter tracks are false detections."""

_MAX_PAUSE_S, _MAX_PAUSE_FRAMES = 0.25, 2.5
"""A tracklet ends after this time without its person, or after so many frames of a slow clip."""

_GAIN = 0.4
"""Share of the newest measurement in a tracklet's velocity and size."""

_REACH, _REACH_PER_SECOND = 0.15, 1.2
"""How far keypoints may be from the prediction, in diagonals of the box: at once, and more with every second."""

_MIN_SIMILARITY, _MIN_POSE_SIMILARITY = 0.25, 0.35
"""From one frame to the next a person looks alike; a pose that does not is a false detection."""

_POSE_SHARE = 0.7
"""Share of the pose in similarity; the box carries a person through a frame with a left/right flip."""

_MAX_SIZE_RATIO = 3.0
"""The size of a person in the picture does not change by more than this factor from frame to frame."""

_MIN_MARGIN = 0.05
"""In diagonals of the box: keypoints that are not nearer to their tracklet by this belong to none for now."""

_DUPLICATE = 0.06
"""In diagonals of the box: two detections whose keypoints are as near to each other are of one person."""

Extras = dict[str, dict[int, np.ndarray]]
"""Name -> row of the frame -> an array whose leading axis is the index of the observation."""

Meta = dict[str, Any]


class _LiveTracklet:
    """A tracklet that may still grow, with its velocity (2,), pixels a second, and its size, pixels."""

    def __init__(self, first: Observation) -> None:
        self.observations = [first]
        self.velocity = np.zeros(2)
        self.size = first.size

    def add(self, observation: Observation) -> None:
        elapsed = max(observation.time - self.time, 1e-3)
        steps = observation.keypoints[:, :2] - self.observations[-1].keypoints[:, :2]
        known = np.isfinite(steps[:, 0])
        moved = np.median(steps[known], axis=0) / elapsed if known.any() else np.zeros(2)
        self.velocity = self.velocity + _GAIN * (moved - self.velocity)
        self.size += _GAIN * (observation.size - self.size)
        self.observations.append(observation)

    @property
    def time(self) -> float:
        return self.observations[-1].time

    @property
    def is_confirmed(self) -> bool:
        """Whether it is longer than most false detections."""
        return len(self.observations) >= _MIN_TRACK_FRAMES and self.time - self.observations[0].time >= _MIN_TRACK_S


class Tracker:
    """Takes the frames of a clip one by one; :meth:`finish` gives the people. Memory grows with keypoints only."""

    def __init__(self) -> None:
        self._live: list[_LiveTracklet] = []
        self._ended: list[_LiveTracklet] = []
        self._unassigned: Track = []
        self._frames: list[int] = []
        self._times: list[float] = []
        self._extras: Extras = {}

    def add(self, frame: int, time: float, people: FrameDetections) -> None:
        """Takes the people in the next frame, with its index in the file and its time in seconds."""
        self._end_lost(time)
        row = len(self._frames)
        self._frames.append(frame)
        self._times.append(time)
        for key, value in people.extras.items():
            self._extras.setdefault(key, {})[row] = value.astype(np.float32)
        observations = []
        for index in _without_duplicates(people):
            # Copies: a view would keep the whole frame's arrays alive.
            keypoints, box = np.array(people.keypoints[index], np.float32), np.array(people.boxes[index], np.float32)
            observations.append(Observation(row, time, keypoints, box, index))
        # Confirmed tracklets choose first: a false detection beside a true one must not take its place.
        for confirmed in (True, False):
            tracklets = [tracklet for tracklet in self._live if tracklet.is_confirmed is confirmed]
            observations = self._assign(tracklets, observations, time)
        self._live += map(_LiveTracklet, observations)

    def _assign(self, tracklets: list[_LiveTracklet], observations: Track, time: float) -> Track:
        """Extends tracklets by the observations that match; returns the observations that match none."""
        if not tracklets or not observations:
            return observations
        similarity, distances = _compare(tracklets, observations, time)
        pairs = best_pairs(similarity)
        for row, column in pairs.items():
            if _margin(distances, row, column, pairs) >= _MIN_MARGIN:
                tracklets[row].add(observations[column])
            else:
                self._unassigned.append(observations[column])
        return [observation for column, observation in enumerate(observations) if column not in pairs.values()]

    def finish(self, video: VideoInfo, detector: str) -> People:
        """The people who are detected long and surely enough, possibly nobody; ``detector`` names the source."""
        self._end_lost(np.inf)
        frames, times = np.array(self._frames, np.int32), np.array(self._times, np.float64)
        return people_of(self._tracks(), self._extras, frames, times, {"video": asdict(video), "detector": detector})

    def _tracks(self) -> list[Track]:
        """The tracks of the clip, from its tracklets."""
        # In a clip that is itself only a moment long, half of it is enough.
        min_length = min(_MIN_TRACK_FRAMES - 1, (len(self._frames) + 1) // 2)
        tracklets = [tracklet.observations for tracklet in self._ended]
        parts, removed = cut_at_encounters([one for one in tracklets if len(one) >= min_length])
        short = [one for one in (*tracklets, *parts) if len(one) < min_length]
        unassigned = [*self._unassigned, *removed, *itertools.chain.from_iterable(short)]
        tracks = self._largest(join([part for part in parts if len(part) >= min_length]))
        return self._largest(absorb(tracks, unassigned))

    def _largest(self, tracks: list[Track]) -> list[Track]:
        """The tracks that are people, as many as there is room for."""
        count = min(MAX_TRACKS, max(_MIN_TRACKS, MAX_ROWS // len(self._frames)))
        return largest([track for track in tracks if self._is_person(track)], count)

    def _end_lost(self, time: float) -> None:
        """Ends the tracklets whose last observation is too long before ``time``."""
        step = time - self._times[-1] if self._times else 0.0
        patience = max(_MAX_PAUSE_S, _MAX_PAUSE_FRAMES * step) if np.isfinite(step) else 0.0
        self._ended += [tracklet for tracklet in self._live if time - tracklet.time > patience]
        self._live = [tracklet for tracklet in self._live if time - tracklet.time <= patience]

    def _is_person(self, track: Track) -> bool:
        """Whether a track is a person, and not a shadow that looked like one for a moment."""
        duration = self._times[-1] - self._times[0]
        return (
            len(track) >= min(_MIN_TRACK_FRAMES, (len(self._frames) + 1) // 2)
            and track[-1].time - track[0].time >= min(_MIN_TRACK_S, duration / 2)
            and mean_score(track) >= MIN_SCORE
        )


def largest(tracks: list[Track], count: int) -> list[Track]:
    """The first tracks in the order of :func:`.ranking`."""
    order = ranking(
        (np.array([one.keypoints for one in track]), np.array([one.box for one in track])) for track in tracks
    )
    return [tracks[index] for index in order[:count]]


def people_of(tracks: list[Track], extras: Extras, frames: np.ndarray, times: np.ndarray, meta: Meta) -> People:
    """The people with these tracks, in the order of their numbers.

    An observation's ``row`` is that of ``frames`` (T,), indices in the file, and ``times`` (T,), seconds. ``extras`` is
    emptied, because of a long clip there is no room for both. ``meta`` says the video and the detector.
    """

    def arrays(shape: tuple[int, ...]) -> np.ndarray:
        return np.full((len(tracks), len(frames), *shape), np.nan, np.float32)

    keypoints, boxes = arrays((17, 3)), arrays((4,))
    keypoints[..., 2] = 0.0
    for person, track in enumerate(tracks):
        rows = [observation.row for observation in track]
        keypoints[person, rows] = [observation.keypoints for observation in track]
        boxes[person, rows] = [observation.box for observation in track]
    placed: dict[str, np.ndarray] = {}
    for name in list(extras):
        values = extras.pop(name)
        shape = next((value.shape[1:] for value in values.values() if len(value)), None)
        if shape is None or not tracks:
            continue
        placed[name] = arrays(shape)
        for person, track in enumerate(tracks):
            for observation in track:
                placed[name][person, observation.row] = values[observation.row][observation.index]
    return numbered(People(keypoints, boxes, frames, times, meta, placed))


def _compare(tracklets: list[_LiveTracklet], observations: Track, time: float) -> tuple[np.ndarray, np.ndarray]:
    """How well each of N observations continues each of M tracklets.

    Returns:
        (M,N) similarity 0..1, 0 where it cannot, and (M,N) distance in diagonals of the box.
    """
    gap = time - np.array([tracklet.time for tracklet in tracklets])
    shift = np.array([tracklet.velocity for tracklet in tracklets]) * gap[:, None]
    size = np.maximum([tracklet.size for tracklet in tracklets], 1.0)
    last = np.array([tracklet.observations[-1].keypoints for tracklet in tracklets])
    found, boxes = np.array([one.keypoints for one in observations]), np.array([one.box for one in observations])
    away = np.linalg.norm(found[None, :, :, :2] - (last[:, None, :, :2] + shift[:, None, None]), axis=-1)
    away = away / size[:, None, None]
    known = np.isfinite(away)
    away = np.where(known, away, 0.0)
    # A keypoint with low scores in both frames still counts a little: else nothing is left in the dark.
    weight = np.where(known, np.sqrt(found[None, :, :, 2] * last[:, None, :, 2]) + 0.05, 0.0)
    total = np.maximum(weight.sum(axis=-1), 1e-6)
    reach = (_REACH + _REACH_PER_SECOND * gap)[:, None, None]
    pose = (weight * np.exp(-(away**2) / (2 * reach**2))).sum(axis=-1) / total
    distances = (weight * np.minimum(away, 0.5)).sum(axis=-1) / total
    predicted = np.array([tracklet.observations[-1].box for tracklet in tracklets]) + np.tile(shift, 2)
    similarity = _POSE_SHARE * pose + (1 - _POSE_SHARE) * intersection_over_union(predicted[:, None], boxes)
    ratio = np.array([one.size for one in observations])[None, :] / size[:, None]
    is_possible = (similarity >= _MIN_SIMILARITY) & (pose >= _MIN_POSE_SIMILARITY)
    is_possible &= np.maximum(ratio, 1 / ratio) <= _MAX_SIZE_RATIO
    return np.where(is_possible, similarity, 0.0), distances


def _margin(distances: np.ndarray, row: int, column: int, pairs: dict[int, int]) -> float:
    """By how much a pair is better than the next best choice, in diagonals of the box.

    Such a choice is an exchange with another pair, or one of the two with a tracklet or observation without a partner.
    """
    free = set(range(distances.shape[1])) - set(pairs.values())
    margins = [distances[row, rest] - distances[row, column] for rest in free]
    for other in set(range(len(distances))) - {row}:
        gain = distances[other, column] - distances[row, column]
        if other in pairs:
            gain += distances[row, pairs[other]] - distances[other, pairs[other]]
        margins.append(gain)
    return float(min(margins, default=np.inf))


def _without_duplicates(people: FrameDetections) -> list[int]:
    """Rows of a frame's detections, one for each person, the best score first."""
    kept: list[int] = []
    order = np.argsort(-people.keypoints[..., 2].mean(axis=-1), kind="stable")
    for row in map(int, order):
        size = max(float(np.hypot(*(people.boxes[row, 2:] - people.boxes[row, :2]))), 1.0)
        away = np.linalg.norm(people.keypoints[kept, :, :2] - people.keypoints[row, :, :2], axis=-1) / size
        with np.errstate(all="ignore"):
            duplicates = [np.median(one[np.isfinite(one)]) < _DUPLICATE for one in away if np.isfinite(one).any()]
        if not any(duplicates):
            kept.append(row)
    return kept


def intersection_over_union(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """(...) of boxes (...,4) x0, y0, x1, y1; NaN where one is NaN."""
    inside = np.minimum(one[..., 2:], other[..., 2:]) - np.maximum(one[..., :2], other[..., :2])
    intersection = np.prod(np.maximum(inside, 0.0), axis=-1)
    areas = np.prod(one[..., 2:] - one[..., :2], axis=-1) + np.prod(other[..., 2:] - other[..., :2], axis=-1)
    return np.asarray(intersection / np.maximum(areas - intersection, 1e-6))
