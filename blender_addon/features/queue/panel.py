"""The panel of the queue."""

from __future__ import annotations

from typing import Any

import bpy

from ... import session
from ..common import words
from ..common.layout import message, paragraph
from ..common.sidebar import Lines, Step, start_button
from .props import STEP

_ICONS = {"WAITING": "TIME", "RUNNING": "PLAY", "DONE": "CHECKMARK", "FAILED": "ERROR", "CANCELLED": "X"}


class VIDEO_TO_MOCAP_UL_clips(Lines, bpy.types.UIList):
    """One line a clip: how far it is, and its name."""

    def line(self, layout: bpy.types.UILayout, item: Any) -> None:
        layout.label(text=item.name, icon=_ICONS[item.state])


class VIDEO_TO_MOCAP_PT_queue(Step, bpy.types.Panel):
    bl_label = "Queue"
    bl_options = {"DEFAULT_CLOSED"}  # noqa: RUF012

    def draw(self, context: bpy.types.Context) -> None:
        layout, settings = self.layout, context.scene.video_to_mocap
        row = layout.row()
        row.template_list("VIDEO_TO_MOCAP_UL_clips", "", settings, "clips", settings, "active_clip", rows=3)
        column = row.column(align=True)
        column.operator("video_to_mocap.add_clips", text="", icon="ADD")
        column.operator("video_to_mocap.remove_clip", text="", icon="REMOVE")
        if 0 <= settings.active_clip < len(settings.clips):
            clip = settings.clips[settings.active_clip]
            if clip.message:
                paragraph(layout, context, words.without_folders(clip.message), _ICONS[clip.state])
        column = layout.column()
        column.enabled = not session.current().busy
        column.prop(settings, "clips_people", text="")
        column.prop(settings, "clips_rig", text="Rig")
        start_button(layout, "video_to_mocap.run_clips", "Capture All", "PLAY")
        message(layout, context, STEP)


CLASSES = (VIDEO_TO_MOCAP_UL_clips, VIDEO_TO_MOCAP_PT_queue)
