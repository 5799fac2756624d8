"""Root motion: floor, path, heading, in place, loop. The whole character moves, whatever is selected."""

from __future__ import annotations

import numpy as np

from .. import rotations as rot
from ..arrays import Array
from ..rotations import AXES
from .errors import CleanUpError
from .motion import Motion, location_axes, pose, ramp
from .smoothing import low_pass

_UP = 2
_STANDING = 0.25
"""Metres a second: a foot that is slower counts as standing."""

_GOING = 0.3
"""Metres from start to end of a path; a shorter one has no direction."""


def transformed(motion: Motion, turn: Array, shift: Array) -> Motion:
    """The character rotated by ``turn`` (T,4) or (4,) about the origin, then moved by ``shift`` (T,3) or (3,)."""
    rig, tops, posed = motion.rig, motion.tops, pose(motion)
    rotations, locations = motion.rotations.copy(), motion.locations.copy()
    for bone in range(len(rig.parents)):
        if bone in tops:
            turned, head = posed.rotations[:, bone], posed.heads[:, bone]
            base = rot.multiply(turned, rot.inverse(motion.rotations[:, bone]))
            rotations[:, bone] = rot.multiply(rot.inverse(base), rot.multiply(turn, turned))
            axes = location_axes(rig, bone, posed.rotations)
            locations[:, bone] += rot.rotate(rot.inverse(axes), rot.rotate(turn, head) + shift - head)
        elif not rig.inherits[bone] and set(tops).intersection(rig.chain(bone)):
            local = rot.multiply(rot.inverse(rig.rest[bone]), rot.multiply(turn, rig.rest[bone]))
            rotations[:, bone] = rot.multiply(local, rotations[:, bone])
    return motion.with_rotations(rotations).with_locations(locations)


def root_bone(motion: Motion) -> int:
    """The row of the bone whose head is the character's place: the first one from the root that moves at all."""
    heads = pose(motion).heads
    travel = np.abs(heads - heads[:1]).max(axis=(0, 2))
    moving = np.flatnonzero(travel > 1e-3)
    return int(moving[0]) if len(moving) else 0


def level_floor(motion: Motion, feet: list[int]) -> Motion:
    """Makes the floor on which the feet stand level, at z = 0.

    The lower end of every foot gives a point of the floor while it stands still. A plane is fitted to these points by
    least squares where they spread at least half a metre both ways; else only the height is set.

    Args:
        motion: the motion to change.
        feet: rows of the feet.

    Raises:
        CleanUpError: no feet are given, or they never stand.
    """
    if not feet:
        raise CleanUpError("No foot was found by its name; select the feet's bones and try again")
    standing = _floor_points(motion, feet)
    if not len(standing):
        raise CleanUpError("The feet never stand still in this range; choose one in which they do")
    turn = rot.IDENTITY
    for _ in range(3):
        centre = np.median(standing, axis=0)
        spread = np.linalg.svd((standing - centre)[:, :2], compute_uv=False) / np.sqrt(len(standing))
        if spread.min() < 0.15:
            break
        slope, *_rest = np.linalg.lstsq((standing - centre)[:, :2], standing[:, _UP] - centre[_UP], rcond=None)
        normal = np.array([-slope[0], -slope[1], 1.0])
        off = np.abs((standing - centre) @ normal)
        near = off <= max(2.5 * float(np.median(off)), 0.01)
        turn = rot.shortest_arc(normal, AXES[_UP])
        if near.all():
            break
        standing = standing[near]
    height = float(np.median(rot.rotate(turn, standing)[:, _UP]))
    start = pose(motion).heads[0, root_bone(motion)]
    drift = rot.rotate(turn, start) - start
    return transformed(motion, turn, np.array([-drift[0], -drift[1], -height]))


def _floor_points(motion: Motion, feet: list[int]) -> Array:
    """The lower ends (N,3) of the feet while they stand still, armature space."""
    posed = pose(motion)
    points = []
    for foot in feet:
        ends = np.stack([posed.heads[:, foot], posed.tails[:, foot]])
        lower = np.where((ends[0, :, _UP] < ends[1, :, _UP])[:, None], ends[0], ends[1])
        speed = np.linalg.norm(np.gradient(posed.tails[:, foot], motion.step, axis=0), axis=-1)
        points.append(lower[speed < _STANDING])
    return np.concatenate(points)


def straighten_path(motion: Motion, seconds: float = 1.0) -> Motion:
    """Makes the path from the first to the last frame a straight line; the body faces along it as it did before.

    Args:
        motion: the motion to change.
        seconds: over which the direction of the old path is averaged.

    Raises:
        CleanUpError: the character stays at its place.
    """
    place = pose(motion).heads[:, root_bone(motion)]
    if np.linalg.norm(place[-1, :2] - place[0, :2]) < _GOING:
        raise CleanUpError("The character does not go anywhere in this range; choose one in which it walks")
    step = motion.step
    smooth = low_pass(place[:, :2], min(0.4, step / seconds)) if len(place) > 8 else place[:, :2]
    velocity = np.gradient(smooth, step, axis=0)
    # While the character stands, the direction is interpolated.
    speed = np.linalg.norm(velocity, axis=-1)
    going = np.flatnonzero(speed > 0.2 * np.median(speed[speed > 1e-6]))
    angle = np.interp(np.arange(len(place)), going, np.unwrap(np.arctan2(velocity[going, 1], velocity[going, 0])))
    line = np.arctan2(*(place[-1, :2] - place[0, :2])[::-1])
    line = line + 2 * np.pi * np.round((np.median(angle) - line) / (2 * np.pi))
    turn = rot.about(AXES[_UP], line - angle)
    # Every step of the path is rotated, and the steps are joined again.
    steps = np.diff(place, axis=0)
    middle = rot.slerp(turn[:-1], turn[1:], 0.5)
    joined = np.concatenate([place[:1], place[:1] + np.cumsum(rot.rotate(middle, steps), axis=0)])
    return transformed(motion, turn, joined - rot.rotate(turn, place))


def heading(motion: Motion) -> float:
    """The direction in which the character goes, else faces: radians about the vertical, 0 is -Y."""
    place = pose(motion).heads[:, root_bone(motion)]
    path = place[-1, :2] - place[0, :2]
    if np.linalg.norm(path) < _GOING:
        posed = pose(motion)
        bone = root_bone(motion)
        turned = rot.multiply(posed.rotations[0, bone], rot.inverse(motion.rig.rest[bone]))
        path = rot.rotate(turned, -AXES[1])[:2]
    return float(np.arctan2(path[0], -path[1]))


def set_heading(motion: Motion, radians: float) -> Motion:
    """The whole character rotated about its start until it goes, or faces, in the direction ``radians``; 0 is -Y."""
    start = pose(motion).heads[0, root_bone(motion)]
    turn = rot.about(AXES[_UP], radians - heading(motion))
    return transformed(motion, turn, (start - rot.rotate(turn, start)) * [1.0, 1.0, 0.0])


def in_place(motion: Motion) -> Motion:
    """Removes the even part of the path, from the first to the last frame: the character moves on the spot."""
    place = pose(motion).heads[:, root_bone(motion)]
    share = np.linspace(0.0, 1.0, len(place))[:, None]
    path = (place[-1] - place[0]) * [1.0, 1.0, 0.0]
    return transformed(motion, rot.IDENTITY, -share * path)


def make_loop(motion: Motion, blend: int, stay: bool) -> Motion:
    """Makes the last frame the same as the first one.

    Args:
        motion: the motion to change.
        blend: frames at the end over which the motion goes over into the first frame.
        stay: move on the spot. Otherwise the character ends where it was going, at the height of the start.

    Raises:
        CleanUpError: the blend is longer than the motion.
    """
    count = len(motion.frames)
    if not 1 <= blend < count:
        raise CleanUpError(f"A blend of {blend} frames does not fit into {count}; give fewer, or a longer range")
    motion = in_place(motion) if stay else motion
    weight = np.zeros(count)
    weight[-blend - 1 :] = np.concatenate([ramp(blend), [1.0]])
    first, last = motion.rotations[0], motion.rotations[-1]
    missing = rot.multiply(rot.inverse(last), first)
    part = rot.slerp(np.broadcast_to(rot.IDENTITY, (count, *missing.shape)), missing[None], weight[:, None])
    rotations = rot.multiply(motion.rotations, part)
    gap = motion.locations[:1] - motion.locations[-1:]
    if not stay:
        turned = pose(motion).rotations[:1]
        for bone in motion.tops:  # the path stays; only the height comes back
            axes = np.reshape(location_axes(motion.rig, bone, turned), 4)
            gap[0, bone] = rot.rotate(rot.inverse(axes), rot.rotate(axes, gap[0, bone]) * [0.0, 0.0, 1.0])
    return motion.with_rotations(rotations).with_locations(motion.locations + weight[:, None, None] * gap)
