"""The panel of the video."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import bpy

from ... import session
from ..common import words
from ..common.layout import paragraph
from ..common.sidebar import Step


def want_facts(scene: bpy.types.Scene) -> None:
    """Has the engine asked for the facts of the scene's video where they are not known. For drawing."""
    settings = scene.video_to_mocap
    video = settings.video
    if not video or settings.facts_known():
        return
    path = str(Path(bpy.path.abspath(video)))
    found, refused = partial(_found, scene.name, video), partial(_refused, scene.name, video)
    session.current().want(video, "probe", {"video": path}, found, refused)


def _found(scene: str, video: str, result: dict[str, Any]) -> None:
    settings = _settings_of(scene, video)
    if settings:
        settings.show_facts(result["video"])


def _refused(scene: str, video: str, reason: str) -> None:
    settings = _settings_of(scene, video)
    if settings:
        settings.say(reason, failed=True)


def _settings_of(scene: str, video: str) -> Any:
    """The scene's settings, unless the scene is gone or has another video by now."""
    found = bpy.data.scenes.get(scene)
    return found.video_to_mocap if found and found.video_to_mocap.video == video else None


def draw_video(layout: bpy.types.UILayout, context: bpy.types.Context) -> None:
    """The video and its facts, for the top of the sidebar."""
    settings = context.scene.video_to_mocap
    want_facts(context.scene)
    column = layout.column()
    column.enabled = not session.current().busy
    column.prop(settings, "video", text="")
    if settings.video and settings.facts_known():
        facts = settings.facts
        text = words.facts(facts.width, facts.height, facts.rate, facts.duration, facts.rotation)
        paragraph(column, context, text, "FILE_MOVIE")


class VIDEO_TO_MOCAP_PT_video(Step, bpy.types.Panel):
    bl_label = "Range"
    bl_options = {"DEFAULT_CLOSED"}  # noqa: RUF012

    def draw(self, context: bpy.types.Context) -> None:
        layout, settings = self.layout, context.scene.video_to_mocap
        column = layout.column()
        column.enabled = not session.current().busy
        span = column.column(align=True)
        for name, part in (("start", "START"), ("end", "END")):
            row = span.row(align=True)
            row.prop(settings, name)
            row.operator("video_to_mocap.set_range", text="", icon="TIME").part = part
        span.operator("video_to_mocap.set_range", text="Range from Timeline", icon="PREVIEW_RANGE").part = "RANGE"


CLASSES = (VIDEO_TO_MOCAP_PT_video,)
