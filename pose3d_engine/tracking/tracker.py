"""One track a person: each frame's people are given to the tracks whose poses they continue.

The assignment maximises the similarity of poses (object keypoint similarity, as COCO defines it, with one width
for all keypoints) and boxes against a constant-velocity prediction. Only keypoints are kept, never pictures.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field

import numpy as np
from scipy.optimize import linear_sum_assignment

from ..data import FrameDetections, People, VideoInfo
from .records import numbered, ranking

MAX_GAP_S = 2.0
"""A person who is back within this time goes on with the same track, if the place allows it."""

MAX_PERSONS = 10
"""Tracks that are kept of a clip, the largest first: PEOPLE.npz has a row for each in every frame."""

_MIN_TRACK_S = 0.3
_MIN_TRACK_FRAMES = 5
_MIN_SCORE = 0.3

_SMOOTHING = 0.4
"""Share of the newest measurement in a track's velocity and size."""

_PREDICTED_S = 0.3
"""A velocity says nothing about where somebody is much later."""

_REACH = 0.15
_REACH_PER_SECOND = 1.2
_REACH_GROWS_S = 1.0
"""How far keypoints may be from the prediction, in diagonals of the box: at once, and more with every second
that the person was not seen. With these a runner is found again, and the next passer-by is not taken for him."""

_LEAST_SIMILARITY = 0.25
_LEAST_POSE_AT_ONCE = 0.35
_AT_ONCE_S = 0.1
"""From one frame to the next a person looks alike; a pose that does not is a mistake of the detector."""

_POSE_SHARE = 0.7
"""Similarity is pose and box; the box carries a person through a frame in which left and right are swapped."""

_LARGEST_RATIO = 3.0
"""People do not change their size on the picture by more than this while they are not seen."""


@dataclass
class _Track:
    rows: list[int] = field(default_factory=list)
    keypoints: list[np.ndarray] = field(default_factory=list)
    boxes: list[np.ndarray] = field(default_factory=list)
    extras: list[dict[str, np.ndarray]] = field(default_factory=list)
    first_time: float = 0.0
    time: float = 0.0
    velocity: np.ndarray = field(default_factory=lambda: np.zeros(2, np.float32))
    size: float = 0.0

    def add(self, row: int, time: float, people: FrameDetections, person: int) -> None:
        keypoints, box = people.keypoints[person], people.boxes[person]
        size = float(np.linalg.norm(box[2:] - box[:2]))
        if self.rows:
            elapsed = max(time - self.time, 1e-3)
            moved = np.nanmedian(keypoints[:, :2] - self.keypoints[-1][:, :2], axis=0) / elapsed
            self.velocity += _SMOOTHING * (np.nan_to_num(moved) - self.velocity)
            self.size += _SMOOTHING * (size - self.size)
        else:
            self.first_time, self.size = time, size
        self.time = time
        self.rows.append(row)
        # Copies: a view would keep the whole frame's arrays alive.
        self.keypoints.append(keypoints.astype(np.float32, copy=True))
        self.boxes.append(box.astype(np.float32, copy=True))
        self.extras.append({key: value[person].copy() for key, value in people.extras.items()})

    def similarity(self, time: float, people: FrameDetections) -> np.ndarray:
        """(N,) how well each person of a frame continues this track; 0 where it cannot be."""
        gap = time - self.time
        shift = self.velocity * min(gap, _PREDICTED_S)
        reach = (_REACH + _REACH_PER_SECOND * min(gap, _REACH_GROWS_S)) * max(self.size, 1.0)
        last = self.keypoints[-1]
        squared = ((people.keypoints[..., :2] - (last[:, :2] + shift)) ** 2).sum(axis=-1)
        # A keypoint that neither frame is sure of still counts a little: else nothing is left in the dark.
        weight = np.where(np.isfinite(squared), np.sqrt(people.keypoints[..., 2] * last[:, 2]) + 0.05, 0.0)
        closeness = np.exp(-np.nan_to_num(squared) / (2 * reach**2))
        pose = (weight * closeness).sum(axis=-1) / np.maximum(weight.sum(axis=-1), 1e-6)
        overlap = _overlap(self.boxes[-1] + np.tile(shift, 2), people.boxes)
        result = _POSE_SHARE * pose + (1 - _POSE_SHARE) * overlap
        sizes = np.linalg.norm(people.boxes[:, 2:] - people.boxes[:, :2], axis=-1)
        ratio = np.maximum(sizes, 1.0) / max(self.size, 1.0)
        least_pose = _LEAST_POSE_AT_ONCE if gap < _AT_ONCE_S else 0.0
        possible = (
            (result >= _LEAST_SIMILARITY) & (pose >= least_pose) & (np.maximum(ratio, 1 / ratio) <= _LARGEST_RATIO)
        )
        # The reach of a track that was long not seen is wide, and must not win against one that is here.
        return np.where(possible, result * np.exp(-gap), 0.0)

    @property
    def established(self) -> bool:
        """Whether the track has proved itself. What a detector imagines for a moment has not."""
        return len(self.rows) >= _MIN_TRACK_FRAMES and self.time - self.first_time >= _MIN_TRACK_S

    @property
    def score(self) -> float:
        return float(np.mean([keypoints[:, 2].mean() for keypoints in self.keypoints]))


class Tracker:
    """Takes the frames of a clip one by one; :meth:`finish` gives the people. Memory grows with keypoints only."""

    def __init__(self) -> None:
        self._live: list[_Track] = []
        self._ended: list[_Track] = []
        self._frames: list[int] = []
        self._times: list[float] = []

    def add(self, frame: int, time: float, people: FrameDetections) -> None:
        """The people of the next frame. frame: its index in the file. time: its seconds, later than the last's."""
        row = len(self._frames)
        self._frames.append(frame)
        self._times.append(time)
        self._retire(time)
        free = np.arange(len(people.keypoints))
        # Established tracks choose first: a false person beside a true one must not take its place.
        for established in (True, False):
            tracks = [track for track in self._live if track.established is established]
            if not tracks or not free.size:
                continue
            similarity = np.stack([track.similarity(time, people) for track in tracks])[:, free]
            pairs = np.stack(linear_sum_assignment(similarity, maximize=True), axis=1)
            pairs = pairs[similarity[pairs[:, 0], pairs[:, 1]] > 0]
            for index, person in pairs:
                tracks[index].add(row, time, people, int(free[person]))
            free = np.delete(free, pairs[:, 1])
        for person in free:
            track = _Track()
            track.add(row, time, people, int(person))
            self._live.append(track)

    def finish(self, video: VideoInfo, detector: str) -> People:
        """Everybody who was seen long and well enough, possibly nobody, in the order of their numbers."""
        tracks = [track for track in self._ended + self._live if self._lasting(track)]
        order = ranking((np.array(track.keypoints), np.array(track.boxes)) for track in tracks)
        tracks = [tracks[index] for index in order[:MAX_PERSONS]]
        people, frames = len(tracks), len(self._frames)
        keypoints = np.full((people, frames, 17, 3), np.nan, np.float32)
        keypoints[..., 2] = 0.0
        boxes = np.full((people, frames, 4), np.nan, np.float32)
        extras: dict[str, np.ndarray] = {}
        for person, track in enumerate(tracks):
            keypoints[person, track.rows] = track.keypoints
            boxes[person, track.rows] = track.boxes
            for key, value in track.extras[0].items():
                if key not in extras:
                    extras[key] = np.full((people, frames, *value.shape), np.nan, np.float32)
                extras[key][person, track.rows] = [extra[key] for extra in track.extras]
        everybody = People(
            keypoints2d=keypoints,
            boxes=boxes,
            frames=np.array(self._frames, np.int32),
            times=np.array(self._times, np.float64),
            meta={"video": asdict(video), "detector": detector},
            extras=extras,
        )
        return numbered(everybody)

    def _retire(self, time: float) -> None:
        live = []
        for track in self._live:
            if time - track.time <= (MAX_GAP_S if track.established else _MIN_TRACK_S):
                live.append(track)
            elif self._lasting(track):
                self._ended.append(track)
        self._live = live

    def _lasting(self, track: _Track) -> bool:
        """Whether a track is a person, and not a shadow that looked like one for a moment."""
        # In a clip that is itself only a moment long, half of it is enough.
        clip = self._times[-1] - self._times[0]
        return (
            len(track.rows) >= min(_MIN_TRACK_FRAMES, (len(self._frames) + 1) // 2)
            and track.time - track.first_time >= min(_MIN_TRACK_S, clip / 2)
            and track.score >= _MIN_SCORE
        )


def _overlap(box: np.ndarray, boxes: np.ndarray) -> np.ndarray:
    """(N,) intersection over union of one box with each of (N,4)."""
    inside = np.minimum(box[2:], boxes[:, 2:]) - np.maximum(box[:2], boxes[:, :2])
    intersection = np.prod(np.maximum(inside, 0.0), axis=-1)
    areas = np.prod(boxes[:, 2:] - boxes[:, :2], axis=-1) + np.prod(box[2:] - box[:2])
    return intersection / np.maximum(areas - intersection, 1e-6)
