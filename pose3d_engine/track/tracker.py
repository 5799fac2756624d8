"""One track a person: each frame's people are given to the tracks whose poses they continue.

In two steps. While frames come in, people are followed only as long as it is certain who is who: by the similarity of
poses (object keypoint similarity, as COCO defines it, with one width for all keypoints) and boxes against a
constant-velocity prediction. When the clip has ended, the pieces are joined over crossings and gaps, for everybody at
once (see :mod:`.tracklets`). Only keypoints are kept, never pictures.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field

import numpy as np
from scipy.optimize import linear_sum_assignment

from ..contract.people_file import People, VideoInfo
from ..detect.base import FrameDetections
from .records import numbered, ranking
from .tracklets import MIN_SCORE, Sight, absorb, cut, join

MAX_PERSONS = 10
"""Tracks that are kept of a clip, the largest first: PEOPLE.npz has a row for each in every frame."""

MAX_ROWS = 1_000_000
"""Rows of all persons together, about a kilobyte each: 10 of half an hour at 60 frames a second, 4 of an hour."""

_NOBODY = np.zeros((0, 0))
"""The extras of a frame without anybody."""

_MIN_TRACK_S = 0.3
_MIN_TRACK_FRAMES = 5

_SKIP_S, _SKIP_FRAMES = 0.25, 2.5
"""A piece goes on after so long without its person, or so many frames of a slow clip."""

_SMOOTHING = 0.4
"""Share of the newest measurement in a piece's velocity and size."""

_REACH = 0.15
_REACH_PER_SECOND = 1.2
"""How far keypoints may be from the prediction, in diagonals of the box: at once, and more with every second."""

_LEAST_SIMILARITY = 0.25
_LEAST_POSE = 0.35
"""From one frame to the next a person looks alike; a pose that does not is a mistake of the detector."""

_POSE_SHARE = 0.7
"""Similarity is pose and box; the box carries a person through a frame in which left and right are swapped."""

_LARGEST_RATIO = 3.0
"""People do not change their size on the picture by more than this from frame to frame."""

_CERTAIN = 0.05
"""Keypoints must be nearer to their own track's than to any other's by this share of the box's diagonal, else nobody
is given them for now."""

_DUPLICATE = 0.06
"""Two people whose keypoints lie as near to each other, in diagonals, are one who was found twice."""


@dataclass
class _Piece:
    sights: list[Sight] = field(default_factory=list)
    velocity: np.ndarray = field(default_factory=lambda: np.zeros(2))
    size: float = 0.0

    def add(self, sight: Sight) -> None:
        if self.sights:
            elapsed = max(sight.time - self.time, 1e-3)
            steps = sight.keypoints[:, :2] - self.sights[-1].keypoints[:, :2]
            known = np.isfinite(steps[:, 0])
            moved = np.median(steps[known], axis=0) / elapsed if known.any() else np.zeros(2)
            self.velocity = self.velocity + _SMOOTHING * (moved - self.velocity)
            self.size += _SMOOTHING * (sight.size - self.size)
        else:
            self.size = sight.size
        self.sights.append(sight)

    @property
    def time(self) -> float:
        return self.sights[-1].time

    @property
    def established(self) -> bool:
        """Whether it has proved itself. What a detector imagines for a moment has not."""
        return len(self.sights) >= _MIN_TRACK_FRAMES and self.time - self.sights[0].time >= _MIN_TRACK_S


class Tracker:
    """Takes the frames of a clip one by one; :meth:`finish` gives the people. Memory grows with keypoints only."""

    def __init__(self) -> None:
        self._live: list[_Piece] = []
        self._ended: list[_Piece] = []
        self._loose: list[Sight] = []
        self._frames: list[int] = []
        self._times: list[float] = []
        self._extras: dict[str, list[np.ndarray]] = {}

    def add(self, frame: int, time: float, people: FrameDetections) -> None:
        """The people of the next frame. frame: its index in the file. time: its seconds, later than the last's."""
        self._retire(time)
        row = len(self._frames)
        self._frames.append(frame)
        self._times.append(time)
        for key, value in people.extras.items():
            self._extras.setdefault(key, [])
            self._extras[key] += [_NOBODY] * (row - len(self._extras[key]))
            self._extras[key].append(value.astype(np.float32))
        # Copies: a view would keep the whole frame's arrays alive.
        sights = [
            Sight(
                row,
                time,
                people.keypoints[person].astype(np.float32, copy=True),
                people.boxes[person].astype(np.float32, copy=True),
                person,
            )
            for person in _distinct(people)
        ]
        if not sights:
            return
        free = set(range(len(sights)))
        # Established pieces choose first: a false person beside a true one must not take its place.
        for established in (True, False):
            pieces = [piece for piece in self._live if piece.established is established]
            columns = sorted(free)
            if not pieces or not columns:
                continue
            chosen = [sights[column] for column in columns]
            similar, apart = _compare(pieces, chosen, time)
            pairs = [
                (int(index), int(column))
                for index, column in zip(*linear_sum_assignment(similar, maximize=True), strict=True)
                if similar[index, column] > 0
            ]
            for index, column in pairs:
                free.discard(columns[column])
                if _margin(apart, index, column, pairs) >= _CERTAIN:
                    pieces[index].add(chosen[column])
                else:
                    self._loose.append(chosen[column])
        for index in sorted(free):
            piece = _Piece()
            piece.add(sights[index])
            self._live.append(piece)

    def finish(self, video: VideoInfo, detector: str) -> People:
        """Everybody who was seen long and well enough, possibly nobody, in the order of their numbers."""
        self._retire(np.inf)
        # In a clip that is itself only a moment long, half of it is enough.
        least = min(_MIN_TRACK_FRAMES - 1, (len(self._frames) + 1) // 2)
        certain = [piece.sights for piece in self._ended if len(piece.sights) >= least]
        parts, doubtful = cut(certain)
        loose = [*self._loose, *doubtful]
        loose += [sight for piece in self._ended if len(piece.sights) < least for sight in piece.sights]
        loose += [sight for part in parts if len(part) < least for sight in part]
        tracks = self._foremost(join([part for part in parts if len(part) >= least]))
        tracks = self._foremost(absorb(tracks, loose))
        people, frames = len(tracks), len(self._frames)
        keypoints = np.full((people, frames, 17, 3), np.nan, np.float32)
        keypoints[..., 2] = 0.0
        boxes = np.full((people, frames, 4), np.nan, np.float32)
        rows, indices = [np.array([s.row for s in track]) for track in tracks], [[s.index for s in t] for t in tracks]
        for person, track in enumerate(tracks):
            keypoints[person, rows[person]] = [sight.keypoints for sight in track]
            boxes[person, rows[person]] = [sight.box for sight in track]
        extras: dict[str, np.ndarray] = {}
        for key in list(self._extras):
            values = self._extras.pop(key)  # of a long clip there is no room for both
            shape = next((value.shape[1:] for value in values if len(value)), None)
            if shape is None or not people:
                continue
            extras[key] = np.full((people, frames, *shape), np.nan, np.float32)
            for person in range(people):
                for row, index in zip(rows[person], indices[person], strict=True):
                    extras[key][person, row] = values[row][index]
        everybody = People(
            keypoints2d=keypoints,
            boxes=boxes,
            frames=np.array(self._frames, np.int32),
            times=np.array(self._times, np.float64),
            meta={"video": asdict(video), "detector": detector},
            extras=extras,
        )
        return numbered(everybody)

    def _foremost(self, tracks: list[list[Sight]]) -> list[list[Sight]]:
        """Those that are persons, at most as many as there is room for."""
        tracks = [track for track in tracks if self._lasting(track)]
        order = ranking(
            (np.array([sight.keypoints for sight in track]), np.array([sight.box for sight in track]))
            for track in tracks
        )
        return [tracks[index] for index in order[: min(MAX_PERSONS, max(2, MAX_ROWS // len(self._frames)))]]

    def _retire(self, time: float) -> None:
        """Ends the pieces that were not seen for too long before ``time``."""
        step = time - self._times[-1] if self._times else 0.0
        patience = max(_SKIP_S, _SKIP_FRAMES * step) if np.isfinite(step) else 0.0
        self._ended += [piece for piece in self._live if time - piece.time > patience]
        self._live = [piece for piece in self._live if time - piece.time <= patience]

    def _lasting(self, track: list[Sight]) -> bool:
        """Whether a track is a person, and not a shadow that looked like one for a moment."""
        clip = self._times[-1] - self._times[0]
        return (
            len(track) >= min(_MIN_TRACK_FRAMES, (len(self._frames) + 1) // 2)
            and track[-1].time - track[0].time >= min(_MIN_TRACK_S, clip / 2)
            and float(np.mean([sight.keypoints[:, 2].mean() for sight in track])) >= MIN_SCORE
        )


def _compare(pieces: list[_Piece], sights: list[Sight], time: float) -> tuple[np.ndarray, np.ndarray]:
    """(pieces, sights) how well each sight continues each piece, 0 where it cannot; and how far apart they are, in
    diagonals of the box."""
    gap = time - np.array([piece.time for piece in pieces])
    shift = np.array([piece.velocity for piece in pieces]) * gap[:, None]
    size = np.maximum([piece.size for piece in pieces], 1.0)
    last = np.array([piece.sights[-1].keypoints for piece in pieces])
    found, boxes = np.array([sight.keypoints for sight in sights]), np.array([sight.box for sight in sights])
    away = np.linalg.norm(found[None, :, :, :2] - (last[:, None, :, :2] + shift[:, None, None]), axis=-1)
    away = away / size[:, None, None]
    known = np.isfinite(away)
    away = np.where(known, away, 0.0)
    # A keypoint that neither frame is sure of still counts a little: else nothing is left in the dark.
    weight = np.where(known, np.sqrt(found[None, :, :, 2] * last[:, None, :, 2]) + 0.05, 0.0)
    total = np.maximum(weight.sum(axis=-1), 1e-6)
    reach = (_REACH + _REACH_PER_SECOND * gap)[:, None, None]
    pose = (weight * np.exp(-(away**2) / (2 * reach**2))).sum(axis=-1) / total
    apart = (weight * np.minimum(away, 0.5)).sum(axis=-1) / total
    before = np.array([piece.sights[-1].box for piece in pieces]) + np.tile(shift, 2)
    similar = _POSE_SHARE * pose + (1 - _POSE_SHARE) * _overlap(before, boxes)
    ratio = np.array([sight.size for sight in sights])[None, :] / size[:, None]
    possible = (similar >= _LEAST_SIMILARITY) & (pose >= _LEAST_POSE) & (np.maximum(ratio, 1 / ratio) <= _LARGEST_RATIO)
    return np.where(possible, similar, 0.0), apart


def _margin(apart: np.ndarray, row: int, column: int, pairs: list[tuple[int, int]]) -> float:
    """By how much a pair is better than the next best choice, in diagonals: an exchange with another pair, or one of
    the two with somebody who is left over."""
    margins = [np.inf]
    others = dict(pairs)
    for other in range(len(apart)):
        if other != row:
            gain = apart[other, column] - apart[row, column]
            if other in others:
                gain += apart[row, others[other]] - apart[other, others[other]]
            margins.append(float(gain))
    taken = set(others.values())
    margins += [float(apart[row, rest] - apart[row, column]) for rest in range(apart.shape[1]) if rest not in taken]
    return min(margins)


def _distinct(people: FrameDetections) -> list[int]:
    """Rows of a frame's people, each of them once, the best scored first."""
    kept: list[int] = []
    order = np.argsort(-people.keypoints[..., 2].mean(axis=-1), kind="stable")
    for row in map(int, order):
        size = max(float(np.hypot(*(people.boxes[row, 2:] - people.boxes[row, :2]))), 1.0)
        away = np.linalg.norm(people.keypoints[kept, :, :2] - people.keypoints[row, :, :2], axis=-1) / size
        with np.errstate(all="ignore"):
            twins = [np.median(one[np.isfinite(one)]) < _DUPLICATE for one in away if np.isfinite(one).any()]
        if not any(twins):
            kept.append(row)
    return kept


def _overlap(boxes: np.ndarray, others: np.ndarray) -> np.ndarray:
    """(M,4), (N,4) -> (M,N) intersection over union."""
    one, other = boxes[:, None], others[None]
    inside = np.minimum(one[..., 2:], other[..., 2:]) - np.maximum(one[..., :2], other[..., :2])
    intersection = np.prod(np.maximum(inside, 0.0), axis=-1)
    areas = np.prod(one[..., 2:] - one[..., :2], axis=-1) + np.prod(other[..., 2:] - other[..., :2], axis=-1)
    return intersection / np.maximum(areas - intersection, 1e-6)
