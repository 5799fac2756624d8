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
_DAMPING, _LEG_DAMPING = 1.0, 30.0
"""Added to the diagonal: more than single precision loses, for frames without any observation near; for the bones of
legs with contacts (1/rad^2), which oscillate where nearly straight: their feet ended 15 mm over the floor, not 2."""
_LOOSE = np.full(FREEDOM, _DAMPING)
_HELD = _LOOSE.copy()
_HELD[3:].reshape(-1, 2)[np.ravel(kinematics.LEG_BONES)] = _LEG_DAMPING


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
        piece = _solve(_cut(problem, rows), start[rows], None if ground is None else ground[rows], rounds)
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
    problem, pose, found = _cut(problem, rows), start[rows], ground[rows]
    for _ in range(rounds):
        at = _linearised(problem, pose, 3)
        terms.footsteps(found, at.points, at.jacobian, at.equations)
        plane = kinematics.tangents(found.up)
        at.equations.corner[:2, :2] += terms.ALIKE * information
        at.equations.corner_right[:2] -= terms.ALIKE * information @ plane.T @ (found.up - ground.up)
        at.equations.corner[2, 2] += 1e-6
        pose, common = _step(at, pose, _HELD)
        found = replace(found, up=unit(found.up + plane @ common[:2]), height=found.height + common[2])
    return pose, replace(ground, up=found.up, height=found.height)


def _solve(problem: Problem, pose: Pose, ground: Ground | None, rounds: int) -> Pose:
    """The motion of a piece."""
    for left in range(rounds, 0, -1):
        at = _linearised(problem, pose)
        if ground is None:
            pose, _ = _step(at, pose, _LOOSE)
        else:
            terms.support(ground, at.points, at.jacobian, left <= 2, at.equations)
            terms.fall(ground, at.points, at.jacobian, problem.fps, at.share, at.equations)
            terms.stand(ground, pose, at.across, at.share, at.equations)
            pose, _ = _step(at, pose, _HELD)
            pose = kinematics.levelled(pose, ground.up, ground.contacts, problem.skeleton.foot_scale)
    return pose


@dataclass(frozen=True)
class _Linearised:
    """A problem at a pose: its points, how they move along ``across``, the tangents of directions, and its equations
    without a ground; ``share`` of its weight that a frame has."""

    points: np.ndarray
    across: np.ndarray
    jacobian: np.ndarray
    equations: NormalEquations
    share: float


def _linearised(problem: Problem, pose: Pose, shared: int = 0) -> _Linearised:
    """What pictures, limits, 3D model and smoothness say at a pose."""
    points = problem.skeleton.points(pose)
    across = kinematics.tangents(pose.directions)
    jacobian = problem.skeleton.jacobian(pose, across)
    share = min(_RATE / problem.fps, 1.0)
    equations = NormalEquations(len(points), FREEDOM, shared)
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
    return _Linearised(points, across, jacobian, equations, share)


def _step(at: _Linearised, pose: Pose, damping: np.ndarray) -> tuple[Pose, np.ndarray]:
    """The pose after a step, and the step of the shared unknowns."""
    with threadpool_limits(1):  # Small matrices are slower on several threads, much slower on a busy computer.
        step, common = at.equations.solve(damping)
    return kinematics.moved(pose, at.across, step), common


def _cut(problem: Problem, rows: slice) -> Problem:
    """The problem of some frames."""
    return replace(problem, prior=problem.prior[rows], views=[view[rows] for view in problem.views])
