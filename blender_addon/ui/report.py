"""Report: what happened, with what to do about it, and all that a bug report needs."""

from __future__ import annotations

import json
import platform
from pathlib import Path
from typing import Any

import bpy

from .. import VERSION
from . import asking, jobs, text
from .capture import SETTINGS
from .layout import paragraph
from .sidebar import Step

_LINES = 30
"""Of what happened, in a report."""


class VIDEO_TO_MOCAP_OT_copy_report(bpy.types.Operator):
    """Copy versions, settings and what happened, to paste them into a bug report. Of paths only file names are in it"""

    bl_idname = "video_to_mocap.copy_report"
    bl_label = "Copy Report"

    def execute(self, context: bpy.types.Context) -> set[str]:
        context.window_manager.clipboard = written(context.scene)
        self.report({"INFO"}, "The report is on the clipboard")
        return {"FINISHED"}


def written(scene: bpy.types.Scene) -> str:
    """The report as text, without personal paths."""
    settings: Any = scene.video_to_mocap
    engine = asking.report()
    facts = settings.facts
    values = {name: getattr(settings, name) for name in (*SETTINGS, "start", "end")}
    plain = {
        name: sorted(value) if isinstance(value, set) else round(value, 4) if isinstance(value, float) else value
        for name, value in values.items()
    }
    lines = [
        f"Video to Mocap {VERSION}, engine {jobs.engine_version() or engine.get('engine') or 'not running'}",
        f"Blender {bpy.app.version_string}, Python {platform.python_version()}, {platform.platform()}",
        f"device {engine.get('device', 'not asked')}, packages {json.dumps(engine.get('packages', {}))}",
        f"video {Path(settings.video).suffix or '-'}: "
        + ", ".join(text.facts(facts.width, facts.height, facts.rate, facts.duration, facts.rotation).splitlines()),
        f"settings {json.dumps(plain, sort_keys=True)}",
        f"people {len(settings.persons)}, captured {settings.result or '-'}",
        f"{'failed' if settings.failed else 'said'}: {settings.status}",
        "what happened:",
        *(f"  {line}" for line in jobs.log()[-_LINES:]),
    ]
    return text.without_folders("\n".join(lines))


class VIDEO_TO_MOCAP_PT_report(Step, bpy.types.Panel):
    bl_label = "Report"
    bl_options = {"DEFAULT_CLOSED"}  # noqa: RUF012

    def draw(self, context: bpy.types.Context) -> None:
        layout, settings = self.layout, context.scene.video_to_mocap
        for line in text.told(settings.result):
            paragraph(layout, context, line.words, "ERROR" if line.warns else "CHECKMARK")
        if not settings.result:
            layout.label(text="Nothing is captured yet")
        layout.operator("video_to_mocap.copy_report", icon="COPYDOWN")


_CLASSES = (VIDEO_TO_MOCAP_OT_copy_report, VIDEO_TO_MOCAP_PT_report)

register, unregister = bpy.utils.register_classes_factory(_CLASSES)
