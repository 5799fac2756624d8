"""Observations that belong to no tracklet, given to the tracks on whose way they lie."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from scipy.optimize import linear_sum_assignment

from .tracklets import END_S, Observation, median_velocity

_REACH, _REACH_PER_SECOND = 0.12, 0.5
"""How far keypoints may be from the interpolated pose, in diagonals of the box: beside an observation of the track, and
more with every second away from it."""

_MIN_SIMILARITY = 0.35

_MAX_EXTRAPOLATION_S = 0.5
"""Seconds beyond its ends, or beyond the last observation added there, to which a track is extrapolated."""

_VELOCITY_FRAMES = 8
"""Observations to each side from which the velocity at an observation is measured."""


def absorb(tracks: list[list[Observation]], unassigned: Iterable[Observation]) -> list[list[Observation]]:
    """Adds observations to the tracks on whose way they lie, in frames in which the track has none.

    Args:
        tracks: Each the observations of one person, in order.
        unassigned: The observations that are in no track. They are visited forwards and then backwards, frame by frame,
            so that the start of a track, too, is extended by earlier ones.

    Returns:
        The tracks with what was added.
    """
    rows: dict[int, list[Observation]] = {}
    for observation in unassigned:
        rows.setdefault(observation.row, []).append(observation)
    for direction in (1, -1):
        trajectories = [_Trajectory(track, direction) for track in tracks]
        for row in sorted((row for row in rows if rows[row]), reverse=direction < 0):
            observations = rows[row]
            similarity = np.array(
                [[trajectory.similarity(one) for one in observations] for trajectory in trajectories]
            ).reshape(-1, len(observations))
            taken = set()
            for track, index in zip(*linear_sum_assignment(similarity, maximize=True), strict=True):
                if similarity[track, index] > 0:
                    trajectories[track].add(observations[index])
                    taken.add(int(index))
            rows[row] = [one for index, one in enumerate(observations) if index not in taken]
        tracks = [trajectory.track() for trajectory in trajectories]
    return tracks


class _Trajectory:
    """Where a track is in the frames between its observations, asked for in one direction of time.

    Args:
        track: The observations of one person.
        direction: 1 for forwards, -1 for backwards.
    """

    def __init__(self, track: list[Observation], direction: int) -> None:
        self._own = sorted(track, key=lambda observation: observation.row)[::direction]
        self._direction = direction
        self._next = 0
        """Index of the next of the track's own observations."""
        self._before: Observation | None = None
        self._velocities: dict[int, np.ndarray] = {}
        self._added: list[Observation] = []

    def track(self) -> list[Observation]:
        """The track with the observations that were added, in order."""
        return sorted(self._own + self._added, key=lambda observation: observation.row)

    def add(self, observation: Observation) -> None:
        """Takes an observation into the track."""
        self._added.append(observation)
        self._before = observation

    def similarity(self, observation: Observation) -> float:
        """How well an observation fits, 0..1; 0 where the track has one in that frame, or none near it."""
        while self._next < len(self._own) and self._direction * (self._own[self._next].row - observation.row) <= 0:
            self._before = self._own[self._next]
            self._next += 1
        if self._before is not None and self._before.row == observation.row:
            return 0.0
        after = self._own[self._next] if self._next < len(self._own) else None
        before = self._before
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
