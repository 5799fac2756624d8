"""The top of the sidebar: the video, the two buttons that make motion of it, and what happens or happened last.

It is as short as it can be, so that buttons and messages are in view together in a small window.
"""

from __future__ import annotations

import bpy

from ... import session
from ...work import ENGINE
from ..capture import results
from ..common import starting, words
from ..common.layout import paragraph, progress
from ..common.sidebar import Sidebar
from ..install.panel import draw_box
from ..video.panel import draw_video


class VIDEO_TO_MOCAP_PT_main(Sidebar, bpy.types.Panel):
    """The video, the main buttons, and what happens at the moment or happened last."""

    bl_label = "Video to Mocap"

    def draw(self, context: bpy.types.Context) -> None:
        layout, settings, now = self.layout, context.scene.video_to_mocap, session.current()
        draw_video(layout, context)
        if now.busy and not now.maintenance:
            paragraph(layout, context, words.progress(now), "TIME")
            row = layout.row(align=True)
            progress(row, settings)
            row.operator("video_to_mocap.cancel", text="", icon="X")
            return
        ready = draw_box(layout, context)
        row = layout.row(align=True)
        row.scale_y = 1.3
        row.enabled = starting.can_start()  # here too: a button under the mouse greys only when that moves
        row.operator("video_to_mocap.analyse", icon="VIEWZOOM")
        row.operator("video_to_mocap.capture", icon="ARMATURE_DATA")
        if settings.status and not (ready and settings.status_step == ENGINE):
            paragraph(layout, context, words.without_folders(settings.status), "ERROR" if settings.failed else "INFO")
        elif ready:
            paragraph(layout, context, "Press Analyse." if settings.video else "Choose a video of a person.", "INFO")
        row = layout.row(align=True)
        if settings.facts_known():
            row.operator("video_to_mocap.video_camera", icon="VIEW_CAMERA", text="Camera")
        if results.of_video(context.scene):
            row.operator("video_to_mocap.select_result", icon="RESTRICT_SELECT_OFF", text="Select")


CLASSES = (VIDEO_TO_MOCAP_PT_main,)
