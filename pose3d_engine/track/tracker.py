"""From the detections of each frame to one track for each person.

In two steps. While frames come in, detections extend tracklets only while identities are certain: by similarity
of poses (object keypoint similarity, as COCO defines it, with one width for all keypoints) and of boxes, against a
constant-velocity prediction. When the clip has ended, the tracklets are joined over crossings and gaps, for all people
at once (see :mod:`.tracklets`). Only keypoints are kept, never pictures.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field

import numpy as np
from scipy.optimize import linear_sum_assignment

from ..contract.people_file import People, VideoInfo
from ..detect.base import FrameDetections
from .absorption import absorb
from .records import numbered, ranking
from .tracklets import MIN_SCORE, Observation, cut_at_encounters, join

MAX_TRACKS = 10
"""Tracks of a clip that are kept, the largest first: PEOPLE.npz has a row for each in every frame."""

MAX_ROWS = 1_000_000
"""Rows of all people together, about a kilobyte each: 10 of half an hour at 60 frames a second, 4 of an hour."""

_MIN_TRACKS = 2
"""Tracks that are kept of clips of any length."""

_NO_EXTRAS = np.zeros((0, 0))
"""The extras of a frame without people."""

_MIN_TRACK_S = 0.3
_MIN_TRACK_FRAMES = 5
"""Shorter tracks are false detections."""

_MAX_PAUSE_S, _MAX_PAUSE_FRAMES = 0.25, 2.5
"""A tracklet ends after this time without its person, or after so many frames of a slow clip."""

_GAIN = 0.4
"""Share of the newest measurement in a tracklet's velocity and size."""

_REACH = 0.15
_REACH_PER_SECOND = 1.2
"""How far keypoints may be from the prediction, in diagonals of the box: at once, and more with every second."""

_MIN_SIMILARITY = 0.25
_MIN_POSE_SIMILARITY = 0.35
"""From one frame to the next a person looks alike; a pose that does not is a false detection."""

_POSE_SHARE = 0.7
"""Share of the pose in similarity; the box carries a person through a frame with a left/right flip."""

_MAX_SIZE_RATIO = 3.0
"""The size of a person in the picture does not change by more than this factor from frame to frame."""

_MIN_MARGIN = 0.05
"""Keypoints must be nearer to their own tracklet than to any other by this share of the box's diagonal; else they
belong to no tracklet for now."""

_DUPLICATE = 0.06
"""Two detections whose keypoints lie as near to each other, in diagonals of the box, are of one person."""


@dataclass
class _LiveTracklet:
    """A tracklet that may still grow, with its velocity (2,), pixels a second, and its size, pixels."""

    observations: list[Observation] = field(default_factory=list)
    velocity: np.ndarray = field(default_factory=lambda: np.zeros(2))
    size: float = 0.0

    def add(self, observation: Observation) -> None:
        if self.observations:
            elapsed = max(observation.time - self.time, 1e-3)
            steps = observation.keypoints[:, :2] - self.observations[-1].keypoints[:, :2]
            known = np.isfinite(steps[:, 0])
            moved = np.median(steps[known], axis=0) / elapsed if known.any() else np.zeros(2)
            self.velocity = self.velocity + _GAIN * (moved - self.velocity)
            self.size += _GAIN * (observation.size - self.size)
        else:
            self.size = observation.size
        self.observations.append(observation)

    @property
    def time(self) -> float:
        """Seconds of the last observation."""
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
        self._unassigned: list[Observation] = []
        self._frames: list[int] = []
        self._times: list[float] = []
        self._extras: dict[str, list[np.ndarray]] = {}

    def add(self, frame: int, time: float, people: FrameDetections) -> None:
        """Takes the detections of the next frame.

        Args:
            frame: Its index in the file.
            time: Its seconds, later than those of the frame before.
            people: The people in it.
        """
        self._end_lost(time)
        row = len(self._frames)
        self._frames.append(frame)
        self._times.append(time)
        for key, value in people.extras.items():
            self._extras.setdefault(key, [])
            self._extras[key] += [_NO_EXTRAS] * (row - len(self._extras[key]))
            self._extras[key].append(value.astype(np.float32))
        # Copies: a view would keep the whole frame's arrays alive.
        observations = [
            Observation(
                row,
                time,
                people.keypoints[person].astype(np.float32, copy=True),
                people.boxes[person].astype(np.float32, copy=True),
                person,
            )
            for person in _without_duplicates(people)
        ]
        # Confirmed tracklets choose first: a false detection beside a true one must not take its place.
        for confirmed in (True, False):
            tracklets = [tracklet for tracklet in self._live if tracklet.is_confirmed is confirmed]
            observations = self._assign(tracklets, observations, time)
        for observation in observations:
            tracklet = _LiveTracklet()
            tracklet.add(observation)
            self._live.append(tracklet)

    def _assign(
        self, tracklets: list[_LiveTracklet], observations: list[Observation], time: float
    ) -> list[Observation]:
        """Extends tracklets by the observations that match; returns the observations that match none."""
        if not tracklets or not observations:
            return observations
        similarity, distances = _compare(tracklets, observations, time)
        pairs = [
            (int(row), int(column))
            for row, column in zip(*linear_sum_assignment(similarity, maximize=True), strict=True)
            if similarity[row, column] > 0
        ]
        for row, column in pairs:
            if _margin(distances, row, column, pairs) >= _MIN_MARGIN:
                tracklets[row].add(observations[column])
            else:
                self._unassigned.append(observations[column])
        matched = {column for _, column in pairs}
        return [observation for column, observation in enumerate(observations) if column not in matched]

    def finish(self, video: VideoInfo, detector: str) -> People:
        """The people of the clip.

        Args:
            video: The facts of the video.
            detector: Name of the source of the detections.

        Returns:
            Those who are detected long and surely enough, possibly nobody, in the order of their numbers.
        """
        self._end_lost(np.inf)
        tracks = self._tracks()
        keypoints = np.full((len(tracks), len(self._frames), 17, 3), np.nan, np.float32)
        keypoints[..., 2] = 0.0
        boxes = np.full((len(tracks), len(self._frames), 4), np.nan, np.float32)
        for person, track in enumerate(tracks):
            rows = [observation.row for observation in track]
            keypoints[person, rows] = [observation.keypoints for observation in track]
            boxes[person, rows] = [observation.box for observation in track]
        return numbered(
            People(
                keypoints2d=keypoints,
                boxes=boxes,
                frames=np.array(self._frames, np.int32),
                times=np.array(self._times, np.float64),
                meta={"video": asdict(video), "detector": detector},
                extras=self._extras_of(tracks),
            )
        )

    def _tracks(self) -> list[list[Observation]]:
        """The tracks of the clip, from its tracklets."""
        # In a clip that is itself only a moment long, half of it is enough.
        min_length = min(_MIN_TRACK_FRAMES - 1, (len(self._frames) + 1) // 2)
        tracklets = [tracklet.observations for tracklet in self._ended]
        parts, removed = cut_at_encounters([one for one in tracklets if len(one) >= min_length])
        unassigned = [*self._unassigned, *removed]
        for short in (tracklets, parts):
            unassigned += [observation for one in short if len(one) < min_length for observation in one]
        tracks = self._largest(join([part for part in parts if len(part) >= min_length]))
        return self._largest(absorb(tracks, unassigned))

    def _extras_of(self, tracks: list[list[Observation]]) -> dict[str, np.ndarray]:
        """The extras (P,T,...) of some tracks; forgets those of the frames."""
        extras: dict[str, np.ndarray] = {}
        for key in list(self._extras):
            values = self._extras.pop(key)  # of a long clip there is no room for both
            shape = next((value.shape[1:] for value in values if len(value)), None)
            if shape is None or not tracks:
                continue
            extras[key] = np.full((len(tracks), len(self._frames), *shape), np.nan, np.float32)
            for person, track in enumerate(tracks):
                for observation in track:
                    extras[key][person, observation.row] = values[observation.row][observation.index]
        return extras

    def _largest(self, tracks: list[list[Observation]]) -> list[list[Observation]]:
        """The tracks that are people, as many as there is room for."""
        tracks = [track for track in tracks if self._is_person(track)]
        order = ranking(
            (np.array([one.keypoints for one in track]), np.array([one.box for one in track])) for track in tracks
        )
        return [tracks[index] for index in order[: min(MAX_TRACKS, max(_MIN_TRACKS, MAX_ROWS // len(self._frames)))]]

    def _end_lost(self, time: float) -> None:
        """Ends the tracklets whose last observation is too long before ``time``."""
        step = time - self._times[-1] if self._times else 0.0
        patience = max(_MAX_PAUSE_S, _MAX_PAUSE_FRAMES * step) if np.isfinite(step) else 0.0
        self._ended += [tracklet for tracklet in self._live if time - tracklet.time > patience]
        self._live = [tracklet for tracklet in self._live if time - tracklet.time <= patience]

    def _is_person(self, track: list[Observation]) -> bool:
        """Whether a track is a person, and not a shadow that looked like one for a moment."""
        duration = self._times[-1] - self._times[0]
        return (
            len(track) >= min(_MIN_TRACK_FRAMES, (len(self._frames) + 1) // 2)
            and track[-1].time - track[0].time >= min(_MIN_TRACK_S, duration / 2)
            and float(np.mean([observation.keypoints[:, 2].mean() for observation in track])) >= MIN_SCORE
        )


def _compare(
    tracklets: list[_LiveTracklet], observations: list[Observation], time: float
) -> tuple[np.ndarray, np.ndarray]:
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
    similarity = _POSE_SHARE * pose + (1 - _POSE_SHARE) * _intersection_over_union(predicted, boxes)
    ratio = np.array([one.size for one in observations])[None, :] / size[:, None]
    is_possible = (similarity >= _MIN_SIMILARITY) & (pose >= _MIN_POSE_SIMILARITY)
    is_possible &= np.maximum(ratio, 1 / ratio) <= _MAX_SIZE_RATIO
    return np.where(is_possible, similarity, 0.0), distances


def _margin(distances: np.ndarray, row: int, column: int, pairs: list[tuple[int, int]]) -> float:
    """By how much a pair is better than the next best choice, in diagonals of the box.

    Such a choice is an exchange with another pair, or one of the two with a tracklet or observation without a partner.
    """
    margins = [np.inf]
    partners = dict(pairs)
    for other in range(len(distances)):
        if other != row:
            gain = distances[other, column] - distances[row, column]
            if other in partners:
                gain += distances[row, partners[other]] - distances[other, partners[other]]
            margins.append(float(gain))
    taken = set(partners.values())
    free = [rest for rest in range(distances.shape[1]) if rest not in taken]
    margins += [float(distances[row, rest] - distances[row, column]) for rest in free]
    return min(margins)


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


def _intersection_over_union(boxes: np.ndarray, others: np.ndarray) -> np.ndarray:
    """(M,4), (N,4) x0, y0, x1, y1 -> (M,N)."""
    one, other = boxes[:, None], others[None]
    inside = np.minimum(one[..., 2:], other[..., 2:]) - np.maximum(one[..., :2], other[..., :2])
    intersection = np.prod(np.maximum(inside, 0.0), axis=-1)
    areas = np.prod(one[..., 2:] - one[..., :2], axis=-1) + np.prod(other[..., 2:] - other[..., :2], axis=-1)
    return np.asarray(intersection / np.maximum(areas - intersection, 1e-6))
