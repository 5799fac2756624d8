"""How the picture behind the people moves from frame to frame: what a camera that pans or is held by hand does to it.

Corners of a picture that is remembered (a key) are found again in each frame by optical flow (Lucas, Kanade 1981, in
pyramids after Bouguet), outside of where people are, and a homography is fitted to them by RANSAC. Each frame is
compared with the key itself and not with the frame before, so that errors do not add up while the view stays.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

np.linalg.inv(np.eye(3))
"""For the whole engine: OpenBLAS takes its memory with the first product, and where none is left it tries for ever.
Here a detector has not filled it yet."""

SIZE = 320
"""The longer side of the grey picture that is looked at, pixels."""

POINTS, _LEAST_POINTS = 120, 16
_QUALITY, _APART = 0.01, 7

_WINDOW, _LEVELS = (13, 13), 3

_BESIDE_PX = 1.0
"""Of the small picture: further from where the homography has it, a corner is not of the background."""

_AGREE, _SEEN = 0.5, 0.4
"""Share of the corners found again that must agree; share of the key's that must, for it to stay the key."""

_KEYS = 12
"""Keys that are remembered: a camera that comes back is compared with what it saw before."""

_MARGIN = 0.1
"""Around a person's box, of its size: hair and hands are beyond it."""


@dataclass(frozen=True)
class Step:
    """What one frame's background tells: pixels of the frame -> pixels of the frame in row ``key``.

    homography: (3,3), for coordinates from the picture's middle in units of its longer side; NaN where it is not known.
    """

    key: int
    homography: np.ndarray


@dataclass(frozen=True)
class _Key:
    row: int
    image: np.ndarray
    points: np.ndarray


_UNKNOWN = np.full((3, 3), np.nan)


class Background:
    """Takes frames in order; what it tells of one refers to a frame that it was given before, or to the same one."""

    def __init__(self) -> None:
        self._keys: list[_Key] = []
        self._last = np.eye(3)
        self._poses: dict[int, np.ndarray] = {}

    def step(self, row: int, image: np.ndarray, boxes: np.ndarray) -> Step:
        """row: number of the frame. image: (H,W,3) uint8 RGB. boxes: (N,4) of the people in it, pixels."""
        shrink = SIZE / max(image.shape[:2])
        size = (max(1, round(image.shape[1] * shrink)), max(1, round(image.shape[0] * shrink)))
        # Green is nearly all of the light, and a third of the pixels shrink in a third of the time.
        every = max(1, max(image.shape[:2]) // (3 * SIZE))
        small = cv2.resize(np.ascontiguousarray(image[::every, ::every, 1]), size, interpolation=cv2.INTER_AREA)
        free = _free(small.shape, np.asarray(boxes) * shrink)
        if not self._keys:
            self._remember(row, small, free, np.eye(3))
            return Step(row, np.eye(3))
        key = self._keys[-1]
        found = _match(key, small, free, self._last)
        if found is None or found[1] < _SEEN * len(key.points):
            found, key = self._another(small, free, found, key)
        if found is None:
            self._remember(row, small, free, self._poses[key.row] @ self._last)
            return Step(row, _UNKNOWN)
        self._last = found[0]
        if found[1] < _SEEN * len(key.points):
            self._remember(row, small, free, self._poses[key.row] @ found[0])
        return Step(key.row, _centred(found[0], small.shape))

    def _another(
        self, small: np.ndarray, free: np.ndarray, found: tuple[np.ndarray, int] | None, key: _Key
    ) -> tuple[tuple[np.ndarray, int] | None, _Key]:
        """The key that sees enough of this frame, if there is one, instead of the one in use; in use from now on."""
        here = self._poses[key.row] @ (self._last if found is None else found[0])
        for other in self._keys[-2::-1]:
            guess = np.linalg.inv(self._poses[other.row]) @ here
            again = _match(other, small, free, guess)
            if again is not None and again[1] >= 1.2 * _SEEN * len(other.points):
                self._keys.remove(other)
                self._keys.append(other)
                return again, other
        return found, key

    def _remember(self, row: int, small: np.ndarray, free: np.ndarray, pose: np.ndarray) -> None:
        points = cv2.goodFeaturesToTrack(small, POINTS, _QUALITY, _APART, mask=free)
        if self._keys and (points is None or len(points) < _LEAST_POINTS):
            return  # nothing to hold on to; perhaps the last key comes into view again
        points = np.zeros((0, 1, 2), np.float32) if points is None else points
        self._keys = [*self._keys[1 - _KEYS :], _Key(row, small, points.reshape(-1, 2))]
        self._poses = {key.row: self._poses.get(key.row, pose) for key in self._keys}
        self._last = np.eye(3)


def composed(steps: Sequence[Step], first: int = 0) -> np.ndarray:
    """(T,3,3): pixels of each frame -> pixels of the first, as in :class:`Step`; NaN where nothing is known.

    After a stretch in which nothing is known the camera is taken to be where it was before.
    """
    result = np.tile(np.eye(3), (len(steps), 1, 1))
    held, lost = np.eye(3), np.zeros(len(steps), bool)
    for row, step in enumerate(steps):
        lost[row] = not np.isfinite(step.homography).all()
        if not lost[row]:
            held = held if step.key - first == row else result[step.key - first] @ step.homography
        result[row] = held
    result[lost] = np.nan
    return result


def _match(key: _Key, small: np.ndarray, free: np.ndarray, guess: np.ndarray) -> tuple[np.ndarray, int] | None:
    """Pixels of the small picture -> pixels of the key, and how many corners say so. guess: about that."""
    if len(key.points) < _LEAST_POINTS:
        return None
    expected = cv2.perspectiveTransform(key.points[None], np.linalg.inv(guess)).astype(np.float32)[0]
    height, width = small.shape
    near = ((expected > -0.1 * SIZE) & (expected < [width + 0.1 * SIZE, height + 0.1 * SIZE])).all(axis=1)
    if near.sum() < _LEAST_POINTS:
        return None
    was = key.points[near]
    now, status, _ = cv2.calcOpticalFlowPyrLK(
        key.image,
        small,
        was,
        expected[near].copy(),
        winSize=_WINDOW,
        maxLevel=_LEVELS,
        flags=cv2.OPTFLOW_USE_INITIAL_FLOW,
    )
    inside = np.clip(np.round(np.nan_to_num(now)).astype(int), 0, [width - 1, height - 1])
    good = (status[:, 0] > 0) & (now >= 0).all(axis=1) & (now < [width, height]).all(axis=1)
    good &= free[inside[:, 1], inside[:, 0]] > 0
    if good.sum() < _LEAST_POINTS:
        return None
    homography, agreeing = cv2.findHomography(now[good], was[good], cv2.RANSAC, _BESIDE_PX, maxIters=300)
    if homography is None or agreeing.sum() < max(_LEAST_POINTS, _AGREE * good.sum()):
        return None
    corners = np.array([[[0, 0], [width, 0], [width, height], [0, height]]], np.float32)
    if cv2.contourArea(cv2.perspectiveTransform(corners, homography)[0], oriented=True) < 0.2 * width * height:
        return None  # mirrored, or shrunk as no camera does
    return homography, int(agreeing.sum())


def _centred(homography: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """A homography of the small picture's pixels in the coordinates of :class:`Step`, of determinant 1."""
    pixels = np.array([[SIZE, 0, shape[1] / 2], [0, SIZE, shape[0] / 2], [0, 0, 1]])
    result = np.linalg.inv(pixels) @ homography @ pixels
    return result / np.cbrt(np.linalg.det(result))


def _free(shape: tuple[int, ...], boxes: np.ndarray) -> np.ndarray:
    """(h,w) uint8: 255 where nobody is."""
    mask = np.full(shape, 255, np.uint8)
    for x0, y0, x1, y1 in boxes[np.isfinite(boxes).all(axis=-1)] if len(boxes) else ():
        wide, high = _MARGIN * (x1 - x0), _MARGIN * (y1 - y0)
        low, end = np.maximum([x0 - wide, y0 - high], 0).astype(int), np.ceil([x1 + wide, y1 + high]).astype(int)
        mask[low[1] : max(end[1], 0), low[0] : max(end[0], 0)] = 0
    return mask
