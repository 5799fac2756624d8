"""Observations that belong to no tracklet, given to the tracks on whose way they lie."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from .tracklets import END_S, Observation, Track, best_pairs, median_velocity

_REACH, _REACH_PER_SECOND = 0.12, 0.5
"""How far keypoints may be from the interpolated pose, in diagonals of the box: at once, and more with every second."""

_MIN_SIMILARITY = 0.35

_MAX_EXTRAPOLATION_S = 0.5
"""Seconds beyond its ends, or beyond the last observation added there, to which a track is extrapolated."""

_VELOCITY_FRAMES = 8
"""Observations to each side from which the velocity at an observation is measured."""


def absorb(tracks: list[Track], unassigned: Iterable[Observation]) -> list[Track]:
    """The tracks with further observations, each on a track's way and in a frame in which that track has none.

    The unassigned observations are visited forwards and then backwards, so that tracks are extended at both ends.
    """
    rows: dict[int, list[Observation]] = {}
    for observation in unassigned:
        rows.setdefault(observation.row, []).append(observation)
    for direction in (1, -1):
        trajectories = [_Trajectory(track, direction) for track in tracks]
        for row in sorted((row for row in rows if rows[row]), reverse=direction < 0):
            observations = rows[row]
            similarity = [[trajectory.similarity(one) for one in observations] for trajectory in trajectories]
            pairs = best_pairs(np.reshape(similarity, (-1, len(observations))))
            for track, index in pairs.items():
                trajectories[track].add(observations[index])
            rows[row] = [one for index, one in enumerate(observations) if index not in pairs.values()]
        tracks = [trajectory.track() for trajectory in trajectories]
    return tracks


class _Trajectory:
    """Where a track is in the frames between its observations, asked for forwards (direction 1) or backwards (-1)."""

    def __init__(self, track: Track, direction: int) -> None:
        self._own = sorted(track, key=lambda observation: observation.row)[::direction]
        self._direction = direction
        self._next = 0  # index of the next of the track's own observations
        self._before: Observation | None = None
        self._velocities: dict[int, np.ndarray] = {}
        self._added: list[Observation] = []

    def track(self) -> Track:
        return sorted(self._own + self._added, key=lambda observation: observation.row)

    def add(self, observation: Observation) -> None:
        self._added.append(observation)
        self._before = observation

    def similarity(self, observation: Observation) -> float:
        """How well an observation fits, 0..1; 0 where the track has one in that frame, or none near it."""
        while self._next < len(self._own) and self._direction * (self._own[self._next].row - observation.row) <= 0:
            self._before = self._own[self._next]
            self._next += 1
        if self._before is not None and self._before.row == observation.row:
            return 0.0
        before, after = self._before, self._own[self._next] if self._next < len(self._own) else None
        if before is None or (after is None and abs(observation.time - before.time) > _MAX_EXTRAPOLATION_S):
            return 0.0
        since = observation.time - before.time
        pose, size, elapsed = before.keypoints[:, :2] + self._velocity(self._next - 1) * since, before.size, abs(since)
        if after is not None:
            until = observation.time - after.time
            share = since / (after.time - before.time)
            from_after = after.keypoints[:, :2] + self._velocity(self._next) * until
            pose = (1 - share) * pose + share * from_after
            size, elapsed = (size + after.size) / 2, min(elapsed, abs(until))
        squared = ((observation.keypoints[:, :2] - pose) ** 2).sum(axis=-1)
        known = np.isfinite(squared)
        if not known.any():
            return 0.0
        reach = (_REACH + _REACH_PER_SECOND * elapsed) * size
        similarity = float(np.exp(-squared[known] / (2 * reach**2)).mean())
        return similarity if similarity > _MIN_SIMILARITY else 0.0

    def _velocity(self, index: int) -> np.ndarray:
        """(2,) pixels a second at one of the track's own observations."""
        if index not in self._velocities:
            here = self._own[max(index, 0)]
            around = self._own[max(index - _VELOCITY_FRAMES, 0) : index + _VELOCITY_FRAMES + 1]
            self._velocities[index] = median_velocity([one for one in around if abs(one.time - here.time) <= END_S / 2])
        return self._velocities[index]
