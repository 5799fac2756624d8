"""The protocol of detectors."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

import numpy as np


@dataclass
class FrameDetections:
    """What a detector reports of the N people in one frame.

    Attributes:
        keypoints: (N,17,3) float32, COCO-17 pixels and score 0..1; NaN and 0 where a keypoint is not visible.
        boxes: (N,4) float32, x0, y0, x1, y1 pixels.
        extras: Further arrays whose first axis is N (``blazepose33`` (N,33,3) pixels and score;
            ``blazepose33_world`` (N,33,3) metres, camera axes, hip-centred).
    """

    keypoints: np.ndarray
    boxes: np.ndarray
    extras: dict[str, np.ndarray] = field(default_factory=dict)


class Detector(Protocol):
    """Detects people in the frames of one video, given in order. Not for several videos: it may remember."""

    name: str

    def detect(self, image: np.ndarray, time_s: float) -> FrameDetections:
        """The people in a frame (H,W,3) uint8 RGB, contiguous, whose time must not decrease from call to call."""

    def close(self) -> None:
        """Frees the network. No call may follow."""
