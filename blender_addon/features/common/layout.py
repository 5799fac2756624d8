"""Pieces of layout that Blender does not have, or not in every version."""

from __future__ import annotations

import bpy

from . import words


def paragraph(layout: bpy.types.UILayout, context: bpy.types.Context, text: str, icon: str) -> None:
    """Text over as many lines as it needs: Blender's labels are cut off at the edge of the region."""
    column = layout.column(align=True)
    column.scale_y = 0.8
    scale = context.preferences.system.ui_scale
    for number, line in enumerate(words.wrap(text, context.region.width, scale)):
        column.label(text=line, icon="BLANK1" if number else icon)


def message(layout: bpy.types.UILayout, context: bpy.types.Context, step: str) -> None:
    """What happened last, beside the buttons of the step where it did."""
    settings = context.scene.video_to_mocap
    if settings.status and settings.status_step == step:
        paragraph(layout, context, words.without_folders(settings.status), "ERROR" if settings.failed else "INFO")


def progress(layout: bpy.types.UILayout, settings: bpy.types.PropertyGroup) -> None:
    """A progress bar for ``settings.progress``."""
    if hasattr(layout, "progress"):  # Blender 4.0
        layout.progress(factor=settings.progress / 100.0, text=f"{settings.progress:.0f} %")
        return
    row = layout.row()
    row.enabled = False
    row.prop(settings, "progress", text="", slider=True)
