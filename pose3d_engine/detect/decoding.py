"""From the outputs of pose networks to pixels: SimCC, heat maps, YOLOX's boxes.

The conventions are those of MMPose and MMDetection, whose exported networks (rtmlib's among them) are read here.
"""

from __future__ import annotations

import cv2
import numpy as np

MEAN = np.array([123.675, 116.28, 103.53], np.float32)
STD = np.array([58.395, 57.12, 57.375], np.float32)
"""Of red, green and blue pixels, 0 to 255, in the training of pose networks (ImageNet's)."""

_PADDING, _GREY = 1.25, 114
"""As in training: a crop is this many times larger than the person's box, and the colour of YOLOX's letterboxes."""

_MAX_OVERLAP = 0.45
"""Intersection over union with a better box at most."""

YOLOX_STRIDES = (8, 16, 32)
"""Pixels from cell to cell of YOLOX's three grids."""


def crop(image: np.ndarray, box: np.ndarray, size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """The surroundings of a box (4,) x0, y0, x1, y1 as a picture (h,w,3) of ``size`` (width, height) for a network.

    Returns:
        The crop, and the matrix (2,3) from its pixels to those of ``image``.
    """
    width, height = size
    extent = np.maximum(box[2:] - box[:2], 1.0) * _PADDING
    scale = max(extent[0] / width, extent[1] / height)
    middle = (box[:2] + box[2:]) / 2
    back = np.array([[scale, 0, middle[0] - scale * width / 2], [0, scale, middle[1] - scale * height / 2]])
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return cv2.warpAffine(image, back, size, flags=flags), back


def letterboxed(image: np.ndarray, size: tuple[int, int]) -> tuple[np.ndarray, float]:
    """The picture (H,W,3) in the upper left of one of ``size`` (width, height), and the factor of its scaling."""
    ratio = min(size[0] / image.shape[1], size[1] / image.shape[0])
    shape = max(1, int(image.shape[1] * ratio)), max(1, int(image.shape[0] * ratio))
    result = np.full((size[1], size[0], 3), _GREY, np.uint8)
    result[: shape[1], : shape[0]] = cv2.resize(image, shape, interpolation=cv2.INTER_LINEAR)
    return result, ratio


def simcc(x: np.ndarray, y: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Keypoints (K,3) float32, pixels of the crop and score 0..1, from SimCC (Li et al., ECCV 2022).

    From scores (K,W) of the bins of each axis, and the crop's width and height.
    """
    places = np.stack([x.argmax(axis=-1) * size[0] / x.shape[-1], y.argmax(axis=-1) * size[1] / y.shape[-1]], axis=-1)
    scores = np.clip((x.max(axis=-1) + y.max(axis=-1)) / 2, 0, 1)
    return np.column_stack([places, scores]).astype(np.float32)


def heat_maps(maps: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Keypoints (K,3) float32, pixels of the crop and score 0..1, from heat maps (K,h,w).

    The maximum, refined by a parabola through the logarithms of its neighbours. Exact for a Gaussian (DARK, Zhang et
    al., CVPR 2020, without the mixed derivative). ``size``: width and height of the crop.
    """
    count, height, width = maps.shape
    rows, columns = np.divmod(maps.reshape(count, -1).argmax(axis=1), width)
    points = np.arange(count)

    def refined(at: np.ndarray, length: int, value_at: dict[int, np.ndarray]) -> np.ndarray:
        low, mid, high = (np.log(np.maximum(value_at[step], 1e-10)) for step in (-1, 0, 1))
        curvature = low - 2 * mid + high
        inside = (at > 0) & (at < length - 1) & (curvature < -1e-10)
        shift = np.where(inside, (low - high) / np.where(inside, 2 * curvature, 1.0), 0.0)
        return np.asarray(at + np.clip(shift, -0.5, 0.5))

    across = {step: maps[points, rows, np.clip(columns + step, 0, width - 1)] for step in (-1, 0, 1)}
    down = {step: maps[points, np.clip(rows + step, 0, height - 1), columns] for step in (-1, 0, 1)}
    x = refined(columns, width, across) * size[0] / width
    y = refined(rows, height, down) * size[1] / height
    return np.column_stack([x, y, np.clip(across[0], 0, 1)]).astype(np.float32)


def yolox(raw: np.ndarray, size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Boxes (A,4) of people, x0, y0, x1, y1 pixels of the input, and scores (A,), from YOLOX (Ge et al., arXiv 2021).

    ``raw``: (A,5+C) offset and size in cells of the grid, objectness, and a score for each class, people first.
    """
    cells, strides = [], []
    for stride in YOLOX_STRIDES:
        columns, rows = np.meshgrid(np.arange(size[0] // stride), np.arange(size[1] // stride))
        cells.append(np.stack([columns, rows], axis=-1).reshape(-1, 2))
        strides.append(np.full((columns.size, 1), stride))
    stride = np.concatenate(strides)
    middle = (raw[:, :2] + np.concatenate(cells)) * stride
    half = np.exp(np.minimum(raw[:, 2:4], 20.0)) * stride / 2
    return np.concatenate([middle - half, middle + half], axis=1), raw[:, 4] * raw[:, 5]


def non_maximum_suppression(boxes: np.ndarray, scores: np.ndarray, min_score: float) -> np.ndarray:
    """Rows of the boxes (N,4) of some score that are no second detection of the same person, the best first."""
    order = [int(row) for row in np.argsort(-scores, kind="stable") if scores[row] >= min_score]
    areas = np.prod(np.maximum(boxes[:, 2:] - boxes[:, :2], 0), axis=1)
    kept: list[int] = []
    for row in order:
        inside = np.minimum(boxes[row, 2:], boxes[kept, 2:]) - np.maximum(boxes[row, :2], boxes[kept, :2])
        common = np.prod(np.maximum(inside, 0), axis=1)
        if not (common > _MAX_OVERLAP * (areas[row] + areas[kept] - common)).any():
            kept.append(row)
    return np.array(kept, int)
