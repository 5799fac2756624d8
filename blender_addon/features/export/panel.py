"""The panel of the export."""

from __future__ import annotations

import bpy

from ..common.layout import message
from ..common.sidebar import Step
from .ops import STEP


class VIDEO_TO_MOCAP_PT_export(Step, bpy.types.Panel):
    bl_label = "Export"
    bl_options = {"DEFAULT_CLOSED"}  # noqa: RUF012

    def draw(self, context: bpy.types.Context) -> None:
        layout = self.layout
        item = context.active_object
        if not item or item.type != "ARMATURE":
            layout.label(text="Select the armature to export")
            return
        column = layout.column(align=True)
        column.label(text="FBX for")
        row = column.row(align=True)
        for program, name in (("UNREAL", "Unreal"), ("UNITY", "Unity"), ("BLENDER", "Blender")):
            button = row.operator("video_to_mocap.export", text=name)
            button.format, button.program = "FBX", program
        row = layout.row(align=True)
        for kind, name in (("BVH", "BVH"), ("GLTF", "glTF")):
            row.operator("video_to_mocap.export", text=name).format = kind
        message(layout, context, STEP)


CLASSES = (VIDEO_TO_MOCAP_PT_export,)
