"""The panel of the report on the last capture."""

from __future__ import annotations

import bpy

from ..common.layout import message, paragraph
from ..common.sidebar import Step
from .ops import STEP


class VIDEO_TO_MOCAP_PT_report(Step, bpy.types.Panel):
    bl_label = "Report"
    bl_options = {"DEFAULT_CLOSED"}  # noqa: RUF012

    def draw(self, context: bpy.types.Context) -> None:
        layout, settings = self.layout, context.scene.video_to_mocap
        for line in settings.report_lines:
            paragraph(layout, context, line.text, "ERROR" if line.warns else "CHECKMARK")
        if not len(settings.report_lines):
            layout.label(text="Nothing is captured yet")
        layout.operator("video_to_mocap.copy_report", icon="COPYDOWN")
        message(layout, context, STEP)


CLASSES = (VIDEO_TO_MOCAP_PT_report,)
