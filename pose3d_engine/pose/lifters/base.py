"""Input and output of every lifter."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from ...progress import Progress


@dataclass(frozen=True)
class Track2D:
    """One person through the clip, without gaps: gaps are interpolated before lifting, with scores of 0.

    Attributes:
        keypoints: (T,17,3) float32, COCO-17, pixels and score.
        width, height: Size of the picture as displayed, pixels.
        fps: Mean frames a second.
        focal_px: Focal length, pixels.
    """

    keypoints: np.ndarray
    width: int
    height: int
    fps: float
    focal_px: float


_HIP, _KNEE, _ANKLE = (0.011, 0.022), (0.026, 0.078), (0.040, 0.134)
_SHOULDER, _ELBOW, _WRIST = (0.028, 0.071), (0.036, 0.076), (0.038, 0.096)
_TRUNK = ((0.017, 0.030), (0.026, 0.061), (0.037, 0.070), (0.046, 0.092))
GENERIC_UNCERTAINTY = np.array(
    [(0, 0), *2 * (_HIP, _KNEE, _ANKLE), *_TRUNK, *2 * (_SHOULDER, _ELBOW, _WRIST)],
)
"""Uncertainty of a lifter that was not measured, as :class:`Lifter` has it: that of version 0.1's default, on 27 rendered
clips of people that it had not seen, by MediaPipe full."""


class Lifter(Protocol):
    """A network that estimates 3D from 2D, with the normalisation that its weights were trained with.

    Attributes:
        name: For messages and for the motion file.
        receptive_field: Frames that one output depends on.
        rate: Frames a second of the motion that the weights were trained on.
        uncertainty: (17,2) standard deviation of each joint relative to the Hip, metres of a body of 1.70 m: along each
            axis across the line of sight, and along it.
    """

    name: str
    checkpoint: Path
    receptive_field: int
    rate: float
    uncertainty: np.ndarray

    def lift(self, track: Track2D, tds: int, flip: bool, progress: Progress) -> np.ndarray:
        """Lifts every frame of a track.

        Args:
            track: One person in 2D.
            tds: Frame step: stride in frames at which the network samples its window.
            flip: Average with the result of the mirrored input.
            progress: Called with the stage "lift", the frames done and all frames.

        Returns:
            (T,17,3) float32, Human3.6M-17, root-relative (Hip is 0), camera axes, metres up to one factor.
        """


def automatic_tds(fps: float, rate: float) -> int:
    """Returns the frame step, at least 1, whose rate ``fps / step`` is nearest in ratio to the training's ``rate``."""
    if fps <= 0:
        return 1
    below = max(1, int(fps / rate))
    return min((below, below + 1), key=lambda stride: abs(np.log(fps / stride / rate)))
