"""Stages in camera space: one person's 2D track, pose and path."""

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
    """Repairs flips, outliers and gaps of the 2D track."""
    track = repairing.repair(take.main.body2d, shot.people.times, shot.fps, shot.source.rate, shot.settings.repair)
    take.keypoints, take.detected, take.flipped = track.keypoints, track.detected, track.flipped
    take.lifter_input, take.upsampling, take.repairs = track.dense, track.factor, track.counts
    take.confidence = h36m_confidence(track.keypoints[..., 2])


def estimate_3d(shot: Shot, take: Take) -> None:
    """Estimates the pose of each frame, relative to the Hip."""
    take.frame_step = shot.source.frame_step(shot.fps * take.upsampling)
    take.joints = shot.source.estimate(take, shot.progress)
    del take.lifter_input


def fuse(shot: Shot, take: Take) -> None:
    """Averages the pose with the detector's own 3D."""
    rays = shot.camera.rays(take.keypoints[..., :2])
    take.joints = fusion.fuse(take.joints, take.points_without_flips("blazepose33_world"), view.look_at_torso(rays)[1])


def stabilise(shot: Shot, take: Take) -> None:
    """Rotates the pose into the axes of the stabilised camera."""
    if shot.rotations is not None:
        take.joints = take.joints @ np.swapaxes(shot.rotations, 1, 2)


def resolve_depth_flips(shot: Shot, take: Take) -> None:
    """Mirrors limbs that were lifted to the wrong side of the image plane."""
    rows = take.visible
    take.joints[rows] = limits.resolve_depth_flips(take.joints[rows], _path(shot, take, take.joints[rows]), shot.fps)


def smooth(shot: Shot, take: Take) -> None:
    """Removes jitter."""
    take.joints = smoothing.smooth_joints(take.joints, take.confidence, shot.fps)


def fix_bone_lengths(shot: Shot, take: Take) -> None:
    """Makes bone lengths constant; a raw pose is only scaled."""
    take.lengths = skeleton.bone_lengths(take.joints, take.confidence, CANONICAL_HEIGHT)
    change = skeleton.scaled if shot.settings.raw else skeleton.with_lengths
    take.joints = take.padded(change(take.joints, take.lengths)[take.visible])


def find_path(shot: Shot, take: Take) -> None:
    """Finds the path of the Hip."""
    take.root = take.padded(_path(shot, take, take.joints[take.visible]))


def fit(shot: Shot, take: Take) -> None:
    """Moves pose and path to the best compromise between the picture, the 3D model and smoothness."""
    rows = take.visible
    rays, scores = shot.rays(take)[rows], take.keypoints[rows, :, 2]
    joints, root = fitting.fit(take.joints[rows], take.root[rows], take.lengths, rays, scores, shot.fps)
    take.joints, take.root = take.padded(joints), take.padded(root)


def smooth_again(shot: Shot, take: Take) -> None:
    """Removes the jitter of the picture that the fit has brought back."""
    rows = take.visible
    smoothed = smoothing.smooth_joints(take.joints[rows], take.confidence[rows], shot.fps)
    take.joints = take.padded(skeleton.with_lengths(smoothed, take.lengths))


def clamp_to_limits(shot: Shot, take: Take) -> None:
    """Moves joints that are still beyond an anatomical limit back to it."""
    take.joints = take.padded(limits.clamp_to_limits(take.joints[take.visible]))


def _path(shot: Shot, take: Take, joints: np.ndarray) -> np.ndarray:
    """(N,3) the Hip's path of joints (N,17,3) in the visible range."""
    rows = take.visible
    rays, scores = shot.rays(take)[rows], take.keypoints[rows, :, 2]
    return trajectory.root_path(joints[:, H36M_ROWS], rays[:, COCO_ROWS], scores[:, COCO_ROWS], shot.fps)
