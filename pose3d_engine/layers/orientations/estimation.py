"""How head, hands and feet are turned, from the points that BlazePose has on them."""

from __future__ import annotations

import numpy as np
from scipy.spatial.transform import Rotation, Slerp

from ...contract.skeletons import BLAZEPOSE33
from ...solve.smoothing import smooth

PARTS = ("head", "left_hand", "right_hand", "left_foot", "right_foot")
"""In the order of ``orientation_valid``; ``NAME_R`` is a part's array in the motion file."""


def _both(name: str) -> tuple[int, int]:
    """A landmark's rows, left before right."""
    return BLAZEPOSE33.index(f"left_{name}"), BLAZEPOSE33.index(f"right_{name}")


_NOSE, _EYES, _EARS = BLAZEPOSE33.index("nose"), _both("eye"), _both("ear")
_SHOULDERS, _HIPS = _both("shoulder"), _both("hip")
_WRISTS, _PINKIES, _INDICES = _both("wrist"), _both("pinky"), _both("index")
_ANKLES, _HEELS, _TOES = _both("ankle"), _both("heel"), _both("foot_index")

_CUTOFF_HZ = 4.0
"""Small parts jitter more than limbs do."""

_SEEN = 0.5
"""Score of its points (visibility) from which on a part counts as seen."""

_OWL = 100.0
"""Degrees from where the chest faces, from which on a face cannot be where it was seen: of a head from behind the
detector makes one that looks at the camera. A neck turns by 80."""


def orientations(
    blazepose: np.ndarray, scores: np.ndarray, to_world: np.ndarray, swapped: np.ndarray, fps: float
) -> tuple[dict[str, np.ndarray], np.ndarray] | None:
    """A rotation (T,3,3) float32 of each of PARTS by name, and (T,5) bool which were seen; None where none ever was.

    blazepose: (T,33,3) metres, NaN where nobody was seen. scores: (T,33) 0..1. to_world: (T,3,3) rotations from the
    axes of ``blazepose`` to world axes. swapped: (T,2) bool, where left and right arms, and legs, were taken for each
    other. Their names could be exchanged, their depth would still be wrong: these hands or feet count as not seen, and
    where both were taken wrong, the head does too. Nor is a head seen that faces where the chest's back is.

    A rotation turns the part of a figure in T-pose that faces -Y (left is +X, up +Z; palms down, soles flat) to where
    it is. Unseen frames are filled from those around; all are smoothed, with zero phase.
    """
    points = np.einsum("tij,tpj->tpi", to_world, blazepose.astype(np.float64))
    rotations, valid = {}, np.zeros((len(points), len(PARTS)), bool)
    for i, part in enumerate(PARTS):
        frame, used = _frame(points, part)
        if part == "head":
            wrong = swapped.all(axis=1) | _over_the_shoulder(points, -frame[..., 1])
        else:
            wrong = swapped[:, 0 if part.endswith("hand") else 1]
        valid[:, i] = np.isfinite(frame).all(axis=(1, 2)) & (scores[:, used].min(axis=1) >= _SEEN) & ~wrong
        if valid[:, i].any():
            rotations[f"{part}_R"] = _filled(frame, valid[:, i], fps).astype(np.float32)
        else:
            rotations[f"{part}_R"] = np.repeat(np.eye(3, dtype=np.float32)[None], len(points), axis=0)
    return (rotations, valid) if valid.any() else None


def _frame(points: np.ndarray, part: str) -> tuple[np.ndarray, list[int]]:
    """(T,3,3) whose columns are where the part's rest axes x (left), y (back) and z (up) point; its landmarks."""
    if part == "head":
        left = points[:, _EARS[0]] - points[:, _EARS[1]]
        # Eyes are a little over the ears, the tip of the nose as far below: between them lies straight ahead.
        face = points[:, [*_EYES, _NOSE, _NOSE]].mean(axis=1)
        ears = points[:, list(_EARS)].mean(axis=1)
        return _axes(x=left, y=ears - face), [_NOSE, *_EYES, *_EARS]
    side = 0 if part.startswith("left") else 1
    outwards = 1 - 2 * side
    if part.endswith("hand"):
        wrist, pinky, index = points[:, _WRISTS[side]], points[:, _PINKIES[side]], points[:, _INDICES[side]]
        fingers = (pinky + index) / 2 - wrist
        # In T-pose with the palms down the thumb's side is in front, so the little finger's is behind.
        return _axes(x=outwards * fingers, y=pinky - index), [_WRISTS[side], _PINKIES[side], _INDICES[side]]
    ankle, heel, toe = points[:, _ANKLES[side]], points[:, _HEELS[side]], points[:, _TOES[side]]
    along = toe - heel
    # The ankle is over the sole, so the three points span the foot's upright plane.
    return _axes(x=np.cross(-along, ankle - heel), y=-along), [_ANKLES[side], _HEELS[side], _TOES[side]]


def _over_the_shoulder(points: np.ndarray, face: np.ndarray) -> np.ndarray:
    """(T,) bool, where a face looks along ``face`` (T,3), further from where the chest faces than a neck turns."""
    left = points[:, _SHOULDERS[0]] - points[:, _SHOULDERS[1]]
    up = points[:, list(_SHOULDERS)].mean(axis=1) - points[:, list(_HIPS)].mean(axis=1)
    chest = _unit(np.cross(left, up))
    return (face * chest).sum(axis=-1) < np.cos(np.radians(_OWL))


def _axes(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Columns x, y, z, at right angles; y is kept where the two are not quite."""
    y = _unit(y)
    x = _unit(x - (x * y).sum(axis=-1, keepdims=True) * y)
    return np.stack([x, y, np.cross(x, y)], axis=-1)


def _filled(frames: np.ndarray, valid: np.ndarray, fps: float) -> np.ndarray:
    """Rotations of every row: between valid ones by slerp, before and after as the nearest; then smoothed."""
    rows = np.flatnonzero(valid)
    if len(rows) == 1:
        return np.repeat(frames[rows], len(frames), axis=0)
    between = Slerp(rows, Rotation.from_matrix(frames[rows]))(np.clip(np.arange(len(frames)), rows[0], rows[-1]))
    quaternions = between.as_quat()
    flips = np.cumsum(np.concatenate([[0], (quaternions[1:] * quaternions[:-1]).sum(axis=-1) < 0]))
    return Rotation.from_quat(smooth(quaternions * (1 - 2 * (flips % 2))[:, None], fps, _CUTOFF_HZ)).as_matrix()


def _unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-9)
