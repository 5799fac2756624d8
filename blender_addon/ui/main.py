"""The top of the sidebar: what happens at the moment, or what happened last."""

from __future__ import annotations

import bpy

from . import install, jobs, text
from .layout import paragraph, progress
from .sidebar import Sidebar


class VIDEO_TO_MOCAP_OT_cancel(bpy.types.Operator):
    """Stop what the engine is doing. Nothing is changed in the scene"""

    bl_idname = "video_to_mocap.cancel"
    bl_label = "Cancel"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return jobs.busy()

    def execute(self, context: bpy.types.Context) -> set[str]:
        jobs.cancel()
        return {"FINISHED"}


class VIDEO_TO_MOCAP_PT_main(Sidebar, bpy.types.Panel):
    """What happens at the moment, or what happened last."""

    bl_label = "Video to Mocap"

    def draw(self, context: bpy.types.Context) -> None:
        layout, settings = self.layout, context.scene.video_to_mocap
        if jobs.busy():
            waiting = jobs.waiting()
            parts = [jobs.stage(), jobs.left(), f"{waiting} waiting" if waiting else ""]
            paragraph(layout, context, ", ".join(filter(None, parts)), "TIME")
            row = layout.row(align=True)
            progress(row, settings)
            row.operator("video_to_mocap.cancel", text="", icon="X")
            return
        if install.draw_box(layout, context):
            return
        if settings.status:
            paragraph(layout, context, text.without_folders(settings.status), "ERROR" if settings.failed else "INFO")
        else:
            words = "Press Analyse." if settings.video else "Choose a video of a person."
            paragraph(layout, context, words, "INFO")


_CLASSES = (VIDEO_TO_MOCAP_OT_cancel, VIDEO_TO_MOCAP_PT_main)

register, unregister = bpy.utils.register_classes_factory(_CLASSES)
