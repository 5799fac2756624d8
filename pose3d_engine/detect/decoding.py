"""What comes out of pose networks as arrays, made into pixels: SimCC, heat maps, YOLOX's boxes.

The conventions are those of MMPose and MMDetection, whose exported networks (rtmlib's among them) are read here.
"""

from __future__ import annotations

import cv2
import numpy as np

MEAN = np.array([123.675, 116.28, 103.53], np.float32)
STD = np.array([58.395, 57.12, 57.375], np.float32)
"""Of the red, green and blue pixels that pose networks were trained with (ImageNet's)."""

_PADDING = 1.25
"""A crop is this much larger than the person's box, as in training."""

_GREY = 114
_STRIDES = (8, 16, 32)


def crop(image: np.ndarray, box: np.ndarray, size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """The surroundings of a box (x0, y0, x1, y1) as a picture of ``size`` (width, height), and the matrix (2,3) that
    takes its pixels back to those of the whole picture."""
    width, height = size
    extent = np.maximum(box[2:] - box[:2], 1.0) * _PADDING
    scale = max(extent[0] / width, extent[1] / height)
    middle = (box[:2] + box[2:]) / 2
    back = np.array([[scale, 0, middle[0] - scale * width / 2], [0, scale, middle[1] - scale * height / 2]])
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return cv2.warpAffine(image, back, size, flags=flags), back


def letterboxed(image: np.ndarray, size: tuple[int, int]) -> tuple[np.ndarray, float]:
    """The picture in the upper left of one of ``size`` (width, height), and how much smaller it has become."""
    ratio = min(size[0] / image.shape[1], size[1] / image.shape[0])
    shape = max(1, int(image.shape[1] * ratio)), max(1, int(image.shape[0] * ratio))
    result = np.full((size[1], size[0], 3), _GREY, np.uint8)
    result[: shape[1], : shape[0]] = cv2.resize(image, shape, interpolation=cv2.INTER_LINEAR)
    return result, ratio


def simcc(x: np.ndarray, y: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """(K,3) pixels of the crop and score from a row of bins an axis, (K,Wx) and (K,Wy), Li et al. 2022."""
    places = np.stack([x.argmax(axis=-1) * size[0] / x.shape[-1], y.argmax(axis=-1) * size[1] / y.shape[-1]], axis=-1)
    scores = np.clip((x.max(axis=-1) + y.max(axis=-1)) / 2, 0, 1)
    return np.column_stack([places, scores]).astype(np.float32)


def heat_maps(maps: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """(K,3) pixels of the crop and score from heat maps (K,h,w).

    The highest place, refined by a parabola through the logarithms of its neighbours: exact for a Gaussian (DARK, Zhang
    et al. 2020, without the mixed derivative).
    """
    count, height, width = maps.shape
    peaks = maps.reshape(count, -1).argmax(axis=1)
    rows, columns = peaks // width, peaks % width
    points = np.arange(count)

    def refined(at: np.ndarray, length: int, value_at: dict[int, np.ndarray]) -> np.ndarray:
        low, mid, high = (np.log(np.maximum(value_at[step], 1e-10)) for step in (-1, 0, 1))
        bend = low - 2 * mid + high
        inside = (at > 0) & (at < length - 1) & (bend < -1e-10)
        shift = np.where(inside, (low - high) / np.where(inside, 2 * bend, 1.0), 0.0)
        return at + np.clip(shift, -0.5, 0.5)

    across = {step: maps[points, rows, np.clip(columns + step, 0, width - 1)] for step in (-1, 0, 1)}
    down = {step: maps[points, np.clip(rows + step, 0, height - 1), columns] for step in (-1, 0, 1)}
    return np.column_stack(
        [
            refined(columns, width, across) * size[0] / width,
            refined(rows, height, down) * size[1] / height,
            np.clip(across[0], 0, 1),
        ]
    ).astype(np.float32)


def yolox(raw: np.ndarray, size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Boxes (A,4) x0, y0, x1, y1 and scores (A,) of people from YOLOX's raw (A,5+C), for an input of ``size``.

    Each row is an offset and a size in cells of its grid, an objectness, and a score a class; people are the first.
    """
    cells, strides = [], []
    for stride in _STRIDES:
        columns, rows = np.meshgrid(np.arange(size[0] // stride), np.arange(size[1] // stride))
        cells.append(np.stack([columns, rows], axis=-1).reshape(-1, 2))
        strides.append(np.full((columns.size, 1), stride))
    stride = np.concatenate(strides)
    middle = (raw[:, :2] + np.concatenate(cells)) * stride
    half = np.exp(np.minimum(raw[:, 2:4], 20.0)) * stride / 2
    return np.concatenate([middle - half, middle + half], axis=1), raw[:, 4] * raw[:, 5]


def distinct(boxes: np.ndarray, scores: np.ndarray, least: float, overlap: float = 0.45) -> np.ndarray:
    """Rows of boxes (N,4) with such a score at least, the best first, without those that overlap a better one by more
    (non-maximum suppression; intersection over union)."""
    order = [int(row) for row in np.argsort(-scores, kind="stable") if scores[row] >= least]
    areas = np.prod(np.maximum(boxes[:, 2:] - boxes[:, :2], 0), axis=1)
    kept: list[int] = []
    for row in order:
        inside = np.minimum(boxes[row, 2:], boxes[kept, 2:]) - np.maximum(boxes[row, :2], boxes[kept, :2])
        common = np.prod(np.maximum(inside, 0), axis=1)
        if not (common > overlap * (areas[row] + areas[kept] - common)).any():
            kept.append(row)
    return np.array(kept, int)
