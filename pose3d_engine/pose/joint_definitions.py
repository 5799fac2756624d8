"""Where the joints of a motion file are: docs/technical-director/joints.md.

A joint of a limb is where a detector sees it on average, which is some millimetres off the anatomical centre of
rotation. So a pose fits the picture without a correction, whatever the detector.
"""

from __future__ import annotations

import numpy as np

from ..contract.skeletons import H36M17

OFFSETS: dict[str, tuple[float, float, float]] = {
    "Hip": (0.010, -0.001, -0.006),
    "Knee": (-0.001, -0.003, -0.002),
    "Ankle": (0.0, 0.005, 0.017),
    "Shoulder": (-0.005, 0.001, 0.024),
    "Elbow": (-0.007, 0.006, 0.015),
    "Wrist": (-0.009, 0.006, 0.004),
}
"""Offset of a limb's joint from the anatomical one: metres to the limb's own side, forwards and upwards in the axes of
the trunk, of a person of 1.70 m. The mean of MediaPipe full on 96 rendered clips (``pose3d render``), by least squares
over views; two halves of the clips agree within 8 mm, 3 in the mean."""


def body_axes(joints: np.ndarray) -> np.ndarray:
    """Returns axes (..., 3, 3), as columns left, back and up of the trunk, of Human3.6M-17 joints (..., 17, 3)."""
    hip, thorax, left_hip, right_hip = (
        joints[..., H36M17.index(name), :] for name in ("Hip", "Thorax", "LHip", "RHip")
    )
    up = _unit(thorax - hip)
    left = left_hip - right_hip
    left = _unit(left - (left * up).sum(axis=-1, keepdims=True) * up)
    return np.stack([left, np.cross(up, left), up], axis=-1)


def from_anatomical(joints: np.ndarray) -> np.ndarray:
    """Anatomical Human3.6M-17 joints (..., 17, 3), metres, of a person of 1.70 m -> those of a motion file."""
    axes, moved = body_axes(joints), joints.copy()
    shifts = {}
    for part, offset in OFFSETS.items():
        for side, sign in (("L", 1), ("R", -1)):
            shift = axes @ (np.array(offset) * (sign, -1, 1)).astype(joints.dtype)
            moved[..., H36M17.index(side + part), :] += shift
            shifts[side + part] = shift
    # The trunk follows its corners.
    hip, thorax = (shifts["L" + part] / 2 + shifts["R" + part] / 2 for part in ("Hip", "Shoulder"))
    for joint, shift in (("Hip", hip), ("Spine", (hip + thorax) / 2), ("Thorax", thorax)):
        moved[..., H36M17.index(joint), :] += shift
    return moved


def _unit(vectors: np.ndarray) -> np.ndarray:
    return np.asarray(vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-9))
