"""The solver: the motion of one body that agrees best with the pictures, the 3D model, its contacts and smoothness.

A 3D model estimates depth with an error in every bone; keypoints are precise in the picture, but have no depth; a foot
on the floor neither slides nor sinks. As in optimisation-based capture (SMPLify: Bogo et al., ECCV 2016; over time:
Arnab, Doersch, Zisserman, CVPR 2019), all are weighed over the whole clip, for bone directions instead of a body
model. Gauss-Newton with robust weights; a clip is a chain in time, so each step is one banded solve.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from threadpoolctl import threadpool_limits

from . import kinematics, terms
from .kinematics import FREEDOM, Pose, Skeleton
from .normal_equations import NormalEquations
from .terms import Ground, View
from .vectors import unit

ROUNDS = 4  #: Steps of Gauss-Newton; twice as many change joints by less than a millimetre.
CHUNK, OVERLAP = 3000, 60  #: Frames of a piece and frames that two pieces share: memory does not grow with the clip.
_RATE = 30.0  #: Frames a second for which the errors of the terms are meant; at more they are less independent.
_DAMPING = 1e-3  #: Added to the diagonal, for frames without any observation near.


@dataclass(frozen=True)
class Problem:
    """What is known of one body over T frames; axes of the stabilised main camera, metres."""

    skeleton: Skeleton
    prior: np.ndarray  #: (T,17,3) directions of BONES from the 3D model.
    views: Sequence[View]
    fps: float
    picture: bool = True  #: Whether the pictures count.
    smooth: bool = True  #: Whether accelerations count.
    limits: bool = True  #: Whether joint limits count.


def solve(problem: Problem, start: Pose, ground: Ground | None = None, rounds: int = ROUNDS) -> Pose:
    """The motion that agrees best. Long clips are solved in pieces that are blended where they overlap."""
    frames, result = len(start.root), []
    for first in range(0, max(frames - OVERLAP, 1), CHUNK - OVERLAP):
        rows = slice(first, min(first + CHUNK, frames))
        piece, _ = _solve(_cut(problem, rows), start[rows], None if ground is None else ground[rows], None, rounds)
        result.append((first, piece))
    return kinematics.joined(result, OVERLAP)


def solve_with_gravity(
    problem: Problem, start: Pose, ground: Ground, information: np.ndarray, rounds: int = ROUNDS
) -> tuple[Pose, Ground]:
    """The motion, and the ground whose ``up`` and ``height`` agree best with it.

    Args:
        information: (2,2) 1/rad^2, of the initial ``up`` across itself (:func:`.kinematics.tangents`).
    """
    rows = slice(0, CHUNK)
    pose, found = _solve(_cut(problem, rows), start[rows], ground[rows], information, rounds)
    return pose, replace(ground, up=found.up, height=found.height)


def _solve(
    problem: Problem, pose: Pose, ground: Ground | None, information: np.ndarray | None, rounds: int
) -> tuple[Pose, Ground]:
    first_up = None if ground is None else ground.up
    with threadpool_limits(1):  # Small matrices are slower on several threads, much slower on a busy computer.
        for left in range(rounds, 0, -1):
            equations, across = _equations(problem, pose, ground, information is not None, settle=left <= 2)
            if information is not None:
                plane = kinematics.tangents(ground.up)
                equations.corner[:2, :2] += terms.ALIKE * information
                equations.corner_right[:2] -= terms.ALIKE * information @ plane.T @ (ground.up - first_up)
                equations.corner[2, 2] += 1e-6
            step, common = equations.solve(_DAMPING)
            pose = kinematics.moved(pose, across, step)
            if information is not None:
                ground = replace(ground, up=unit(ground.up + plane @ common[:2]), height=ground.height + common[2])
    return pose, ground


def _equations(
    problem: Problem, pose: Pose, ground: Ground | None, free: bool, settle: bool
) -> tuple[NormalEquations, np.ndarray]:
    """The normal equations at a pose, and the tangents (T,17,3,2) that their unknowns are along."""
    points = problem.skeleton.points(pose)
    across = kinematics.tangents(pose.directions)
    jacobian = problem.skeleton.jacobian(pose, across)
    share = min(_RATE / problem.fps, 1.0)
    equations = NormalEquations(len(points), FREEDOM, 3 if free else 0)
    weights, pull = np.zeros((*points.shape, 3)), np.zeros(points.shape)
    if problem.picture:
        for view in problem.views:
            terms.reproject(view, points, share, weights, pull)
    if problem.limits:
        terms.limit(points, share, weights, pull)
    equations.add_points(jacobian, weights, pull)
    terms.prior(pose, points, problem.prior, across, share, equations)
    if problem.smooth:
        terms.accelerate(points, jacobian, problem.fps, share, equations)
    if ground is not None:
        if free:
            terms.footsteps(ground, points, jacobian, equations)
        else:
            terms.support(ground, points, jacobian, settle, equations)
            terms.fall(ground, points, jacobian, problem.fps, share, equations)
            terms.stand(ground, pose, across, share, equations)
    return equations, across


def _cut(problem: Problem, rows: slice) -> Problem:
    """The problem of some frames."""
    return replace(problem, prior=problem.prior[rows], views=[view[rows] for view in problem.views])
