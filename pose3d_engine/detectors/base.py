"""What every detector takes and gives."""

from __future__ import annotations

from typing import Protocol

import numpy as np

from ..data import FrameDetections


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
