"""The report: versions, settings and log, for a bug report."""

from __future__ import annotations

import json
import platform
from pathlib import Path
from typing import Any

import bpy

from ... import session
from ...contract.version import __version__
from ..common import requests, words
from ..common.telling import tell

STEP = "report"
"""Beside the button of which step the panel says what becomes of it."""

_LINES = 30
"""Of the log, in a report."""


class VIDEO_TO_MOCAP_OT_copy_report(bpy.types.Operator):
    """Copy versions, settings and log, to paste them into a bug report. It holds file names, but no folders"""

    bl_idname = "video_to_mocap.copy_report"
    bl_label = "Copy Report"

    def execute(self, context: bpy.types.Context) -> set[str]:
        context.window_manager.clipboard = written(context.scene)
        return tell(self, context, "The report is on the clipboard", STEP)


def written(scene: bpy.types.Scene) -> str:
    """The report as text, without personal paths."""
    settings: Any = scene.video_to_mocap
    now = session.current()
    engine = now.report
    facts = settings.facts
    values = {**requests.kept(settings), "start": round(settings.start, 3), "end": round(settings.end, 3)}
    lines = [
        f"Video to Mocap {__version__}, engine {now.engine_version or 'not running'}",
        f"Blender {bpy.app.version_string}, Python {platform.python_version()}, {platform.platform()}",
        f"device {engine.get('device', 'not asked')}, packages {json.dumps(engine.get('packages', {}))}",
        f"video {Path(settings.video).suffix or '-'}: "
        + ", ".join(words.facts(facts.width, facts.height, facts.rate, facts.duration, facts.rotation).splitlines()),
        f"settings {json.dumps(values, sort_keys=True)}",
        f"people {len(settings.persons)}, captured: {'; '.join(line.text for line in settings.report_lines) or '-'}",
        f"{'failed' if settings.failed else 'said'}: {settings.status}",
        "log:",
        *(f"  {line}" for line in now.log[-_LINES:]),
    ]
    return words.without_folders("\n".join(lines))


CLASSES = (VIDEO_TO_MOCAP_OT_copy_report,)
