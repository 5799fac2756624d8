"""Fusion of the lifter's pose with the detector's own 3D.

A lifter has a second of motion but no picture; a detector with own 3D has the picture but no time. The benefit depends
on the person: docs/benchmarks.md has the numbers.
"""

from __future__ import annotations

import numpy as np

from ..contract.skeletons import BLAZEPOSE_ROWS, H36M17, H36M_ROWS, H36M_TO_COCO

_HIPS = [list(H36M_TO_COCO).index(joint) for joint in ("LHip", "RHip")]  #: Among the rows of BLAZEPOSE_ROWS.
_SHOULDERS = [H36M17.index("LShoulder"), H36M17.index("RShoulder")]
_ABOVE = {
    "Spine": 0.5,
    "Thorax": 1.0,
    "Neck/Nose": 1.0,
    "Head": 1.0,
}  #: Of the shoulders' shift: BlazePose lacks these.
LIFTER = 2 / 3  #: Weight of the lifter, which errs less by itself; the detector has the rest. See docs/decisions.


def fuse(joints: np.ndarray, blazepose: np.ndarray, view: np.ndarray) -> np.ndarray:
    """Averages the lifter's joints and the detector's, at the lifter's size.

    Args:
        joints: (T,17,3) root-relative, camera axes, as the result.
        blazepose: (T,33,3) metres, hip-centred, in the axes of a camera that looks at the person (as the detector's
            crop does); frames with NaN keep the lifter's joints.
        view: (T,3,3) rotations, camera axes -> axes of that camera.
    """
    landmarks = blazepose[:, BLAZEPOSE_ROWS].astype(np.float64)
    detected = np.isfinite(landmarks).all(axis=(1, 2))
    if not detected.any():
        return joints
    theirs = np.matmul(landmarks - landmarks[:, _HIPS].mean(axis=1, keepdims=True), view)[detected]
    ours = joints[:, H36M_ROWS].astype(np.float64)[detected]
    scale = np.linalg.norm(ours, axis=-1).sum() / max(np.linalg.norm(theirs, axis=-1).sum(), 1e-6)
    fused = joints.astype(np.float64).copy()
    before = fused[:, _SHOULDERS].mean(axis=1)
    fused[np.ix_(detected, H36M_ROWS)] = LIFTER * ours + (1 - LIFTER) * scale * theirs
    shift = fused[:, _SHOULDERS].mean(axis=1) - before
    for joint, share in _ABOVE.items():
        fused[:, H36M17.index(joint)] += share * shift
    return fused
