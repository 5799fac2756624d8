"""What a camera that pans or is held by hand does to the picture: an inter-frame homography for every frame.

Corners of a keyframe are tracked into each frame by optical flow (Lucas and Kanade, IJCAI 1981, in pyramids after
Bouguet, 2001), outside of the people's boxes, and a homography is fitted to them by RANSAC (Fischler and Bolles, CACM
1981). Each frame is compared with the keyframe itself and not with the frame before, so that errors do not add up while
the view stays.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import cv2
import numpy as np

np.linalg.inv(np.eye(3))
"""For the whole engine: OpenBLAS takes its memory with the first product, and where none is left it tries for ever.
Here a detector has not filled it yet."""

SIZE = 320
"""Pixels of the longer side of the grey picture in which corners are tracked."""

MAX_CORNERS, _MIN_CORNERS = 120, 16
"""Corners of a keyframe at most; corners that must be found again at least."""

_QUALITY, _CORNER_DISTANCE_PX = 0.01, 7
"""Arguments of the corner detector (Shi and Tomasi, CVPR 1994)."""

_FLOW: dict[str, Any] = {"winSize": (13, 13), "maxLevel": 3, "flags": cv2.OPTFLOW_USE_INITIAL_FLOW}
"""Arguments of the optical flow."""

_INLIER_PX = 1.0
"""Pixels of the small picture: a corner further from where the homography has it is no part of the background."""

_MIN_INLIERS, _MIN_VISIBLE = 0.5, 0.4
"""Share of the corners found again that must be inliers; share of a keyframe's corners, for it to stay the keyframe."""

_RETURN_MARGIN = 1.2
"""An earlier keyframe is used again only if it sees this many times more than _MIN_VISIBLE, so that two keyframes do
not take turns."""

_SEARCH_MARGIN_PX, _MIN_AREA = 0.1 * SIZE, 0.2
"""Beyond the picture: corners that are expected further away are not searched. Of the picture: a homography that
shrinks it to less is no movement of a camera."""

_MAX_KEYFRAMES = 12
"""Keyframes that are kept: a camera that comes back is compared with an earlier view."""

_BOX_MARGIN = 0.1
"""Around a person's box, of its size: hair and hands are beyond it."""


@dataclass(frozen=True)
class InterFrameHomography:
    """Where pixels of a frame lie in its keyframe, both from the picture's middle in units of its longer side."""

    keyframe: int  # the row of an earlier frame, or of the frame itself
    matrix: np.ndarray  # (3,3): pixels of the frame -> pixels of the keyframe; NaN where it is not known


@dataclass(frozen=True)
class _Keyframe:
    row: int
    image: np.ndarray  # the small grey picture, (h,w) uint8
    corners: np.ndarray  # (C,2) pixels


class _Match(NamedTuple):
    homography: np.ndarray  # pixels of a small picture -> pixels of a keyframe
    inliers: int

    def sees_enough_of(self, keyframe: _Keyframe, margin: float = 1.0) -> bool:
        """Whether enough of the keyframe's corners are in view."""
        return self.inliers >= margin * _MIN_VISIBLE * len(keyframe.corners)


class CameraMotionEstimator:
    """Takes the frames of a clip in order and gives the inter-frame homography of each."""

    def __init__(self) -> None:
        self._keyframes: list[_Keyframe] = []  # the one in use is the last
        self._last = np.eye(3)  # homography of the frame before to the keyframe in use
        self._to_first: dict[int, np.ndarray] = {}  # by row: pixels of each keyframe -> pixels of the first

    def estimate(self, row: int, image: np.ndarray, boxes: np.ndarray) -> InterFrameHomography:
        """The homography of the next frame to one that was given before, or to itself.

        Args:
            row: Number of the frame.
            image: (H,W,3) uint8 RGB.
            boxes: (N,4) x0, y0, x1, y1 of the people in it, pixels.
        """
        small, mask = _prepared(image, boxes)
        if not self._keyframes:
            self._add_keyframe(row, small, mask, np.eye(3))
            return InterFrameHomography(row, np.eye(3))
        keyframe = self._keyframes[-1]
        found = _match(keyframe, small, mask, self._last)
        if found is None or not found.sees_enough_of(keyframe):
            found, keyframe = self._other_keyframe(small, mask, found, keyframe)
        if found is None:
            self._add_keyframe(row, small, mask, self._to_first[keyframe.row] @ self._last)
            return InterFrameHomography(row, np.full((3, 3), np.nan))
        self._last = found.homography
        if not found.sees_enough_of(keyframe):
            self._add_keyframe(row, small, mask, self._to_first[keyframe.row] @ found.homography)
        return InterFrameHomography(keyframe.row, _centred(found.homography, small.shape))

    def _other_keyframe(
        self, small: np.ndarray, mask: np.ndarray, found: _Match | None, keyframe: _Keyframe
    ) -> tuple[_Match | None, _Keyframe]:
        """An earlier keyframe that shows enough of this frame, in use from now on; else the one in use."""
        to_first = self._to_first[keyframe.row] @ (self._last if found is None else found.homography)
        for other in self._keyframes[-2::-1]:
            guess = np.linalg.inv(self._to_first[other.row]) @ to_first
            match = _match(other, small, mask, guess)
            if match is not None and match.sees_enough_of(other, _RETURN_MARGIN):
                self._keyframes.remove(other)
                self._keyframes.append(other)
                return match, other
        return found, keyframe

    def _add_keyframe(self, row: int, small: np.ndarray, mask: np.ndarray, to_first: np.ndarray) -> None:
        corners = cv2.goodFeaturesToTrack(small, MAX_CORNERS, _QUALITY, _CORNER_DISTANCE_PX, mask=mask)
        if self._keyframes and (corners is None or len(corners) < _MIN_CORNERS):
            return  # nothing to track; perhaps the last keyframe comes into view again
        corners = np.zeros((0, 1, 2), np.float32) if corners is None else corners
        self._keyframes = [*self._keyframes[1 - _MAX_KEYFRAMES :], _Keyframe(row, small, corners.reshape(-1, 2))]
        self._to_first = {one.row: self._to_first.get(one.row, to_first) for one in self._keyframes}
        self._last = np.eye(3)


def homographies_to_first(steps: Sequence[InterFrameHomography], first_row: int = 0) -> np.ndarray:
    """The homography of every frame to the first, from those of frames from ``first_row`` on to their keyframes.

    (T,3,3), pixels of each frame -> pixels of the first, in the units of :class:`InterFrameHomography`; NaN where
    unknown. After an unknown stretch the camera is assumed to be where it was before.
    """
    result = np.tile(np.eye(3), (len(steps), 1, 1))
    last_known, unknown = np.eye(3), np.zeros(len(steps), bool)
    for row, step in enumerate(steps):
        unknown[row] = not np.isfinite(step.matrix).all()
        keyframe = step.keyframe - first_row
        if not unknown[row] and keyframe != row:
            last_known = result[keyframe] @ step.matrix
        result[row] = last_known
    result[unknown] = np.nan
    return result


def _prepared(image: np.ndarray, boxes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The small grey picture (h,w) uint8 of a frame, and its mask without people (h,w) uint8."""
    shrink = SIZE / max(image.shape[:2])
    size = (max(1, round(image.shape[1] * shrink)), max(1, round(image.shape[0] * shrink)))
    # Green is nearly all of the light, and a third of the pixels shrink in a third of the time.
    stride = max(1, max(image.shape[:2]) // (3 * SIZE))
    small = cv2.resize(np.ascontiguousarray(image[::stride, ::stride, 1]), size, interpolation=cv2.INTER_AREA)
    mask = np.full(small.shape, 255, np.uint8)
    for box in boxes[np.isfinite(boxes).all(axis=-1)] * shrink:
        margin = _BOX_MARGIN * (box[2:] - box[:2])
        low = np.maximum(box[:2] - margin, 0).astype(int)
        end = np.maximum(np.ceil(box[2:] + margin), 0).astype(int)
        mask[low[1] : end[1], low[0] : end[0]] = 0
    return small, mask


def _match(keyframe: _Keyframe, small: np.ndarray, mask: np.ndarray, guess: np.ndarray) -> _Match | None:
    """The homography of a small picture to a keyframe, near ``guess`` (3,3); None if there is none."""
    if len(keyframe.corners) < _MIN_CORNERS:
        return None
    expected = cv2.perspectiveTransform(keyframe.corners[None], np.linalg.inv(guess)).astype(np.float32)[0]
    height, width = small.shape
    beyond = np.array([width, height]) + _SEARCH_MARGIN_PX
    near = ((expected > -_SEARCH_MARGIN_PX) & (expected < beyond)).all(axis=1)
    if near.sum() < _MIN_CORNERS:
        return None
    was = keyframe.corners[near]
    now, status, _ = cv2.calcOpticalFlowPyrLK(keyframe.image, small, was, expected[near].copy(), **_FLOW)
    inside = np.clip(np.round(np.nan_to_num(now)).astype(int), 0, [width - 1, height - 1])
    good = (status[:, 0] > 0) & (now >= 0).all(axis=1) & (now < [width, height]).all(axis=1)
    good &= mask[inside[:, 1], inside[:, 0]] > 0
    if good.sum() < _MIN_CORNERS:
        return None
    homography, inliers = cv2.findHomography(now[good], was[good], cv2.RANSAC, _INLIER_PX, maxIters=300)
    if homography is None or inliers.sum() < max(_MIN_CORNERS, _MIN_INLIERS * good.sum()):
        return None
    outline = np.array([[[0, 0], [width, 0], [width, height], [0, height]]], np.float32)
    area = cv2.contourArea(cv2.perspectiveTransform(outline, homography)[0], oriented=True)
    # Negative where the picture is mirrored.
    return _Match(homography, int(inliers.sum())) if area >= _MIN_AREA * width * height else None


def _centred(homography: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """A homography of the small picture's pixels in the units of :class:`InterFrameHomography`, of determinant 1."""
    pixels = np.array([[SIZE, 0, shape[1] / 2], [0, SIZE, shape[0] / 2], [0, 0, 1]])
    result = np.linalg.inv(pixels) @ homography @ pixels
    return np.asarray(result / np.cbrt(np.linalg.det(result)))
