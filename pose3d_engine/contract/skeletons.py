"""The registry of layouts: which points there are, in which order, and how they belong together.

Human3.6M-17 is the order of the joints that lifters give, COCO-17 that of the keypoints that they take; the others are
kept beside them. Rows are always looked up by name or by role, never written as numbers. The orders of further file
formats are in :mod:`.keypoint_orders`.

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

FACE = ("nose", "left_eye", "right_eye", "left_ear", "right_ear")
"""Roles of the points on the head that COCO-17 has, in its order."""

_OTHER_SIDE = {"left": "right", "right": "left", "L": "R", "R": "L"}

_ROLE_OF = {f"{side}_{tip}": f"{side}_toe" for side in ("left", "right") for tip in ("foot_index", "big_toe")}
"""Roles of points whose role is not their name."""

_DERIVED = {"neck", "hip", "thorax", "chest"}
"""Points that programs compute as the mean of others."""


@dataclass(frozen=True)
class Layout:
    """An ordered set of points of one person.

    Attributes:
        name: How files and extras call it.
        joints: Names of the points; row ``k`` of an array in this layout is ``joints[k]``.
    """

    name: str
    joints: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.joints)

    def index(self, joint: str) -> int:
        """The row of a joint by its name in this layout.

        Raises:
            ValueError: If this layout has no such joint.
        """
        return self.joints.index(joint)

    @cached_property
    def roles(self) -> dict[str, int]:
        """Role -> row. A role is the same word in every layout: ``left_heel``, ``left_toe``, ``nose``, ``hip``."""
        return {role_of(joint): row for row, joint in enumerate(self.joints)}

    def rows(self, *roles: str) -> list[int]:
        """The rows of some roles, in their order.

        Raises:
            KeyError: If this layout lacks one of them.
        """
        return [self.roles[role] for role in roles]

    @cached_property
    def mirror(self) -> np.ndarray:
        """(J,) int: the row of each joint's counterpart on the other side; its own in the middle of the body."""
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
        """One person's points in the order of COCO-17.

        Args:
            points: (K,3) pixels and score in this layout.

        Returns:
            (17,3) float64; NaN and score 0 for keypoints that this layout lacks.
        """
        result = np.full((len(COCO17), 3), np.nan)
        result[:, 2] = 0
        for row, name in enumerate(COCO17.joints):
            if name in self.joints:
                result[row] = points[self.joints.index(name)]
        return result


@dataclass(frozen=True)
class Skeleton(Layout):
    """A layout whose joints form trees.

    Attributes:
        parents: The row of each joint's parent, -1 for a root.
        lines: Pairs of joints to draw; empty where the bones themselves are drawn.
    """

    parents: tuple[int, ...]
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
        """The row of a joint and the rows of all its descendants, parents first.

        Raises:
            ValueError: If this skeleton has no such joint.
        """
        found = [self.index(joint)]
        for parent, child in self.bones:
            if parent in found:
                found.append(child)
        return tuple(found)


def side(joint: str) -> str:
    """``left`` or ``right``, whichever layout names the joint (``left_hip``, ``mouth_left``, ``LHip``); else empty."""
    for word in ("left", "right"):
        if joint.startswith(f"{word}_") or joint.endswith(f"_{word}"):
            return word
    # An upper-case letter before another one: the left of LHip, but not that of Left or Root.
    return {"L": "left", "R": "right"}.get(joint[:1], "") if joint[1:2].isupper() else ""


def role_of(joint: str) -> str:
    """The role of a joint: ``LHip`` and ``left_hip`` are both ``left_hip``, ``left_big_toe`` is ``left_toe``."""
    if joint[1:2].isupper() and side(joint):
        return f"{side(joint)}_{joint[1:].lower()}"
    return _ROLE_OF.get(joint, joint.lower())


def _counterpart(joint: str) -> str:
    """The name of the same joint on the other side."""
    if joint.startswith("face_"):
        number = int(joint.removeprefix("face_"))
        return f"face_{_FACE_MIRROR.get(number, number)}"
    if not side(joint):
        return joint
    if joint[1:2].isupper():
        return _OTHER_SIDE[joint[0]] + joint[1:]
    return "_".join(_OTHER_SIDE.get(word, word) for word in joint.split("_"))


_FACE_MIRROR = {
    number: total - number
    for first, last, total in (
        (0, 16, 16),  # jaw
        (17, 26, 43),  # brows
        (31, 35, 66),  # nostrils
        (36, 39, 81),  # corners and upper lid of an eye
        (42, 45, 81),
        (40, 41, 87),  # lower lids
        (46, 47, 87),
        (48, 54, 102),  # lips
        (55, 59, 114),
        (60, 64, 124),
        (65, 67, 132),
    )
    for number in range(first, last + 1)
}
"""The counterpart of each of the 68 points of a face (iBUG 300-W, Sagonas et al., 2013) beside the bridge of the
nose."""


def _sided(*names: str) -> tuple[str, ...]:
    """Each name with its left before its right: ``eye`` -> ``left_eye``, ``right_eye``."""
    return tuple(f"{side}_{name}" for name in names for side in ("left", "right"))


def _numbered(name: str, count: int) -> tuple[str, ...]:
    return tuple(f"{name}_{number}" for number in range(count))


def _fingers(hand: str) -> tuple[tuple[str, str], ...]:
    """(parent, child) of the 21 points of a hand: the wrist, then four points a finger from the thumb on."""
    return tuple(
        (f"{hand}_{0 if number % 4 == 1 else number - 1}", f"{hand}_{number}") for number in range(1, HAND_POINTS)
    )


FACE_POINTS, HAND_POINTS = 68, 21

_PARENT_OF = {
    **dict.fromkeys(_sided("eye_inner", "eye", "eye_outer", "shoulder"), "nose"),
    **dict.fromkeys(("mouth_left", "mouth_right", "head", "neck", *_numbered("face", FACE_POINTS)), "nose"),
    "hip": "neck",
    **{
        f"{side}_{child}": f"{side}_{parent}"
        for side in ("left", "right")
        for parent, children in {
            "eye": ("ear",),
            "shoulder": ("elbow", "hip"),
            "elbow": ("wrist",),
            "wrist": ("pinky", "index", "thumb", "hand_0"),
            "hip": ("knee",),
            "knee": ("ankle",),
            "ankle": ("heel", "foot_index", "big_toe", "small_toe"),
        }.items()
        for child in children
    },
    **{child: parent for hand in _sided("hand") for parent, child in _fingers(hand)},
}
"""Parents in the layouts that detectors give. The nose is their root: it is the one point that all of them have."""

_COCO_LINES = (
    ("left_shoulder", "right_shoulder"),
    ("left_hip", "right_hip"),
    ("left_shoulder", "left_hip"),
    ("right_shoulder", "right_hip"),
    ("left_shoulder", "left_elbow"),
    ("left_elbow", "left_wrist"),
    ("right_shoulder", "right_elbow"),
    ("right_elbow", "right_wrist"),
    ("left_hip", "left_knee"),
    ("left_knee", "left_ankle"),
    ("right_hip", "right_knee"),
    ("right_knee", "right_ankle"),
    ("nose", "left_ear"),
    ("nose", "right_ear"),
)

_EXTRA_LINES = (
    *(
        (f"{side}_{a}", f"{side}_{b}")
        for side in ("left", "right")
        for a, b in (("ankle", "heel"), ("wrist", "hand_0"))
    ),
    *(
        (f"{side}_{a}", f"{side}_{b}")
        for side in ("left", "right")
        for a in ("ankle", "heel")
        for b in ("foot_index", "big_toe")
    ),
    *((f"{side}_wrist", f"{side}_{finger}") for side in ("left", "right") for finger in ("pinky", "index", "thumb")),
    *(line for hand in _sided("hand") for line in _fingers(hand)),
)
"""Lines of feet and hands, in the layouts that have both ends."""


def _detected(name: str, joints: tuple[str, ...]) -> Skeleton:
    """A layout of a detector, whose names are COCO's where COCO has the point."""
    parents = tuple(joints.index(_PARENT_OF[joint]) if joint in _PARENT_OF else -1 for joint in joints)
    extra = tuple(line for line in _EXTRA_LINES if set(line) <= set(joints))
    return Skeleton(name, joints, parents, _COCO_LINES + extra)


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

COCO17 = _detected("coco17", (*FACE, *_sided("shoulder", "elbow", "wrist", "hip", "knee", "ankle")))

BLAZEPOSE33 = _detected(
    "blazepose33",
    (
        "nose",
        *(f"{side}_{part}" for side in ("left", "right") for part in ("eye_inner", "eye", "eye_outer")),
        *_sided("ear"),
        "mouth_left",
        "mouth_right",
        *_sided("shoulder", "elbow", "wrist", "pinky", "index", "thumb"),
        *_sided("hip", "knee", "ankle", "heel", "foot_index"),
    ),
)
"""The landmarks of BlazePose (MediaPipe), in the order of the extras ``blazepose33`` and ``blazepose33_world``."""

HALPE26 = _detected("halpe26", (*COCO17.joints, "head", "neck", "hip", *_sided("big_toe", "small_toe", "heel")))

WHOLEBODY133 = _detected(
    "coco_wholebody133",
    (
        *COCO17.joints,
        *(f"{side}_{part}" for side in ("left", "right") for part in ("big_toe", "small_toe", "heel")),
        *_numbered("face", FACE_POINTS),
        *_numbered("left_hand", HAND_POINTS),
        *_numbered("right_hand", HAND_POINTS),
    ),
)

LAYOUTS: dict[str, Skeleton] = {layout.name: layout for layout in (H36M17, COCO17, BLAZEPOSE33, HALPE26, WHOLEBODY133)}
"""By the name that extras in files have."""

H36M_TO_COCO: dict[str, str] = {
    H36M17.joints[H36M17.roles[keypoint]]: keypoint for keypoint in COCO17.joints if keypoint in H36M17.roles
}
"""The joints that both layouts have, and BlazePose under the same names. The others are derived: see
:func:`h36m_confidence`."""

H36M_ROWS = np.array([H36M17.index(joint) for joint in H36M_TO_COCO])
COCO_ROWS = np.array([COCO17.index(keypoint) for keypoint in H36M_TO_COCO.values()])
BLAZEPOSE_ROWS = np.array([BLAZEPOSE33.index(keypoint) for keypoint in H36M_TO_COCO.values()])
"""Rows of these joints, in the same order, in each of the three."""


def h36m_confidence(scores: np.ndarray) -> np.ndarray:
    """Confidence of the Human3.6M joints from the scores of COCO keypoints.

    A joint that COCO lacks is as certain as the least certain of the keypoints that it lies between.

    Args:
        scores: (..., 17) in the order of COCO-17, 0..1.

    Returns:
        (..., 17) float32 in the order of Human3.6M-17, 0..1.
    """
    scores = np.asarray(scores, np.float32)
    result = np.zeros_like(scores)
    result[..., H36M_ROWS] = scores[..., COCO_ROWS]

    def least(*keypoints: str) -> np.ndarray:
        return np.asarray(scores[..., COCO17.rows(*keypoints)].min(axis=-1))

    hips, shoulders = least("left_hip", "right_hip"), least("left_shoulder", "right_shoulder")
    result[..., H36M17.index("Hip")] = hips
    result[..., H36M17.index("Spine")] = np.minimum(hips, shoulders)
    result[..., H36M17.index("Thorax")] = shoulders
    result[..., H36M17.index("Neck/Nose")] = np.minimum(shoulders, least("nose"))
    result[..., H36M17.index("Head")] = least("nose")
    return result
