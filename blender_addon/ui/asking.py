"""What the panel asks the engine by itself: the facts of the chosen video, and what there is to choose from.

Drawing says what it wants; a timer asks, as starting the engine is too much for a drawing function. Nothing waits for
the answers, and nothing breaks where none come.
"""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

import bpy

from ..engine.report import names
from . import jobs

_report: dict[str, Any] = {}
"""The engine's account of itself (``doctor``); empty before it was asked."""
_asked: set[str] = set()
"""What was asked for: a video, or ``doctor``."""


def want(scene: bpy.types.Scene, report: bool = False) -> None:
    """Has the facts of the scene's video asked for where they are not known, and the engine's report with ``report``.

    For drawing: returns at once.
    """
    if jobs.busy() or bpy.app.background:
        return
    settings = scene.video_to_mocap
    video = settings.video if settings.video and settings.facts.video != settings.video else ""
    if (video and video not in _asked) or (report and "doctor" not in _asked and not _report):
        _asked.add(video or "doctor")
        ask = functools.partial(_ask_for_facts, scene.name, video) if video else _ask_for_report
        bpy.app.timers.register(ask)


def report() -> dict[str, Any]:
    """The engine's account of itself; empty before it has told."""
    return _report


def known_lifters() -> tuple[str, ...]:
    """The names of the lifters to choose from; none before the engine has told them."""
    return names(_report, "lifters")


def known_detectors() -> tuple[str, ...]:
    """The names of the detectors to choose from; none before the engine has told them."""
    return names(_report, "sources")


def forget() -> None:
    """Has all asked anew: another engine, or weights that have come since."""
    _report.clear()
    _asked.clear()


def _ask_for_facts(scene: str, video: str) -> None:
    path = Path(bpy.path.abspath(video))

    def answered(result: dict[str, Any]) -> None:
        _asked.discard(video)
        found = bpy.data.scenes.get(scene)
        if found and found.video_to_mocap.video == video:
            found.video_to_mocap.show_facts(result["video"])

    def refused(reason: str) -> None:
        found = bpy.data.scenes.get(scene)  # it stays among what was asked for: asking again would be refused again
        if found and found.video_to_mocap.video == video:
            found.video_to_mocap.say(reason, failed=True)

    if not path.is_file():
        refused(f"There is no such file: {path}. Choose the video again.")
    elif not jobs.ask("probe", {"video": str(path)}, answered, refused):
        _asked.discard(video)  # when it can be asked


def _ask_for_report() -> None:
    if not jobs.ask("doctor", {}, _report.update):
        _asked.discard("doctor")


def register() -> None:
    """Nothing to do: it begins when the panel is drawn."""


def unregister() -> None:
    forget()
