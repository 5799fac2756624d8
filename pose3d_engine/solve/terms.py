"""The terms of the solver: each adds what it knows to the normal equations, weighted by its usual error.

A term of single points adds to ``weights`` (T,21,3,3), J^T W J by the place of the point, and to ``pull`` (T,21,3), its
-J^T W r; other terms add to the equations themselves. ``share``: the part of its weight that a frame has, for errors of
neighbouring frames are alike.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ..contract.runs import runs
from . import limits
from .body import ANKLE_HEIGHT, point_masses
from .kinematics import ANKLES, BONES, FOOT_ROWS, LEG_BONES, POINTS, Pose, tangents
from .normal_equations import NormalEquations
from .vectors import unit

PIXEL_ERROR, OUTLIER = 0.035, 0.12
"""Metres at the joint by which keypoints usually err, across the line of sight, and from which on one is an outlier."""

PRIOR_ALONG, PRIOR_ACROSS, FOOT_PRIOR = 0.20, 0.15, 0.4
"""Radians by which the 3D model's bones usually err, along the line of sight and across it; feet, in any direction."""

ACCELERATION, FAST = 25.0, 25.0
"""Usual acceleration of a joint, m/s^2, and that from which on a move is fast and smoothed less."""

LIMIT_ERROR, SLIDE_ERROR, PLACE_ERROR, HEIGHT_ERROR, FALL_ERROR = 0.03, 0.0003, 0.004, 0.004, 4.0
"""Metres beyond a joint limit; metres a frame of a sole's end in contact, from its mean place, and of its height; m/s^2
by which a body in the air differs from free fall."""

STRAIGHT_ERROR = 0.15  #: Radians by which the knees of somebody who stands still are usually bent.
STEP_ERROR = 0.06  #: Metres by which the height of a stance usually errs.
ALIKE = 15.0  #: Frames in which the detector's and the 3D model's errors are alike, against evidence of a whole stance.
FLESH_ERROR, DEEP = 0.02, 0.3
"""Metres by which the clearance of a joint errs; metres below the floor from which on the floor itself is in doubt."""
_NEAR = 0.01  #: Metres over the floor, below which points are stiff: else every other step sinks through it.
CLEARANCES = {"Wrist": 0.03, "Elbow": 0.04, "Knee": 0.05, "Hip": 0.08, "Head": 0.08, "Shoulder": 0.07}
"""Metres of flesh between a joint and the floor below it, at least."""

_CLEARANCE = np.array([next((r for name, r in CLEARANCES.items() if point.endswith(name)), 0.0) for point in POINTS])
_GRAVITY = 9.81


@dataclass(frozen=True)
class View:
    """What one camera shows of a body over T frames.

    rotation (3,3), place (3,): the solver's axes -> the camera's. rays (T,21,2): POINTS on the plane z = 1 before it.
    weights (T,21): 0..1, 0 where not observed.
    """

    rotation: np.ndarray
    place: np.ndarray
    rays: np.ndarray
    weights: np.ndarray

    def seen(self, points: np.ndarray) -> np.ndarray:
        """Points (T,21,3) of the solver's axes in the camera's."""
        return points @ self.rotation.T + self.place

    def __getitem__(self, rows: slice) -> View:
        """Some of the frames."""
        return replace(self, rays=self.rays[rows], weights=self.weights[rows])


@dataclass(frozen=True)
class Ground:
    """The floor and what stands on it, in the solver's axes.

    Attributes:
        up: (3,) unit vector against gravity.
        height: Of the floor along ``up``, metres.
        contacts: (T,2,2) bool, left and right foot's heel and toe.
        levels: (T,2) metres over the floor of what each foot stands on.
        airborne: (T,) bool, nothing touches anything.
        standing: (T,) bool, the person stands still on both feet with nearly straight legs.
        slides: Whether feet in contact may slide.
    """

    up: np.ndarray
    height: float
    contacts: np.ndarray
    levels: np.ndarray
    airborne: np.ndarray
    standing: np.ndarray
    slides: bool = False

    def __getitem__(self, rows: slice) -> Ground:
        """Some of the frames."""
        parts = ("contacts", "levels", "airborne", "standing")
        return replace(self, **{name: getattr(self, name)[rows] for name in parts})


def distances(view: View, points: np.ndarray) -> np.ndarray:
    """(T,21) between points and their rays on the plane z = 1; NaN where not observed."""
    seen = view.seen(points)
    off = np.linalg.norm(seen[..., :2] / np.maximum(seen[..., 2:], 0.05) - view.rays, axis=-1)
    return np.where(view.weights > 0, off, np.nan)


def reproject(view: View, points: np.ndarray, share: float, weights: np.ndarray, pull: np.ndarray) -> None:
    """Points lie on their rays, for joints are where detectors see them; robust (Geman-McClure)."""
    seen = view.seen(points)
    error = seen[..., :2] - view.rays * seen[..., 2:]
    robust = share * view.weights / PIXEL_ERROR**2 / (1 + (error**2).sum(axis=-1) / OUTLIER**2) ** 2
    line = np.zeros((*points.shape[:2], 2, 3))
    line[..., 0, 0] = line[..., 1, 1] = 1
    line[..., 2] = -view.rays
    line = line @ view.rotation
    scaled = robust[..., None, None] * line
    weights += np.swapaxes(line, -1, -2) @ scaled
    pull -= (np.swapaxes(scaled, -1, -2) @ error[..., None])[..., 0]


def limit(points: np.ndarray, share: float, weights: np.ndarray, pull: np.ndarray) -> None:
    """Joints are within their limits."""
    joints = points[:, :17]
    beyond = joints - limits.clamp_to_limits(joints)
    weight = share / LIMIT_ERROR**2 * (np.abs(beyond).max(axis=-1) > 1e-3)
    weights[:, :17] += weight[..., None, None] * np.eye(3)
    pull[:, :17] -= weight[..., None] * beyond


def prior(
    pose: Pose, points: np.ndarray, wanted: np.ndarray, across: np.ndarray, share: float, equations: NormalEquations
) -> None:
    """Bones point as the 3D model says."""
    sight = unit(points[:, [parent for parent, _ in BONES]])
    along = sight[..., :, None] * sight[..., None, :]
    weight = np.eye(3) / PRIOR_ACROSS**2 + (PRIOR_ALONG**-2 - PRIOR_ACROSS**-2) * along
    weight[:, -2:] = np.eye(3) / FOOT_PRIOR**2
    turned = share * np.swapaxes(across, -1, -2) @ weight
    blocks, pull = turned @ across, (turned @ (pose.directions - wanted)[..., None])[..., 0]
    for bone in range(len(BONES)):
        rows = slice(3 + 2 * bone, 5 + 2 * bone)
        equations.blocks[0][:, rows, rows] += blocks[:, bone]
        equations.right[:, rows] -= pull[:, bone]


def accelerate(points: np.ndarray, jacobian: np.ndarray, fps: float, share: float, equations: NormalEquations) -> None:
    """Points seldom accelerate; robust, so that fast moves keep their peaks."""
    acceleration = np.diff(points, n=2, axis=0)
    size = np.linalg.norm(acceleration, axis=-1, keepdims=True) * fps**2
    stiff = np.repeat(share * fps**4 / ACCELERATION**2 / (1 + (size / FAST) ** 2), 3, axis=-1)
    equations.add_differences(jacobian, (1, -2, 1), stiff, acceleration)


def support(ground: Ground, points: np.ndarray, jacobian: np.ndarray, settle: bool, equations: NormalEquations) -> None:
    """Ends of soles in contact neither slide nor leave their level; nothing is below the floor.

    settle: Whether they are pulled to their mean place, too.
    """
    feet = FOOT_ROWS.ravel()
    held = np.concatenate([ground.contacts.all(axis=2, keepdims=True), ground.contacts], axis=2).reshape(
        len(points), -1
    )
    wanted = np.repeat((ground.height + _CLEARANCE)[None], len(points), axis=0)
    level = ground.levels[..., None] + ground.height + [ANKLE_HEIGHT, 0.0, 0.0]
    wanted[:, feet] = np.where(held, level.reshape(held.shape), wanted[:, feet])
    off = points @ ground.up - wanted
    active = off < _NEAR
    active[:, feet] |= held
    below = np.minimum(off, 0)
    below[:, feet] = np.where(held, off[:, feet], below[:, feet])
    error = np.full(len(POINTS), FLESH_ERROR)
    error[feet] = HEIGHT_ERROR
    weight = active / error**2 / (1 + (off / DEEP) ** 2) ** 2
    weights = weight[..., None, None] * np.outer(ground.up, ground.up)
    pull = -(weight * below)[..., None] * ground.up
    if settle and not ground.slides:
        flat = np.eye(3) - np.outer(ground.up, ground.up)
        for column, row in enumerate(feet):
            for first, end in runs(held[:, column]):
                away = points[first:end, row] - points[first:end, row].mean(axis=0)
                weights[first:end, row] += flat / PLACE_ERROR**2
                pull[first:end, row] -= away @ flat / PLACE_ERROR**2
    equations.add_points(jacobian, weights, pull)
    if not ground.slides:
        both = np.repeat((held[1:] & held[:-1])[..., None] / SLIDE_ERROR**2, 3, axis=-1)
        equations.add_differences(jacobian[:, feet], (-1, 1), both, np.diff(points[:, feet], axis=0))


def stand(ground: Ground, pose: Pose, across: np.ndarray, share: float, equations: NormalEquations) -> None:
    """Legs of somebody who stands still are straight: 3D models bend the knees of people who face the camera."""
    weight = np.where(ground.standing, share / STRAIGHT_ERROR**2, 0.0)[:, None, None]
    for upper, lower in LEG_BONES:
        over, under = across[:, upper], across[:, lower]
        off = (pose.directions[:, upper] - pose.directions[:, lower])[..., None]
        first, second = (slice(3 + 2 * bone, 5 + 2 * bone) for bone in (upper, lower))
        blocks = equations.blocks[0]
        blocks[:, first, first] += weight * (np.swapaxes(over, 1, 2) @ over)
        blocks[:, second, second] += weight * (np.swapaxes(under, 1, 2) @ under)
        mixed = weight * (np.swapaxes(over, 1, 2) @ under)
        blocks[:, first, second] -= mixed
        blocks[:, second, first] -= np.swapaxes(mixed, 1, 2)
        equations.right[:, first] -= (weight * (np.swapaxes(over, 1, 2) @ off))[..., 0]
        equations.right[:, second] += (weight * (np.swapaxes(under, 1, 2) @ off))[..., 0]


def footsteps(ground: Ground, points: np.ndarray, jacobian: np.ndarray, equations: NormalEquations) -> None:
    """Ankles over flat soles are at one height and do not slide; up (two) and the height are shared unknowns.

    Ankles, because the direction of a foot is known less well than where it is. The height of a stance has one error.
    """
    moves, held = jacobian[:, ANKLES], ground.contacts.all(axis=2)
    over = points[:, ANKLES] @ ground.up - ground.height - ground.levels - ANKLE_HEIGHT
    weight = np.zeros(held.shape)
    for foot in range(2):
        for first, end in runs(held[:, foot]):
            weight[first:end, foot] = ALIKE / STEP_ERROR**2 / (end - first)
    shared = np.empty((*held.shape, 3, 3))
    # A point's height also changes as up turns and the floor rises: as if the point moved.
    shared[..., :2] = ground.up[:, None] * (points[:, ANKLES] @ tangents(ground.up))[..., None, :]
    shared[..., 2] = -ground.up
    along = weight[..., None, None] * np.outer(ground.up, ground.up)
    equations.add_points(moves, along, -(weight * over)[..., None] * ground.up, shared)
    both = np.repeat((held[1:] & held[:-1])[..., None] / SLIDE_ERROR**2, 3, axis=-1)
    equations.add_differences(moves, (-1, 1), both, np.diff(points[:, ANKLES], axis=0))


def fall(
    ground: Ground, points: np.ndarray, jacobian: np.ndarray, fps: float, share: float, equations: NormalEquations
) -> None:
    """The centre of mass of a body in the air falls freely."""
    if not ground.airborne.any():
        return
    masses = point_masses(len(POINTS))
    centre = np.einsum("p,tpi->ti", masses, points)[:, None]
    moves = np.einsum("p,tpin->tin", masses, jacobian)[:, None]
    free = ground.airborne[1:-1] & ground.airborne[:-2] & ground.airborne[2:]
    residual = np.diff(centre, n=2, axis=0) + _GRAVITY / fps**2 * ground.up
    weight = np.where(free, share * fps**4 / FALL_ERROR**2, 0.0)[:, None, None] * np.ones(3)
    equations.add_differences(moves, (1, -2, 1), weight, residual)
