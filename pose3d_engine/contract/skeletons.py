"""The registry of layouts: which points there are, in which order, and how they belong together.

Human3.6M-17 is the order of the joints that lifters give, COCO-17 that of the keypoints that they take. Rows are always
looked up by name or by role. The orders of further file formats are in :mod:`.keypoint_orders`.

Sources: Human3.6M (Ionescu et al., TPAMI 2014), COCO (Lin et al., ECCV 2014), BlazePose (Bazarevsky et al., CVPR
workshops 2020), Halpe Full-Body (Fang et al., TPAMI 2022), COCO-WholeBody (Jin et al., ECCV 2020).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

Colour = tuple[int, int, int]

SIDE_COLOURS: dict[str, Colour] = {"left": (76, 169, 255), "right": (255, 122, 69), "": (235, 235, 240)}
"""RGB, 0 to 255, of the left side, the right side and the middle of the body, in every picture."""

_SIDES = ("left", "right")
_OTHER_SIDE = {"left": "right", "right": "left", "L": "R", "R": "L"}

_TOES = {f"{side}_{tip}": f"{side}_toe" for side in _SIDES for tip in ("foot_index", "big_toe")}

_DERIVED = {"neck", "hip", "thorax", "chest"}
"""Points that programs compute as the mean of others."""


@dataclass(frozen=True)
class Layout:
    """An ordered set of points of one person: row ``k`` of an array in this layout is ``joints[k]``."""

    name: str
    joints: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.joints)

    def index(self, joint: str) -> int:
        """The row of a joint by its name in this layout. Raises ValueError if there is none."""
        return self.joints.index(joint)

    @cached_property
    def roles(self) -> dict[str, int]:
        """Role -> row. A role is the same word in every layout: ``left_heel``, ``left_toe``, ``nose``, ``hip``."""
        return {role_of(joint): row for row, joint in enumerate(self.joints)}

    def rows(self, *roles: str) -> list[int]:
        """The rows of some roles, in their order. Raises KeyError if this layout lacks one of them."""
        return [self.roles[role] for role in roles]

    @cached_property
    def mirror(self) -> np.ndarray:
        """(J,) int: the row of each joint's counterpart on the other side; its own in the middle and in the face."""
        return np.array([self.joints.index(_counterpart(joint)) for joint in self.joints])

    @cached_property
    def colours(self) -> tuple[Colour, ...]:
        """RGB, 0 to 255, of each joint: that of its side."""
        return tuple(SIDE_COLOURS[side(joint)] for joint in self.joints)

    @property
    def exceeds_coco(self) -> bool:
        """Whether it has points (feet, hands, a face) that are worth keeping beside COCO-17."""
        return bool(set(self.joints) - set(COCO17.joints) - _DERIVED)

    def to_coco(self, points: np.ndarray) -> np.ndarray:
        """One person's (K,3) pixels and scores as (17,3) float64 of COCO-17; NaN and score 0 where it lacks a point."""
        result = np.full((len(COCO17), 3), np.nan)
        result[:, 2] = 0
        for row, name in enumerate(COCO17.joints):
            if name in self.joints:
                result[row] = points[self.joints.index(name)]
        return result


@dataclass(frozen=True)
class Skeleton(Layout):
    """A layout whose joints form a tree; ``lines`` to draw are pairs of joints, none where the bones are drawn."""

    parents: tuple[int, ...]  # rows, -1 for the root
    lines: tuple[tuple[str, str], ...] = ()

    @cached_property
    def bones(self) -> tuple[tuple[int, int], ...]:
        """(parent, child) rows for every joint that has a parent, parents first."""
        return tuple((parent, child) for child, parent in enumerate(self.parents) if parent >= 0)

    @cached_property
    def links(self) -> tuple[tuple[int, int], ...]:
        """Pairs of rows between which a line is drawn."""
        return tuple((self.index(a), self.index(b)) for a, b in self.lines) or self.bones

    def below(self, joint: str) -> tuple[int, ...]:
        """The rows of a joint and all its descendants, parents first. Raises ValueError if there is no such joint."""
        found = [self.index(joint)]
        for parent, child in self.bones:
            if parent in found:
                found.append(child)
        return tuple(found)


def side(joint: str) -> str:
    """``left`` or ``right``, whichever layout names the joint (``left_hip``, ``mouth_left``, ``LHip``); else empty."""
    for word in _SIDES:
        if joint.startswith(f"{word}_") or joint.endswith(f"_{word}"):
            return word
    # An upper-case letter before another one: the left of LHip, but not that of Left or Root.
    return {"L": "left", "R": "right"}.get(joint[:1], "") if joint[1:2].isupper() else ""


def role_of(joint: str) -> str:
    """The role of a joint: ``LHip`` and ``left_hip`` are both ``left_hip``, ``left_big_toe`` is ``left_toe``."""
    if joint[1:2].isupper() and side(joint):
        return f"{side(joint)}_{joint[1:].lower()}"
    return _TOES.get(joint, joint.lower())


def names(text: str) -> tuple[str, ...]:
    """Joints from names in short: ``L_hip R_hip nose`` -> left_hip, right_hip, nose."""
    long = {"L_": "left_", "R_": "right_"}
    return tuple(long.get(word[:2], word[:2]) + word[2:] for word in text.split())


def numbered(name: str, count: int) -> tuple[str, ...]:
    """``hand_0``, ``hand_1`` and so on."""
    return tuple(f"{name}_{number}" for number in range(count))


def _counterpart(joint: str) -> str:
    """The name of the same joint on the other side."""
    if not side(joint):
        return joint
    if joint[1:2].isupper():
        return _OTHER_SIDE[joint[0]] + joint[1:]
    return "_".join(_OTHER_SIDE.get(word, word) for word in joint.split("_"))


def _both_sides(text: str) -> tuple[tuple[str, str], ...]:
    """Pairs of joints from names in short, ``hip-knee ankle-heel``: those of the left side, then those of the right."""
    pairs = [pair.split("-") for pair in text.split()]
    return tuple((f"{side}_{a}", f"{side}_{b}") for side in _SIDES for a, b in pairs)


FACE = names("nose L_eye R_eye L_ear R_ear")
"""Roles of the points on the head that COCO-17 has, in its order."""

FACE_POINTS, HAND_POINTS = 68, 21

_FINGERS = _both_sides(" ".join(f"hand_{0 if n % 4 == 1 else n - 1}-hand_{n}" for n in range(1, HAND_POINTS)))
"""(parent, child) of the points of the hands: the wrist, then four points a finger from the thumb on."""

_LIMBS = _both_sides(
    "eye-ear shoulder-elbow shoulder-hip elbow-wrist wrist-pinky wrist-index wrist-thumb wrist-hand_0 "
    "hip-knee knee-ankle ankle-heel ankle-foot_index ankle-big_toe ankle-small_toe"
)

_BELOW_NOSE = "L_eye_inner R_eye_inner L_eye R_eye L_eye_outer R_eye_outer L_shoulder R_shoulder mouth_left mouth_right"

_PARENT_OF = {
    **dict.fromkeys((*names(f"{_BELOW_NOSE} head neck"), *numbered("face", FACE_POINTS)), "nose"),
    "hip": "neck",
    **{child: parent for parent, child in _LIMBS + _FINGERS},
}
"""Parents in the layouts that detectors give. The nose is their root: it is the one point that all of them have."""

_COCO_LINES = (
    ("left_shoulder", "right_shoulder"),
    ("left_hip", "right_hip"),
    *_both_sides("shoulder-hip shoulder-elbow elbow-wrist hip-knee knee-ankle"),
    ("nose", "left_ear"),
    ("nose", "right_ear"),
)

_EXTRA_LINES = _FINGERS + _both_sides(
    "ankle-heel ankle-foot_index ankle-big_toe heel-foot_index heel-big_toe wrist-hand_0 wrist-pinky wrist-index "
    "wrist-thumb"
)
"""Lines of feet and hands, in the layouts that have both ends."""


def _detected(name: str, joints: tuple[str, ...]) -> Skeleton:
    """A layout of a detector, whose names are COCO's where COCO has the point."""
    parents = tuple(joints.index(_PARENT_OF[joint]) if joint in _PARENT_OF else -1 for joint in joints)
    extra = tuple(line for line in _EXTRA_LINES if set(line) <= set(joints))
    return Skeleton(name, joints, parents, _COCO_LINES + extra)


_HUMAN36M = (
    "Hip RHip RKnee RAnkle LHip LKnee LAnkle Spine Thorax Neck/Nose Head "
    "LShoulder LElbow LWrist RShoulder RElbow RWrist"
)
H36M17 = Skeleton("h36m17", names(_HUMAN36M), (-1, 0, 1, 2, 0, 4, 5, 0, 7, 8, 9, 8, 11, 12, 8, 14, 15))

_ARMS, _LEGS = "L_shoulder R_shoulder L_elbow R_elbow L_wrist R_wrist", "L_hip R_hip L_knee R_knee L_ankle R_ankle"
COCO17 = _detected("coco17", (*FACE, *names(f"{_ARMS} {_LEGS}")))

_BLAZEPOSE_HEAD = "nose L_eye_inner L_eye L_eye_outer R_eye_inner R_eye R_eye_outer L_ear R_ear mouth_left mouth_right"
_BLAZEPOSE_HANDS = "L_pinky R_pinky L_index R_index L_thumb R_thumb"
_BLAZEPOSE_LEGS = f"{_LEGS} L_heel R_heel L_foot_index R_foot_index"
BLAZEPOSE33 = _detected("blazepose33", names(f"{_BLAZEPOSE_HEAD} {_ARMS} {_BLAZEPOSE_HANDS} {_BLAZEPOSE_LEGS}"))
"""The landmarks of BlazePose (MediaPipe), in the order of the extras ``blazepose33`` and ``blazepose33_world``."""

_HALPE_EXTRA = "head neck hip L_big_toe R_big_toe L_small_toe R_small_toe L_heel R_heel"
HALPE26 = _detected("halpe26", COCO17.joints + names(_HALPE_EXTRA))

_FEET = "L_big_toe L_small_toe L_heel R_big_toe R_small_toe R_heel"
HANDS = numbered("left_hand", HAND_POINTS) + numbered("right_hand", HAND_POINTS)
WHOLEBODY133 = _detected("coco_wholebody133", COCO17.joints + names(_FEET) + numbered("face", FACE_POINTS) + HANDS)

LAYOUTS: dict[str, Skeleton] = {layout.name: layout for layout in (H36M17, COCO17, BLAZEPOSE33, HALPE26, WHOLEBODY133)}
"""By the name that extras in files have."""

H36M_TO_COCO: dict[str, str] = {
    H36M17.joints[H36M17.roles[keypoint]]: keypoint for keypoint in COCO17.joints if keypoint in H36M17.roles
}
"""The joints that both layouts have, and BlazePose under the same names. :func:`h36m_confidence` derives the others."""

H36M_ROWS = np.array([H36M17.index(joint) for joint in H36M_TO_COCO])
COCO_ROWS = np.array([COCO17.index(keypoint) for keypoint in H36M_TO_COCO.values()])
BLAZEPOSE_ROWS = np.array([BLAZEPOSE33.index(keypoint) for keypoint in H36M_TO_COCO.values()])
"""Rows of these joints, in the same order, in each of the three."""


def h36m_confidence(scores: np.ndarray) -> np.ndarray:
    """(..., 17) float32: confidence, 0..1, of the Human3.6M joints from (..., 17) scores of the COCO keypoints.

    A joint that COCO lacks is as certain as the least certain of the keypoints that it lies between.
    """
    scores = np.asarray(scores, np.float32)
    result = np.zeros_like(scores)
    result[..., H36M_ROWS] = scores[..., COCO_ROWS]
    hips, shoulders = (
        scores[..., COCO17.rows(f"left_{part}", f"right_{part}")].min(-1) for part in ("hip", "shoulder")
    )
    nose = scores[..., COCO17.index("nose")]
    derived = (hips, np.minimum(hips, shoulders), shoulders, np.minimum(shoulders, nose), nose)
    for joint, confidence in zip(("Hip", "Spine", "Thorax", "Neck/Nose", "Head"), derived, strict=True):
        result[..., H36M17.index(joint)] = confidence
    return result
