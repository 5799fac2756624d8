"""The skeletons as data: names in order, bones, left/right pairs.

Human3.6M-17 is what lifters give; COCO-17 is what they take. Positions are always looked up by name.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np


@dataclass(frozen=True)
class Skeleton:
    """An ordered set of joints. ``parents`` is the index of each joint's parent, -1 for a root."""

    name: str
    joints: tuple[str, ...]
    parents: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.joints)

    def index(self, joint: str) -> int:
        """The row of a joint. Raises ValueError for a name that this skeleton does not have."""
        return self.joints.index(joint)

    @cached_property
    def bones(self) -> tuple[tuple[int, int], ...]:
        """(parent, child) for every joint that has a parent, parents first."""
        return tuple((parent, child) for child, parent in enumerate(self.parents) if parent >= 0)

    def below(self, joint: str) -> tuple[int, ...]:
        """The row of a joint, and those of all that hang on it, parents first. Raises ValueError as :meth:`index`."""
        found = [self.index(joint)]
        for parent, child in self.bones:
            if parent in found:
                found.append(child)
        return tuple(found)

    @cached_property
    def mirror(self) -> np.ndarray:
        """(J,) index of each joint's counterpart on the other side; itself in the middle."""
        return np.array([self.joints.index(_other_side(joint)) for joint in self.joints])


def side(joint: str) -> str:
    """``left`` or ``right``, whichever skeleton names the joint: ``left_hip`` or ``LHip``; empty in the middle."""
    if joint.startswith(("left_", "right_")):
        return joint.partition("_")[0]
    # An upper-case letter before another one: the left of LHip, but not that of Left or Root.
    return {"L": "left", "R": "right"}.get(joint[:1], "") if joint[1:2].isupper() else ""


def _other_side(joint: str) -> str:
    here = side(joint)
    there = {"left": "right", "right": "left"}.get(here, "")
    return there + joint.removeprefix(here) if joint.startswith(here) else there[0].upper() + joint[1:]


H36M17 = Skeleton(
    "h36m17",
    (
        "Hip",
        "RHip",
        "RKnee",
        "RAnkle",
        "LHip",
        "LKnee",
        "LAnkle",
        "Spine",
        "Thorax",
        "Neck/Nose",
        "Head",
        "LShoulder",
        "LElbow",
        "LWrist",
        "RShoulder",
        "RElbow",
        "RWrist",
    ),
    (-1, 0, 1, 2, 0, 4, 5, 0, 7, 8, 9, 8, 11, 12, 8, 14, 15),
)

COCO17 = Skeleton(
    "coco17",
    (
        "nose",
        "left_eye",
        "right_eye",
        "left_ear",
        "right_ear",
        "left_shoulder",
        "right_shoulder",
        "left_elbow",
        "right_elbow",
        "left_wrist",
        "right_wrist",
        "left_hip",
        "right_hip",
        "left_knee",
        "right_knee",
        "left_ankle",
        "right_ankle",
    ),
    (-1, 0, 0, 1, 2, 0, 0, 5, 6, 7, 8, 5, 6, 11, 12, 13, 14),
)

BLAZEPOSE33 = (
    "nose",
    "left_eye_inner",
    "left_eye",
    "left_eye_outer",
    "right_eye_inner",
    "right_eye",
    "right_eye_outer",
    "left_ear",
    "right_ear",
    "mouth_left",
    "mouth_right",
    "left_shoulder",
    "right_shoulder",
    "left_elbow",
    "right_elbow",
    "left_wrist",
    "right_wrist",
    "left_pinky",
    "right_pinky",
    "left_index",
    "right_index",
    "left_thumb",
    "right_thumb",
    "left_hip",
    "right_hip",
    "left_knee",
    "right_knee",
    "left_ankle",
    "right_ankle",
    "left_heel",
    "right_heel",
    "left_foot_index",
    "right_foot_index",
)
"""The landmarks of BlazePose (MediaPipe), in the order of the extras ``blazepose33`` and ``blazepose33_world``."""

H36M_TO_COCO: dict[str, str] = {
    "LShoulder": "left_shoulder",
    "RShoulder": "right_shoulder",
    "LElbow": "left_elbow",
    "RElbow": "right_elbow",
    "LWrist": "left_wrist",
    "RWrist": "right_wrist",
    "LHip": "left_hip",
    "RHip": "right_hip",
    "LKnee": "left_knee",
    "RKnee": "right_knee",
    "LAnkle": "left_ankle",
    "RAnkle": "right_ankle",
}
"""The joints that both layouts have, and BlazePose under the same names. The others are derived: see
:func:`h36m_confidence`."""

H36M_ROWS = np.array([H36M17.index(joint) for joint in H36M_TO_COCO])
COCO_ROWS = np.array([COCO17.index(keypoint) for keypoint in H36M_TO_COCO.values()])
BLAZEPOSE_ROWS = np.array([BLAZEPOSE33.index(keypoint) for keypoint in H36M_TO_COCO.values()])
"""Of the same joints, in the same order, in each of the three."""


def h36m_confidence(scores: np.ndarray) -> np.ndarray:
    """Confidence of the Human3.6M joints from COCO scores, (..., 17) -> (..., 17).

    A joint that COCO lacks is as certain as the least certain of the keypoints that it lies between.
    """
    scores = np.asarray(scores, np.float32)
    result = np.zeros_like(scores)
    result[..., H36M_ROWS] = scores[..., COCO_ROWS]

    def least(*keypoints: str) -> np.ndarray:
        return scores[..., [COCO17.index(keypoint) for keypoint in keypoints]].min(axis=-1)

    hips, shoulders = least("left_hip", "right_hip"), least("left_shoulder", "right_shoulder")
    result[..., H36M17.index("Hip")] = hips
    result[..., H36M17.index("Spine")] = np.minimum(hips, shoulders)
    result[..., H36M17.index("Thorax")] = shoulders
    result[..., H36M17.index("Neck/Nose")] = np.minimum(shoulders, least("nose"))
    result[..., H36M17.index("Head")] = least("nose")
    return result
