"""A generic person with this project's proportions, driven by the rotations of SMPL-like files.

SMPL, SMPL-H, SMPL-X (Loper et al., SIGGRAPH Asia 2015; Pavlakos et al., CVPR 2019) and SOMA store rotations relative to
the parent joint, from a T-pose that faces +z with y up. Their own rest joints belong to licensed body models, so the
rotations turn the bones of this figure instead. Directions differ from the body model's by what its bones at rest
differ from these: a few degrees, constant over the clip.
"""

from __future__ import annotations

import numpy as np
from scipy.spatial.transform import Rotation

from ...contract.errors import UserError
from ...contract.skeletons import H36M17
from .motion3d import Y_UP, array

JOINTS: dict[str, tuple[str, tuple[float, float, float]]] = {
    "pelvis": ("", (0, 0.09, 0.005)),
    "left_hip": ("pelvis", (0.083, 0, 0)),
    "right_hip": ("pelvis", (-0.083, 0, 0)),
    "spine1": ("pelvis", (0, 0.175, -0.02)),
    "left_knee": ("left_hip", (0.076, -0.4139, 0)),
    "right_knee": ("right_hip", (-0.076, -0.4139, 0)),
    "spine2": ("spine1", (0, 0.29, -0.02)),
    "left_ankle": ("left_knee", (0.064, -0.8353, -0.045)),
    "right_ankle": ("right_knee", (-0.064, -0.8353, -0.045)),
    "spine3": ("spine2", (0, 0.335, 0.0)),
    "left_foot": ("left_ankle", (0.087, -0.8933, 0.075)),
    "right_foot": ("right_ankle", (-0.087, -0.8933, 0.075)),
    "neck": ("spine3", (0, 0.50, -0.02)),
    "left_collar": ("spine3", (0.07, 0.44, -0.01)),
    "right_collar": ("spine3", (-0.07, 0.44, -0.01)),
    "head": ("neck", (0, 0.555, 0.005)),
    "left_shoulder": ("left_collar", (0.1706, 0.459, -0.02)),
    "right_shoulder": ("right_collar", (-0.1706, 0.459, -0.02)),
    "left_elbow": ("left_shoulder", (0.4338, 0.4458, -0.0478)),
    "right_elbow": ("right_shoulder", (-0.4338, 0.4458, -0.0478)),
    "left_wrist": ("left_elbow", (0.6706, 0.4543, -0.0488)),
    "right_wrist": ("right_elbow", (-0.6706, 0.4543, -0.0488)),
}
"""Joints 0 to 21 of SMPL: parent, and place in T-pose (x left, y up, z forward, metres from the middle of the hips) of
a person of 1.70 m. Bones are as long as those of ``solve.body``; bends are rounded from anthropometry."""

NAMES = tuple(JOINTS)
PARENTS = tuple(NAMES.index(parent) if parent else -1 for parent, _ in JOINTS.values())

_POINTS: dict[str, tuple[str, tuple[float, float, float]]] = {
    "Hip": ("pelvis", (0, 0, 0)),
    "Spine": ("spine1", (0, 0.2281, -0.02)),
    "Thorax": ("spine3", (0, 0.4711, -0.02)),
    "Neck/Nose": ("head", (0, 0.5711, 0.037)),
    "Head": ("head", (0, 0.6761, -0.001)),
    **{
        f"{side[0].upper()}{joint.capitalize()}": (f"{side}_{joint}", JOINTS[f"{side}_{joint}"][1])
        for side in ("left", "right")
        for joint in ("hip", "knee", "ankle", "shoulder", "elbow", "wrist")
    },
}
"""Human3.6M joint -> the joint that carries it, and its place in T-pose."""

_PARTS = {
    "head": "head",
    **{
        f"{side}_{part}": f"{side}_{joint}"
        for side in ("left", "right")
        for part, joint in (("hand", "wrist"), ("foot", "ankle"))
    },
}

HEIGHT = 1.70  #: Metres of the figure, sole to crown.

_SHAPE = {"female": (1.65, 0.072), "male": (1.78, -0.077), "neutral": (1.70, 0.07)}
"""Height of a body model's mean person, and metres for each unit of its first shape parameter: The Virtual Caliper's
regression (Pujades et al., TVCG 2019), solved for the height. For the neutral models the slope is taken over."""


def scale(betas: np.ndarray | None, gender: str = "neutral") -> float:
    """Size of a person relative to the figure by the first shape parameter of betas (..., N); 1 without them."""
    if betas is None or not betas.size:
        return 1.0
    mean, slope = _SHAPE.get(gender, _SHAPE["neutral"])
    return float(mean + slope * np.clip(np.median(betas[..., 0]), -4, 4)) / HEIGHT


def matrices(values: np.ndarray, count: int, where: str) -> np.ndarray:
    """Rotations (T,count,3,3) from axis-angles (T, 3 count or more) or matrices (T, count or more, 3, 3).

    Raises:
        UserError: One is not a rotation; ``where`` it is.
    """
    if values.ndim == 4:
        found = array(values[:, :count], (None, count, 3, 3), where)
        with np.errstate(over="ignore", invalid="ignore"):
            error = np.abs(found @ np.swapaxes(found, -1, -2) - np.eye(3)).max(initial=0.0)
        if not error < 0.05 or (np.linalg.det(found) < 0).any():
            raise UserError(f"{where} has matrices that are no rotations; write the file again")
        return found
    vectors = array(values.reshape(len(values), -1)[:, : 3 * count], (None, 3 * count), where)
    if np.abs(vectors).max(initial=0.0) > 100:
        raise UserError(f"{where} has angles of {np.abs(vectors).max():.3g} radians; write the file again")
    return Rotation.from_rotvec(vectors.reshape(-1, 3)).as_matrix().reshape(-1, count, 3, 3)


def pose(rotations: np.ndarray, pelvis: np.ndarray, size: float) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Poses the figure.

    Args:
        rotations: (T,22,3,3) relative to the parents, those of :data:`NAMES`; the first in the file's own axes.
        pelvis: (T,3) place of the pelvis joint in the file's axes, metres.
        size: Relative to HEIGHT.

    Returns:
        Joints (T,17,3) Human3.6M in the file's axes, and orientations (T,3,3) of head, hands and feet from the T-pose
        of a figure that faces -y, z up, to the file's axes.
    """
    rest = size * np.array([place for _, place in JOINTS.values()])
    turned, places = np.empty(rotations.shape), np.empty((*rotations.shape[:2], 3))
    for joint, parent in enumerate(PARENTS):
        if parent < 0:
            turned[:, joint], places[:, joint] = rotations[:, joint], pelvis
        else:
            turned[:, joint] = turned[:, parent] @ rotations[:, joint]
            places[:, joint] = places[:, parent] + turned[:, parent] @ (rest[joint] - rest[parent])
    joints = np.empty((len(rotations), 17, 3))
    for row, name in enumerate(H36M17.joints):
        carrier, place = _POINTS[name]
        joint = NAMES.index(carrier)
        joints[:, row] = places[:, joint] + turned[:, joint] @ (size * np.array(place) - rest[joint])
    return joints, {part: turned[:, NAMES.index(joint)] @ Y_UP.T for part, joint in _PARTS.items()}
