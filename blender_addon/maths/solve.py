"""Joint positions to bone rotations, a whole clip at once.

Positions fix the direction of a bone, but not its roll. Pelvis and chest take it from the axis of the hips and of the
shoulders, limbs from the plane of their elbow or knee. A nearly straight limb has no plane: there the roll is
interpolated from the last reliable plane to the next. Hands and feet also take the orientation that the detector
observed, as a rotation away from rest, averaged over time and limited to a human range. Of hands only the roll is used,
because forearms give their direction better.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from . import rotations
from .arrays import Array, SinglePrecision, smoothstep
from .skeleton import BONES, NAMES, PARENTS, Rest, chest_frames, joint

_STRAIGHT, _BENT = np.sin(np.radians([5.0, 35.0]))
"""Sine of the bend below which a limb's plane is noise, and above which its confidence is 1."""
_ROLL_SECONDS = 0.03
"""Seconds over which a roll of confidence 1 is smoothed; about a frame."""
_PART_SECONDS = 0.2
"""Seconds over which observed orientations are averaged: the points of a hand lie close together."""
_MOST = 70.0
"""Degrees that a hand rolls at most away from its forearm; an observation of 1.6 times as much is ignored."""
_CONTACT_SECONDS = 0.07
"""Half the seconds in which a foot is blended from the shin's orientation to flat on the floor, and back."""


@dataclass(frozen=True)
class Pose:
    """Pose-bone channels, single precision, as keys are.

    Attributes:
        rotations: (T,B,4) quaternions.
        location: (T,3) of the bone ``hips``, metres.
    """

    rotations: Array
    location: Array


Parts = Mapping[str, tuple[Array, Array]]
"""By bone: the orientation (T,3,3) of that part of a figure in T-pose that faces -Y, and where it is known (T,)."""


def solve(world: Array, contacts: Array, rate: float, rest: Rest, parts: Parts | None = None) -> Pose:
    """Rotations that pose the armature of ``rest`` on the joints of ``world``.

    Assumes Blender's default of bones that inherit their parents' rotation, and no constraints.

    Args:
        world: (T,17,3) joints, metres, armature space.
        contacts: (T,2) left and right foot on the floor.
        rate: frames a second.
        rest: the rest pose.
        parts: observed orientations of hands and feet, armature axes.
    """
    frames = orientations(world, np.asarray(contacts, bool), rate, rest, parts)
    keys = np.empty((len(world), len(BONES), 4), np.float32)
    for index, (name, parent) in enumerate(zip(NAMES, PARENTS, strict=True)):
        local = np.swapaxes(_carried(frames, rest, index, parent), -1, -2) @ frames[name]
        keys[:, index] = rotations.continuous(rotations.to_quaternions(local))
    hips = NAMES.index("hips")
    location = (joint(world, "Hip") - rest.heads[hips]) @ rest.frames[hips]
    return Pose(keys, location)


def _carried(frames: Mapping[str, Array], rest: Rest, index: int, parent: int) -> Array:
    """The orientation (T or 1,3,3) of a bone without keys, carried by its parent."""
    if parent < 0:
        return rest.frames[index][None]
    return frames[NAMES[parent]] @ (rest.frames[parent].T @ rest.frames[index])


def orientations(
    world: Array, contacts: Array, rate: float, rest: Rest, parts: Parts | None = None
) -> dict[str, Array]:
    """The orientation of every bone in armature space, (T,3,3) each, columns x, y, z, single precision."""
    parts = parts or {}
    frames = SinglePrecision()

    def along(name: str) -> Array:
        bone = BONES[NAMES.index(name)]
        assert bone.tail is not None
        return rotations.unit(joint(world, bone.tail) - joint(world, bone.head))

    def carried(name: str) -> Array:
        index = NAMES.index(name)
        return _carried(frames, rest, index, PARENTS[index])

    # The hips' axis must be met exactly, since it carries the legs: it is x, and the spine gives the rest.
    across = rotations.unit(joint(world, "LHip") - joint(world, "RHip"))
    sideways = rotations.frame(across, along("spine"))
    frames["hips"] = np.stack([across, sideways[..., 0], -sideways[..., 2]], axis=-1)
    chest = chest_frames(world)
    # The twist between hips and shoulders is shared: half in the spine, half in the chest.
    frames["spine"] = rotations.frame(along("spine"), across + chest[..., 0])
    frames["chest"] = chest
    for name in ("neck", "head"):
        frames[name] = rotations.swing(carried(name), along(name))

    def rolled(name: str, held: Array) -> Array:
        """A hand with the direction of its forearm, and the observed roll."""
        if name not in parts:
            return held
        return rotations.twist(held, _limited_roll(held, *_observed(name, parts, rest), rate))

    for side, foot in (("L", 0), ("R", 1)):
        s = f".{side}"
        frames["shoulder" + s] = rotations.swing(carried("shoulder" + s), along("shoulder" + s))
        frames["upper_arm" + s], frames["forearm" + s] = _limb(
            carried("upper_arm" + s), along("upper_arm" + s), along("forearm" + s), rate, one_way=False
        )
        frames["hand" + s] = rolled("hand" + s, carried("hand" + s))
        frames["thigh" + s], frames["shin" + s] = _limb(
            carried("thigh" + s), along("thigh" + s), along("shin" + s), rate, one_way=True
        )
        name = "foot" + s
        # The engine's feet agree with its floor; without them, feet in contact are flat.
        if name in parts:
            frames[name] = _observed(name, parts, rest)[0]
        else:
            frames[name] = _foot(frames, carried(name), "shin" + s, contacts[:, foot], rate, rest)
    return frames


def _observed(name: str, parts: Parts, rest: Rest) -> tuple[Array, Array]:
    """The observed orientation (T,3,3) of a part's bone, and where it is known (T,)."""
    turn, where = parts[name]
    return turn @ rest.frames[NAMES.index(name)], where


def _limited_roll(frames: Array, observed: Array, where: Array, rate: float) -> Array:
    """The angle (T,) in radians about ``frames`` (T,3,3) that brings them nearest to ``observed`` (T,3,3).

    Averaged over time, at most _MOST degrees; fades out where the part was not observed, outside ``where`` (T,).
    """
    off = np.swapaxes(frames, -1, -2) @ observed
    angle = np.arctan2(off[:, 0, 2] - off[:, 2, 0], off[:, 0, 0] + off[:, 2, 2])
    most = np.radians(_MOST)
    confidence = where * (1 - smoothstep((np.abs(angle) - 1.3 * most) / (0.3 * most)))
    return np.clip(_averaged((confidence * angle)[:, None], rate)[:, 0], -most, most)


def _averaged(values: Array, rate: float) -> Array:
    """Columns (T,C) averaged over time, with a window that is as long for every rate."""
    reach = max(1, round(2 * _PART_SECONDS * rate))
    window = np.hanning(2 * reach + 3)[1:-1]
    padded = np.pad(values, ((reach, reach), (0, 0)), mode="edge")
    return np.stack([np.convolve(column, window / window.sum(), mode="valid") for column in padded.T], axis=-1)


def _limb(carried: Array, upper: Array, lower: Array, rate: float, one_way: bool) -> tuple[Array, Array]:
    """The orientations of a limb's two bones, which point along ``upper`` and ``lower`` (T,3), x along the hinge.

    Args:
        carried: (T,3,3) the upper bone without keys, carried by its parent.
        upper, lower: (T,3) unit vectors.
        rate: frames a second.
        one_way: ignore a hinge that points against the rest pose's. Knees never bend forward, so that is an error of
            the positions; elbows do when the arm rotates in the shoulder.
    """
    swung = rotations.swing(carried, upper)
    hinge = np.cross(upper, lower)
    angle = np.arctan2(-(hinge * swung[..., 2]).sum(axis=-1), (hinge * swung[..., 0]).sum(axis=-1))
    confidence = smoothstep((np.linalg.norm(hinge, axis=-1) - _STRAIGHT) / (_BENT - _STRAIGHT))
    if one_way:
        confidence = confidence * (1 + np.cos(angle)) / 2
    first = rotations.twist(swung, steady_angle(angle, confidence, rate))
    return first, rotations.frame(lower, first[..., 0])


def steady_angle(angle: Array, confidence: Array, rate: float) -> Array:
    """Angles (T,) in radians without jumps: near those of high confidence (0..1), interpolated across the others.

    Least squares: sum of confidence x (result - angle)^2 + stiffness x (change from frame to frame)^2.
    """
    known = np.flatnonzero(confidence > 1e-3)
    if len(known) == 0:
        return np.zeros(len(angle))
    target, weight = np.zeros(len(angle)), np.zeros(len(angle))
    target[known] = np.unwrap(angle[known])
    weight[known] = confidence[known]
    return _tridiagonal_least_squares(target, weight, (_ROLL_SECONDS * rate) ** 2)


def _tridiagonal_least_squares(target: Array, weight: Array, stiffness: float) -> Array:
    """Minimises sum weight (x - target)^2 + stiffness (x[t+1] - x[t])^2 by elimination (Thomas).

    Plain floats: for one column they are faster than numpy's calls.
    """
    count = len(target)
    if count == 1:
        return target.copy()
    diagonal = (weight + 2 * stiffness).tolist()
    diagonal[0] -= stiffness
    diagonal[-1] -= stiffness
    right = (weight * target).tolist()
    for t in range(1, count):
        factor = stiffness / diagonal[t - 1]
        diagonal[t] -= factor * stiffness
        right[t] += factor * right[t - 1]
    result = right
    result[-1] = right[-1] / diagonal[-1]
    for t in range(count - 2, -1, -1):
        result[t] = (right[t] + stiffness * result[t + 1]) / diagonal[t]
    return np.array(result)


def _foot(frames: Mapping[str, Array], free: Array, shin: str, contact: Array, rate: float, rest: Rest) -> Array:
    """The foot's orientation (T,3,3): as it is ``free`` in the air, flat while on the floor."""
    resting = rest.frames[NAMES.index(shin.replace("shin", "foot"))]
    forward = free @ (resting.T @ [0.0, -1.0, 0.0])
    level = forward * [1.0, 1.0, 0.0]
    # A foot that points down points nowhere on the floor; the pelvis does.
    pelvis = frames["hips"][..., 2] * [1.0, 1.0, 0.0]
    share = smoothstep(np.linalg.norm(level, axis=-1, keepdims=True) / 0.5)
    heading = rotations.unit(level * share + pelvis * (1 - share))
    left = np.stack([-heading[:, 1], heading[:, 0], np.zeros(len(heading))], axis=-1)
    up = np.broadcast_to([0.0, 0.0, 1.0], left.shape)
    # The turn about the vertical that takes the rest pose, which faces -Y, to the heading.
    turn = np.stack([left, -heading, up], axis=-1)
    flat = turn @ resting
    return rotations.blend(free, flat, _soft(contact, rate))


def _soft(flags: Array, rate: float) -> Array:
    """Flags (T,) as weights 0..1: 1 where they are set, and falling smoothly before and after."""
    reach = max(1, round(_CONTACT_SECONDS * rate))
    window = np.ones(2 * reach + 1)
    wide = np.convolve(np.pad(flags.astype(np.float64), 2 * reach, mode="edge"), window, mode="valid") > 0.5
    return smoothstep(np.convolve(wide, window / len(window), mode="valid"))
