"""Whether a whole body is seen, or only a part of one at the picture's edge, behind a table, in a mirror."""

from __future__ import annotations

import numpy as np

from ..contract.skeletons import COCO17

_LIMBS = [COCO17.index(f"{side}_{part}") for side in ("left", "right") for part in ("shoulder", "elbow", "wrist")]
_LIMBS += [COCO17.index(f"{side}_{part}") for side in ("left", "right") for part in ("hip", "knee", "ankle")]

_LEAST_SCORE = 0.2
_LEAST_JOINTS = 10
"""Of twelve: from the side an elbow and a wrist hide behind the body of somebody who is all there."""


def complete(keypoints: np.ndarray) -> np.ndarray:
    """(..., 17, 3) COCO-17 pixels and score -> (...) bool: frames with enough of shoulders to ankles to lift."""
    limbs = keypoints[..., _LIMBS, :]
    sure = np.isfinite(limbs).all(axis=-1) & (limbs[..., 2] >= _LEAST_SCORE)
    return sure.sum(axis=-1) >= _LEAST_JOINTS


def complete_share(keypoints: np.ndarray) -> float:
    """Of the frames (T,17,3) in which the person is seen at all, the share with a complete one; 0 for nobody."""
    seen = np.isfinite(keypoints).all(axis=-1).any(axis=-1)
    return float(complete(keypoints)[seen].mean()) if seen.any() else 0.0
