"""Tracklets, which hold one person for certain, and how they are joined when the whole clip is known.

Measured by scripts/bench/tracking.py on motion capture, 200 crossings with up to two seconds behind another person:
98.5 % of the people keep one track (90.5 % if tracklets are not joined), in 200 others 97.5 %. Most failures are
meetings, where two people stop in front of each other and part again: there 95 and 90 % are kept, elsewhere nearly all.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment

from ..contract.skeletons import COCO17

MAX_GAP_S = 2.4
"""Seconds of a gap in a track at most: two behind another person, and the uncertain moments around them."""

MIN_SCORE = 0.3
"""Mean score of a person at least."""

END_S, _SIZE_S = 0.5, 1.5
"""Seconds at the end of a tracklet from which its velocity and its size are measured: people bend for less long."""

_PLACE_DEVIATION, _PLACE_DEVIATION_PER_SECOND = 0.05, 0.50
_SIZE_DEVIATION = 0.12
_POSE_DEVIATION, _POSE_DEVIATION_PER_SECOND = 0.06, 0.50
"""Standard deviations of the differences between two tracklets of one person: of place and pose in sizes, of the
logarithm of the size. Those of place and pose grow with every second between."""

_DEGREES_OF_FREEDOM = 4.0
"""Of Student's distribution: the fewer, the longer its tails."""

_MAX_ASSOCIATION_COST = 10.0
"""Negative log-likelihood of a join at most; a second of absence costs one."""

_ENCOUNTER_DISTANCE, _ENCOUNTER_SIZE_RATIO, _ENCOUNTER_S = 0.6, 2.0, 0.1
"""A person who appears or vanishes nearer than this (in diagonals of the box) to another, whose size is within this
factor, may be confused with them for so many seconds to each side of that moment."""

_LEG = ("shoulder", "hip", "knee", "ankle")
_LEGS = [COCO17.rows(*(f"{side}_{joint}" for joint in _LEG)) for side in ("left", "right")]


@dataclass(eq=False, slots=True)
class Observation:
    """One person in one frame; half a million in an hour of two people, so it keeps nothing that can be computed."""

    row: int  # number of the frame in the clip
    time: float  # seconds
    keypoints: np.ndarray  # (17,3) float32 pixels and score, NaN and 0 where not visible
    box: np.ndarray  # (4,) float32 x0, y0, x1, y1 pixels
    index: int  # of the person among the frame's detections

    @property
    def size(self) -> float:
        """The diagonal of the box, pixels."""
        return max(float(np.hypot(*(self.box[2:] - self.box[:2]))), 1.0)

    @property
    def place(self) -> np.ndarray:
        """(2,) pixels: the median of the visible keypoints, which one wrong limb does not move."""
        visible = self.keypoints[np.isfinite(self.keypoints[:, 0]), :2]
        return np.asarray(np.median(visible, axis=0) if len(visible) else (self.box[:2] + self.box[2:]) / 2)

    @property
    def length(self) -> float:
        """Pixels of trunk, thigh and shin together, the mean of both sides; NaN where a joint is not visible."""
        return float(np.linalg.norm(np.diff(self.keypoints[_LEGS, :2], axis=1), axis=-1).sum()) / 2


Track = list[Observation]
"""The observations of one person, in order: of a tracklet or of a whole track."""


def mean_score(track: Track) -> float:
    """The mean score of all keypoints; that of false detections is below MIN_SCORE."""
    return float(np.mean([one.keypoints[:, 2].mean() for one in track]))


def cut_at_encounters(tracklets: list[Track]) -> tuple[list[Track], list[Observation]]:
    """The parts of tracklets between encounters, where another person appears or vanishes; the observations there.

    A person who was hidden behind another comes back beside them; if the one in front is not detected just then, their
    tracklet goes on with the wrong person. Without these moments the whole clip shows the identities.
    """
    credible = [tracklet for tracklet in tracklets if mean_score(tracklet) >= MIN_SCORE]
    ends = [(end, end.place) for tracklet in credible for end in (tracklet[0], tracklet[-1])]
    parts: list[Track] = []
    removed: list[Observation] = []
    for tracklet in tracklets:
        pairs = zip(_near_ends(tracklet, ends), tracklet, strict=True)
        for uncertain, group in itertools.groupby(pairs, key=lambda pair: pair[0]):
            part = [observation for _, observation in group]
            if uncertain:
                removed += part
            else:
                parts.append(part)
    return parts, removed


def _near_ends(tracklet: Track, ends: list[tuple[Observation, np.ndarray]]) -> np.ndarray:
    """(n,) bool: the observations of a tracklet in which another one, of similar size, begins or ends close by."""
    times = np.array([one.time for one in tracklet])
    result = np.zeros(len(tracklet), bool)
    for end, place in ends:
        if times[0] < end.time < times[-1]:
            near = tracklet[int(np.abs(times - end.time).argmin())]
            is_alike = 1 / _ENCOUNTER_SIZE_RATIO < end.size / near.size < _ENCOUNTER_SIZE_RATIO
            if is_alike and np.linalg.norm(near.place - place) < _ENCOUNTER_DISTANCE * near.size:
                result |= np.abs(times - end.time) <= _ENCOUNTER_S
    return result


def best_pairs(gain: np.ndarray) -> dict[int, int]:
    """Row -> column of the pairs whose gains (M,N) have the greatest sum; pairs that gain nothing are left out."""
    pairs = zip(*linear_sum_assignment(gain, maximize=True), strict=True)
    return {int(row): int(column) for row, column in pairs if gain[row, column] > 0}


def join(tracklets: list[Track]) -> list[Track]:
    """Joins the tracklets of each person, for all people at once: the likeliest of all ways to join them.

    Every tracklet has one successor and one predecessor at most, so that the best choice is an assignment (Kuhn, Naval
    Research Logistics 1955).
    """
    ends, starts = [_end(tracklet) for tracklet in tracklets], [_end(tracklet[::-1]) for tracklet in tracklets]
    gain = np.zeros((len(tracklets), len(tracklets)))
    for before, end in enumerate(ends):
        for after, start in enumerate(starts):
            if 0 < start.time - end.time <= MAX_GAP_S:
                gain[before, after] = max(0.0, _MAX_ASSOCIATION_COST - _association_cost(end, start))
    successor = best_pairs(gain)
    tracks = []
    for first in sorted(set(range(len(tracklets))) - set(successor.values())):
        track, last = list(tracklets[first]), first
        while last in successor:
            last = successor[last]
            track += tracklets[last]
        tracks.append(track)
    return tracks


@dataclass(frozen=True)
class _End:
    """How a tracklet looks at its start or its end."""

    time: float  # seconds
    place: np.ndarray  # (2,) pixels
    velocity: np.ndarray  # (2,) pixels a second
    size: float  # pixels of trunk and leg
    pose: np.ndarray  # (17,2) pixels, from the place
    diagonal: float  # of the box, pixels


def _association_cost(end: _End, start: _End) -> float:
    """Negative log-likelihood, by place, size, pose and time, that what ends and what starts is one person."""
    gap = start.time - end.time
    travelled = (end.velocity + start.velocity) / 2 * gap
    place = float(np.linalg.norm(start.place - end.place - travelled))
    place /= _PLACE_DEVIATION + _PLACE_DEVIATION_PER_SECOND * gap
    place /= (end.diagonal + start.diagonal) / 2
    size = float(np.log(start.size / end.size)) / _SIZE_DEVIATION
    with np.errstate(all="ignore"):
        differences = np.linalg.norm(start.pose / start.diagonal - end.pose / end.diagonal, axis=-1)
    both = np.isfinite(differences)
    deviation = _POSE_DEVIATION + _POSE_DEVIATION_PER_SECOND * gap
    pose = float(differences[both].mean()) / deviation if both.any() else 1.0
    return _student_cost(place) + size**2 / 2 + _student_cost(pose) + gap


def _student_cost(deviation: float) -> float:
    """Negative log-likelihood by Student's distribution: people who jump or turn deviate far, their size never does."""
    return (_DEGREES_OF_FREEDOM + 1) / 2 * float(np.log1p(deviation**2 / _DEGREES_OF_FREEDOM))


def _end(tracklet: Track) -> _End:
    """The end of a tracklet; its start, if the tracklet is given in reverse."""
    last = tracklet[-1]
    near = [one for one in tracklet if abs(one.time - last.time) <= END_S]
    velocity = median_velocity(near)
    places, times = np.array([one.place for one in near]), np.array([one.time for one in near])
    place = np.median(places + velocity * (last.time - times)[:, None], axis=0)
    lengths = [one.length for one in tracklet if abs(one.time - last.time) <= _SIZE_S]
    # A bone that points at the camera looks shorter; no bone looks longer than it is.
    size = float(np.nanquantile(lengths, 0.8)) if np.isfinite(lengths).any() else last.size
    diagonal = float(np.median([one.size for one in near]))
    return _End(last.time, place, velocity, max(size, 1.0), last.keypoints[:, :2] - last.place, diagonal)


def median_velocity(observations: Track) -> np.ndarray:
    """(2,) pixels a second: the median over pairs of one observation of each half; 0 for fewer than four."""
    half = len(observations) // 2
    if half < 2:
        return np.zeros(2)
    places = np.array([one.place for one in observations])
    times = np.array([one.time for one in observations])
    return np.asarray(np.median((places[-half:] - places[:half]) / (times[-half:] - times[:half])[:, None], axis=0))
