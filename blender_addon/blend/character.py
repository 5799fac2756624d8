"""A motion on a rig of the scene: reads the armature, writes a new Action, mutes constraints in the way."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import bpy
import numpy as np
from mathutils import Matrix

from ..maths import recognise, rotations, transfer
from ..maths.bone_map import NEEDED, BoneMap
from ..maths.motion_file import MotionFile
from ..maths.rig import Rig, RigError, Solution
from ..maths.transfer import Options
from . import actions, fcurves


@dataclass(frozen=True)
class Target:
    """A rig that a motion goes to. action: the last result, which is written anew unless somebody has edited it."""

    armature: bpy.types.Object
    bone_map: BoneMap
    options: Options
    action: bpy.types.Action | None = None


def recognised(armature: bpy.types.Object) -> BoneMap | None:
    """The bone map of an armature: a preset by its names, else by its shape; None if it looks like no body."""
    return recognise.recognise(*_shape(armature))


def fitted(armature: bpy.types.Object, preset: BoneMap) -> BoneMap | None:
    """A chosen preset with the names as the armature has them; None if it has not even its hips."""
    names, parents, heads, tails = _shape(armature)
    found = recognise.fit(preset, names)
    return recognise.filled(found, names, parents, heads, tails) if found else None


def gaps(armature: bpy.types.Object, bone_map: BoneMap) -> list[str]:
    """The bones of the armature's trunk that stay stiff with a map."""
    return recognise.gaps(bone_map, *_shape(armature)[:2])


def _shape(armature: bpy.types.Object) -> tuple[list[str], list[int], np.ndarray, np.ndarray]:
    """The names (B), parents (B), heads and tails (B,3) of an armature's bones; z is up."""
    bones = list(armature.data.bones)
    rows = {bone.name: row for row, bone in enumerate(bones)}
    parents = [rows[bone.parent.name] if bone.parent else -1 for bone in bones]
    matrix = np.array(armature.matrix_world)[:3, :3]
    heads, tails = (
        np.array([getattr(bone, end) for bone in bones]).reshape(-1, 3) @ matrix.T
        for end in ("head_local", "tail_local")
    )
    return list(rows), parents, heads, tails


def check(target: Target) -> None:
    """Raises RigError, one line, if the rig cannot take a motion."""
    armature = target.armature
    if armature.library is not None:
        raise RigError(
            f"{armature.name} is linked from another file; make it a library override "
            "(Object > Library Override > Make) and capture again"
        )
    if armature.animation_data and armature.animation_data.use_tweak_mode:
        raise RigError(f"An NLA strip of {armature.name} is being edited; leave its tweak mode (Tab) and capture again")
    for slot, names in target.bone_map.bones.items():
        for name in names:
            if name not in armature.data.bones:
                raise RigError(f"{armature.name} has no bone {name} ({slot}); correct its bone map under Character")
    for slot, way in target.bone_map.ik.items() if target.options.ik else ():
        for name in way.bones:
            if name not in armature.data.bones:
                raise RigError(
                    f"{armature.name} has no bone {name} (IK of {slot}); capture without IK, or correct its map"
                )
    lost = [slot for slot in NEEDED if not target.bone_map.bones.get(slot)]
    if lost:
        raise RigError(f"The bone map of {armature.name} has no {', '.join(lost)}; choose the bones under Character")


def solve(target: Target, motion: MotionFile) -> Solution:
    """The motion on the target's bones. Changes nothing. Raises RigError."""
    check(target)
    try:
        return transfer.transfer(
            motion.world,
            motion.contacts,
            motion.rate,
            read(target.armature, target.bone_map),
            target.bone_map,
            target.options,
            motion.parts,
        )
    except RigError as error:
        raise RigError(f"{target.armature.name}: {error}") from error


def read(armature: bpy.types.Object, bone_map: BoneMap) -> Rig:
    """What the solver has to know of an armature."""
    bones = list(armature.data.bones)
    rows = {bone.name: row for row, bone in enumerate(bones)}
    hips = armature.data.bones.get(bone_map.one("hips") or "")
    base = hips.matrix_local if hips else Matrix()
    if hips and hips.parent:
        # The hips' parents, often a root, stay as they are: a character may have been placed with them.
        base = armature.pose.bones[hips.parent.name].matrix @ hips.parent.matrix_local.inverted() @ base
    return Rig(
        names=tuple(rows),
        parents=tuple(rows[bone.parent.name] if bone.parent else -1 for bone in bones),
        rest=np.array([bone.matrix_local for bone in bones], np.float64).reshape(-1, 4, 4),
        tails=np.array([bone.tail_local for bone in bones], np.float64).reshape(-1, 3),
        inherits=np.array([bone.use_inherit_rotation for bone in bones], bool),
        world=np.array(armature.matrix_world, np.float64),
        base=np.array(base, np.float64),
        not_local=frozenset(bone.name for bone in bones if not bone.use_local_location),
        posed={
            way.carrier: np.array(armature.pose.bones[way.carrier].matrix, np.float64)
            for way in bone_map.ik.values()
            if way.carrier in rows
        },
    )


def write(target: Target, frames: np.ndarray, solution: Solution, name: str) -> bpy.types.Action:
    """Keys the solution at ``frames`` (T,) as an Action of its own, which is returned; the rig's own one is kept.

    Switches the rig to the controls of the map, and mutes the constraints that would override the keys
    (``in_the_way`` tells which, before).
    """
    armature, pose = target.armature, target.armature.pose
    for bone, constraint in in_the_way(armature, target.bone_map):
        pose.bones[bone].constraints[constraint].mute = True
    ways = [way for way in target.bone_map.ik.values() if way.control in solution.rotations]
    for properties in (target.bone_map.properties, *(way.properties for way in ways)):
        for bone, wanted in properties.items():
            for key, value in wanted.items():
                if bone in pose.bones and key in pose.bones[bone]:
                    old = pose.bones[bone][key]
                    pose.bones[bone][key] = type(old)(value) if isinstance(old, (int, float)) else value
    for bone in _held_still(armature, target.bone_map):
        pose.bones[bone].matrix_basis = Matrix()
    for way in ways:
        for bone in way.still:
            pose.bones[bone].matrix_basis = Matrix()
        for bone in way.rigid:
            pose.bones[bone].ik_stretch = 0.0  # any more, and Blender shortens bones in place of bending them
    for bone in solution.rotations:
        pose.bones[bone].location, pose.bones[bone].scale = (0.0, 0.0, 0.0), (1.0, 1.0, 1.0)

    animation = armature.animation_data or armature.animation_data_create()
    action = target.action
    if animation.action is not None and animation.action != action:
        animation.action.use_fake_user = True  # the animator's own: it must not vanish with its last user
        if actions.BELOW in animation.action:
            animation.action_blend_type, animation.action_extrapolation = "REPLACE", "HOLD"
    if action is None or actions.is_edited(action) or action.users > (animation.action == action):
        if action is not None:
            actions.keep(action)
        action = bpy.data.actions.new(name)
    for key in (actions.RAW, actions.RETIMED):
        if key in action:
            del action[key]
    bag = fcurves.channels(armature, action)
    for curve in list(bag.fcurves):
        bag.fcurves.remove(curve)
    for bone, quaternions in solution.rotations.items():
        mode = pose.bones[bone].rotation_mode
        path = fcurves.bone_path(bone, fcurves.rotation_channel(mode))
        fcurves.write(bag, path, frames, rotations.to_channels(quaternions, mode), bone)
    for bone, locations in solution.locations.items():
        fcurves.write(bag, fcurves.bone_path(bone, "location"), frames, locations, bone)
    return action


def in_the_way(armature: bpy.types.Object, bone_map: BoneMap) -> list[tuple[str, str]]:
    """The active constraints (bone, name) that would override the keys, or hold bones back that should follow others.

    Those on the bones of the map; and on the hips' children where they follow something that the motion does not move.
    A control rig's own constraints do its work and are left alone.
    """
    mapped = {bone for bones in bone_map.bones.values() for bone in bones}
    hips = bone_map.one("hips")
    moving = set(mapped)
    if hips in armature.data.bones:
        moving.update(bone.name for bone in armature.data.bones[hips].children_recursive)

    def leads_astray(constraint: bpy.types.Constraint) -> bool:
        target = getattr(constraint, "target", None)
        return target is not None and not (target == armature and constraint.subtarget in moving)

    return [
        (bone.name, constraint.name)
        for bone in armature.pose.bones
        for constraint in bone.constraints
        if not constraint.mute
        and (bone.name in mapped or (bone.name in moving and not bone_map.control_rig and leads_astray(constraint)))
    ]


def restore(armature: bpy.types.Object, constraints: Sequence[tuple[str, str]]) -> None:
    """Switches muted constraints (bone, name) on again; those that are gone by now are passed over."""
    for bone, name in constraints:
        if bone in armature.pose.bones and name in armature.pose.bones[bone].constraints:
            armature.pose.bones[bone].constraints[name].mute = False


def _held_still(armature: bpy.types.Object, bone_map: BoneMap) -> Iterator[str]:
    """Bones between two of the map: a pose that was left on them would bend the character."""
    mapped = {bone for bones in bone_map.bones.values() for bone in bones}
    for name in mapped:
        between: list[str] = []
        bone: Any = armature.data.bones[name].parent
        while bone is not None and bone.name not in mapped:
            between.append(bone.name)
            bone = bone.parent
        if bone is not None:
            yield from between
