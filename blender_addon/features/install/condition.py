"""The engine's condition: whether it is installed, of this version, and works."""

from __future__ import annotations

import os

import bpy

from ... import session
from ...engine import builds, installed, locate
from ...engine.installed import EngineFiles
from ...engine.locate import EngineNotFoundError
from ..common import preferences, words
from ..common.starting import has_numpy

CHOSEN = "chosen"
"""The state of an engine that was chosen by hand and is not there: installing one would not help."""

NO_NUMPY = "no numpy"
"""The state where Blender itself lacks something: no engine would help."""


def files() -> EngineFiles:
    """What is on disk of the engine, as far as this session knows."""
    return session.current().part(EngineFiles)


def condition(context: bpy.types.Context) -> tuple[str, str]:
    """The engine's state (of :mod:`...engine.installed`, CHOSEN or NO_NUMPY), and what to say about it."""
    if not has_numpy():
        return NO_NUMPY, words.NO_NUMPY
    here = files()
    try:
        command = preferences.engine_command(context, lambda: here.installed)
    except EngineNotFoundError as error:
        if _is_chosen(context):
            return CHOSEN, str(error)
        if here.installed or not here.bundle:
            return (installed.BROKEN if here.installed else installed.MISSING), str(error)
        build = builds.find(chosen.build if (chosen := preferences.of(context)) else "")
        return installed.MISSING, (
            "The capture engine is not installed yet. Installing it downloads "
            f"{builds.size(build.download)} and needs {builds.size(build.room)} of free disk space "
            f"({builds.size(build.disk)} afterwards)."
        )
    trouble = session.current().condition.trouble
    if trouble:
        return (installed.BROKEN if command.origin == locate.OWN else CHOSEN), f"The engine does not work. {trouble}"
    state = installed.state(here.bundle, here.installed) if command.origin == locate.OWN else installed.READY
    if state == installed.BROKEN:
        return state, "The engine is damaged: the Python that it was made from is missing. Press Repair."
    if state == installed.OUTDATED:
        return state, "The engine and the add-on have different versions. Press Update."
    return state, f"Found in {command.origin}: {command.python}."


def _is_chosen(context: bpy.types.Context) -> bool:
    chosen = preferences.of(context)
    return bool((chosen and chosen.engine_python.strip()) or os.environ.get(locate.VARIABLE, "").strip())
