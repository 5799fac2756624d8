"""Pose networks as ONNX files: YOLOX with RTMPose, HRNet or ViTPose, and RTMO, on onnxruntime.

What rtmlib does with the same files, without rtmlib: it brings a second OpenCV over the one that is there, prints to
stdout, and does not know DirectML.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from .. import extras, weights
from ..contract.errors import UserError
from ..contract.keypoint_orders import COCO_STYLE, layout_of_length
from ..contract.skeletons import Layout
from ..detect.base import FrameDetections
from . import decoding

_PROVIDERS = ("CUDAExecutionProvider", "DmlExecutionProvider", "CoreMLExecutionProvider", "CPUExecutionProvider")
"""Where networks run, the fastest first: NVIDIA, any card under Windows, Apple's, the processor."""

_LEAST_SCORE = 0.3
_LEAST_KEYPOINT = 0.05
"""Scores below which a box is nobody, and a keypoint was not seen."""


class OnnxDetector:
    """One network that finds people and one that finds their keypoints, or one that does both.

    networks: names in the register of weights. Extras: the network's own layout (N,K,3) under its name, pixels and
    score, where it has more than COCO-17. Raises UserError for packages or files that are missing or do not fit.
    """

    def __init__(self, name: str, networks: tuple[str, ...], max_people: int) -> None:
        self.name = name
        self._max_people = max_people
        loaded = [Network(weights.find(network)) for network in networks]
        self._people = loaded[0] if len(loaded) == 2 else None
        self._pose = loaded[-1]

    def detect(self, image: np.ndarray, time_s: float) -> FrameDetections:
        """See :class:`pose3d_engine.detect.base.Detector`."""
        if self._people is None:
            boxes, points = everybody(self._pose, image, self._max_people)
        else:
            boxes = people(self._people, image, self._max_people)
            points = keypoints(self._pose, image, boxes)
        return _detections(self._pose, image, boxes, points)

    def close(self) -> None:
        """See :class:`pose3d_engine.detect.base.Detector`."""
        del self._people, self._pose


class Network:
    """An ONNX file with one picture as input. Raises UserError if it cannot be loaded or is something else."""

    def __init__(self, path: Path) -> None:
        runtime = extras.require("onnxruntime", "rtmpose", "runs this detector")
        options = runtime.SessionOptions()
        options.log_severity_level = 3  # errors; it is talkative about what it optimises
        providers = [name for name in _PROVIDERS if name in runtime.get_available_providers()]
        self.path = path
        try:
            # The bytes and not the path: names may be in any script.
            self._session: Any = runtime.InferenceSession(path.read_bytes(), options, providers=providers)
        except Exception as error:
            reason = str(error).strip().partition("\n")[0]
            raise UserError(f"{path}: onnxruntime cannot load it ({reason}); get the file again") from error
        (first, *more) = self._session.get_inputs()
        shape = first.shape
        if more or len(shape) != 4 or shape[1] != 3 or not all(isinstance(length, int) for length in shape[2:]):
            raise UserError(f"{path}: takes {shape}, not one picture of a fixed size (1, 3, height, width)")
        self._input = first.name
        self.size: tuple[int, int] = (shape[3], shape[2])
        """Width and height of the picture that it takes."""

    def run(self, picture: np.ndarray) -> list[np.ndarray]:
        """Its outputs for one picture (height, width, 3). Raises UserError if it fails on it."""
        batch = np.ascontiguousarray(picture.transpose(2, 0, 1)[None], np.float32)
        try:
            return list(self._session.run(None, {self._input: batch}))
        except Exception as error:
            reason = str(error).strip().partition("\n")[0]
            raise UserError(f"{self.path}: the network failed ({reason}); choose another detector") from error

    def misfit(self, outputs: list[np.ndarray], wanted: str) -> UserError:
        """The error that its outputs, arrays of any shape, are not what such a network gives."""
        shapes = ", ".join(str(output.shape) for output in outputs)
        return UserError(f"{self.path}: gives {shapes}, not {wanted}; choose the detector that the file is for")


def people(network: Network, image: np.ndarray, most: int) -> np.ndarray:
    """(N,4) boxes, pixels, of the largest people that YOLOX sees, with or without suppression inside the network.

    image: (H,W,3) uint8 RGB. Raises UserError if the network gives something else.
    """
    picture, ratio = decoding.letterboxed(image, network.size)
    outputs = network.run(_bgr(picture))
    rows = outputs[0][0] if outputs[0].ndim == 3 else np.empty((0, 0))
    if rows.ndim == 2 and rows.shape[1] == 5:
        boxes, scores = rows[:, :4], rows[:, 4]
        if len(outputs) > 1:  # the class of each; people are the first
            scores = np.where(outputs[1].reshape(-1) == 0, scores, 0.0)
    elif rows.ndim == 2 and rows.shape[1] > 5 and len(rows) == _cells(network.size):
        boxes, scores = decoding.yolox(rows, network.size)
    else:
        raise network.misfit(outputs, "boxes as YOLOX does")
    kept = decoding.distinct(boxes, scores, _LEAST_SCORE)
    return _largest(boxes[kept] / ratio, most)[0]


def keypoints(network: Network, image: np.ndarray, boxes: np.ndarray) -> np.ndarray:
    """(N,K,3) pixels and score of the people in boxes (N,4), from a network with SimCC rows or heat maps.

    image: (H,W,3) uint8 RGB. Raises UserError if the network gives something else.
    """
    found = []
    for box in boxes:
        picture, back = decoding.crop(image, box, network.size)
        outputs = network.run((picture - decoding.MEAN) / decoding.STD)
        if len(outputs) == 2 and outputs[0].ndim == outputs[1].ndim == 3:
            points = decoding.simcc(outputs[0][0], outputs[1][0], network.size)
        elif len(outputs) == 1 and outputs[0].ndim == 4:
            points = decoding.heat_maps(outputs[0][0], network.size)
        else:
            raise network.misfit(outputs, "rows of SimCC or heat maps")
        points[:, :2] = points[:, :2] @ back[:, :2].T + back[:, 2]
        found.append(points)
    return np.array(found, np.float32) if found else np.empty((0, 17, 3), np.float32)


def everybody(network: Network, image: np.ndarray, most: int) -> tuple[np.ndarray, np.ndarray]:
    """Boxes (N,4), pixels, and keypoints (N,K,3), pixels and score, of the largest people that RTMO sees.

    image: (H,W,3) uint8 RGB. Raises UserError if the network gives something else.
    """
    picture, ratio = decoding.letterboxed(image, network.size)
    outputs = network.run(_bgr(picture))
    if len(outputs) != 2 or outputs[0].shape[-1] != 5 or outputs[1].ndim != 4 or outputs[1].shape[-1] != 3:
        raise network.misfit(outputs, "boxes and keypoints as RTMO does")
    rows, points = outputs[0][0], outputs[1][0]
    kept = decoding.distinct(rows[:, :4], rows[:, 4], _LEAST_SCORE)
    boxes, order = _largest(rows[kept, :4] / ratio, most)
    found = points[kept][order].astype(np.float32)
    found[..., :2] /= ratio
    found[..., 2] = np.clip(found[..., 2], 0, 1)
    return boxes, found


def _detections(network: Network, image: np.ndarray, boxes: np.ndarray, points: np.ndarray) -> FrameDetections:
    layout = layout_of_length(points.shape[1], COCO_STYLE)
    if layout is None:
        raise UserError(f"{network.path}: gives {points.shape[1]} keypoints, a layout that is not known")
    points = points.copy()
    points[~np.isfinite(points).all(axis=-1) | (points[..., 2] < _LEAST_KEYPOINT)] = (np.nan, np.nan, 0.0)
    coco = np.array([layout.to_coco(person) for person in points], np.float32).reshape(-1, 17, 3)
    limits = np.tile(np.array([image.shape[1], image.shape[0]], np.float32), 2)
    # A person of whom nothing is seen is nobody.
    seen = np.isfinite(coco[..., 0]).any(axis=1)
    return FrameDetections(
        coco[seen], np.clip(boxes, 0, limits).astype(np.float32)[seen], _extras(layout, points[seen])
    )


def _extras(layout: Layout, points: np.ndarray) -> dict[str, np.ndarray]:
    # Nobody's points have no layout: rows of people have their extras from the frames in which somebody is.
    return {layout.name: points} if layout.exceeds_coco and len(points) else {}


def _largest(boxes: np.ndarray, most: int) -> tuple[np.ndarray, np.ndarray]:
    order = np.argsort(-np.prod(boxes[:, 2:] - boxes[:, :2], axis=1), kind="stable")[:most]
    return boxes[order].astype(np.float32), order


def _cells(size: tuple[int, int]) -> int:
    return sum((size[0] // stride) * (size[1] // stride) for stride in (8, 16, 32))


def _bgr(picture: np.ndarray) -> np.ndarray:
    """As MMDetection's YOLOX and RTMO were trained: blue first, 0 to 255."""
    return picture[..., ::-1]
