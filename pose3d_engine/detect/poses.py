"""A person as a network sees one, windows of the picture, and whether two poses are the same."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple, TypeVar

import numpy as np

Item = TypeVar("Item")

_SAME = ((0.5, 0.1), (0.35, 0.05))
"""Two poses of which such a share of the landmarks lies so close, in diagonals of the box, are of one person."""


class Window(NamedTuple):
    """A part of the picture in whole pixels."""

    x: int
    y: int
    width: int
    height: int


@dataclass(frozen=True, eq=False)
class Pose:
    """landmarks: (K,3) pixels and score 0..1. world: (K,3) metres, camera axes. mirror: (K,) index of each landmark's
    counterpart on the other side."""

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
        """The longer side of the box, pixels."""
        return float(max(self.box[2] - self.box[0], self.box[3] - self.box[1], 1.0))

    @property
    def diagonal(self) -> float:
        """Of the box, pixels."""
        return float(max(np.hypot(*(self.box[2:] - self.box[:2])), 1.0))

    def at(self, points: np.ndarray) -> Pose:
        """The same pose with its landmarks at other pixels (K,2)."""
        return Pose(np.column_stack([points, self.landmarks[:, 2]]), self.world, self.mirror)

    def moved(self, scale: np.ndarray, offset: tuple[float, float]) -> Pose:
        """The same person in another picture: scale (2,) and then offset, pixels."""
        landmarks = self.landmarks.copy()
        landmarks[:, :2] = landmarks[:, :2] * scale + offset
        return Pose(landmarks, self.world, self.mirror)

    def mirrored(self, width: int) -> Pose:
        """The same person as seen in the mirrored picture of that width: left and right change places."""
        landmarks, world = self.landmarks[self.mirror].copy(), self.world[self.mirror].copy()
        landmarks[:, 0] = width - landmarks[:, 0]
        world[:, 0] *= -1
        return Pose(landmarks, world, self.mirror)


def apart(a: np.ndarray, b: np.ndarray, diagonal: float) -> float:
    """The distance below which half the landmarks (K,2) of two poses lie, in diagonals."""
    return float(np.median(np.linalg.norm(a - b, axis=-1))) / diagonal


def same(a: Pose, b: Pose) -> bool:
    """Whether two poses of one frame are one person found twice, or one that slides over to the other."""
    distances = np.linalg.norm(a.points - b.points, axis=-1) / min(a.diagonal, b.diagonal)
    return any(np.quantile(distances, share) < limit for share, limit in _SAME)


def overlap(a: Pose, b: Pose) -> bool:
    """Whether the boxes of two people touch."""
    return bool((np.maximum(a.box[:2], b.box[:2]) < np.minimum(a.box[2:], b.box[2:])).all())


def pairs(items: Sequence[Item]) -> Iterator[tuple[Item, Item]]:
    """Each item with each other, once."""
    return itertools.combinations(items, 2)


def best(poses: Sequence[Pose], cost: Callable[[Pose], float]) -> Pose | None:
    """The pose that costs least, None if there is none."""
    return min(poses, key=cost, default=None)


def window_around(pose: Pose, image: np.ndarray, margin: float = 0.3) -> Window:
    """A square around somebody, as far as the picture (H,W,3) goes."""
    middle = (pose.box[:2] + pose.box[2:]) / 2
    half = (0.5 + margin) * pose.size
    size = np.array([image.shape[1], image.shape[0]])
    low = np.clip(middle - half, 0, size - 2).astype(int)
    high = np.clip(np.ceil(middle + half), low + 2, size).astype(int)
    return Window(int(low[0]), int(low[1]), int(high[0] - low[0]), int(high[1] - low[1]))


def window_that_keeps(pose: Pose, image: np.ndarray, zoom: float) -> Window:
    """A window ``zoom`` times smaller than the picture (H,W,3), where somebody's middle has the same relative place."""
    size = np.array([image.shape[1], image.shape[0]])
    middle = np.clip((pose.box[:2] + pose.box[2:]) / 2, 0, size)
    extent = np.maximum(np.round(size / zoom), 2).astype(int)
    low = np.clip(np.round(middle * (1 - extent / size)), 0, size - extent).astype(int)
    return Window(int(low[0]), int(low[1]), int(extent[0]), int(extent[1]))
