"""Left and right: their names, the mirrored motion, limbs that the detector mixed up."""

from __future__ import annotations

import re

import numpy as np

from . import quaternions as quat
from .errors import CleanUpError
from .motion import Motion, Rig, local_rotation, pose

_WORDS = {"l": "r", "r": "l", "left": "right", "right": "left"}


def other_side(name: str) -> str | None:
    """``hand.L`` -> ``hand.R``, ``mixamorig:LeftArm`` -> ``mixamorig:RightArm``; None for a name without a side."""
    for pattern in (
        r"(?<![A-Za-z])(left|right|l|r)(?![A-Za-z])",  # hand.L, upperarm_l, J_Bip_L_Hand, Left leg
        r"(?<![a-z])(Left|Right|left|right)(?=[A-Z])",  # LeftArm, leftUpperArm
        r"(?<![A-Za-z])([LR])(?=[A-Z][a-z])",  # LThigh
        r"(?<=[a-z])(Left|Right|L|R)$",  # handL, ArmLeft
    ):
        found = list(re.finditer(pattern, name, re.IGNORECASE if pattern.startswith(r"(?<![A-Za-z])(left") else 0))
        if found:
            match = found[-1]
            word = match.group(1)
            turned = _WORDS[word.lower()]
            turned = turned.upper() if word.isupper() else turned.capitalize() if word[0].isupper() else turned
            return name[: match.start(1)] + turned + name[match.end(1) :]
    return None


def partners(rig: Rig) -> list[int]:
    """For every bone (B,) the row of its other side; its own where it has none."""
    rows = {name: row for row, name in enumerate(rig.names)}
    return [rows.get(other_side(name) or "", row) for row, name in enumerate(rig.names)]


def mirror(motion: Motion, normal: np.ndarray) -> Motion:
    """The motion seen in the mirror through the origin of the rest pose with the given ``normal`` (3,), which is the
    armature's own x axis. Assumes a rest pose that is the same on both sides; rolls may differ.
    Raises CleanUpError if no bone has another side."""
    rig, other = motion.rig, partners(motion.rig)
    if other == list(range(len(rig.names))):
        raise CleanUpError("No bone's name says left or right (as hand.L or LeftHand); rename the bones first")
    rotations, locations = np.empty_like(motion.rotations), np.empty_like(motion.locations)
    for bone, source in enumerate(other):
        rest, theirs = rig.rest[bone], rig.rest[source]
        turned = quat.multiply(theirs, quat.multiply(motion.rotations[:, source], quat.inverse(theirs)))
        turned[..., 1:] = 2 * (turned[..., 1:] @ normal)[..., None] * normal - turned[..., 1:]
        rotations[:, bone] = quat.multiply(quat.inverse(rest), quat.multiply(turned, rest))
        away = quat.rotate(theirs, motion.locations[:, source])
        away = away - 2 * (away @ normal)[..., None] * normal
        locations[:, bone] = quat.rotate(quat.inverse(rest), away)
    return motion.with_rotations(rotations).with_locations(locations)


def swap(motion: Motion, bones: list[int]) -> Motion:
    """The limbs among ``bones`` take the directions of the other side's: for a stretch in which left and right were
    mixed up. Trunk and head stay; so do the limbs' rolls. Raises CleanUpError if no bone has another side."""
    other = partners(motion.rig)
    chosen = {row for bone in bones for row in (bone, other[bone]) if other[bone] != bone}
    if not chosen:
        raise CleanUpError("No chosen bone's name says left or right (as hand.L or LeftHand); select arms or legs")
    before = pose(motion)
    along = np.array([0.0, 1.0, 0.0])
    rotations = motion.rotations.copy()
    posed = before.rotations.copy()
    for bone in range(len(other)):
        if bone in chosen:
            mine = quat.rotate(before.rotations[:, bone], along)
            theirs = quat.rotate(before.rotations[:, other[bone]], along)
            posed[:, bone] = quat.multiply(quat.shortest(mine, theirs), before.rotations[:, bone])
            rotations[:, bone] = local_rotation(motion.rig, bone, posed, posed[:, bone])
        elif motion.rig.parents[bone] >= 0:
            posed[:, bone] = pose_of(motion, rotations, posed, bone)
    return motion.with_rotations(rotations)


def pose_of(motion: Motion, rotations: np.ndarray, posed: np.ndarray, bone: int) -> np.ndarray:
    """The orientation (T,4) of a bone from its channel and its parent's orientation."""
    rig = motion.rig
    if not rig.inherits[bone]:
        return quat.multiply(rig.rest[bone], rotations[:, bone])
    parent = rig.parents[bone]
    rest = quat.multiply(quat.inverse(rig.rest[parent]), rig.rest[bone])
    return quat.multiply(quat.multiply(posed[:, parent], rest), rotations[:, bone])
