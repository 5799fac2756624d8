"""What every detector takes and gives."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

import numpy as np


@dataclass
class FrameDetections:
    """What a detector saw in one frame: N people.

    keypoints: (N,17,3) float32, COCO-17 pixels and score 0..1; NaN and 0 where a keypoint was not seen.
    boxes: (N,4) float32, x0, y0, x1, y1 pixels.
    extras: further arrays whose first axis is N (``blazepose33`` (N,33,3); ``blazepose33_world`` (N,33,3)
    metres, camera axes, hip-centred).
    """

    keypoints: np.ndarray
    boxes: np.ndarray
    extras: dict[str, np.ndarray] = field(default_factory=dict)


class Detector(Protocol):
    """Finds people in the frames of one video, given in order. Not for several videos: it may remember."""

    name: str

    def detect(self, image: np.ndarray, time_s: float) -> FrameDetections:
        """The people in one frame, possibly none.

        image: (height, width, 3) uint8 RGB, contiguous. time_s: seconds; must not decrease.
        """
        ...

    def close(self) -> None:
        """Frees the network. No call may follow."""
        ...
