"""Pieces of tracks that hold one person for certain, and how they are joined when the whole clip is known.

Measured by scripts/bench/tracking.py on motion capture, 200 crossings with up to two seconds behind somebody: 98.5 % of
the people keep one track (following from frame to frame alone: 90.5 %), in 200 others 97.5 %. What goes wrong are
meetings, where two stop before each other and part again: there 95 and 90 % are kept, elsewhere nearly all.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment

from ..contract.skeletons import COCO17

MAX_GAP_S = 2.4
"""A person who is back within this time goes on with the same track, if place, size and pose allow it: two seconds
behind somebody, and the moments around that in which it is not certain who is who."""

MIN_SCORE = 0.3
"""Mean score of somebody who is a person; of what detectors imagine it is lower."""

_END_S = 0.5
"""The stretch at the end of a piece from which its speed is taken."""

_SIZE_S = 1.5
"""The stretch at the end of a piece from which the person's size is taken: someone turns or bends for less long."""

_OFF, _OFF_PER_SECOND = 0.05, 0.50
_SIZE_OFF = 0.12
_POSE_OFF, _POSE_OFF_PER_SECOND = 0.06, 0.50
"""Standard deviations of what two pieces of one person differ by: the place, in sizes; the logarithm of the size; the
pose, in sizes. Place and pose say less with every second between."""

_TAIL = 4.0
"""Degrees of freedom: the fewer, the longer the tails."""

_UNLIKELY = 10.0
"""Surprise that a join may be, in logarithms; a second of absence counts one."""

_CLOSE = 0.6
"""In diagonals of the box: who appears or vanishes nearer than this to somebody may be taken for them."""

_ALIKE = 2.0
"""Somebody of another size than by this factor is not."""

_DOUBT_S = 0.1
"""To each side of that moment it is not certain who is who."""

_LENGTH_BONES = tuple(
    (COCO17.index(f"{side}_{one}"), COCO17.index(f"{side}_{other}"))
    for side in ("left", "right")
    for one, other in (("shoulder", "hip"), ("hip", "knee"), ("knee", "ankle"))
)


class Sight:
    """One person in one frame: keypoints (17,3), NaN and 0 where not seen; box (4,); index among the frame's people.

    Half a million of them are an hour of two people: nothing is in here that is not asked for again and again.
    """

    __slots__ = ("box", "index", "keypoints", "row", "time")

    def __init__(self, row: int, time: float, keypoints: np.ndarray, box: np.ndarray, index: int) -> None:
        self.row, self.time, self.keypoints, self.box, self.index = row, time, keypoints, box, index

    @property
    def size(self) -> float:
        """Diagonal of the box, pixels."""
        return max(float(np.hypot(*(self.box[2:] - self.box[:2]))), 1.0)


@dataclass(frozen=True)
class _End:
    """How a piece looks at its start or its end."""

    time: float
    place: np.ndarray
    velocity: np.ndarray
    size: float
    pose: np.ndarray
    diagonal: float


def cut(pieces: list[list[Sight]]) -> tuple[list[list[Sight]], list[Sight]]:
    """Pieces that end wherever somebody appears or vanishes close by, and what is cut away there.

    Who was hidden behind somebody comes back beside them, and if just then the one in front is not found, their piece
    goes on with the wrong one. Without these moments it is seen afterwards who is who.
    """
    borders = [
        (sight, _place(sight))
        for piece in pieces
        if np.mean([sight.keypoints[:, 2].mean() for sight in piece]) >= MIN_SCORE
        for sight in (piece[0], piece[-1])
    ]
    parts: list[list[Sight]] = []
    away: list[Sight] = []
    for piece in pieces:
        times = np.array([sight.time for sight in piece])
        doubtful = np.zeros(len(piece), bool)
        for sight, place in borders:
            if times[0] < sight.time < times[-1]:
                near = piece[int(np.abs(times - sight.time).argmin())]
                alike = 1 / _ALIKE < sight.size / near.size < _ALIKE
                if alike and np.linalg.norm(_place(near) - place) < _CLOSE * near.size:
                    doubtful |= np.abs(times - sight.time) <= _DOUBT_S
        part: list[Sight] = []
        for sight, doubted in zip(piece, doubtful, strict=True):
            if doubted:
                away.append(sight)
                if part:
                    parts.append(part)
                part = []
            else:
                part.append(sight)
        if part:
            parts.append(part)
    return parts, away


def join(pieces: list[list[Sight]]) -> list[list[Sight]]:
    """Pieces of one person one behind the other, for everybody at once: the likeliest of all ways to join them.

    Whether two pieces are one person is judged by the place where the one would be at the mean of its speed and the
    other's, by size and by pose. Every piece has one before and one after it at most, so that the best choice is an
    assignment (Kuhn 1955, by scipy).
    """
    if len(pieces) < 2:
        return pieces
    ends, starts = [_end(piece) for piece in pieces], [_end(piece[::-1]) for piece in pieces]
    gain = np.zeros((len(pieces), len(pieces)))
    for before, end in enumerate(ends):
        for after, start in enumerate(starts):
            if 0 < start.time - end.time <= MAX_GAP_S:
                gain[before, after] = max(0.0, _UNLIKELY - _deviation(end, start))
    after_of = {
        int(before): int(after)
        for before, after in zip(*linear_sum_assignment(gain, maximize=True), strict=True)
        if gain[before, after] > 0
    }
    chains = []
    for first in sorted(set(range(len(pieces))) - set(after_of.values())):
        chain, piece = list(pieces[first]), first
        while piece in after_of:
            piece = after_of[piece]
            chain += pieces[piece]
        chains.append(chain)
    return chains


def _deviation(end: _End, start: _End) -> float:
    """How surprising it would be if the one who starts were the one who ends: minus the logarithm of the likelihood."""
    gap = start.time - end.time
    travelled = (end.velocity + start.velocity) / 2 * gap
    off = float(np.linalg.norm(start.place - end.place - travelled)) / (_OFF + _OFF_PER_SECOND * gap)
    off /= (end.diagonal + start.diagonal) / 2
    ratio = float(np.log(start.size / end.size)) / _SIZE_OFF
    with np.errstate(all="ignore"):
        differences = np.linalg.norm(start.pose / start.diagonal - end.pose / end.diagonal, axis=-1)
    both = np.isfinite(differences)
    pose = float(differences[both].mean()) / (_POSE_OFF + _POSE_OFF_PER_SECOND * gap) if both.any() else 1.0
    return _long_tailed(off) + ratio**2 / 2 + _long_tailed(pose) + gap


def _long_tailed(deviation: float) -> float:
    """Surprise at a deviation by Student's distribution: who jumps or turns is sometimes far off, size never is."""
    return (_TAIL + 1) / 2 * float(np.log1p(deviation**2 / _TAIL))


def _end(piece: list[Sight]) -> _End:
    """Of the last sight of a piece; of its first, if the piece is given backwards."""
    last = piece[-1]
    near = [sight for sight in piece if abs(sight.time - last.time) <= _END_S]
    places = np.array([_place(sight) for sight in near])
    times = np.array([sight.time for sight in near])
    velocity = np.zeros(2)
    half = len(near) // 2
    if half >= 2:
        steps = (places[-half:] - places[:half]) / (times[-half:] - times[:half])[:, None]
        velocity = np.median(steps, axis=0)
    place = np.median(places + velocity * (last.time - times)[:, None], axis=0)
    wide = [sight for sight in piece if abs(sight.time - last.time) <= _SIZE_S]
    lengths = [_length(sight) for sight in wide]
    # Bones point at the camera now and then, and look shorter; longer than they are they never look.
    size = float(np.nanquantile(lengths, 0.8)) if np.isfinite(lengths).any() else last.size
    diagonal = float(np.median([sight.size for sight in near]))
    return _End(last.time, place, velocity, max(size, 1.0), last.keypoints[:, :2] - _place(last), diagonal)


def _place(sight: Sight) -> np.ndarray:
    """(2,) pixels, whatever limb is hidden or wrong."""
    seen = sight.keypoints[np.isfinite(sight.keypoints[:, 0]), :2]
    return np.median(seen, axis=0) if len(seen) else (sight.box[:2] + sight.box[2:]) / 2


def _length(sight: Sight) -> float:
    """Trunk, thigh and shin, the mean of both sides, pixels; NaN if one is not seen."""
    points = sight.keypoints[:, :2]
    return float(sum(np.linalg.norm(points[one] - points[other]) for one, other in _LENGTH_BONES)) / 2


def absorb(chains: list[list[Sight]], loose: Iterable[Sight]) -> list[list[Sight]]:
    """Chains with what lies on the way of each in the frames in which it has nothing.

    ``loose`` are the sights that are in no chain. They are gone through forwards and then backwards, frame by frame, so
    that also the start of a chain finds what came before it.
    """
    rows: dict[int, list[Sight]] = {}
    for sight in loose:
        rows.setdefault(sight.row, []).append(sight)
    for order in (1, -1):
        tracks = [_Way(chain, order) for chain in chains]
        for row in sorted((row for row in rows if rows[row]), reverse=order < 0):
            there = rows[row]
            similar = np.array([[track.fit(sight) for sight in there] for track in tracks]).reshape(-1, len(there))
            taken = set()
            for track, index in zip(*linear_sum_assignment(similar, maximize=True), strict=True):
                if similar[track, index] > 0:
                    tracks[track].add(there[index])
                    taken.add(int(index))
            rows[row] = [sight for index, sight in enumerate(there) if index not in taken]
        chains = [track.whole() for track in tracks]
    return chains


class _Way:
    """Where a chain is in the frames between its sights, which are asked for one after the other in one direction."""

    _REACH, _REACH_PER_SECOND, _LEAST = 0.12, 0.5, 0.35
    _BLIND_S = 0.5
    """Beyond its ends a chain is followed no further than this at a time."""

    def __init__(self, chain: list[Sight], order: int) -> None:
        self._chain = sorted(chain, key=lambda sight: sight.row)[::order]
        self._order = order
        self._next = 0
        self._before: Sight | None = None
        self._moves: dict[int, np.ndarray] = {}
        self._more: list[Sight] = []

    def whole(self) -> list[Sight]:
        return sorted(self._chain + self._more, key=lambda sight: sight.row)

    def add(self, sight: Sight) -> None:
        self._more.append(sight)
        self._before = sight

    def fit(self, sight: Sight) -> float:
        """How well a sight lies on the way, 0..1; 0 where the chain has a sight of its own, or none is near."""
        while self._next < len(self._chain) and self._order * (self._chain[self._next].row - sight.row) <= 0:
            self._before = self._chain[self._next]
            self._next += 1
        if self._before is not None and self._before.row == sight.row:
            return 0.0
        after = self._chain[self._next] if self._next < len(self._chain) else None
        before = self._before
        if before is None or (after is None and abs(sight.time - before.time) > self._BLIND_S):
            return 0.0
        since = sight.time - before.time
        pose, size, apart = before.keypoints[:, :2] + self._velocity(self._next - 1) * since, before.size, abs(since)
        if after is not None:
            until = sight.time - after.time
            share = since / (after.time - before.time)
            back = after.keypoints[:, :2] + self._velocity(self._next) * until
            pose = (1 - share) * pose + share * back
            size, apart = (size + after.size) / 2, min(apart, abs(until))
        squared = ((sight.keypoints[:, :2] - pose) ** 2).sum(axis=-1)
        known = np.isfinite(squared)
        if not known.any():
            return 0.0
        reach = (self._REACH + self._REACH_PER_SECOND * apart) * size
        closeness = float(np.exp(-squared[known] / (2 * reach**2)).mean())
        return closeness if closeness > self._LEAST else 0.0

    def _velocity(self, index: int) -> np.ndarray:
        """(2,) pixels a second at one of the chain's own sights."""
        if index not in self._moves:
            here = self._chain[max(index, 0)]
            near = [s for s in self._chain[max(index - 8, 0) : index + 9] if abs(s.time - here.time) <= _END_S / 2]
            self._moves[index] = np.zeros(2)
            half = len(near) // 2
            if half >= 2:
                places, times = np.array([_place(s) for s in near]), np.array([s.time for s in near])
                steps = (places[-half:] - places[:half]) / (times[-half:] - times[:half])[:, None]
                self._moves[index] = np.median(steps, axis=0)
        return self._moves[index]
