"""The sidebar tab "Video to Mocap": sub-panels in the order of the work, under what happens at the moment."""

from __future__ import annotations

from typing import Any

import bpy

from ..engine.locate import EngineNotFoundError
from . import jobs, preferences, text
from .layout import paragraph, progress


class _Sidebar:
    bl_space_type = "VIEW_3D"
    bl_region_type = "UI"
    bl_category = "Video to Mocap"


def _start_button(layout: bpy.types.UILayout, operator: str, label: str, icon: str) -> None:
    if jobs.busy():
        # Not the operator, greyed: the one under the mouse would look grey until the mouse moves.
        row = layout.row()
        row.enabled = False
        row.alignment = "CENTER"
        row.label(text=label, icon=icon)
    else:
        layout.operator(operator, text=label, icon=icon)


class VIDEO_TO_MOCAP_UL_persons(bpy.types.UIList):
    """One line a person: capture?, name, seconds seen, coverage."""

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
        row = layout.row(align=True)
        row.prop(item, "use", text="")
        row.label(text=item.name)
        facts = row.row()
        facts.alignment = "RIGHT"
        facts.label(text=f"{text.seconds(item.seen)}   {item.coverage:.0%}")


class VIDEO_TO_MOCAP_PT_main(_Sidebar, bpy.types.Panel):
    """What happens at the moment, or what happened last."""

    bl_label = "Video to Mocap"

    def draw(self, context: bpy.types.Context) -> None:
        layout, settings = self.layout, context.scene.video_to_mocap
        if jobs.busy():
            layout.label(text=jobs.stage(), icon="TIME")
            row = layout.row(align=True)
            progress(row, settings)
            row.operator("video_to_mocap.cancel", text="", icon="X")
            return
        if settings.status:
            paragraph(layout, context, settings.status, "ERROR" if settings.failed else "INFO")
            return
        try:
            preferences.engine_command(context)
        except EngineNotFoundError as error:
            paragraph(layout, context, str(error), "ERROR")
            layout.operator("preferences.addon_show", text="Preferences").module = preferences.PACKAGE
        else:
            words = "Press Analyse." if settings.video else "Choose a video of a person."
            paragraph(layout, context, words, "INFO")


class VIDEO_TO_MOCAP_PT_video(_Sidebar, bpy.types.Panel):
    bl_label = "Video"
    bl_parent_id = "VIDEO_TO_MOCAP_PT_main"

    def draw(self, context: bpy.types.Context) -> None:
        layout, settings = self.layout, context.scene.video_to_mocap
        column = layout.column()
        column.enabled = not jobs.busy()
        column.prop(settings, "video", text="")
        span = column.column(align=True)
        span.prop(settings, "start")
        span.prop(settings, "end")
        _start_button(layout, "video_to_mocap.analyse", "Analyse", "VIEWZOOM")


class VIDEO_TO_MOCAP_PT_people(_Sidebar, bpy.types.Panel):
    bl_label = "People"
    bl_parent_id = "VIDEO_TO_MOCAP_PT_main"

    def draw(self, context: bpy.types.Context) -> None:
        layout, settings = self.layout, context.scene.video_to_mocap
        if not settings.persons:
            layout.label(text="Analyse a video first")
            return
        rows = min(max(len(settings.persons), 2), 6)
        layout.template_list("VIDEO_TO_MOCAP_UL_persons", "", settings, "persons", settings, "active_person", rows=rows)


class VIDEO_TO_MOCAP_PT_capture(_Sidebar, bpy.types.Panel):
    bl_label = "Capture"
    bl_parent_id = "VIDEO_TO_MOCAP_PT_main"

    def draw(self, context: bpy.types.Context) -> None:
        layout, settings = self.layout, context.scene.video_to_mocap
        column = layout.column()
        column.enabled = not jobs.busy()
        # Not split into names and values: half a sidebar of the usual width cuts the names off.
        numbers = column.column(align=True)
        numbers.prop(settings, "height")
        numbers.prop(settings, "fov")
        numbers.prop(settings, "tds")
        if settings.persons:
            jobs.want_lifters()
        column.prop(settings, "lifter")
        column.prop(settings, "set_scene")
        _start_button(layout, "video_to_mocap.capture", "Capture", "ARMATURE_DATA")


class VIDEO_TO_MOCAP_PT_export(_Sidebar, bpy.types.Panel):
    bl_label = "Export"
    bl_parent_id = "VIDEO_TO_MOCAP_PT_main"

    def draw(self, context: bpy.types.Context) -> None:
        row = self.layout.row(align=True)
        for name in ("FBX", "BVH"):
            row.operator("video_to_mocap.export", text=name).format = name


_CLASSES = (
    VIDEO_TO_MOCAP_UL_persons,
    VIDEO_TO_MOCAP_PT_main,
    VIDEO_TO_MOCAP_PT_video,
    VIDEO_TO_MOCAP_PT_people,
    VIDEO_TO_MOCAP_PT_capture,
    VIDEO_TO_MOCAP_PT_export,
)


def register() -> None:
    for cls in _CLASSES:
        bpy.utils.register_class(cls)


def unregister() -> None:
    for cls in reversed(_CLASSES):
        bpy.utils.unregister_class(cls)
