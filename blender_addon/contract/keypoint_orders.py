"""The orders in which other programs write their points, beside the layouts of :mod:`.skeletons`.

Names are COCO's where COCO has the point, so that everything is converted by name. Sources: OpenPose's
poseParameters.cpp (BODY_25, COCO, MPI), the Halpe Full-Body data set, AlphaPose's docs/output.md (MPII), PoseTrack
2018's order of LightTrack.
"""

from __future__ import annotations

from collections.abc import Iterable

from .skeletons import COCO17, FACE_POINTS, HALPE26, HANDS, WHOLEBODY133, Layout, names, numbered

_ARMS = "R_shoulder R_elbow R_wrist L_shoulder L_elbow L_wrist"
_LEGS = "R_hip R_knee R_ankle L_hip L_knee L_ankle"
_FEET = "L_big_toe L_small_toe L_heel R_big_toe R_small_toe R_heel"
_EYES_AND_EARS = "R_eye L_eye R_ear L_ear"
_LEGS_INWARDS = "R_ankle R_knee R_hip L_hip L_knee L_ankle"
_ARMS_INWARDS = "R_wrist R_elbow R_shoulder L_shoulder L_elbow L_wrist"

HALPE68 = Layout("halpe68", HALPE26.joints + HANDS)
HALPE136 = Layout("halpe136", HALPE26.joints + numbered("face", FACE_POINTS) + HANDS)
COCO18 = Layout("coco18", names(f"nose neck {_ARMS} {_LEGS} {_EYES_AND_EARS}"))
BODY25 = Layout("body25", names(f"nose neck {_ARMS} hip {_LEGS} {_EYES_AND_EARS} {_FEET}"))
OPENPOSE_MPI15 = Layout("openpose_mpi15", names(f"head neck {_ARMS} {_LEGS} chest"))
MPII16 = Layout("mpii16", names(f"{_LEGS_INWARDS} hip thorax neck head {_ARMS_INWARDS}"))
POSETRACK15 = Layout("posetrack15", names(f"{_LEGS_INWARDS} {_ARMS_INWARDS} neck nose head"))

COCO_STYLE: tuple[Layout, ...] = (COCO17, HALPE26, HALPE68, HALPE136, WHOLEBODY133, MPII16)
"""The layouts that AlphaPose, PoseFlow, MMPose and COCO results use; told apart by the number of points."""

OPENPOSE_STYLE: tuple[Layout, ...] = (COCO18, BODY25, OPENPOSE_MPI15, COCO17, HALPE26, HALPE68, HALPE136, WHOLEBODY133)
"""The layouts in folders of OpenPose's format: its own models, and those of Sports2D and Pose2Sim."""

LIGHTTRACK_STYLE: tuple[Layout, ...] = (POSETRACK15, COCO17)


def layout_of_length(count: int, choices: Iterable[Layout]) -> Layout | None:
    """The first layout of ``choices`` with that many points, None if there is none."""
    return next((layout for layout in choices if len(layout) == count), None)
