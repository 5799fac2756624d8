"""The add-on's preferences: which Python runs the engine."""

from __future__ import annotations

import bpy

from ..engine.locate import EngineCommand, EngineNotFoundError, find_engine
from .layout import paragraph

PACKAGE = __package__.rpartition(".")[0]
"""The add-on's name in Blender: another one as an extension than as a legacy add-on."""


class VIDEO_TO_MOCAP_AP_preferences(bpy.types.AddonPreferences):
    bl_idname = PACKAGE

    engine_python: bpy.props.StringProperty(  # type: ignore[valid-type]
        name="Engine's Python",
        description="The Python that runs the engine: .venv/bin/python (.venv\\Scripts\\python.exe on Windows) "
        "of the folder in which you set it up. Leave it empty to have it found",
        subtype="FILE_PATH",
    )

    def draw(self, context: bpy.types.Context) -> None:
        layout = self.layout
        layout.prop(self, "engine_python")
        try:
            command = engine_command(context)
        except EngineNotFoundError as error:
            paragraph(layout, context, str(error), "ERROR")
        else:
            paragraph(layout, context, f"Engine: {command.python}\nFound in {command.origin}.", "CHECKMARK")


def engine_command(context: bpy.types.Context) -> EngineCommand:
    """How to start the engine. Raises EngineNotFoundError, which says what to do."""
    # Run from a script, the add-on may be registered without being enabled; it then has no preferences.
    addon = context.preferences.addons.get(PACKAGE)
    preferences = addon.preferences if addon else None
    return find_engine(bpy.path.abspath(preferences.engine_python) if preferences else "")


def register() -> None:
    bpy.utils.register_class(VIDEO_TO_MOCAP_AP_preferences)


def unregister() -> None:
    bpy.utils.unregister_class(VIDEO_TO_MOCAP_AP_preferences)
