"""The top of the sidebar: what happens at the moment, or what happened last."""

from __future__ import annotations

import bpy

from ... import session
from ..common import words
from ..common.layout import paragraph, progress
from ..common.sidebar import Sidebar
from ..install.panel import draw_box


class VIDEO_TO_MOCAP_PT_main(Sidebar, bpy.types.Panel):
    """What happens at the moment, or what happened last."""

    bl_label = "Video to Mocap"

    def draw(self, context: bpy.types.Context) -> None:
        layout, settings, now = self.layout, context.scene.video_to_mocap, session.current()
        if now.busy and not now.maintenance:
            paragraph(layout, context, words.progress(now), "TIME")
            row = layout.row(align=True)
            progress(row, settings)
            row.operator("video_to_mocap.cancel", text="", icon="X")
            return
        if draw_box(layout, context):
            return
        if settings.status:
            paragraph(layout, context, words.without_folders(settings.status), "ERROR" if settings.failed else "INFO")
        else:
            paragraph(layout, context, "Press Analyse." if settings.video else "Choose a video of a person.", "INFO")


CLASSES = (VIDEO_TO_MOCAP_PT_main,)
