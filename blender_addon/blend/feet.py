"""The feet of an armature: what moves them, where they stand, and how they get back there after a change."""

from __future__ import annotations

from typing import Any

import bpy
import numpy as np

from ..maths.clean_up import foot_pinning, mirroring, root_motion
from ..maths.clean_up.errors import CleanUpError
from ..maths.clean_up.foot_pinning import Foot
from ..maths.clean_up.motion import Motion
from . import bone_motion, character


def find(armature: bpy.types.Object, bag: Any, motion: Motion) -> list[Foot]:
    """The feet that have keys, by the armature's bone map or by names."""
    bone_map = character.recognised(armature)
    slots = {slot: bones[0] for slot, bones in bone_map.bones.items()} if bone_map else {}
    controls = {slot: way.control for slot, way in bone_map.ik.items()} if bone_map else {}
    return foot_pinning.find_feet(motion.rig, slots, controls, *bone_motion.keyed(bag, motion.rig))


def require_moving(armature: bpy.types.Object, feet: list[Foot]) -> None:
    """Raises CleanUpError where the keys of the ``feet`` do not move them: the rig is switched to IK without keys."""
    bone_map, pose = character.recognised(armature), armature.pose.bones
    if bone_map is None or any(foot.leg is None for foot in feet):
        return
    ways = [way.properties for slot, way in bone_map.ik.items() if slot.startswith("foot")]
    wanted = [(bone, key, value) for way in ways for bone in way for key, value in way[bone].items()]
    for bone, key, value in wanted:
        is_switch = bone_map.properties.get(bone, {}).get(key, value) != value
        if is_switch and bone in pose and pose[bone].get(key) == value:
            raise CleanUpError(
                f"The legs of {armature.name} are switched to IK, but its IK controls have no keys; switch them to FK, "
                "or capture again with IK Limbs"
            )


class Standing:
    """The feet of a motion and their stances, before a tool changes it."""

    def __init__(self, context: bpy.types.Context, armature: bpy.types.Object, bag: Any, motion: Motion) -> None:
        self.context, self.armature, self.motion = context, armature, motion
        self.feet = find(armature, bag, motion)
        bone_map = character.recognised(armature)
        hips = bone_map.one("hips") if bone_map else None
        row = motion.rig.names.index(hips) if hips else root_motion.root_bone(motion)
        self.hips = row if row in bone_motion.keyed(bag, motion.rig)[1] else None
        self.rows = [bone for foot in self.feet for bone in foot.bones]
        self.posed = bone_motion.posed(context, armature, motion, self.rows)
        self.stances = [foot_pinning.stances(self.posed.heads[:, foot.bone], motion.step) for foot in self.feet]

    def planted(self) -> np.ndarray:
        """The bones (T,B) of standing feet, and those that carry them."""
        flags = np.zeros(self.posed.heads.shape[:2], bool)
        for foot, spans in zip(self.feet, self.stances, strict=True):
            bones = {above for bone in foot.bones for above in self.motion.rig.chain(bone)}
            for first, after in spans:
                flags[first:after, list(bones)] = True
        return flags

    def hold(self, changed: Motion, anew: bool, exchanged: bool) -> Motion:
        """The changed motion, whose keys are written, with its standing feet at their places.

        Args:
            changed: the motion after the tool.
            anew: hold feet where they are on average now, and not where they stood before.
            exchanged: the two feet have exchanged their stances.
        """
        posed = bone_motion.posed(self.context, self.armature, changed, self.rows)
        stances = self.stances
        if exchanged:
            partners = mirroring.partners(self.motion.rig)
            bones = [foot.bone for foot in self.feet]
            other = [partners[bone] if partners[bone] in bones else bone for bone in bones]
            stances = [self.stances[bones.index(bone)] for bone in other]
        source = posed if anew else self.posed
        held = [
            [((first, after), np.median(source.heads[first:after, foot.bone], axis=0)) for first, after in spans]
            for foot, spans in zip(self.feet, stances, strict=True)
        ]
        return foot_pinning.hold_stances(changed, posed, self.feet, held, self.hips)
