"""Following several people with a network that follows one person well and sees a crowd badly.

Each person is followed by a single-person tracker, which starts each frame at the place where it left the person. New
people are searched in one view of the picture every few frames, with the known people masked out. A person who is new,
lost or suddenly mismatched is detected again in a window around the expected place. No code depends on the network.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from typing import Protocol

import cv2
import numpy as np

from .poses import Pose, Window, boxes_touch, distance, full_frame, is_same_person, tiles, window_around, zoomed_window

SEARCH_INTERVAL = 5
"""Frames from one search for new people to the next. Without anybody to follow every frame is searched."""

_MIN_SCORE, _MIN_NEW_SCORE = 0.3, 0.5
"""Mean score of the pose of a known person at least, and of a new one."""

_REACH, _REACH_PER_SECOND, _MAX_PREDICTION_S = 0.12, 3.0, 0.3
"""How far a pose may be from its prediction, in diagonals of the box: from frame to frame, more with every second of
absence, for that many seconds at most. Longer absences are left to the tracker of the whole clip."""

_MAX_SIZE_RATIO = 2.0
"""A person's box does not grow or shrink by more than this factor from frame to frame."""

_MAX_MISMATCH, _MAX_MISMATCH_AGAIN = 1.0, 2.0
"""Mismatch of a person's pose at most, and of the pose of a person who was lost: no other known person is at that
place, and left and right are sometimes exchanged there."""

_SAME_POSE = 0.15
"""Two detections in one frame are of one person if their landmarks are so close, in diagonals of the box."""

_PATIENCE_S, _PATIENCE_FRAMES = 0.5, 3
"""A person who is missed for longer than both is not followed any more, and may be added again as a new one."""

_LARGER = 1.5
"""A new person replaces a known one who is smaller by this factor, where there are too many."""

_MAX_VIEW_PX = 512
"""Pixels of the longer side of a searched view: the network detects people in a picture of about 224 pixels."""

_START_SHARE, _START_MARGIN = 0.6, 0.15
"""Of the shorter side of the view in which a single-person tracker starts, filled by the person; margin around the
person, of the person's size, outside of which that view is masked out."""

_ZOOM_STEP = 1.3
"""A single-person tracker goes on with a person who becomes smaller by this factor from one picture to the next."""

_SMALL_TILE = 0.55
"""Side of small tiles, of the picture's shorter side, in which a lone person may be large enough to be detected."""

_VELOCITY_GAIN, _MASK_GREY = 0.4, 114
"""Share of the newest measurement in a person's velocity; what masked pixels become."""


class SinglePersonTracker(Protocol):
    """A network that follows one person through the pictures that it is given."""

    def track(self, image: np.ndarray) -> Pose | None:
        """The person in the next picture (H,W,3), in its pixels; None if the person is lost."""

    def reset(self) -> None:
        """Forgets the person: the next picture is the first of another one."""

    def close(self) -> None:
        """Frees the network."""


class Network(Protocol):
    """Detects people in single pictures and makes single-person trackers."""

    def detect(self, image: np.ndarray) -> list[Pose]:
        """The people in one picture (H,W,3), in its pixels."""

    def single_person_tracker(self) -> SinglePersonTracker:
        """A new one."""


@dataclass(eq=False)
class _Person:
    tracker: SinglePersonTracker
    pose: Pose
    time: float
    velocity: np.ndarray = field(default_factory=lambda: np.zeros(2))
    missed: int = 0  # frames since the last detection
    occluders: set[_Person] = field(default_factory=set)  # hide a part of this one; masked out when this one is tracked

    def predicted(self, time: float) -> np.ndarray:
        """(K,2) pixels of the landmarks at a time, at constant velocity."""
        return np.asarray(self.pose.points + self.velocity * min(time - self.time, _MAX_PREDICTION_S))

    def mismatch(self, pose: Pose, time: float) -> float:
        """The distance of a pose from the prediction, of the greatest allowed; above 1 it is another person."""
        ratio = pose.diagonal / self.pose.diagonal
        if pose.score < _MIN_SCORE or not 1 / _MAX_SIZE_RATIO < ratio < _MAX_SIZE_RATIO:
            return np.inf
        reach = _REACH + _REACH_PER_SECOND * min(time - self.time, _MAX_PREDICTION_S)
        return distance(self.predicted(time), pose.points, self.pose.diagonal) / reach

    def update(self, pose: Pose, time: float) -> None:
        """Takes the pose of a new frame."""
        moved = np.median(pose.points - self.pose.points, axis=0) / max(time - self.time, 1e-3)
        self.velocity += _VELOCITY_GAIN * (moved - self.velocity)
        self.pose, self.time, self.missed = pose, time, 0


class MultiPersonTracker:
    """Takes the frames of one video in order and gives the poses in each, of the ``max_people`` largest people."""

    def __init__(self, network: Network, max_people: int) -> None:
        self._network, self._max_people = network, max_people
        self._people: list[_Person] = []
        self._idle: list[SinglePersonTracker] = []
        self._searches: list[tuple[Window, bool]] = []
        self._frame = -1

    def track(self, image: np.ndarray, time: float) -> list[Pose]:
        """The people detected in the next frame (H,W,3) uint8 RGB, in its pixels. Seconds must not decrease."""
        self._frame += 1
        found = self._track_known(image, time)
        if self._frame == 0:
            for window in (full_frame(image), *tiles(image)):
                self.add_new_people(image, time, window)
            return [person.pose for person in self._people]
        if self._frame % SEARCH_INTERVAL == 0 or not self._people:
            window, mirrored = self._next_search(image)
            found += self.add_new_people(image, time, window, mirrored)
        return found

    def close(self) -> None:
        """Frees the single-person trackers."""
        for tracker in [*self._idle, *(person.tracker for person in self._people)]:
            tracker.close()
        self._idle, self._people = [], []

    def _track_known(self, image: np.ndarray, time: float) -> list[Pose]:
        """The poses of the known people in the next frame; removes people who are missed for too long."""
        poses: dict[_Person, Pose | None] = {}
        # People in front first: they are masked out for those behind them.
        for person in sorted(self._people, key=lambda person: len(person.occluders)):
            masked = mask_out(image, [poses.get(other) or other.pose for other in person.occluders])
            pose = person.tracker.track(masked) if not person.missed else None
            poses[person] = pose if pose is not None and person.mismatch(pose, time) <= _MAX_MISMATCH else None
        self._drop_duplicates(poses, time)
        for person in self._people:
            if poses[person] is None:
                others = {other: pose for other, pose in poses.items() if pose is not None}
                poses[person] = self._detect_again(image, time, person, others)
        for person, pose in poses.items():
            if pose is None:
                person.missed += 1
            else:
                person.update(pose, time)
        for person in list(self._people):
            person.occluders = {other for other in person.occluders if boxes_touch(person.pose, other.pose)}
            if person.missed > _PATIENCE_FRAMES and time - person.time > _PATIENCE_S:
                self._remove(person)
        return [pose for pose in poses.values() if pose is not None]

    def _drop_duplicates(self, poses: dict[_Person, Pose | None], time: float) -> None:
        """Where two trackers follow one person, it is the one with the smaller mismatch; the other is hidden."""
        for a, b in itertools.combinations(self._people, 2):
            first, second = poses[a], poses[b]
            if first is not None and second is not None and is_same_person(first, second):
                poses[a if a.mismatch(first, time) > b.mismatch(second, time) else b] = None

    def _detect_again(
        self, image: np.ndarray, time: float, person: _Person, others: dict[_Person, Pose]
    ) -> Pose | None:
        """The pose of a person who was lost, in a window around the prediction; None if there is none.

        The window is searched with possible occluders masked out, then without a mask; each time as it is and mirrored.
        """
        expected = person.pose.at(person.predicted(time))
        in_the_way = [other for other, pose in others.items() if boxes_touch(expected, pose)]
        for occluders in [in_the_way, []] if in_the_way else [[]]:
            masked = mask_out(image, [others[other] for other in occluders])
            for mirrored in (False, True):
                found = self._detect(masked, window_around(expected, image), mirrored)
                unknown = [one for one in found if not any(is_same_person(one, other) for other in others.values())]
                pose = min(unknown, key=lambda pose: person.mismatch(pose, time), default=None)
                if pose is None or person.mismatch(pose, time) > _MAX_MISMATCH_AGAIN:
                    continue
                started = self._start(masked, person.tracker, pose)
                if started is not None:
                    person.occluders = set(occluders)
                    for other in occluders:
                        other.occluders.discard(person)  # one hides the other, not each the other
                    return started
        return None

    def _detect(self, image: np.ndarray, window: Window, mirrored: bool) -> list[Pose]:
        """The people in a part of the picture, in pixels of the picture."""
        x, y, width, height = window
        view = image[y : y + height, x : x + width]
        shrink = min(1.0, _MAX_VIEW_PX / max(width, height))
        if shrink < 1:
            size = (max(1, round(width * shrink)), max(1, round(height * shrink)))
            view = cv2.resize(view, size, interpolation=cv2.INTER_AREA)
        if mirrored:
            view = view[:, ::-1]
        view = np.ascontiguousarray(view)  # networks ignore strides
        scale = np.array([width / view.shape[1], height / view.shape[0]])
        found = self._network.detect(view)
        if mirrored:
            found = [pose.mirrored(view.shape[1]) for pose in found]
        return [pose.moved((x, y), scale) for pose in found]

    def _start(self, image: np.ndarray, tracker: SinglePersonTracker, pose: Pose) -> Pose | None:
        """Starts a tracker at a person; returns the pose that it gives in the whole picture, None if it loses them.

        A tracker remembers places relative to its picture. So it gets windows in which the person has the same relative
        place as in the whole picture, from one that the person fills to the whole picture.
        """
        tracker.reset()
        zoom = max(1.0, _START_SHARE * min(image.shape[0], image.shape[1]) / pose.size)
        tracked = None
        while True:
            x, y, width, height = zoomed_window(pose, image, zoom)
            view = np.ascontiguousarray(image[y : y + height, x : x + width])
            if tracked is None:
                view = _mask_surroundings(view, pose.moved((-x, -y)))
            tracked = tracker.track(view)
            if tracked is None:
                return None
            tracked = tracked.moved((x, y))
            if distance(tracked.points, pose.points, pose.diagonal) > 2 * _SAME_POSE:
                return None
            if zoom <= 1.0:
                return tracked
            zoom = max(1.0, zoom / _ZOOM_STEP)

    def add_new_people(self, image: np.ndarray, time: float, window: Window, mirrored: bool = False) -> list[Pose]:
        """Searches a window of the picture and follows the new people whom a closer view confirms; their poses."""
        added = []
        # Masked people are not detected a second time, and do not hide smaller ones.
        masked = mask_out(image, [person.pose for person in self._people])
        for candidate in sorted(self._detect(masked, window, mirrored), key=lambda pose: -pose.size):
            if candidate.score < _MIN_NEW_SCORE or not self._has_room_for(candidate):
                continue
            pose = self._confirmed(image, candidate)
            if pose is None or self._is_known(pose):
                continue
            tracker = self._idle.pop() if self._idle else self._network.single_person_tracker()
            tracked = self._start(image, tracker, pose)
            if tracked is None or self._is_known(tracked):
                self._idle.append(tracker)
                continue
            while len(self._people) >= self._max_people:
                self._remove(min(self._people, key=lambda person: person.pose.size))
            self._people.append(_Person(tracker, tracked, time))
            added.append(tracked)
        return added

    def _confirmed(self, image: np.ndarray, candidate: Pose) -> Pose | None:
        """The same person in a closer view; None if there is none."""
        found = self._detect(image, window_around(candidate, image), mirrored=False)
        off = {pose: distance(pose.points, candidate.points, candidate.diagonal) for pose in found}
        pose = min(off, key=off.__getitem__, default=None)
        return pose if pose is not None and pose.score >= _MIN_NEW_SCORE and off[pose] <= _SAME_POSE else None

    def _is_known(self, pose: Pose) -> bool:
        return any(is_same_person(person.pose, pose) for person in self._people)

    def _has_room_for(self, pose: Pose) -> bool:
        smallest = min((person.pose.size for person in self._people), default=0.0)
        return len(self._people) < self._max_people or pose.size > _LARGER * smallest

    def _remove(self, person: _Person) -> None:
        self._people.remove(person)
        for other in self._people:
            other.occluders.discard(person)
        self._idle.append(person.tracker)

    def _next_search(self, image: np.ndarray) -> tuple[Window, bool]:
        """The next view to search, and whether it is mirrored."""
        if not self._searches:
            views = [full_frame(image), *tiles(image), *([] if self._people else tiles(image, _SMALL_TILE))]
            self._searches = [(view, mirrored) for mirrored in (True, False) for view in views]
        return self._searches.pop(0)


def mask_out(image: np.ndarray, people: list[Pose]) -> np.ndarray:
    """The picture (H,W,3) with the convex hulls of some people painted grey: a copy if there are any."""
    if not people:
        return image
    result = image.copy()
    for pose in people:
        cv2.fillConvexPoly(result, cv2.convexHull(np.round(pose.points).astype(np.int32)), 3 * (_MASK_GREY,))
    return result


def _mask_surroundings(view: np.ndarray, pose: Pose) -> np.ndarray:
    """A copy of a picture (H,W,3) that is grey outside of one person's box and its margin."""
    margin = _START_MARGIN * pose.size
    x0, y0 = np.maximum(pose.box[:2] - margin, 0).astype(int)
    x1, y1 = np.ceil(pose.box[2:] + margin).astype(int)
    result = np.full_like(view, _MASK_GREY)
    result[y0:y1, x0:x1] = view[y0:y1, x0:x1]
    return result
