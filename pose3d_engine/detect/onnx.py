"""Pose networks as ONNX files: YOLOX with RTMPose, HRNet or ViTPose, and RTMO, on onnxruntime.

The same as rtmlib does with these files, without rtmlib, which installs a second OpenCV over the first, prints to
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
    COCO-17.

    Args:
        name: Of the detector.
        networks: One or two names in the register of weights.
        max_people: People in a frame at most, the largest.

    Raises:
        UserError: For packages or files that are missing or do not fit.
    """

    def __init__(self, name: str, networks: tuple[str, ...], max_people: int) -> None:
        self.name = name
        self._max_people = max_people
        loaded = [Network(weights.require(network)) for network in networks]
        self._box_network = loaded[0] if len(loaded) == 2 else None
        self._pose_network = loaded[-1]

    def detect(self, image: np.ndarray, time_s: float) -> FrameDetections:
        """See :class:`pose3d_engine.detect.base.Detector`."""
        if self._box_network is None:
            boxes, points = detect_poses(self._pose_network, image, self._max_people)
        else:
            boxes = detect_boxes(self._box_network, image, self._max_people)
            points = detect_keypoints(self._pose_network, image, boxes)
        return _detections(self._pose_network, image, boxes, points)

    def close(self) -> None:
        """See :class:`pose3d_engine.detect.base.Detector`."""
        del self._box_network, self._pose_network


class Network:
    """An ONNX file with one picture as input.

    Attributes:
        path: The file.
        size: Width and height of the picture that it takes.

    Raises:
        UserError: If the file cannot be loaded or has another input.
    """

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
            reason = str(error).strip().partition("\n")[0]
            raise UserError(f"{path}: onnxruntime cannot load it ({reason}); get the file again") from error
        (first, *more) = self._session.get_inputs()
        shape = first.shape
        if more or len(shape) != 4 or shape[1] != 3 or not all(isinstance(length, int) for length in shape[2:]):
            raise UserError(f"{path}: takes {shape}, not one picture of a fixed size (1, 3, height, width)")
        self._input = first.name
        self.size: tuple[int, int] = (shape[3], shape[2])

    def run(self, picture: np.ndarray) -> list[np.ndarray]:
        """The outputs for one picture (height, width, 3).

        Raises:
            UserError: If the network fails.
        """
        batch = np.ascontiguousarray(picture.transpose(2, 0, 1)[None], np.float32)
        try:
            return list(self._session.run(None, {self._input: batch}))
        except Exception as error:
            reason = str(error).strip().partition("\n")[0]
            raise UserError(f"{self.path}: the network failed ({reason}); choose another detector") from error

    def unexpected(self, outputs: list[np.ndarray], wanted: str) -> UserError:
        """The error that its outputs are of another kind than ``wanted``."""
        shapes = ", ".join(str(output.shape) for output in outputs)
        return UserError(f"{self.path}: gives {shapes}, not {wanted}; choose the detector that the file is for")


def detect_boxes(network: Network, image: np.ndarray, max_people: int) -> np.ndarray:
    """The boxes of the largest people that YOLOX detects, with or without suppression inside the network.

    Args:
        network: YOLOX.
        image: (H,W,3) uint8 RGB.
        max_people: Boxes at most.

    Returns:
        (N,4) float32 x0, y0, x1, y1 pixels.

    Raises:
        UserError: If the network's outputs are of another kind.
    """
    picture, ratio = decoding.letterboxed(image, network.size)
    outputs = network.run(_bgr(picture))
    rows = outputs[0][0] if outputs[0].ndim == 3 else np.empty((0, 0))
    if rows.ndim == 2 and rows.shape[1] == 5:
        boxes, scores = rows[:, :4], rows[:, 4]
        if len(outputs) > 1:  # the class of each; people are the first
            scores = np.where(outputs[1].reshape(-1) == 0, scores, 0.0)
    elif rows.ndim == 2 and rows.shape[1] > 5 and len(rows) == _cell_count(network.size):
        boxes, scores = decoding.yolox(rows, network.size)
    else:
        raise network.unexpected(outputs, "boxes as YOLOX does")
    kept = decoding.non_maximum_suppression(boxes, scores, _MIN_SCORE)
    return _largest(boxes[kept] / ratio, max_people)[0]


def detect_keypoints(network: Network, image: np.ndarray, boxes: np.ndarray) -> np.ndarray:
    """The keypoints of the people in some boxes.

    Args:
        network: One with SimCC rows or heat maps.
        image: (H,W,3) uint8 RGB.
        boxes: (N,4) x0, y0, x1, y1 pixels.

    Returns:
        (N,K,3) float32 pixels and score.

    Raises:
        UserError: If the network's outputs are of another kind.
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
    """The largest people that RTMO (Lu et al., CVPR 2024) detects.

    Args:
        network: RTMO.
        image: (H,W,3) uint8 RGB.
        max_people: People at most.

    Returns:
        Boxes (N,4) float32, pixels, and keypoints (N,K,3) float32, pixels and score.

    Raises:
        UserError: If the network's outputs are of another kind.
    """
    picture, ratio = decoding.letterboxed(image, network.size)
    outputs = network.run(_bgr(picture))
    if len(outputs) != 2 or outputs[0].shape[-1] != 5 or outputs[1].ndim != 4 or outputs[1].shape[-1] != 3:
        raise network.unexpected(outputs, "boxes and keypoints as RTMO does")
    rows, points = outputs[0][0], outputs[1][0]
    kept = decoding.non_maximum_suppression(rows[:, :4], rows[:, 4], _MIN_SCORE)
    boxes, order = _largest(rows[kept, :4] / ratio, max_people)
    found = points[kept][order].astype(np.float32)
    found[..., :2] /= ratio
    found[..., 2] = np.clip(found[..., 2], 0, 1)
    return boxes, found


def _detections(network: Network, image: np.ndarray, boxes: np.ndarray, points: np.ndarray) -> FrameDetections:
    layout = layout_of_length(points.shape[1], COCO_STYLE)
    if layout is None:
        raise UserError(f"{network.path}: gives {points.shape[1]} keypoints, a layout that is not known")
    points = points.copy()
    points[~np.isfinite(points).all(axis=-1) | (points[..., 2] < _MIN_KEYPOINT_SCORE)] = (np.nan, np.nan, 0.0)
    coco = np.array([layout.to_coco(person) for person in points], np.float32).reshape(-1, 17, 3)
    limits = np.tile(np.array([image.shape[1], image.shape[0]], np.float32), 2)
    # A detection without any visible keypoint is dropped.
    visible = np.isfinite(coco[..., 0]).any(axis=1)
    return FrameDetections(
        coco[visible], np.clip(boxes, 0, limits).astype(np.float32)[visible], _extras(layout, points[visible])
    )


def _extras(layout: Layout, points: np.ndarray) -> dict[str, np.ndarray]:
    # A frame without people has no extras: a network may then give arrays of another shape.
    return {layout.name: points} if layout.exceeds_coco and len(points) else {}


def _largest(boxes: np.ndarray, max_people: int) -> tuple[np.ndarray, np.ndarray]:
    order = np.argsort(-np.prod(boxes[:, 2:] - boxes[:, :2], axis=1), kind="stable")[:max_people]
    return boxes[order].astype(np.float32), order


def _cell_count(size: tuple[int, int]) -> int:
    return sum((size[0] // stride) * (size[1] // stride) for stride in decoding.YOLOX_STRIDES)


def _bgr(picture: np.ndarray) -> np.ndarray:
    """The picture as in the training of MMDetection's YOLOX and RTMO: blue first, 0 to 255."""
    return picture[..., ::-1]
