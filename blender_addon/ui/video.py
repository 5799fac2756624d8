"""Video: which one, and which part of it."""

from __future__ import annotations

import bpy

from . import jobs
from .sidebar import Step


class VIDEO_TO_MOCAP_PT_video(Step, bpy.types.Panel):
    bl_label = "Video"

    def draw(self, context: bpy.types.Context) -> None:
        layout, settings = self.layout, context.scene.video_to_mocap
        column = layout.column()
        column.enabled = not jobs.busy()
        column.prop(settings, "video", text="")
        span = column.column(align=True)
        span.prop(settings, "start")
        span.prop(settings, "end")


_CLASSES = (VIDEO_TO_MOCAP_PT_video,)


def register() -> None:
    for cls in _CLASSES:
        bpy.utils.register_class(cls)


def unregister() -> None:
    for cls in reversed(_CLASSES):
        bpy.utils.unregister_class(cls)
