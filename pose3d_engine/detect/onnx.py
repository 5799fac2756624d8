"""Pose networks as ONNX files: YOLOX with RTMPose, HRNet or ViTPose, and RTMO, on onnxruntime.

Not through rtmlib, which installs a second OpenCV over the first, prints to stdout, and does not know DirectML.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from .. import extras, weights
from ..contract.errors import UserError, brief
from ..contract.keypoint_orders import COCO_STYLE, layout_of_length
from . import decoding
from .base import FrameDetections

_PROVIDERS = ("CUDAExecutionProvider", "DmlExecutionProvider", "CoreMLExecutionProvider", "CPUExecutionProvider")
"""Where networks run, the fastest first: NVIDIA's cards, any card under Windows, Apple's cards, the processor."""

_MIN_SCORE = 0.3
_MIN_KEYPOINT_SCORE = 0.05
"""Scores below which a box is no person, and a keypoint is not visible."""


class OnnxDetector:
    """One network that detects people and one that detects their keypoints, or one that does both.

    Extras of its detections: the network's own layout (N,K,3) under its name, pixels and score, where it has more than
    COCO-17. Raises UserError for packages or files that are missing or do not fit. ``networks``: one or two names in
    the register of weights.
    """

    def __init__(self, name: str, networks: tuple[str, ...], max_people: int) -> None:
        self.name, self._max_people = name, max_people
        self._networks = [Network(weights.require(network)) for network in networks]

    def detect(self, image: np.ndarray, time_s: float) -> FrameDetections:
        """See :class:`.Detector`."""
        if len(self._networks) == 1:
            boxes, points = detect_poses(self._networks[0], image, self._max_people)
        else:
            boxes = detect_boxes(self._networks[0], image, self._max_people)
            points = detect_keypoints(self._networks[1], image, boxes)
        return _detections(self._networks[-1], image, boxes, points)

    def close(self) -> None:
        """See :class:`.Detector`."""
        self._networks.clear()


class Network:
    """An ONNX file with one picture of ``size`` (width, height) as input. Raises UserError for any other file."""

    def __init__(self, path: Path) -> None:
        runtime = extras.require("onnxruntime", "rtmpose", "runs this detector")
        options = runtime.SessionOptions()
        options.log_severity_level = 3  # errors only
        providers = [name for name in _PROVIDERS if name in runtime.get_available_providers()]
        self.path = path
        try:
            # The bytes and not the path, which may be in any script.
            self._session: Any = runtime.InferenceSession(path.read_bytes(), options, providers=providers)
        except Exception as error:
            raise UserError(f"{path}: onnxruntime cannot load it ({brief(error)}); get the file again") from error
        (first, *more) = self._session.get_inputs()
        shape = first.shape
        if more or len(shape) != 4 or shape[1] != 3 or not all(isinstance(length, int) for length in shape[2:]):
            raise UserError(f"{path}: takes {shape}, not one picture of a fixed size (1, 3, height, width)")
        self._input = first.name
        self.size: tuple[int, int] = (shape[3], shape[2])

    def run(self, picture: np.ndarray) -> list[np.ndarray]:
        """The outputs for one picture (height, width, 3). Raises UserError if the network fails."""
        batch = np.ascontiguousarray(picture.transpose(2, 0, 1)[None], np.float32)
        try:
            return list(self._session.run(None, {self._input: batch}))
        except Exception as error:
            raise UserError(f"{self.path}: the network failed ({brief(error)}); choose another detector") from error

    def run_letterboxed(self, image: np.ndarray) -> tuple[list[np.ndarray], float]:
        """The outputs for a picture (H,W,3) RGB as in the training of YOLOX and RTMO, and the factor of its scaling."""
        picture, ratio = decoding.letterboxed(image, self.size)
        return self.run(picture[..., ::-1]), ratio  # blue first, 0 to 255

    def unexpected(self, outputs: list[np.ndarray], wanted: str) -> UserError:
        """The error that its outputs are of another kind than ``wanted``."""
        shapes = ", ".join(str(output.shape) for output in outputs)
        return UserError(f"{self.path}: gives {shapes}, not {wanted}; choose the detector that the file is for")


def detect_boxes(network: Network, image: np.ndarray, max_people: int) -> np.ndarray:
    """The boxes (N,4) float32, x0, y0, x1, y1, of the largest people in a picture (H,W,3) RGB that YOLOX detects.

    The suppression of second detections may be a part of the network. Raises UserError for other outputs.
    """
    outputs, ratio = network.run_letterboxed(image)
    rows = outputs[0][0] if outputs[0].ndim == 3 else np.empty((0, 0))
    width, height = network.size
    if rows.shape[1] == 5:
        boxes, scores = rows[:, :4], rows[:, 4]
        if len(outputs) > 1:  # the class of each; people are the first
            scores = np.where(outputs[1].reshape(-1) == 0, scores, 0.0)
    elif rows.shape[1] > 5 and len(rows) == sum(width // step * (height // step) for step in decoding.YOLOX_STRIDES):
        boxes, scores = decoding.yolox(rows, network.size)
    else:
        raise network.unexpected(outputs, "boxes as YOLOX does")
    return _largest(boxes, scores, ratio, max_people)[1]


def detect_keypoints(network: Network, image: np.ndarray, boxes: np.ndarray) -> np.ndarray:
    """The keypoints (N,K,3) float32, pixels and score, of the people in boxes (N,4) of a picture (H,W,3) RGB.

    From networks that give rows of SimCC or heat maps. Raises UserError for other outputs.
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
            raise network.unexpected(outputs, "rows of SimCC or heat maps")
        points[:, :2] = points[:, :2] @ back[:, :2].T + back[:, 2]
        found.append(points)
    return np.array(found, np.float32) if found else np.empty((0, 17, 3), np.float32)


def detect_poses(network: Network, image: np.ndarray, max_people: int) -> tuple[np.ndarray, np.ndarray]:
    """The largest people in a picture (H,W,3) RGB that RTMO (Lu et al., CVPR 2024) detects.

    Returns:
        Boxes (N,4) float32, pixels, and keypoints (N,K,3) float32, pixels and score.

    Raises:
        UserError: If the network's outputs are of another kind.
    """
    outputs, ratio = network.run_letterboxed(image)
    if len(outputs) != 2 or outputs[0].shape[-1] != 5 or outputs[1].ndim != 4 or outputs[1].shape[-1] != 3:
        raise network.unexpected(outputs, "boxes and keypoints as RTMO does")
    rows, boxes = _largest(outputs[0][0, :, :4], outputs[0][0, :, 4], ratio, max_people)
    found = outputs[1][0, rows].astype(np.float32)
    found[..., :2] /= ratio
    found[..., 2] = np.clip(found[..., 2], 0, 1)
    return boxes, found


def _detections(network: Network, image: np.ndarray, boxes: np.ndarray, points: np.ndarray) -> FrameDetections:
    layout = layout_of_length(points.shape[1], COCO_STYLE)
    if layout is None:
        raise UserError(f"{network.path}: gives {points.shape[1]} keypoints, a layout that is not known")
    points[~np.isfinite(points).all(axis=-1) | (points[..., 2] < _MIN_KEYPOINT_SCORE)] = (np.nan, np.nan, 0.0)
    coco = np.array([layout.to_coco(person) for person in points], np.float32).reshape(-1, 17, 3)
    # A detection without any visible keypoint is dropped.
    visible = np.isfinite(coco[..., 0]).any(axis=1)
    boxes = np.clip(boxes, 0, np.tile(np.array(image.shape[1::-1], np.float32), 2))
    # A frame without people has no extras: a network may then give arrays of another shape.
    own = {layout.name: points[visible]} if layout.exceeds_coco and visible.any() else {}
    return FrameDetections(coco[visible], boxes[visible], own)


def _largest(boxes: np.ndarray, scores: np.ndarray, ratio: float, max_people: int) -> tuple[np.ndarray, np.ndarray]:
    """The rows of the largest people, each once, and their boxes (N,4) float32 in the picture before its scaling."""
    kept = decoding.non_maximum_suppression(boxes, scores, _MIN_SCORE)
    boxes = boxes[kept] / ratio
    order = np.argsort(-np.prod(boxes[:, 2:] - boxes[:, :2], axis=1), kind="stable")[:max_people]
    return kept[order], boxes[order].astype(np.float32)
