"""The panel of the character: a new armature, or the user's own rig with its bone map."""

from __future__ import annotations

from typing import Any

import bpy

from ..common.layout import message, paragraph
from ..common.sidebar import Lines, Step
from .ops import STEP, active_person
from .props import missing_bone, rig_of


class VIDEO_TO_MOCAP_UL_bones(Lines, bpy.types.UIList):
    """One line a place in the body: its name, the rig's bone."""

    def line(self, layout: bpy.types.UILayout, item: Any) -> None:
        part = layout.split(factor=0.45)
        part.label(text=item.name)
        part.label(text=item.bone)


class VIDEO_TO_MOCAP_PT_character(Step, bpy.types.Panel):
    bl_label = "Character"

    def draw(self, context: bpy.types.Context) -> None:
        layout, person = self.layout, active_person(context)
        if person is None:
            layout.label(text="Analyse a video first")
            return
        column = layout.column()
        column.label(text=f"Target Rig of {person.name}")
        column.prop(person, "armature", text="")
        if person.armature is None:
            column.label(text="None: a new armature", icon="INFO")
            return
        rig = rig_of(context.scene, person.armature)
        if rig is None or person.armature.type != "ARMATURE":
            layout.operator("video_to_mocap.recognise_rig", icon="VIEWZOOM")
            return
        column.prop(rig, "foot_lock")
        column.prop(rig, "arm_space")
        if rig.has_ik:
            column.prop(rig, "use_ik")
        row = column.row(align=True)
        row.operator_menu_enum("video_to_mocap.apply_bone_map", "preset", text=rig.map_name or "Bone Map")
        row.operator("video_to_mocap.recognise_rig", text="", icon="VIEWZOOM")
        row.operator("video_to_mocap.load_bone_map", text="", icon="FILE_FOLDER")
        row.operator("video_to_mocap.save_bone_map", text="", icon="FILE_TICK")
        gone = missing_bone(rig)
        complaint = f"The rig has no bone {gone}. Correct it in the list." if gone else rig.complaint
        if complaint:
            paragraph(layout, context, complaint, "ERROR")
        layout.template_list("VIDEO_TO_MOCAP_UL_bones", "", rig, "bones", rig, "active_bone", rows=5)
        if 0 <= rig.active_bone < len(rig.bones):  # not in the list: a sidebar is too narrow for names and a field
            layout.prop_search(rig.bones[rig.active_bone], "bone", person.armature.data, "bones", text="")
        if rig.muted:
            layout.operator("video_to_mocap.restore_constraints", icon="CONSTRAINT")
        message(layout, context, STEP)


CLASSES = (VIDEO_TO_MOCAP_UL_bones, VIDEO_TO_MOCAP_PT_character)
