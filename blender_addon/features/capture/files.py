"""Operators that save the settings to a file and load them."""

from __future__ import annotations

from pathlib import Path

import bpy
from bpy.props import BoolProperty, StringProperty

from ... import session
from ...contract import settings_file
from ...contract.errors import UserError
from ..common import requests, table
from ..common.telling import tell

STEP = "settings"
"""Beside the buttons of which step the panel says what becomes of these."""


class VIDEO_TO_MOCAP_OT_export_settings(bpy.types.Operator):
    """Write these settings to a file, to run them over many clips without a window or to give them to others"""

    bl_idname = "video_to_mocap.export_settings"
    bl_label = "Export Settings"
    bl_options = {"REGISTER"}  # noqa: RUF012 - nothing in the scene changes

    filepath: StringProperty(name="File", subtype="FILE_PATH", options={"SKIP_SAVE"})  # type: ignore[valid-type]
    filter_glob: StringProperty(default="*.json", options={"HIDDEN", "SKIP_SAVE"})  # type: ignore[valid-type]
    check_existing: BoolProperty(default=True, options={"HIDDEN", "SKIP_SAVE"})  # type: ignore[valid-type]

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        if not self.filepath:
            folder = Path(bpy.data.filepath).parent if bpy.data.filepath else Path.home()
            self.filepath = str(folder / "settings.json")
        context.window_manager.fileselect_add(self)
        return {"RUNNING_MODAL"}

    def execute(self, context: bpy.types.Context) -> set[str]:
        path = Path(bpy.path.ensure_ext(bpy.path.abspath(self.filepath), ".json"))
        try:
            settings_file.save(path, requests.kept(context.scene.video_to_mocap))
        except UserError as error:
            return tell(self, context, str(error), STEP, failed=True)
        return tell(self, context, f"Saved {path}", STEP)


class VIDEO_TO_MOCAP_OT_import_settings(bpy.types.Operator):
    """Read settings from a file. Those that it does not name get the values they have in a new scene"""

    bl_idname = "video_to_mocap.import_settings"
    bl_label = "Import Settings"
    bl_options = {"REGISTER", "UNDO"}  # noqa: RUF012

    filepath: StringProperty(name="File", subtype="FILE_PATH", options={"SKIP_SAVE"})  # type: ignore[valid-type]
    filter_glob: StringProperty(default="*.json", options={"HIDDEN", "SKIP_SAVE"})  # type: ignore[valid-type]

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return not session.current().busy

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        context.window_manager.fileselect_add(self)
        return {"RUNNING_MODAL"}

    def execute(self, context: bpy.types.Context) -> set[str]:
        try:
            values = settings_file.load(bpy.path.abspath(self.filepath))
        except UserError as error:
            return tell(self, context, str(error), STEP, failed=True)
        unused = table.take(context.scene.video_to_mocap, values)
        left = f" The panel has no place for {', '.join(unused)}; left out." if unused else ""
        return tell(self, context, f"Settings of {Path(self.filepath).name}.{left}", STEP)


CLASSES = (VIDEO_TO_MOCAP_OT_export_settings, VIDEO_TO_MOCAP_OT_import_settings)
