"""One person's landmarks in one picture, windows of the picture, and whether two poses are of the same person."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np

_SAME_PERSON = ((0.5, 0.1), (0.35, 0.05))
"""(share, distance): two poses are of one person if such a share of their landmarks lies closer than such a distance,
in diagonals of the box."""


class Window(NamedTuple):
    """A rectangle of the picture: upper left corner and size in whole pixels."""

    x: int
    y: int
    width: int
    height: int


@dataclass(frozen=True, eq=False)
class Pose:
    """One person in one picture.

    Attributes:
        landmarks: (K,3) pixels and score 0..1.
        world: (K,3) metres, camera axes.
        mirror: (K,) row of each landmark's counterpart on the other side.
    """

    landmarks: np.ndarray
    world: np.ndarray
    mirror: np.ndarray | None = None

    @property
    def points(self) -> np.ndarray:
        """(K,2) pixels."""
        return self.landmarks[:, :2]

    @cached_property
    def score(self) -> float:
        """Mean over the landmarks."""
        return float(self.landmarks[:, 2].mean())

    @cached_property
    def box(self) -> np.ndarray:
        """(4,) x0, y0, x1, y1 of all landmarks."""
        return np.concatenate([self.points.min(axis=0), self.points.max(axis=0)])

    @property
    def size(self) -> float:
        """The longer side of the box, pixels, at least 1."""
        return float(max(self.box[2] - self.box[0], self.box[3] - self.box[1], 1.0))

    @property
    def diagonal(self) -> float:
        """The diagonal of the box, pixels, at least 1."""
        return float(max(np.hypot(*(self.box[2:] - self.box[:2])), 1.0))

    def at(self, points: np.ndarray) -> Pose:
        """The same pose with its landmarks at other pixels (K,2)."""
        return Pose(np.column_stack([points, self.landmarks[:, 2]]), self.world, self.mirror)

    def moved(self, offset: tuple[float, float], scale: np.ndarray | float = 1.0) -> Pose:
        """The same person in another picture: pixels times ``scale``, (2,) or one number, plus ``offset``."""
        landmarks = self.landmarks.copy()
        landmarks[:, :2] = landmarks[:, :2] * scale + offset
        return Pose(landmarks, self.world, self.mirror)

    def mirrored(self, width: int) -> Pose:
        """The same person in the mirrored picture of ``width`` pixels: left and right change places."""
        landmarks, world = self.landmarks[self.mirror].copy(), self.world[self.mirror].copy()
        landmarks[:, 0] = width - landmarks[:, 0]
        world[:, 0] *= -1
        return Pose(landmarks, world, self.mirror)


def distance(a: np.ndarray, b: np.ndarray, diagonal: float) -> float:
    """The median distance of the landmarks (K,2) of two poses, in diagonals of ``diagonal`` pixels."""
    return float(np.median(np.linalg.norm(a - b, axis=-1))) / diagonal


def is_same_person(a: Pose, b: Pose) -> bool:
    """Whether two poses of one frame are one person detected twice, or one pose that slides over to the other."""
    distances = np.linalg.norm(a.points - b.points, axis=-1) / min(a.diagonal, b.diagonal)
    return any(np.quantile(distances, share) < limit for share, limit in _SAME_PERSON)


def boxes_touch(a: Pose, b: Pose) -> bool:
    """Whether the boxes of two people overlap."""
    return bool((np.maximum(a.box[:2], b.box[:2]) < np.minimum(a.box[2:], b.box[2:])).all())


def window_around(pose: Pose, image: np.ndarray, margin: float = 0.3) -> Window:
    """A square around a person, cut off at the edges of the picture (H,W,3). margin: of the person's size."""
    middle = (pose.box[:2] + pose.box[2:]) / 2
    half = (0.5 + margin) * pose.size
    size = np.array([image.shape[1], image.shape[0]])
    low = np.clip(middle - half, 0, size - 2).astype(int)
    high = np.clip(np.ceil(middle + half), low + 2, size).astype(int)
    return Window(int(low[0]), int(low[1]), int(high[0] - low[0]), int(high[1] - low[1]))


def window_with_same_place(pose: Pose, image: np.ndarray, zoom: float) -> Window:
    """A window ``zoom`` times smaller than the picture (H,W,3), in which the person has the same relative place."""
    size = np.array([image.shape[1], image.shape[0]])
    middle = np.clip((pose.box[:2] + pose.box[2:]) / 2, 0, size)
    extent = np.maximum(np.round(size / zoom), 2).astype(int)
    low = np.clip(np.round(middle * (1 - extent / size)), 0, size - extent).astype(int)
    return Window(int(low[0]), int(low[1]), int(extent[0]), int(extent[1]))


def full_frame(image: np.ndarray) -> Window:
    """The window that is the whole picture (H,W,3)."""
    return Window(0, 0, image.shape[1], image.shape[0])


def tiles(image: np.ndarray, share: float = 1.0) -> list[Window]:
    """Squares that cover the picture (H,W,3) and overlap by about half; none if one square covers it.

    Args:
        image: The picture.
        share: The side of a square, of the picture's shorter side.
    """
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
