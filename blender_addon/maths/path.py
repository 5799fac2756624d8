"""Where a character goes: floor, way, heading, loop. The whole character moves, whatever is selected."""

from __future__ import annotations

import numpy as np

from . import quaternions as quat
from .errors import CleanUpError
from .motion import Motion, pose, ramp
from .smooth import low_pass

_UP = 2
_STILL = 0.25
"""Metres a second below which a foot is taken to stand."""


def moved(motion: Motion, turn: np.ndarray, shift: np.ndarray) -> Motion:
    """The character turned by ``turn`` (T,4) or (4,) about the origin, then moved by ``shift`` (T,3) or (3,)."""
    rig = motion.rig
    rotations, locations = motion.rotations.copy(), motion.locations.copy()
    for bone, parent in enumerate(rig.parents):
        rest = rig.rest[bone]
        back = quat.inverse(rest)
        if parent < 0 or not rig.inherits[bone]:
            local = quat.multiply(back, quat.multiply(turn, rest))
            rotations[:, bone] = quat.multiply(local, rotations[:, bone])
        if parent < 0:
            head = rig.heads[bone] + quat.rotate(rest, motion.locations[:, bone])
            locations[:, bone] = quat.rotate(back, quat.rotate(turn, head) + shift - rig.heads[bone])
    return motion.with_rotations(rotations).with_locations(locations)


def traveller(motion: Motion) -> int:
    """The bone whose head is the character's place: the first one from the root that moves at all."""
    heads = pose(motion).heads
    travel = np.abs(heads - heads[:1]).max(axis=(0, 2))
    moving = np.flatnonzero(travel > 1e-3)
    return int(moving[0]) if len(moving) else 0


def level(motion: Motion, feet: list[int]) -> Motion:
    """The floor on which the feet stand becomes level and z = 0.

    The lower end of every foot while it stands still gives a point of the floor; a plane goes through these points by
    least squares where they lie at least half a metre apart both ways, else only the height is set.
    Raises CleanUpError if the feet are unknown or never stand.
    """
    if not feet:
        raise CleanUpError("No foot was found by its name; select the feet's bones and try again")
    posed = pose(motion)
    points = []
    for foot in feet:
        ends = np.stack([posed.heads[:, foot], posed.tails[:, foot]])
        lower = np.where((ends[0, :, _UP] < ends[1, :, _UP])[:, None], ends[0], ends[1])
        speed = np.linalg.norm(np.gradient(posed.tails[:, foot], motion.step, axis=0), axis=-1)
        points.append(lower[speed < _STILL])
    standing = np.concatenate(points)
    if not len(standing):
        raise CleanUpError("The feet never stand still in this range; choose one in which they do")
    turn = np.array([1.0, 0.0, 0.0, 0.0])
    for _ in range(3):
        centre = np.median(standing, axis=0)
        spread = np.linalg.svd((standing - centre)[:, :2], compute_uv=False) / np.sqrt(len(standing))
        if spread.min() < 0.15:
            break
        slope, *_rest = np.linalg.lstsq((standing - centre)[:, :2], standing[:, _UP] - centre[_UP], rcond=None)
        normal = np.array([-slope[0], -slope[1], 1.0])
        off = np.abs((standing - centre) @ normal)
        near = off <= max(2.5 * float(np.median(off)), 0.01)
        turn = quat.shortest(normal, np.array([0.0, 0.0, 1.0]))
        if near.all():
            break
        standing = standing[near]
    height = float(np.median(quat.rotate(turn, standing)[:, _UP]))
    start = pose(motion).heads[0, traveller(motion)]
    drift = quat.rotate(turn, start) - start
    return moved(motion, turn, np.array([-drift[0], -drift[1], -height]))


def straighten(motion: Motion, seconds: float = 1.0) -> Motion:
    """The way from the first to the last frame becomes a straight line; the body faces along it as it did before.

    seconds: how fast the direction of the way may change. Raises CleanUpError if nobody goes anywhere.
    """
    place = pose(motion).heads[:, traveller(motion)]
    if np.linalg.norm(place[-1, :2] - place[0, :2]) < 0.3:
        raise CleanUpError("The character does not go anywhere in this range; choose one in which it walks")
    step = motion.step
    smooth = low_pass(place[:, :2], min(0.4, step / seconds)) if len(place) > 8 else place[:, :2]
    velocity = np.gradient(smooth, step, axis=0)
    # Where nobody goes, the direction glides on from where somebody does.
    speed = np.linalg.norm(velocity, axis=-1)
    going = np.flatnonzero(speed > 0.2 * np.median(speed[speed > 1e-6]))
    angle = np.interp(np.arange(len(place)), going, np.unwrap(np.arctan2(velocity[going, 1], velocity[going, 0])))
    line = np.arctan2(*(place[-1, :2] - place[0, :2])[::-1])
    line = line + 2 * np.pi * np.round((np.median(angle) - line) / (2 * np.pi))
    turn = quat.about(_UP, line - angle)
    # Every step of the way is turned, and the ways are joined again.
    steps = np.diff(place, axis=0)
    middle = quat.between(turn[:-1], turn[1:], 0.5)
    joined = np.concatenate([place[:1], place[:1] + np.cumsum(quat.rotate(middle, steps), axis=0)])
    return moved(motion, turn, joined - quat.rotate(turn, place))


def heading(motion: Motion) -> float:
    """The direction in which the character goes, else faces, as radians about the vertical; 0 is -Y."""
    place = pose(motion).heads[:, traveller(motion)]
    way = place[-1, :2] - place[0, :2]
    if np.linalg.norm(way) < 0.3:
        posed = pose(motion)
        bone = traveller(motion)
        turned = quat.multiply(posed.rotations[0, bone], quat.inverse(motion.rig.rest[bone]))
        way = quat.rotate(turned, np.array([0.0, -1.0, 0.0]))[:2]
    return float(np.arctan2(way[0], -way[1]))


def set_heading(motion: Motion, radians: float) -> Motion:
    """The character turned as a whole, about where it starts, until it goes (or faces) ``radians``; 0 is -Y."""
    start = pose(motion).heads[0, traveller(motion)]
    turn = quat.about(_UP, np.array(radians - heading(motion)))
    return moved(motion, turn, (start - quat.rotate(turn, start)) * [1.0, 1.0, 0.0])


def in_place(motion: Motion) -> Motion:
    """The even part of the way, from the first to the last frame, is taken out: the character treads on the spot."""
    place = pose(motion).heads[:, traveller(motion)]
    share = np.linspace(0.0, 1.0, len(place))[:, None]
    way = (place[-1] - place[0]) * [1.0, 1.0, 0.0]
    return moved(motion, np.array([1.0, 0.0, 0.0, 0.0]), -share * way)


def loop(motion: Motion, blend: int, stay: bool) -> Motion:
    """The last frame becomes the first one: over ``blend`` frames at the end the motion goes over into it.

    stay: tread on the spot. Otherwise the character is at the end where it was going, at the height of the start.
    Raises CleanUpError for a blend that is longer than the motion.
    """
    count = len(motion.frames)
    if not 1 <= blend < count:
        raise CleanUpError(f"A blend of {blend} frames does not fit into {count}; give fewer, or a longer range")
    motion = in_place(motion) if stay else motion
    weight = np.zeros(count)
    weight[-blend - 1 :] = np.concatenate([ramp(blend), [1.0]])
    first, last = motion.rotations[0], motion.rotations[-1]
    missing = quat.multiply(quat.inverse(last), first)
    missing = np.where(missing[:, :1] < 0, -missing, missing)
    part = quat.between(np.broadcast_to([1.0, 0.0, 0.0, 0.0], (count, *missing.shape)), missing[None], weight[:, None])
    rotations = quat.multiply(motion.rotations, part)
    gap = motion.locations[:1] - motion.locations[-1:]
    if not stay:
        for bone, parent in enumerate(motion.rig.parents):
            if parent < 0:  # the way stays; only the height comes back
                rest = motion.rig.rest[bone]
                rise = quat.rotate(rest, gap[0, bone]) * [0.0, 0.0, 1.0]
                gap[0, bone] = quat.rotate(quat.inverse(rest), rise)
    return motion.with_rotations(rotations).with_locations(motion.locations + weight[:, None, None] * gap)
