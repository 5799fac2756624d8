"""Following people with a network that sees one well and a crowd badly.

Everybody who is known is followed by a network of their own, which starts each frame where it left them. Newcomers are
looked for in a few views of the picture, one every few frames, with those who are known painted over. Who starts to be
followed, is lost, or is suddenly somebody else is looked for once more in a window around where they must be.

Nothing here knows which network it is, and the arithmetic of poses is :mod:`.poses`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Protocol

import cv2
import numpy as np

from .poses import Pose, Window, apart, best, overlap, pairs, same, window_around, window_that_keeps

SEARCH_EVERY = 5
"""Frames from one view that is searched for newcomers to the next. Without anybody to follow it is every frame."""

_ZOOM_STEP = 1.3
"""A network that follows takes a person who is this much smaller than a moment ago for the same."""

_LEAST_SCORE = 0.3
_NEW_SCORE = 0.5
"""Mean score of a pose that is somebody known, and of one that may be somebody new."""

_REACH = 0.12
_REACH_PER_SECOND = 3.0
_REACH_GROWS_S = 0.3
"""How far a pose may be from where it was expected, in diagonals of the box. From frame to frame and for a short while
of absence; what happens after longer ones is for tracking to say."""

_AGAIN = 2.0
"""Who was lost may be so much stranger: nobody else who is known is there, and sides are sometimes mistaken."""

_SAME = 0.15
"""Two looks at one frame give the same person if their poses are this close."""

_PATIENCE_S = 0.5
_PATIENCE_FRAMES = 3
"""Who was not seen for so long is not followed any more, and may be found again as a newcomer."""

_LARGER = 1.5
"""A newcomer takes the place of somebody who is followed by being so much taller."""

_SEARCHED_PX = 512
"""Views are made this small: the network looks for people in a picture of about 224 pixels."""

_PAINT = (114, 114, 114)


class Watcher(Protocol):
    """A network that follows one person through the frames that it is given."""

    def look(self, image: np.ndarray) -> Pose | None:
        """Where the person is in the next frame (H,W,3), in pixels; None if lost."""
        ...

    def forget(self) -> None:
        """The next frame is the first of somebody else."""
        ...

    def close(self) -> None:
        """Frees the network."""
        ...


class Network(Protocol):
    """What finds people in single pictures and makes watchers."""

    def find(self, image: np.ndarray) -> list[Pose]:
        """The people in one picture (H,W,3), in pixels."""
        ...

    def watcher(self) -> Watcher:
        """A new one."""
        ...


@dataclass(eq=False)
class _Person:
    watcher: Watcher
    pose: Pose
    time: float
    velocity: np.ndarray = field(default_factory=lambda: np.zeros(2))
    missed: int = 0
    behind: list[_Person] = field(default_factory=list)
    """Who hides a part of this one, and is painted over when this one is looked at."""

    def expected(self, time: float) -> np.ndarray:
        """(K,2) where the landmarks should be."""
        return self.pose.points + self.velocity * min(time - self.time, _REACH_GROWS_S)

    def strangeness(self, pose: Pose, time: float) -> float:
        """How far a pose is from what was expected; over 1 it is not this person."""
        reach = _REACH + _REACH_PER_SECOND * min(time - self.time, _REACH_GROWS_S)
        ratio = pose.diagonal / self.pose.diagonal
        if pose.score < _LEAST_SCORE or not 0.5 < ratio < 2.0:
            return np.inf
        return apart(self.expected(time), pose.points, self.pose.diagonal) / reach

    def seen(self, pose: Pose, time: float) -> None:
        elapsed = max(time - self.time, 1e-3)
        moved = np.median(pose.points - self.pose.points, axis=0) / elapsed
        self.velocity += 0.4 * (moved - self.velocity)
        self.pose, self.time, self.missed = pose, time, 0


class Following:
    """Takes the frames of one video in order and gives the poses in each."""

    def __init__(self, network: Network, max_people: int) -> None:
        self._network = network
        self._max_people = max_people
        self._people: list[_Person] = []
        self._idle: list[Watcher] = []
        self._searches: Iterator[tuple[Window, bool]] = iter(())
        self._frame = -1

    def poses(self, image: np.ndarray, time: float) -> list[Pose]:
        """The people in a frame (H,W,3) uint8 at a time in seconds."""
        self._frame += 1
        found = self._follow(image, time)
        if self._frame == 0:
            for window in (whole(image), *squares(image)):
                self._welcome(image, time, window, mirrored=False)
            return [person.pose for person in self._people]
        if self._frame % SEARCH_EVERY == 0 or not self._people:
            window, mirrored = self._next_search(image)
            found += self._welcome(image, time, window, mirrored)
        return found

    def close(self) -> None:
        """Frees the networks that follow."""
        for watcher in [*self._idle, *(person.watcher for person in self._people)]:
            watcher.close()
        self._idle, self._people = [], []

    def _follow(self, image: np.ndarray, time: float) -> list[Pose]:
        looks: dict[_Person, Pose | None] = {}
        # Who is in front first: where they are is painted over for who is behind.
        for person in sorted(self._people, key=lambda person: len(person.behind)):
            hidden_by = [looks.get(other) or other.pose for other in person.behind]
            pose = person.watcher.look(_painted(image, hidden_by)) if not person.missed else None
            if pose is not None and person.strangeness(pose, time) > 1:
                pose = None
            looks[person] = pose
        # Of two who follow the same one, it is whom it surprises less; the other is behind.
        for a, b in pairs(self._people):
            first, second = looks[a], looks[b]
            if first is not None and second is not None and same(first, second):
                looks[a if a.strangeness(first, time) > b.strangeness(second, time) else b] = None
        for person in self._people:
            if looks[person] is None:
                others = {other: pose for other, pose in looks.items() if pose is not None}
                looks[person] = self._find_again(image, time, person, others)
        for person, pose in looks.items():
            if pose is None:
                person.missed += 1
            else:
                person.seen(pose, time)
        for person in self._people:
            person.behind = [other for other in person.behind if overlap(person.pose, other.pose)]
        for person in [person for person in self._people if self._given_up(person, time)]:
            self._leave(person)
        return [pose for pose in looks.values() if pose is not None]

    def _given_up(self, person: _Person, time: float) -> bool:
        return person.missed > _PATIENCE_FRAMES and time - person.time > _PATIENCE_S

    def _find_again(self, image: np.ndarray, time: float, person: _Person, others: dict[_Person, Pose]) -> Pose | None:
        """Somebody who was lost, in a window around where they should be.

        First without those who may hide them, then with everybody; as it is, then mirrored.
        """
        expected = person.pose.at(person.expected(time))
        over = [other for other, pose in others.items() if overlap(expected, pose)]
        for hiding in [over, []] if over else [[]]:
            painted = _painted(image, [others[other] for other in hiding])
            for mirrored in (False, True):
                found = [
                    pose
                    for pose in self._look(painted, window_around(expected, image), mirrored)
                    if not any(same(pose, other) for other in others.values())
                ]
                pose = best(found, lambda pose: person.strangeness(pose, time))
                if pose is None or person.strangeness(pose, time) > _AGAIN:
                    continue
                started = self._start(painted, person.watcher, pose)
                if started is not None:
                    person.behind = hiding
                    # One is in front of the other, not each of each.
                    for other in hiding:
                        other.behind = [who for who in other.behind if who is not person]
                    return started
        return None

    def _look(self, image: np.ndarray, window: Window, mirrored: bool) -> list[Pose]:
        """The people in a part of the picture, in pixels of the picture."""
        x, y, width, height = window
        view = image[y : y + height, x : x + width]
        shrink = min(1.0, _SEARCHED_PX / max(width, height))
        if shrink < 1:
            size = (max(1, round(width * shrink)), max(1, round(height * shrink)))
            view = cv2.resize(view, size, interpolation=cv2.INTER_AREA)
        if mirrored:
            view = view[:, ::-1]
        view = np.ascontiguousarray(view)  # networks ignore strides
        scale = np.array([width / view.shape[1], height / view.shape[0]])
        found = self._network.find(view)
        if mirrored:
            found = [pose.mirrored(view.shape[1]) for pose in found]
        return [pose.moved(scale, (x, y)) for pose in found]

    def _start(self, image: np.ndarray, watcher: Watcher, pose: Pose) -> Pose | None:
        """Puts a watcher onto somebody, and returns how it sees them in the whole picture; None if it does not.

        A watcher remembers places relative to its picture. So it is shown windows that have the person at the same
        place as the whole picture has, from one that they fill to the whole.
        """
        watcher.forget()
        zoom = max(1.0, 0.6 * min(image.shape[0], image.shape[1]) / pose.size)
        seen = None
        while True:
            window = window_that_keeps(pose, image, zoom)
            x, y, width, height = window
            view = np.ascontiguousarray(image[y : y + height, x : x + width])
            if seen is None:
                view = _only(view, pose.moved(np.ones(2), (-x, -y)))
            seen = watcher.look(view)
            if seen is None:
                return None
            seen = seen.moved(np.ones(2), (x, y))
            if apart(seen.points, pose.points, pose.diagonal) > 2 * _SAME:
                return None
            if zoom <= 1.0:
                return seen
            zoom = max(1.0, zoom / _ZOOM_STEP)

    def _welcome(self, image: np.ndarray, time: float, window: Window, mirrored: bool) -> list[Pose]:
        """Looks for newcomers in a part of the picture, and follows those who are still there at a closer look."""
        welcomed = []
        # In what is painted over nobody is found a second time, and nobody stands in the way of somebody smaller.
        others = _painted(image, [person.pose for person in self._people])
        for pose in sorted(self._look(others, window, mirrored), key=lambda pose: -pose.size):
            if pose.score < _NEW_SCORE or not self._room_for(pose):
                continue
            closer = best(
                self._look(image, window_around(pose, image), mirrored=False),
                lambda other, pose=pose: apart(other.points, pose.points, pose.diagonal),  # type: ignore[misc]
            )
            if closer is None or closer.score < _NEW_SCORE:
                continue
            if apart(closer.points, pose.points, pose.diagonal) > _SAME:
                continue
            if any(same(person.pose, closer) for person in self._people):
                continue
            watcher = self._idle.pop() if self._idle else self._network.watcher()
            seen = self._start(image, watcher, closer)
            if seen is None or any(same(person.pose, seen) for person in self._people):
                self._idle.append(watcher)
                continue
            while len(self._people) >= self._max_people:
                self._leave(min(self._people, key=lambda person: person.pose.size))
            self._people.append(_Person(watcher, seen, time))
            welcomed.append(seen)
        return welcomed

    def _room_for(self, pose: Pose) -> bool:
        if len(self._people) < self._max_people:
            return True
        return pose.size > _LARGER * min(person.pose.size for person in self._people)

    def _leave(self, person: _Person) -> None:
        self._people.remove(person)
        for other in self._people:
            other.behind = [who for who in other.behind if who is not person]
        self._idle.append(person.watcher)

    def _next_search(self, image: np.ndarray) -> tuple[Window, bool]:
        search = next(self._searches, None)
        if search is None:
            views = [whole(image), *squares(image)]
            if not self._people:
                # Whoever is alone in the picture may be small.
                views += squares(image, 0.55)
            self._searches = iter([(view, mirrored) for mirrored in (True, False) for view in views])
            search = next(self._searches)
        return search


def whole(image: np.ndarray) -> Window:
    """The window that is the whole picture (H,W,3)."""
    return Window(0, 0, image.shape[1], image.shape[0])


def squares(image: np.ndarray, share: float = 1.0) -> list[Window]:
    """Squares of a share of the shorter side of the picture (H,W,3) that overlap by half; none if it is one itself."""
    height, width = image.shape[:2]
    side = round(share * min(width, height))
    counts = [1 + int(np.ceil((length - side) / (side / 2) - 0.2)) for length in (width, height)]
    if counts == [1, 1]:
        return []
    return [
        Window(int(x), int(y), side, side)
        for y in np.linspace(0, height - side, counts[1])
        for x in np.linspace(0, width - side, counts[0])
    ]


def _painted(image: np.ndarray, people: list[Pose]) -> np.ndarray:
    """The picture without some people: a copy if there are any."""
    if not people:
        return image
    result = image.copy()
    for pose in people:
        cv2.fillConvexPoly(result, cv2.convexHull(np.round(pose.points).astype(np.int32)), _PAINT)
    return result


def _only(view: np.ndarray, pose: Pose) -> np.ndarray:
    """A copy of a picture with everything painted over but the surroundings of one person."""
    x0, y0, x1, y1 = pose.box
    margin = 0.15 * pose.size
    low = np.maximum([x0 - margin, y0 - margin], 0).astype(int)
    high = np.ceil([x1 + margin, y1 + margin]).astype(int)
    result = np.full_like(view, _PAINT[0])
    result[low[1] : high[1], low[0] : high[0]] = view[low[1] : high[1], low[0] : high[0]]
    return result
