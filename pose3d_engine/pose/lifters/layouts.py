"""Keypoints and joints in the orders of the papers' data sets.

Networks that were trained on Human3.6M's or MPI-INF-3DHP's own 2D take the joints of those skeletons. Those that are
not in COCO are derived here, less accurately than by a detector that was trained for them.
"""

from __future__ import annotations

import numpy as np

from ...contract.skeletons import COCO17, COCO_ROWS, H36M17, H36M_ROWS, Skeleton

_MPI_JOINTS = (
    "HeadTop Neck RShoulder RElbow RWrist LShoulder LElbow LWrist RHip RKnee RAnkle LHip LKnee LAnkle Pelvis Spine Head"
)
MPI17 = Skeleton("mpi17", tuple(_MPI_JOINTS.split()), (1, 15, 1, 2, 3, 1, 5, 6, 14, 8, 9, 14, 11, 12, -1, 14, 1))
"""The "relevant" joints of MPI-INF-3DHP, in the order of its test set."""

_MPI_TO_H36M = {"HeadTop": "Head", "Neck": "Thorax", "Pelvis": "Hip", "Head": "Neck/Nose"}  # where names differ
H36M_IN_MPI = np.array([H36M17.index(_MPI_TO_H36M.get(joint, joint)) for joint in MPI17.joints])
"""(17,) the Human3.6M joint of each joint of MPI-INF-3DHP."""

MPI_IN_H36M = np.argsort(H36M_IN_MPI)
"""(17,) the MPI-INF-3DHP joint of each joint of Human3.6M."""


def h36m_from_coco(keypoints: np.ndarray) -> np.ndarray:
    """COCO-17 keypoints (..., 17, 2) -> Human3.6M-17 keypoints (..., 17, 2).

    The shares of shoulders, ears and nose in Neck/Nose and Head are those that fit motion capture with heads best.
    """
    result = np.empty_like(keypoints)
    result[..., H36M_ROWS, :] = keypoints[..., COCO_ROWS, :]

    def middle(*names: str) -> np.ndarray:
        return keypoints[..., [COCO17.index(name) for name in names], :].mean(axis=-2)

    hips, shoulders = middle("left_hip", "right_hip"), middle("left_shoulder", "right_shoulder")
    ears, nose = middle("left_ear", "right_ear"), middle("nose")
    for joint, place in {
        "Hip": hips,
        "Spine": (hips + shoulders) / 2,
        "Thorax": shoulders,
        "Neck/Nose": 0.40 * nose + 0.45 * ears + 0.15 * shoulders,
        "Head": 1.5 * ears - 0.5 * shoulders,
    }.items():
        result[..., H36M17.index(joint), :] = place
    return result
