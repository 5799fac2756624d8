"""The orders in which other programs write their points, as data. Everything is converted by name.

Names are COCO's where COCO has the point. Sources: OpenPose's poseParameters.cpp (BODY_25, COCO, MPI), the Halpe
Full-Body and COCO-WholeBody data sets, AlphaPose's docs/output.md (MPII), PoseTrack 2018's order of LightTrack.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from .skeletons import COCO17

_DERIVED = {"neck", "hip", "thorax", "chest"}
"""What programs write as a mean of other points, or what says nothing beyond them."""


@dataclass(frozen=True)
class Layout:
    """The points of a person in the order of a file."""

    name: str
    points: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.points)

    @property
    def rich(self) -> bool:
        """Whether it has feet, hands or the like, which are worth keeping beside COCO-17."""
        return bool(set(self.points) - set(COCO17.joints) - _DERIVED)

    def to_coco(self, points: np.ndarray) -> np.ndarray:
        """(K,3) x, y, score in this order -> (17,3) COCO-17; NaN and 0 for what this layout does not have."""
        result = np.full((17, 3), np.nan)
        result[:, 2] = 0
        for row, name in enumerate(COCO17.joints):
            if name in self.points:
                result[row] = points[self.points.index(name)]
        return result


def _sides(text: str) -> tuple[str, ...]:
    """Names in short: ``L_hip R_hip nose`` -> left_hip, right_hip, nose."""
    long = {"L_": "left_", "R_": "right_"}
    return tuple(long.get(word[:2], word[:2]) + word[2:] for word in text.split())


def _numbered(name: str, count: int) -> tuple[str, ...]:
    return tuple(f"{name}_{number}" for number in range(count))


_HANDS = _numbered("left_hand", 21) + _numbered("right_hand", 21)
_HALPE_BODY = COCO17.joints + _sides(
    "head neck hip L_big_toe R_big_toe L_small_toe R_small_toe L_heel R_heel",
)

COCO = Layout("coco17", COCO17.joints)
HALPE26 = Layout("halpe26", _HALPE_BODY)
HALPE68 = Layout("halpe68", _HALPE_BODY + _HANDS)
HALPE136 = Layout("halpe136", _HALPE_BODY + _numbered("face", 68) + _HANDS)
WHOLEBODY133 = Layout(
    "coco_wholebody133",
    COCO17.joints
    + _sides("L_big_toe L_small_toe L_heel R_big_toe R_small_toe R_heel")
    + _numbered("face", 68)
    + _HANDS,
)
COCO18 = Layout(
    "coco18",
    _sides(
        "nose neck R_shoulder R_elbow R_wrist L_shoulder L_elbow L_wrist R_hip R_knee R_ankle L_hip L_knee L_ankle "
        "R_eye L_eye R_ear L_ear"
    ),
)
BODY25 = Layout(
    "body25",
    _sides(
        "nose neck R_shoulder R_elbow R_wrist L_shoulder L_elbow L_wrist hip R_hip R_knee R_ankle L_hip L_knee L_ankle "
        "R_eye L_eye R_ear L_ear L_big_toe L_small_toe L_heel R_big_toe R_small_toe R_heel"
    ),
)
OPENPOSE_MPI15 = Layout(
    "openpose_mpi15",
    _sides(
        "head neck R_shoulder R_elbow R_wrist L_shoulder L_elbow L_wrist R_hip R_knee R_ankle L_hip L_knee L_ankle "
        "chest"
    ),
)
MPII16 = Layout(
    "mpii16",
    _sides(
        "R_ankle R_knee R_hip L_hip L_knee L_ankle hip thorax neck head "
        "R_wrist R_elbow R_shoulder L_shoulder L_elbow L_wrist"
    ),
)
POSETRACK15 = Layout(
    "posetrack15",
    _sides(
        "R_ankle R_knee R_hip L_hip L_knee L_ankle R_wrist R_elbow R_shoulder L_shoulder L_elbow L_wrist neck nose head"
    ),
)

COCO_STYLE = (COCO, HALPE26, HALPE68, HALPE136, WHOLEBODY133, MPII16)
"""What AlphaPose, PoseFlow, MMPose and whoever writes COCO results can mean; told apart by the number of points."""

OPENPOSE_STYLE = (COCO18, BODY25, OPENPOSE_MPI15, COCO, HALPE26, HALPE68, HALPE136, WHOLEBODY133)
"""What a file in the manner of OpenPose can mean: its own models, and those of Sports2D and Pose2Sim."""

LIGHTTRACK_STYLE = (POSETRACK15, COCO)


def of_length(count: int, choices: Iterable[Layout]) -> Layout | None:
    """The layout with that many points, None if there is none."""
    return next((layout for layout in choices if len(layout) == count), None)
