"""What every lifter takes and gives."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from ...progress import Progress


@dataclass(frozen=True)
class Track2D:
    """One person through the clip, without gaps (a gap is filled before lifting; its scores are 0).

    keypoints: (T,17,3) float32, COCO-17 pixels and score. width, height: of the picture as displayed.
    fps: mean frames a second. focal_px: focal length in pixels.
    """

    keypoints: np.ndarray
    width: int
    height: int
    fps: float
    focal_px: float


class Lifter(Protocol):
    """A network that makes 3D from 2D, with the normalisation that its weights were trained with."""

    name: str
    checkpoint: Path
    receptive_field: int
    rate: float
    """Frames a second of the motion that the weights were trained on."""

    def lift(self, track: Track2D, tds: int, flip: bool, progress: Progress) -> np.ndarray:
        """(T,17,3) float32: Human3.6M-17, root-relative (Hip is 0), camera axes, metres up to one factor.

        tds: stride in frames at which the network samples its window; one output a frame nevertheless.
        flip: average with the mirrored input. The size of the person is set later, by the motion stages.
        """
        ...


def automatic_tds(fps: float, rate: float) -> int:
    """The stride whose effective rate ``fps / stride`` is nearest to ``rate`` in ratio; at least 1."""
    if fps <= 0:
        return 1
    below = max(1, int(fps / rate))
    return min((below, below + 1), key=lambda stride: abs(np.log(fps / stride / rate)))
