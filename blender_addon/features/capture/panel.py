"""The panel of the capture and its settings."""

from __future__ import annotations

from typing import Any

import bpy

from ... import session
from ..common import starting, table
from ..common.layout import message, paragraph
from ..common.sidebar import Step
from ..video.ops import SCENE
from .files import STEP


class VIDEO_TO_MOCAP_PT_capture(Step, bpy.types.Panel):
    bl_label = "Capture Settings"

    def draw(self, context: bpy.types.Context) -> None:
        layout, settings = self.layout, context.scene.video_to_mocap
        if settings.persons:
            session.current().want_report()
        column = layout.column()
        column.enabled = not session.current().busy
        row = column.row(align=True)
        row.menu("VIDEO_TO_MOCAP_MT_presets", text="Presets")
        row.operator("video_to_mocap.add_preset", text="", icon="ADD")
        row.operator("video_to_mocap.add_preset", text="", icon="REMOVE").remove_active = True
        row.separator()
        row.operator("video_to_mocap.import_settings", text="", icon="IMPORT")
        row.operator("video_to_mocap.export_settings", text="", icon="EXPORT")
        table.draw(column, settings, "capture")
        message(layout, context, STEP)


class VIDEO_TO_MOCAP_PT_scene(Step, bpy.types.Panel):
    """Where the motion lies on the timeline."""

    bl_label = "Scene"
    bl_parent_id = "VIDEO_TO_MOCAP_PT_capture"
    bl_options = {"DEFAULT_CLOSED"}  # noqa: RUF012

    def draw(self, context: bpy.types.Context) -> None:
        layout, settings = self.layout, context.scene.video_to_mocap
        column = layout.column()
        column.enabled = not session.current().busy
        column.prop(settings, "set_scene")
        table.draw(column, settings, "scene")
        column.operator("video_to_mocap.match_scene", text=_rate(settings))
        message(layout, context, SCENE)


def _rate(settings: Any) -> str:
    """The button that matches the scene now, with the rate that it gets."""
    if not settings.facts_known() or not starting.has_numpy():
        return "Match Scene"
    from ...maths import timeline  # not at the top: it needs numpy, and enabling must not wait for it

    fps, base = timeline.scene_rate(settings.facts.rate)
    return f"Match Scene ({fps / base:.5g} fps)"


class VIDEO_TO_MOCAP_PT_floor(Step, bpy.types.Panel):
    """How the person stands in the world."""

    bl_label = "Floor and Camera"
    bl_parent_id = "VIDEO_TO_MOCAP_PT_capture"
    bl_options = {"DEFAULT_CLOSED"}  # noqa: RUF012

    def draw(self, context: bpy.types.Context) -> None:
        column = self.layout.column()
        column.enabled = not session.current().busy
        table.draw(column, context.scene.video_to_mocap, "floor")


class VIDEO_TO_MOCAP_PT_lifting(Step, bpy.types.Panel):
    """How 3D is estimated from 2D."""

    bl_label = "3D Estimation"
    bl_parent_id = "VIDEO_TO_MOCAP_PT_capture"
    bl_options = {"DEFAULT_CLOSED"}  # noqa: RUF012

    def draw(self, context: bpy.types.Context) -> None:
        settings = context.scene.video_to_mocap
        column = self.layout.column()
        column.enabled = not session.current().busy
        if settings.used_frames and settings.tds == 0:
            paragraph(column, context, settings.used_frames, "INFO")
        table.draw(column, settings, "estimation")


CLASSES = (VIDEO_TO_MOCAP_PT_capture, VIDEO_TO_MOCAP_PT_scene, VIDEO_TO_MOCAP_PT_floor, VIDEO_TO_MOCAP_PT_lifting)
