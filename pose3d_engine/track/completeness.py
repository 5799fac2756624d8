"""Whether a whole body is visible, or only a part of one: at the picture's edge, behind a table, in a mirror."""

from __future__ import annotations

import numpy as np

from ..contract.skeletons import COCO17

_PARTS = ("shoulder", "elbow", "wrist", "hip", "knee", "ankle")
_LIMBS = COCO17.rows(*(f"{side}_{part}" for side in ("left", "right") for part in _PARTS))

_MIN_SCORE, _MIN_JOINTS = 0.2, 10
"""Joints of twelve with this score at least: from the side, a complete body hides an elbow and a wrist."""


def complete(keypoints: np.ndarray) -> np.ndarray:
    """Whether a person is visible enough to be lifted: (..., 17, 3) COCO-17 pixels and score -> (...) bool."""
    limbs = keypoints[..., _LIMBS, :]
    visible = np.isfinite(limbs).all(axis=-1) & (limbs[..., 2] >= _MIN_SCORE)
    return np.asarray(visible.sum(axis=-1) >= _MIN_JOINTS)


def complete_share(keypoints: np.ndarray) -> float:
    """Share of a person's detections (T,17,3), COCO-17, that are complete; 0 if there is no detection."""
    detected = np.isfinite(keypoints).all(axis=-1).any(axis=-1)
    return float(complete(keypoints)[detected].mean()) if detected.any() else 0.0
