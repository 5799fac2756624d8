"""What the sub-panels have in common."""

from __future__ import annotations

import bpy

from . import jobs


class Sidebar:
    """A panel of the tab in the 3D Viewport's sidebar."""

    bl_space_type = "VIEW_3D"
    bl_region_type = "UI"
    bl_category = "Video to Mocap"


class Step(Sidebar):
    """A sub-panel of it. They stand in the order in which they are registered, which is that of the work."""

    bl_parent_id = "VIDEO_TO_MOCAP_PT_main"


def start_button(layout: bpy.types.UILayout, operator: str, label: str, icon: str) -> None:
    """A button that starts a job, or while one runs a label in its place."""
    if jobs.busy():
        # Not the operator, greyed: the one under the mouse would look grey until the mouse moves.
        row = layout.row()
        row.enabled = False
        row.alignment = "CENTER"
        row.label(text=label, icon=icon)
    else:
        layout.operator(operator, text=label, icon=icon)
