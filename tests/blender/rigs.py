"""Rigs of strangers (tests/support/made_rigs.py), in the scene."""

from __future__ import annotations

import addon_utils
import bpy
from mathutils import Matrix, Vector

from blender_addon.maths import bone_map
from tests.support import made_rigs


def plain(name: str, preset: str = "mixamo", seed: int = 3, **how: bool) -> bpy.types.Object:
    """A rig with the names of a bone map, upright, in metres, with Blender's own rolls; in the active scene."""
    item = _linked(name)
    for bone in made_rigs.make(bone_map.preset(preset), seed, **how).bones:
        edit = item.data.edit_bones.new(bone.name)
        edit.head, edit.tail = bone.head, bone.tail
        edit.parent = item.data.edit_bones[bone.parent] if bone.parent else None
    bpy.ops.object.mode_set(mode="OBJECT")
    return item


def built(made: made_rigs.MadeRig, name: str = "rig") -> bpy.types.Object:
    """A rig as it was made up: with its rolls, scale, axes and rotation modes."""
    item = _linked(name)
    for bone in made.bones:
        edit = item.data.edit_bones.new(bone.name)
        edit.head, edit.tail = made.point(bone.head), made.point(bone.tail)
        edit.align_roll(Vector(made.axes.T @ bone.frame[:, 2]))
        edit.parent = item.data.edit_bones[bone.parent] if bone.parent else None
        edit.use_inherit_rotation = bone.inherits
    bpy.ops.object.mode_set(mode="OBJECT")
    for bone in made.bones:
        item.pose.bones[bone.name].rotation_mode = bone.mode
    item.matrix_world = Matrix((made.axes * made.scale).tolist()).to_4x4()
    bpy.context.view_layer.update()
    return item


def rigify() -> bpy.types.Object:
    """The rig that Rigify makes of its basic human."""
    addon_utils.enable("rigify", default_set=True)
    bpy.ops.object.armature_basic_human_metarig_add()
    metarig = bpy.context.object
    bpy.ops.pose.rigify_generate()
    return next(item for item in bpy.data.objects if item.type == "ARMATURE" and item != metarig)


def _linked(name: str) -> bpy.types.Object:
    item = bpy.data.objects.new(name, bpy.data.armatures.new(name))
    bpy.context.scene.collection.objects.link(item)
    bpy.context.view_layer.objects.active = item
    bpy.ops.object.mode_set(mode="EDIT")
    return item
