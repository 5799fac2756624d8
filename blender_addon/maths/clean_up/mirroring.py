"""Left and right: names of the two sides, the mirrored motion, and limbs whose sides were exchanged."""

from __future__ import annotations

import re

import numpy as np

from .. import rotations as rot
from ..arrays import Array
from .errors import CleanUpError
from .motion import Motion, Rig, local_rotation, pose, posed_rotation

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
            other = _WORDS[word.lower()]
            other = other.upper() if word.isupper() else other.capitalize() if word[0].isupper() else other
            return name[: match.start(1)] + other + name[match.end(1) :]
    return None


def partners(rig: Rig) -> list[int]:
    """For every bone (B,) the row of its other side; its own where it has none."""
    rows = {name: row for row, name in enumerate(rig.names)}
    return [rows.get(other_side(name) or "", row) for row, name in enumerate(rig.names)]


def mirror(motion: Motion, normal: Array) -> Motion:
    """Mirrors a motion and exchanges the two sides.

    Assumes a rest pose that is the same on both sides; rolls may differ.

    Args:
        motion: the motion to mirror.
        normal: (3,) of the mirror plane through the origin: the armature's own x axis.

    Raises:
        CleanUpError: no bone has another side.
    """
    rig, other = motion.rig, partners(motion.rig)
    if other == list(range(len(rig.names))):
        raise CleanUpError("No bone's name says left or right (as hand.L or LeftHand); rename the bones first")
    rotations, locations = np.empty_like(motion.rotations), np.empty_like(motion.locations)
    for bone, source in enumerate(other):
        rest, theirs = rig.rest[bone], rig.rest[source]
        turned = rot.multiply(theirs, rot.multiply(motion.rotations[:, source], rot.inverse(theirs)))
        turned[..., 1:] = 2 * (turned[..., 1:] @ normal)[..., None] * normal - turned[..., 1:]
        rotations[:, bone] = rot.multiply(rot.inverse(rest), rot.multiply(turned, rest))
        away = rot.rotate(theirs, motion.locations[:, source])
        away = away - 2 * (away @ normal)[..., None] * normal
        locations[:, bone] = rot.rotate(rot.inverse(rest), away)
    return motion.with_rotations(rotations).with_locations(locations)


def swap_sides(motion: Motion, bones: list[int]) -> Motion:
    """Gives limbs the directions of the other side's, where a detector exchanged left and right.

    Trunk and head keep their orientation, and the limbs their roll.

    Args:
        motion: the motion to change.
        bones: rows of the bones to swap; their partners are swapped too.

    Raises:
        CleanUpError: no bone has another side.
    """
    other = partners(motion.rig)
    chosen = {row for bone in bones for row in (bone, other[bone]) if other[bone] != bone}
    if not chosen:
        raise CleanUpError("No chosen bone's name says left or right (as hand.L or LeftHand); select arms or legs")
    before = pose(motion)
    rotations = motion.rotations.copy()
    posed = before.rotations.copy()
    for bone in range(len(other)):
        if bone in chosen:
            mine, theirs = (rot.rotate(before.rotations[:, row], rot.AXES[1]) for row in (bone, other[bone]))
            posed[:, bone] = rot.multiply(rot.shortest_arc(mine, theirs), before.rotations[:, bone])
            rotations[:, bone] = local_rotation(motion.rig, bone, posed, posed[:, bone])
        elif motion.rig.parents[bone] >= 0:
            posed[:, bone] = posed_rotation(motion.rig, bone, posed, rotations[:, bone])
    return motion.with_rotations(rotations)
