"""What the sub-panels have in common, and the lists in them."""

from __future__ import annotations

from typing import Any

import bpy

from ... import session


class Sidebar:
    """A panel of the tab in the 3D Viewport's sidebar."""

    bl_space_type = "VIEW_3D"
    bl_region_type = "UI"
    bl_category = "Video to Mocap"


class Step(Sidebar):
    """A sub-panel of it. They are shown in the order in which they are registered, which is that of the work."""

    bl_parent_id = "VIDEO_TO_MOCAP_PT_main"


class Lines:
    """The lines of a list: of the nine arguments that Blender has for each, two are needed."""

    def line(self, layout: bpy.types.UILayout, item: Any) -> None:
        """Draws the line of an item."""
        raise NotImplementedError

    def draw_item(
        self,
        context: bpy.types.Context,
        layout: bpy.types.UILayout,
        data: Any,
        item: Any,
        icon: int,
        active_data: Any,
        active_property: str,
        index: int = 0,
        flt_flag: int = 0,
    ) -> None:
        self.line(layout, item)


def start_button(layout: bpy.types.UILayout, operator: str, label: str, icon: str) -> None:
    """A button that starts a job, or while one runs a label in its place."""
    if session.current().busy:
        # Not the operator, greyed: the one under the mouse would look grey until the mouse moves.
        row = layout.row()
        row.enabled = False
        row.alignment = "CENTER"
        row.label(text=label, icon=icon)
    else:
        layout.operator(operator, text=label, icon=icon)
