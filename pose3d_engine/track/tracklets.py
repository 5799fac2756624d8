"""Tracklets, which hold one person for certain, and how they are joined when the whole clip is known.

Measured by scripts/bench/tracking.py on motion capture, 200 crossings with up to two seconds behind another person:
98.5 % of the people keep one track (90.5 % if tracklets are not joined), in 200 others 97.5 %. Most failures are
meetings, where two people stop in front of each other and part again: there 95 and 90 % are kept, elsewhere nearly all.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment

from ..contract.skeletons import COCO17

MAX_GAP_S = 2.4
"""Seconds: a person who comes back within this time continues the same track, if place, size and pose allow it: two
seconds behind another person, and the uncertain moments around that."""

MIN_SCORE = 0.3
"""Mean score of a person at least; that of false detections is lower."""

END_S = 0.5
"""Seconds at the end of a tracklet from which its velocity is measured."""

_SIZE_S = 1.5
"""Seconds at the end of a tracklet from which its size is measured: people turn or bend for less long."""

_PLACE_DEVIATION, _PLACE_DEVIATION_PER_SECOND = 0.05, 0.50
_SIZE_DEVIATION = 0.12
_POSE_DEVIATION, _POSE_DEVIATION_PER_SECOND = 0.06, 0.50
"""Standard deviations of the differences between two tracklets of one person: of place and pose in sizes, of the
logarithm of the size. Those of place and pose grow with every second between."""

_DEGREES_OF_FREEDOM = 4.0
"""Of Student's distribution: the fewer, the longer its tails."""

_MAX_ASSOCIATION_COST = 10.0
"""Negative log-likelihood of a join at most; a second of absence costs one."""

_ENCOUNTER_DISTANCE = 0.6
"""In diagonals of the box: a person who appears or vanishes nearer than this to another may be confused with them."""

_ENCOUNTER_SIZE_RATIO = 2.0
"""People whose sizes differ by more than this factor are not confused."""

_ENCOUNTER_S = 0.1
"""Seconds to each side of that moment in which identities are not certain."""

_LENGTH_BONES = tuple(
    (COCO17.index(f"{side}_{one}"), COCO17.index(f"{side}_{other}"))
    for side in ("left", "right")
    for one, other in (("shoulder", "hip"), ("hip", "knee"), ("knee", "ankle"))
)


class Observation:
    """One person in one frame.

    There are half a million of them in an hour of two people, so it holds nothing that can be computed when needed.

    Attributes:
        row: Number of the frame in the clip.
        time: Seconds.
        keypoints: (17,3) float32 pixels and score, NaN and 0 where not visible.
        box: (4,) float32 x0, y0, x1, y1 pixels.
        index: Of the person among the frame's detections.
    """

    __slots__ = ("box", "index", "keypoints", "row", "time")

    def __init__(self, row: int, time: float, keypoints: np.ndarray, box: np.ndarray, index: int) -> None:
        self.row, self.time, self.keypoints, self.box, self.index = row, time, keypoints, box, index

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
        points = self.keypoints[:, :2]
        return float(sum(np.linalg.norm(points[one] - points[other]) for one, other in _LENGTH_BONES)) / 2


def cut_at_encounters(tracklets: list[list[Observation]]) -> tuple[list[list[Observation]], list[Observation]]:
    """Cuts tracklets wherever another person appears or vanishes close by.

    A person who was hidden behind another comes back beside them; if the one in front is not detected just then, their
    tracklet goes on with the wrong person. Without these moments the whole clip shows the identities.

    Args:
        tracklets: Each the observations of one person, in order.

    Returns:
        The parts, and the observations that are removed between them.
    """
    ends = [
        (end, end.place)
        for tracklet in tracklets
        if np.mean([one.keypoints[:, 2].mean() for one in tracklet]) >= MIN_SCORE
        for end in (tracklet[0], tracklet[-1])
    ]
    parts: list[list[Observation]] = []
    removed: list[Observation] = []
    for tracklet in tracklets:
        is_uncertain = _near_ends(tracklet, ends)
        part: list[Observation] = []
        for observation, uncertain in zip(tracklet, is_uncertain, strict=True):
            if uncertain:
                removed.append(observation)
                if part:
                    parts.append(part)
                part = []
            else:
                part.append(observation)
        if part:
            parts.append(part)
    return parts, removed


def _near_ends(tracklet: list[Observation], ends: list[tuple[Observation, np.ndarray]]) -> np.ndarray:
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


def join(tracklets: list[list[Observation]]) -> list[list[Observation]]:
    """Joins the tracklets of each person, for all people at once: the likeliest of all ways to join them.

    Every tracklet has one successor and one predecessor at most, so that the best choice is an assignment (Kuhn, Naval
    Research Logistics 1955).

    Args:
        tracklets: Each the observations of one person, in order.

    Returns:
        Tracks, in the same form.
    """
    if len(tracklets) < 2:
        return tracklets
    ends, starts = [_end(tracklet) for tracklet in tracklets], [_end(tracklet[::-1]) for tracklet in tracklets]
    gain = np.zeros((len(tracklets), len(tracklets)))
    for before, end in enumerate(ends):
        for after, start in enumerate(starts):
            if 0 < start.time - end.time <= MAX_GAP_S:
                gain[before, after] = max(0.0, _MAX_ASSOCIATION_COST - _association_cost(end, start))
    successor = {
        int(before): int(after)
        for before, after in zip(*linear_sum_assignment(gain, maximize=True), strict=True)
        if gain[before, after] > 0
    }
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
    """How a tracklet looks at its start or its end.

    Attributes:
        time: Seconds.
        place: (2,) pixels.
        velocity: (2,) pixels a second.
        size: Pixels of trunk and leg.
        pose: (17,2) pixels, from the place.
        diagonal: Of the box, pixels.
    """

    time: float
    place: np.ndarray
    velocity: np.ndarray
    size: float
    pose: np.ndarray
    diagonal: float


def _association_cost(end: _End, start: _End) -> float:
    """Negative log-likelihood that two tracklets, one that ends and one that starts, are one person.

    It judges place (at the mean of both velocities), size, pose and the time between.
    """
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
    """Negative log-likelihood of a deviation by Student's distribution: people who jump or turn deviate far, their size
    never does."""
    return (_DEGREES_OF_FREEDOM + 1) / 2 * float(np.log1p(deviation**2 / _DEGREES_OF_FREEDOM))


def _end(tracklet: list[Observation]) -> _End:
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


def median_velocity(observations: list[Observation]) -> np.ndarray:
    """(2,) pixels a second: the median over pairs of one observation of each half; 0 for fewer than four."""
    half = len(observations) // 2
    if half < 2:
        return np.zeros(2)
    places = np.array([one.place for one in observations])
    times = np.array([one.time for one in observations])
    return np.asarray(np.median((places[-half:] - places[:half]) / (times[-half:] - times[:half])[:, None], axis=0))
