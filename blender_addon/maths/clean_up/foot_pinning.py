"""Pins feet to one place over a range of frames by two-bone IK, baked to the keys of the leg."""

from __future__ import annotations

import re

import numpy as np

from .. import rotations as rot
from ..arrays import Array
from ..ik import bend_direction, two_bone_ik
from .errors import CleanUpError
from .motion import Motion, Rig, local_rotation, pose, ramp

_REACH = 0.999
"""Share of its length to which a leg is stretched at most; a knee that is quite straight would snap."""

_STRAIGHT = 1e-3
"""Distance of a knee from the line from hip to ankle, as a share of the thigh, below which the thigh's own x axis is
its hinge. Small, because the axes of an unknown rig may lie anyhow."""


def find_feet(rig: Rig) -> list[int]:
    """The rows of the feet by their names: bones with two more above them; not Rigify's mechanism and deform bones."""
    found = []
    for row, name in enumerate(rig.names):
        plain = name.split(":")[-1].lower()
        if (
            re.search(r"foot|ankle", plain)
            and not re.match(r"(mch|def|org)-", plain)
            and not re.search(r"ik|roll", plain)
        ):
            above = rig.chain(row)
            if len(above) >= 3 and not any(bone in found for bone in above[1:]):
                found.append(row)
    return found


def pin_feet(motion: Motion, feet: list[int], first: float, last: float, blend: int) -> Motion:
    """Holds feet at their average place and orientation over a range.

    Where the place is out of reach, the leg stretches towards it as far as it goes.

    Args:
        motion: the motion to change.
        feet: rows of the feet.
        first, last: scene frames of the range.
        blend: frames before and after the range over which the pin is blended in and out.

    Raises:
        CleanUpError: no frames in the range, or a bone without two bones above it.
    """
    inside = motion.rows_in(first, last)
    if not len(inside):
        raise CleanUpError(f"There is no motion from frame {first:g} to {last:g}; choose another range")
    weight = np.zeros(len(motion.frames))
    weight[inside] = 1.0
    before, after = min(blend, inside[0]), min(blend, len(weight) - 1 - inside[-1])
    weight[inside[0] - before : inside[0]] = ramp(before)
    weight[inside[-1] + 1 : inside[-1] + 1 + after] = ramp(after)[::-1]
    for foot in feet:
        _leg(motion.rig, foot)
        posed = pose(motion)
        heads, turns = posed.heads[:, foot], posed.rotations[:, foot]
        hold = np.median(heads[inside], axis=0)
        held = rot.normalise(rot.nearest_sign(turns[inside], turns[inside[0]]).mean(axis=0))
        target = heads + weight[:, None] * (hold - heads)
        turn = rot.slerp(turns, np.broadcast_to(held, turns.shape), weight)
        motion = _reach(motion, foot, target, turn, weight > 0)
    return motion


def unpin_feet(motion: Motion, raw: Motion, feet: list[int], first: float, last: float, blend: int) -> Motion:
    """Restores the legs of ``raw`` over a range.

    Args:
        motion: the motion to change.
        raw: the motion before any clean-up: the same rig at the same frames.
        feet: rows of the feet.
        first, last: scene frames of the range.
        blend: frames at both ends of the range over which the legs go over into those of ``raw``.

    Raises:
        CleanUpError: a bone has no two bones above it.
    """
    inside = motion.rows_in(first, last)
    weight = np.zeros(len(motion.frames))
    weight[inside] = 1.0
    edge = min(blend, len(inside) // 2)
    weight[inside[:edge]] = ramp(edge)
    weight[inside[len(inside) - edge :]] = ramp(edge)[::-1]
    rotations = motion.rotations.copy()
    for foot in feet:
        for bone in _leg(motion.rig, foot):
            rotations[:, bone] = rot.slerp(motion.rotations[:, bone], raw.rotations[:, bone], weight)
    return motion.with_rotations(rot.continuous(rotations, rotations[0]))


def _leg(rig: Rig, foot: int) -> list[int]:
    """The rows of a foot and the two bones above it."""
    chain = rig.chain(foot)[:3]
    if len(chain) < 3:
        raise CleanUpError(f"{rig.names[foot]} has no two bones above it that could bend; select the feet")
    return chain


def _reach(motion: Motion, foot: int, target: Array, turn: Array, where: Array) -> Motion:
    """The head of ``foot`` at ``target`` (T,3) with the orientation ``turn`` (T,4) in the frames ``where`` (T,)."""
    rig = motion.rig
    _, shin, thigh = rig.chain(foot)[:3]
    posed = pose(motion)
    hip, knee, ankle = posed.heads[:, thigh], posed.heads[:, shin], posed.heads[:, foot]
    pole = np.cross(ankle - hip, rot.rotate(posed.rotations[:, thigh], rot.AXES[0]))
    new_knee, new_ankle = two_bone_ik(hip, knee, ankle, target, pole, _REACH, _STRAIGHT)
    # The leg as a whole, then each bone within the leg's plane: so the knee keeps its hinge.
    aim = rot.shortest_arc(ankle - hip, new_ankle - hip)
    hinge = rot.unit(np.cross(ankle - hip, bend_direction(hip, knee, ankle, pole, _STRAIGHT)))

    def turned(bone: int, before: Array, after: Array) -> Array:
        within = rot.shortest_arc(rot.rotate(aim, before), after, rot.rotate(aim, hinge))
        return rot.multiply(within, rot.multiply(aim, posed.rotations[:, bone]))

    rotations = posed.rotations.copy()
    rotations[:, thigh] = turned(thigh, knee - hip, new_knee - hip)
    rotations[:, shin] = turned(shin, ankle - knee, new_ankle - new_knee)
    rotations[:, foot] = turn
    channels = motion.rotations.copy()
    for bone in (thigh, shin, foot):
        local = rot.nearest_sign(local_rotation(rig, bone, rotations, rotations[:, bone]), motion.rotations[:, bone])
        channels[:, bone] = np.where(where[:, None], local, motion.rotations[:, bone])
    return motion.with_rotations(channels)
