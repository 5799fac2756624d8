"""Stages in camera space: one person's 2D track, pose and path."""

from __future__ import annotations

import numpy as np

from .. import repair as repairing
from ..contract.skeletons import COCO_ROWS, H36M_ROWS, LAYOUTS, h36m_confidence
from ..solve import feet, kinematics, limits, skeleton, solver, terms, trajectory
from ..solve.body import CANONICAL_HEIGHT
from ..solve.kinematics import POINTS, SOLE_ROWS
from ..take import SOLE_LAYOUTS, Shot, Take

_SOLE_SCORE = 0.3  #: Minimum score of heel and toe.


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


def stabilise(shot: Shot, take: Take) -> None:
    """Rotates the pose into the axes of the stabilised camera."""
    if shot.rotations is not None:
        take.joints = take.joints @ np.swapaxes(shot.rotations, 1, 2)


def resolve_depth_flips(shot: Shot, take: Take) -> None:
    """Mirrors limbs that were lifted to the wrong side of the image plane."""
    rows = take.visible
    take.joints[rows] = limits.resolve_depth_flips(take.joints[rows], _path(shot, take, take.joints[rows]), shot.fps)


def start(shot: Shot, take: Take) -> None:
    """Makes bone lengths constant, a raw pose is only scaled, and finds a first path of the Hip."""
    lengths = skeleton.bone_lengths(take.joints, take.confidence, CANONICAL_HEIGHT)
    change = skeleton.scaled if shot.settings.raw else skeleton.with_lengths
    joints = change(take.joints, lengths)[take.visible]
    path = _path(shot, take, joints)
    body = kinematics.Skeleton(lengths)
    take.pose = kinematics.pose_of(joints, path, feet.usual_toes(joints), body.foot_scale)
    points = body.points(take.pose)
    points[:, :17] = joints + path[:, None]  # a raw pose has bones of any length
    take.points = take.padded(points)
    settings = shot.settings
    # fmt: off
    take.problem = solver.Problem(
        body, take.pose.directions, [_view(shot, take)], shot.fps,
        picture="fit" in settings.motion, smooth="filter" in settings.motion, limits="limits" in settings.motion)
    # fmt: on


def fit(shot: Shot, take: Take) -> None:
    """Moves pose and path to the best compromise between the picture, the 3D model, joint limits and smoothness."""
    take.pose = solver.solve(take.problem, take.pose)
    take.points = take.padded(take.problem.skeleton.points(take.pose))


def _view(shot: Shot, take: Take) -> terms.View:
    """What the main camera shows in the visible range, in the axes of the stabilised camera."""
    rows = take.visible
    rays, weights = np.zeros((rows.stop - rows.start, len(POINTS), 2)), np.zeros((rows.stop - rows.start, len(POINTS)))
    rays[:, H36M_ROWS] = shot.rays(take.keypoints[rows, :, :2], rows)[:, COCO_ROWS]
    weights[:, H36M_ROWS] = take.keypoints[rows][:, COCO_ROWS, 2]
    if "soles" in take.main.capabilities:
        layout = next(name for name in SOLE_LAYOUTS if name in take.main.layouts)
        columns = LAYOUTS[layout].rows("left_heel", "left_toe", "right_heel", "right_toe")
        seen = take.points_without_flips(layout)[rows][:, columns].astype(np.float64)
        known = np.isfinite(seen[..., :2]).all(axis=-1) & (np.nan_to_num(seen[..., 2]) >= _SOLE_SCORE)
        rays[:, SOLE_ROWS.ravel()] = shot.rays(np.where(known[..., None], seen[..., :2], 0.0), rows)
        weights[:, SOLE_ROWS.ravel()] = np.where(known, seen[..., 2], 0.0)
    return terms.View(np.eye(3), np.zeros(3), rays, weights)


def _path(shot: Shot, take: Take, joints: np.ndarray) -> np.ndarray:
    """(N,3) the Hip's path of joints (N,17,3) in the visible range."""
    rows = take.visible
    rays, scores = shot.rays(take.keypoints[rows, :, :2], rows), take.keypoints[rows, :, 2]
    return trajectory.root_path(joints[:, H36M_ROWS], rays[:, COCO_ROWS], scores[:, COCO_ROWS], shot.fps)
