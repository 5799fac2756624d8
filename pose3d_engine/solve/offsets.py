"""What a detector reports as a joint is not the skeleton's joint: where points of a body are reported."""

from __future__ import annotations

import numpy as np

from ..contract.skeletons import COCO_ROWS, H36M17, H36M_ROWS
from ..detect.calibration import Calibration
from .body import CANONICAL_HEIGHT
from .vectors import reject, unit

_LHIP, _RHIP, _THORAX = (H36M17.index(joint) for joint in ("LHip", "RHip", "Thorax"))


def trunk_axes(points: np.ndarray) -> np.ndarray:
    """(T,3,3) whose columns are left, back and up of the trunk of points (T,21,3)."""
    left = unit(points[:, _LHIP] - points[:, _RHIP])
    up = unit(reject(points[:, _THORAX] - points[:, 0], left))
    return np.stack([left, np.cross(up, left), up], axis=-1)


def reported(points: np.ndarray, found: Calibration) -> np.ndarray:
    """(T,21,3) where the detector reports points (T,21,3), camera axes, metres; the ends of soles are where they are."""
    coco = np.zeros((len(points), 17, 3))
    coco[:, COCO_ROWS] = points[:, H36M_ROWS]
    result = points.copy()
    result[:, H36M_ROWS] = found.expected(coco, trunk_axes(points), CANONICAL_HEIGHT)[:, COCO_ROWS]
    return result
