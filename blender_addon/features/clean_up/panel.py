"""The panel of the clean-up."""

from __future__ import annotations

import bpy

from ..common.layout import message
from ..common.sidebar import Step
from .tool import STEP


class VIDEO_TO_MOCAP_PT_clean_up(Step, bpy.types.Panel):
    bl_label = "Clean Up"
    bl_options = {"DEFAULT_CLOSED"}  # noqa: RUF012

    def draw(self, context: bpy.types.Context) -> None:
        layout = self.layout

        def column(*operators: str) -> None:
            part = layout.column(align=True)
            for name in operators:
                part.operator(f"video_to_mocap.{name}")

        row = layout.row(align=True)
        row.operator("video_to_mocap.mark_suspicious")
        row.operator("video_to_mocap.next_suspicious", text="", icon="TRIA_LEFT").back = True
        row.operator("video_to_mocap.next_suspicious", text="", icon="TRIA_RIGHT")
        column("swap_sides", "bridge", "smooth")
        column("lock_feet", "unlock_feet", "level_floor", "straighten_path", "set_heading")
        column("make_loop", "mirror_motion", "trim", "time_scale")
        column("reduce_keys", "add_layer", "restore_raw")
        message(layout, context, STEP)


CLASSES = (VIDEO_TO_MOCAP_PT_clean_up,)
