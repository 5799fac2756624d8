"""Two opinions are better than one: the lifter's joints averaged with the detector's own 3D, where it has some.

A lifter sees movement over a second and no picture; a detector with 3D of its own sees the picture and no time. How
much that brings depends on the person: docs/benchmarks.md has the numbers, docs/decisions what was tried.
"""

from __future__ import annotations

import numpy as np

from ..contract.skeletons import BLAZEPOSE_ROWS, H36M17, H36M_ROWS, H36M_TO_COCO

_HIPS = [list(H36M_TO_COCO).index("LHip"), list(H36M_TO_COCO).index("RHip")]
"""Among the rows of BLAZEPOSE_ROWS."""

_SHOULDERS = [H36M17.index("LShoulder"), H36M17.index("RShoulder")]
_ABOVE = {"Spine": 0.5, "Thorax": 1.0, "Neck/Nose": 1.0, "Head": 1.0}
"""Joints that BlazePose lacks go along with the shoulders by this share."""

LIFTER = 2 / 3
"""Weight of the lifter, which errs less by itself; the detector has the rest. See docs/decisions."""


def fuse(joints: np.ndarray, blazepose: np.ndarray, view: np.ndarray) -> np.ndarray:
    """The weighted mean of the lifter's joints and the detector's, at the lifter's size.

    joints: (T,17,3) root-relative, camera axes. blazepose: (T,33,3) metres, hip-centred, in the axes of a camera that
    looks at the person (that is how it crops); NaN where nobody was seen: there the lifter stands alone.
    view: (T,3,3) rotations, camera axes to the axes of that camera.
    """
    landmarks = blazepose[:, BLAZEPOSE_ROWS].astype(np.float64)
    seen = np.isfinite(landmarks).all(axis=(1, 2))
    if not seen.any():
        return joints
    centre = landmarks[:, _HIPS].mean(axis=1, keepdims=True)
    other = np.matmul(landmarks - centre, view)
    mine = joints[:, H36M_ROWS].astype(np.float64)
    scale = np.linalg.norm(mine[seen], axis=-1).sum() / max(np.linalg.norm(other[seen], axis=-1).sum(), 1e-6)
    fused = joints.astype(np.float64).copy()
    before = fused[:, _SHOULDERS].mean(axis=1)
    fused[np.ix_(seen, H36M_ROWS)] = LIFTER * mine[seen] + (1 - LIFTER) * scale * other[seen]
    shift = fused[:, _SHOULDERS].mean(axis=1) - before
    for joint, share in _ABOVE.items():
        fused[:, H36M17.index(joint)] += share * shift
    return fused
