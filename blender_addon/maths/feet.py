"""Feet that stay where they are: two bones are bent so that the third one's head holds, baked to their keys."""

from __future__ import annotations

import re

import numpy as np

from . import quaternions as quat
from .errors import CleanUpError
from .motion import Motion, Rig, continuous, local_rotation, pose, ramp

_MOST = 0.999
"""Share of its length to which a leg is stretched at most; a knee that is quite straight would snap."""


def find(rig: Rig) -> list[int]:
    """The feet by their names: bones with two more above them. Mechanism and deform copies of Rigify are left out."""
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


def lock(motion: Motion, feet: list[int], first: float, last: float, blend: int) -> Motion:
    """From frame ``first`` to ``last`` the ``feet`` hold the place and turn that they have on average there; over
    ``blend`` frames before and after they come and go.

    The two bones above a foot are bent by the law of cosines about the knee's own axis; the foot keeps its turn. Where
    the place is out of reach, the leg stretches towards it as far as it goes.
    Raises CleanUpError for a bone that has no two bones above it.
    """
    inside = np.flatnonzero((motion.frames >= first - 1e-3) & (motion.frames <= last + 1e-3))
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
        near = np.where((turns[inside] * turns[inside[0]]).sum(axis=-1, keepdims=True) < 0, -1.0, 1.0) * turns[inside]
        held = quat.unit(near.mean(axis=0))
        target = heads + weight[:, None] * (hold - heads)
        turn = quat.between(turns, np.broadcast_to(held, turns.shape), weight)
        motion = reach(motion, foot, target, turn, weight > 0)
    return motion


def unlock(motion: Motion, raw: Motion, feet: list[int], first: float, last: float, blend: int) -> Motion:
    """From frame ``first`` to ``last`` the legs of the ``feet`` do what they did in ``raw``, the same rig at the same
    frames; over ``blend`` frames at both ends of the stretch they come and go.

    Raises CleanUpError for a bone that has no two bones above it.
    """
    inside = np.flatnonzero((motion.frames >= first - 1e-3) & (motion.frames <= last + 1e-3))
    weight = np.zeros(len(motion.frames))
    weight[inside] = 1.0
    edge = min(blend, len(inside) // 2)
    weight[inside[:edge]] = ramp(edge)
    weight[inside[len(inside) - edge :]] = ramp(edge)[::-1]
    rotations = motion.rotations.copy()
    for foot in feet:
        for bone in _leg(motion.rig, foot):
            rotations[:, bone] = quat.between(motion.rotations[:, bone], raw.rotations[:, bone], weight)
    return motion.with_rotations(continuous(rotations))


def _leg(rig: Rig, foot: int) -> list[int]:
    """A foot and the two bones above it."""
    chain = rig.chain(foot)[:3]
    if len(chain) < 3:
        raise CleanUpError(f"{rig.names[foot]} has no two bones above it that could bend; select the feet")
    return chain


def reach(motion: Motion, foot: int, target: np.ndarray, turn: np.ndarray, where: np.ndarray) -> Motion:
    """The head of ``foot`` at ``target`` (T,3) with the orientation ``turn`` (T,4) in the frames ``where`` (T,)."""
    rig = motion.rig
    _, shin, thigh = rig.chain(foot)[:3]
    posed = pose(motion)
    hip, knee, ankle = posed.heads[:, thigh], posed.heads[:, shin], posed.heads[:, foot]
    upper, lower = np.linalg.norm(knee - hip, axis=-1), np.linalg.norm(ankle - knee, axis=-1)
    way = target - hip
    distance = np.linalg.norm(way, axis=-1)
    now = np.linalg.norm(ankle - hip, axis=-1)
    # No farther than the leg goes; a leg that was straighter already may stay so.
    limit = np.maximum(_MOST * (upper + lower), np.minimum(now, upper + lower))
    wanted = np.clip(distance, np.abs(upper - lower) + 1e-6, limit)

    # The knee opens or closes about its own axis until the ankle is as far from the hip as the target is.
    axis = np.cross(knee - hip, ankle - knee)
    straight = np.linalg.norm(axis, axis=-1) < 1e-4 * upper * lower
    side = quat.rotate(posed.rotations[:, thigh], np.array([1.0, 0.0, 0.0]))
    axis = np.where(straight[:, None], side, axis)
    axis = axis / np.linalg.norm(axis, axis=-1, keepdims=True)

    def bend(reached: np.ndarray) -> np.ndarray:
        cosine = (reached**2 - upper**2 - lower**2) / (2 * upper * lower)
        return np.arccos(np.clip(cosine, -1.0, 1.0))

    half = (bend(wanted) - bend(now)) / 2
    opened = np.concatenate([np.cos(half)[:, None], axis * np.sin(half)[:, None]], axis=-1)
    aimed = quat.shortest(knee + quat.rotate(opened, ankle - knee) - hip, way)

    rotations = posed.rotations.copy()
    rotations[:, thigh] = quat.multiply(aimed, rotations[:, thigh])
    rotations[:, shin] = quat.multiply(aimed, quat.multiply(opened, rotations[:, shin]))
    rotations[:, foot] = turn
    channels = motion.rotations.copy()
    for bone in (thigh, shin, foot):
        local = local_rotation(rig, bone, rotations, rotations[:, bone])
        local = np.where((local * motion.rotations[:, bone]).sum(axis=-1, keepdims=True) < 0, -local, local)
        channels[:, bone] = np.where(where[:, None], local, motion.rotations[:, bone])
    return motion.with_rotations(channels)
