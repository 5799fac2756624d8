"""The panel of the people in the video, and of how they are detected."""

from __future__ import annotations

from typing import Any

import bpy

from ... import session
from ..common import table, words
from ..common.layout import message, paragraph
from ..common.sidebar import Lines, Step
from .thumbnails import Thumbnails


class VIDEO_TO_MOCAP_UL_persons(Lines, bpy.types.UIList):
    """One line a person: capture?, picture, name, colour, coverage."""

    def line(self, layout: bpy.types.UILayout, item: Any) -> None:
        row = layout.row(align=True)
        row.prop(item, "use", text="")
        picture = session.current().part(Thumbnails).icon(item.thumbnail)
        if picture:
            row.label(text="", icon_value=picture)
        row.prop(item, "name", text="", emboss=False)
        facts = row.row(align=True)
        facts.alignment = "RIGHT"
        facts.label(text=f"{100 * item.coverage:.0f} %")
        colour = facts.row()
        colour.ui_units_x = 0.8
        colour.prop(item, "colour", text="")


class VIDEO_TO_MOCAP_PT_people(Step, bpy.types.Panel):
    bl_label = "People"

    def draw(self, context: bpy.types.Context) -> None:
        layout, settings = self.layout, context.scene.video_to_mocap
        if not settings.persons:
            layout.label(text="Analyse a video first")
            return
        rows = min(max(len(settings.persons), 2), 6)
        layout.template_list("VIDEO_TO_MOCAP_UL_persons", "", settings, "persons", settings, "active_person", rows=rows)
        if 0 <= settings.active_person < len(settings.persons):
            _draw_person(layout, context, settings.persons[settings.active_person])


def _draw_person(layout: bpy.types.UILayout, context: bpy.types.Context, person: Any) -> None:
    picture = session.current().part(Thumbnails).icon(person.thumbnail)
    if picture:
        layout.template_icon(icon_value=picture, scale=3.0)
    paragraph(layout, context, words.visible(person.first, person.last, person.complete), "TIME")


class VIDEO_TO_MOCAP_PT_tracks(Step, bpy.types.Panel):
    """What is to be corrected where people were confused."""

    bl_label = "Tracks"
    bl_parent_id = "VIDEO_TO_MOCAP_PT_people"
    bl_options = {"DEFAULT_CLOSED"}  # noqa: RUF012

    def draw(self, context: bpy.types.Context) -> None:
        layout = self.layout
        layout.prop(context.scene.video_to_mocap, "show_people_over_video")
        column = layout.column(align=True)
        column.enabled = not session.current().busy
        column.operator("video_to_mocap.split_person")
        column.operator("video_to_mocap.merge_persons")
        message(layout, context, "people")


class VIDEO_TO_MOCAP_PT_detector(Step, bpy.types.Panel):
    """How people are detected."""

    bl_label = "Detection"
    bl_parent_id = "VIDEO_TO_MOCAP_PT_people"
    bl_options = {"DEFAULT_CLOSED"}  # noqa: RUF012

    def draw(self, context: bpy.types.Context) -> None:
        layout, settings = self.layout, context.scene.video_to_mocap
        column = layout.column()
        column.enabled = not session.current().busy
        column.prop(settings, "source", text="")
        if settings.source == "FILE":
            column.prop(settings, "keypoints", text="")
            return
        session.current().want_report()
        table.draw(column, settings, "detection")


CLASSES = (VIDEO_TO_MOCAP_UL_persons, VIDEO_TO_MOCAP_PT_people, VIDEO_TO_MOCAP_PT_tracks, VIDEO_TO_MOCAP_PT_detector)
