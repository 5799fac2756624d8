"""The orders in which other programs write their points, beside the layouts of :mod:`.skeletons`.

Names are COCO's where COCO has the point, so that everything is converted by name. Sources: OpenPose's
poseParameters.cpp (BODY_25, COCO, MPI), the Halpe Full-Body data set, AlphaPose's docs/output.md (MPII), PoseTrack
2018's order of LightTrack.
"""

from __future__ import annotations

from collections.abc import Iterable

from .skeletons import COCO17, FACE_POINTS, HALPE26, HAND_POINTS, WHOLEBODY133, Layout


def _names(text: str) -> tuple[str, ...]:
    """Joints from names in short: ``L_hip R_hip nose`` -> left_hip, right_hip, nose."""
    long = {"L_": "left_", "R_": "right_"}
    return tuple(long.get(word[:2], word[:2]) + word[2:] for word in text.split())


_HANDS = tuple(f"{side}_hand_{number}" for side in ("left", "right") for number in range(HAND_POINTS))
_FACE = tuple(f"face_{number}" for number in range(FACE_POINTS))

HALPE68 = Layout("halpe68", (*HALPE26.joints, *_HANDS))
HALPE136 = Layout("halpe136", (*HALPE26.joints, *_FACE, *_HANDS))
COCO18 = Layout(
    "coco18",
    _names(
        "nose neck R_shoulder R_elbow R_wrist L_shoulder L_elbow L_wrist R_hip R_knee R_ankle L_hip L_knee L_ankle "
        "R_eye L_eye R_ear L_ear"
    ),
)
BODY25 = Layout(
    "body25",
    _names(
        "nose neck R_shoulder R_elbow R_wrist L_shoulder L_elbow L_wrist hip R_hip R_knee R_ankle L_hip L_knee L_ankle "
        "R_eye L_eye R_ear L_ear L_big_toe L_small_toe L_heel R_big_toe R_small_toe R_heel"
    ),
)
OPENPOSE_MPI15 = Layout(
    "openpose_mpi15",
    _names(
        "head neck R_shoulder R_elbow R_wrist L_shoulder L_elbow L_wrist R_hip R_knee R_ankle L_hip L_knee L_ankle "
        "chest"
    ),
)
MPII16 = Layout(
    "mpii16",
    _names(
        "R_ankle R_knee R_hip L_hip L_knee L_ankle hip thorax neck head "
        "R_wrist R_elbow R_shoulder L_shoulder L_elbow L_wrist"
    ),
)
POSETRACK15 = Layout(
    "posetrack15",
    _names(
        "R_ankle R_knee R_hip L_hip L_knee L_ankle R_wrist R_elbow R_shoulder L_shoulder L_elbow L_wrist neck nose head"
    ),
)

COCO_STYLE: tuple[Layout, ...] = (COCO17, HALPE26, HALPE68, HALPE136, WHOLEBODY133, MPII16)
"""The layouts that AlphaPose, PoseFlow, MMPose and COCO results use; told apart by the number of points."""

OPENPOSE_STYLE: tuple[Layout, ...] = (COCO18, BODY25, OPENPOSE_MPI15, COCO17, HALPE26, HALPE68, HALPE136, WHOLEBODY133)
"""The layouts in folders of OpenPose's format: its own models, and those of Sports2D and Pose2Sim."""

LIGHTTRACK_STYLE: tuple[Layout, ...] = (POSETRACK15, COCO17)


def layout_of_length(count: int, choices: Iterable[Layout]) -> Layout | None:
    """The first layout of ``choices`` with that many points, None if there is none."""
    return next((layout for layout in choices if len(layout) == count), None)
