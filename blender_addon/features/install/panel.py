"""How the engine is shown: a box in the sidebar where it is not ready, and the add-on's preferences."""

from __future__ import annotations

from typing import Any

import bpy

from ... import session
from ...engine import builds, installed
from ...engine import job as states
from ..common import preferences
from ..common.layout import paragraph, progress
from .condition import CHOSEN, NO_NUMPY, files
from .condition import condition as engine_condition

STAGES = {
    "": "Starting the installer",
    "start": "Getting ready",
    "environment": "Creating an environment",
    "download": "Downloading",
    "unpack": "Unpacking",
    "model": "Downloading a model",
    "trial": "Testing the engine",
}
"""What the installer's stages are called."""

_BUTTONS = {installed.MISSING: "Install", installed.OUTDATED: "Update", installed.BROKEN: "Repair"}


def draw_box(layout: bpy.types.UILayout, context: bpy.types.Context) -> bool:
    """What the sidebar shows where no engine is ready, or one is being made; returns whether one is ready."""
    now = session.current()
    if now.maintenance:
        _draw_progress(layout.box(), context)
        return False
    state, text = engine_condition(context)
    if state == installed.READY:
        return True
    box = layout.box()
    paragraph(box, context, text, "INFO" if state == installed.OUTDATED else "ERROR")
    if now.condition.failed and now.condition.message not in text:
        paragraph(box, context, now.condition.message, "ERROR")
    if state in _BUTTONS and files().bundle:
        chosen = preferences.of(context)
        if chosen:
            box.prop(chosen, "build", text="")
        box.operator("video_to_mocap.install", text=_BUTTONS[state], icon="IMPORT")
    if state != NO_NUMPY:
        box.operator("preferences.addon_show", text="Preferences", icon="PREFERENCES").module = preferences.PACKAGE
    return state == installed.OUTDATED


def _draw_progress(layout: bpy.types.UILayout, context: bpy.types.Context) -> None:
    now = session.current()
    job, work = now.runner.job, now.maintenance
    assert job and work
    doing = STAGES.get(job.stage, job.stage) if job.method == "install" else work.title
    layout.label(text="Cancelling" if job.state == states.CANCELLING else doing, icon="TIME")
    row = layout.row(align=True)
    chosen = preferences.of(context)
    if chosen:
        progress(row, chosen)
    row.operator("video_to_mocap.install_cancel", text="", icon="X")


def draw_preferences(layout: bpy.types.UILayout, context: bpy.types.Context, chosen: Any) -> None:
    """The engine's state at a glance and one button; below, its weights, the cache, and advanced settings."""
    box, now = layout.box(), session.current()
    if now.maintenance:
        _draw_progress(box, context)
    else:
        _draw_engine(box, context, chosen)
    report = now.report or (here.report if (here := files().installed) else {})
    if report and not now.maintenance:
        _draw_weights(layout.box(), report)
        _draw_cache(layout.box(), report)
    _draw_advanced(layout.box(), chosen)


def _draw_engine(layout: bpy.types.UILayout, context: bpy.types.Context, chosen: Any) -> None:
    now = session.current()
    state, text = engine_condition(context)
    here = files().installed
    own = here is not None and state not in (installed.MISSING, CHOSEN, NO_NUMPY)
    paragraph(layout, context, _title_of(state), "CHECKMARK" if state == installed.READY else "ERROR")
    paragraph(layout, context, text, "BLANK1")
    if now.condition.message and now.condition.message not in text:
        paragraph(layout, context, now.condition.message, "ERROR" if now.condition.failed else "INFO")
    if state not in (CHOSEN, NO_NUMPY) and files().bundle:
        row = layout.row(align=True)
        row.prop(chosen, "build", text="")
        label = _BUTTONS.get(state) or ("Repair" if here and here.build == chosen.build else "Change")
        row.operator("video_to_mocap.install", text=label, icon="IMPORT")
        if own or here:
            row.operator("video_to_mocap.uninstall", text="Remove", icon="TRASH")
    row = layout.row(align=True)
    if state != installed.MISSING:
        row.operator("video_to_mocap.check", icon="FILE_REFRESH")
    row.operator("video_to_mocap.install_log", icon="TEXT")
    report = now.report or (here.report if here else {})
    if report and state != installed.MISSING:
        facts = f"Version {report['engine']}, Python {report['python']}, computes on {report['device']}"
        if own and here:
            facts += f", {builds.size(here.megabytes)}"
        paragraph(layout, context, facts, "BLANK1")


def _title_of(state: str) -> str:
    return {
        installed.MISSING: "The engine is not installed",
        installed.READY: "The engine is ready",
        installed.OUTDATED: "The engine is ready, but has another version than the add-on",
        installed.BROKEN: "The engine is damaged",
        CHOSEN: "The chosen engine does not work",
        NO_NUMPY: "Blender has no NumPy",
    }[state]


def _draw_weights(layout: bpy.types.UILayout, report: dict[str, Any]) -> None:
    head = layout.row()
    head.label(text="Weights of the networks")
    head.operator("video_to_mocap.add_weights", icon="FILE_FOLDER")
    column = layout.column(align=True)
    for weights in report.get("weights", ()):
        row = column.row(align=True)
        row.label(text=weights.get("title", weights["name"]), icon="CHECKMARK" if weights["present"] else "BLANK1")
        terms = row.row(align=True)
        terms.alignment = "RIGHT"
        terms.label(text=weights["licence"])
        if weights.get("fetchable") and not weights["present"]:
            terms.operator("video_to_mocap.fetch_weights", text="", icon="IMPORT").name = weights["name"]
        if str(weights.get("origin", "")).startswith("https://"):
            terms.operator("wm.url_open", text="", icon="URL").url = weights["origin"]


def _draw_cache(layout: bpy.types.UILayout, report: dict[str, Any]) -> None:
    cache = report.get("cache")
    if cache:
        row = layout.row()
        row.label(text=f"Cache of analysed videos: {builds.size(round(cache['bytes'] / 1e6))} in {cache['folder']}")
        row.operator("video_to_mocap.clear_cache", icon="TRASH")


def _draw_advanced(layout: bpy.types.UILayout, chosen: Any) -> None:
    icon = "TRIA_DOWN" if chosen.advanced else "TRIA_RIGHT"
    head = layout.row()
    head.alignment = "LEFT"
    head.prop(chosen, "advanced", icon=icon, emboss=False)
    if chosen.advanced:
        column = layout.column()
        column.use_property_split = True
        for name in ("wheels", "base_python", "index", "engine_python"):
            column.prop(chosen, name)
