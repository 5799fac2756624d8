"""One person's landmarks in one picture, windows of the picture, and whether two poses are of the same person."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np

_SAME_PERSON = ((0.5, 0.1), (0.35, 0.05))
"""(share, distance): two poses are of one person if such a share of their landmarks lies so close, in box diagonals."""


class Window(NamedTuple):
    """A rectangle of the picture: upper left corner and size in whole pixels."""

    x: int
    y: int
    width: int
    height: int


@dataclass(frozen=True, eq=False)
class Pose:
    """One person in one picture."""

    landmarks: np.ndarray  # (K,3) pixels and score 0..1
    world: np.ndarray  # (K,3) metres, camera axes
    mirror: np.ndarray  # (K,) row of each landmark's counterpart on the other side

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
    def middle(self) -> np.ndarray:
        """(2,) pixels, of the box."""
        return (self.box[:2] + self.box[2:]) / 2

    @property
    def size(self) -> float:
        """The longer side of the box, pixels, at least 1."""
        return float(max(*(self.box[2:] - self.box[:2]), 1.0))

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


def window_around(pose: Pose, image: np.ndarray) -> Window:
    """A square 1.6 times the person's size around them, cut off at the edges of the picture (H,W,3)."""
    half = 0.8 * pose.size
    size = np.array(image.shape[1::-1])
    low = np.clip(pose.middle - half, 0, size - 2).astype(int)
    high = np.clip(np.ceil(pose.middle + half), low + 2, size).astype(int)
    return Window(*low.tolist(), *(high - low).tolist())


def zoomed_window(pose: Pose, image: np.ndarray, zoom: float) -> Window:
    """A window ``zoom`` times smaller than the picture (H,W,3), in which the person has the same relative place."""
    size = np.array(image.shape[1::-1])
    extent = np.maximum(np.round(size / zoom), 2).astype(int)
    low = np.round(np.clip(pose.middle, 0, size) * (1 - extent / size))
    return Window(*np.clip(low, 0, size - extent).astype(int).tolist(), *extent.tolist())


def full_frame(image: np.ndarray) -> Window:
    """The window that is the whole picture (H,W,3)."""
    return Window(0, 0, image.shape[1], image.shape[0])


def tiles(image: np.ndarray, share: float = 1.0) -> list[Window]:
    """Squares, sides a share of the shorter side of the picture (H,W,3), that cover it and overlap by about half.

    None if one square covers the picture.
    """
    lengths = image.shape[1::-1]
    side = round(share * min(lengths))
    counts = [1 + int(np.ceil((length - side) / (side / 2) - 0.2)) for length in lengths]
    if counts == [1, 1]:
        return []
    steps = zip(lengths, counts, strict=True)
    xs, ys = (np.linspace(0, length - side, count).astype(int).tolist() for length, count in steps)
    return [Window(x, y, side, side) for y in ys for x in xs]
