"""Stages before the camera: one person's motion as far as the picture tells it."""

from __future__ import annotations

import numpy as np

from .. import repair as repairing
from ..contract.skeletons import COCO_ROWS, H36M_ROWS, h36m_confidence
from ..pose import fusion
from ..pose.lifters import view
from ..solve import fit as fitting
from ..solve import limits, skeleton, smoothing, trajectory
from ..solve.body import CANONICAL_HEIGHT
from ..take import Shot, Take


def repair(shot: Shot, take: Take) -> None:
    """A 2D track without holes: flips, outliers and gaps repaired."""
    track = repairing.repair(take.main.body2d, shot.people.times, shot.fps, shot.source.rate, shot.settings.repair)
    take.keypoints, take.detected, take.flipped = track.keypoints, track.detected, track.flipped
    take.lifter_input, take.upsampling, take.repairs = track.dense, track.factor, track.counts
    take.confidence = h36m_confidence(track.keypoints[..., 2])


def estimate_3d(shot: Shot, take: Take) -> None:
    """The pose of each frame, relative to the Hip."""
    take.frame_step = shot.source.frame_step(shot.fps * take.upsampling)
    take.joints = shot.source.estimate(take, shot.progress)
    del take.lifter_input


def fuse(shot: Shot, take: Take) -> None:
    """The pose averaged with the detector's own 3D."""
    rays = shot.camera.rays(take.keypoints[..., :2])
    take.joints = fusion.fuse(take.joints, take.unflipped_points("blazepose33_world"), view.look_at_torso(rays)[1])


def stabilise(shot: Shot, take: Take) -> None:
    """From here on everything is in the axes of a camera that keeps its direction."""
    if shot.rotations is not None:
        take.joints = take.joints @ np.swapaxes(shot.rotations, 1, 2)


def resolve_depth_flips(shot: Shot, take: Take) -> None:
    """Limbs that were lifted to the wrong side of the image plane are mirrored back."""
    rows = take.visible
    take.joints[rows] = limits.resolve_depth_flips(take.joints[rows], _path(shot, take, take.joints[rows]), shot.fps)


def smooth(shot: Shot, take: Take) -> None:
    """Jitter is removed."""
    take.joints = smoothing.smooth_joints(take.joints, take.confidence, shot.fps)


def fix_bone_lengths(shot: Shot, take: Take) -> None:
    """One skeleton: constant bone lengths; a raw pose is only scaled."""
    take.lengths = skeleton.bone_lengths(take.joints, take.confidence, CANONICAL_HEIGHT)
    change = skeleton.scaled if shot.settings.raw else skeleton.with_lengths
    take.joints = take.held(change(take.joints, take.lengths)[take.visible])


def find_path(shot: Shot, take: Take) -> None:
    """The path of the Hip through space."""
    take.root = take.held(_path(shot, take, take.joints[take.visible]))


def fit(shot: Shot, take: Take) -> None:
    """Pose and path at the best compromise between the picture, the 3D model and smooth motion."""
    rows = take.visible
    scores = take.keypoints[rows, :, 2]
    joints, root = fitting.fit(
        take.joints[rows], take.root[rows], take.lengths, shot.rays(take)[rows], scores, shot.fps
    )
    take.joints, take.root = take.held(joints), take.held(root)


def smooth_again(shot: Shot, take: Take) -> None:
    """The fit has let the jitter of the picture in again."""
    rows = take.visible
    smoothed = smoothing.smooth_joints(take.joints[rows], take.confidence[rows], shot.fps)
    take.joints = take.held(skeleton.with_lengths(smoothed, take.lengths))


def clamp_to_limits(shot: Shot, take: Take) -> None:
    """Joints that are still beyond an anatomical limit are brought back to it."""
    take.joints = take.held(limits.clamp_to_limits(take.joints[take.visible]))


def _path(shot: Shot, take: Take, joints: np.ndarray) -> np.ndarray:
    """(N,3) the Hip's path of joints (N,17,3) in the visible range."""
    rows = take.visible
    rays, scores = shot.rays(take)[rows], take.keypoints[rows, :, 2]
    return trajectory.root_path(joints[:, H36M_ROWS], rays[:, COCO_ROWS], scores[:, COCO_ROWS], shot.fps)
