"""Export: the captured character for another program."""

from __future__ import annotations

from pathlib import Path

import bpy
from bpy.props import EnumProperty, StringProperty

from .sidebar import Step


class VIDEO_TO_MOCAP_OT_export(bpy.types.Operator):
    """Save the active armature with its motion for another program"""

    bl_idname = "video_to_mocap.export"
    bl_label = "Export"

    filepath: StringProperty(name="File", subtype="FILE_PATH", options={"SKIP_SAVE"})  # type: ignore[valid-type]
    filter_glob: StringProperty(default="*.fbx;*.bvh", options={"HIDDEN", "SKIP_SAVE"})  # type: ignore[valid-type]
    check_existing: bpy.props.BoolProperty(default=True, options={"HIDDEN", "SKIP_SAVE"})  # type: ignore[valid-type]
    format: EnumProperty(  # type: ignore[valid-type]
        name="Format",
        items=(
            ("FBX", "FBX", "For game engines and most animation programs"),
            ("BVH", "BVH", "Motion capture data: the skeleton and its motion as text"),
        ),
    )

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        item = context.active_object
        if not item or item.type != "ARMATURE":
            cls.poll_message_set("Select the armature to export")
            return False
        return True

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        if not self.filepath:
            folder = Path(bpy.data.filepath).parent if bpy.data.filepath else Path.home()
            self.filepath = str(folder / bpy.path.clean_name(context.active_object.name))
        self.check(context)
        context.window_manager.fileselect_add(self)
        return {"RUNNING_MODAL"}

    def check(self, context: bpy.types.Context) -> bool:
        """Keeps the file's ending in step with the format. Returns whether something changed."""
        path = bpy.path.ensure_ext(str(Path(self.filepath).with_suffix("")), f".{self.format.lower()}")
        changed = path != self.filepath
        self.filepath = path
        return changed

    def execute(self, context: bpy.types.Context) -> set[str]:
        from .. import export

        path = Path(bpy.path.abspath(self.filepath))
        write = export.export_fbx if self.format == "FBX" else export.export_bvh
        try:
            write(context, context.active_object, path)
        except (OSError, RuntimeError) as error:
            self.report({"ERROR"}, f"{path} could not be written: {error}")
            return {"CANCELLED"}
        self.report({"INFO"}, f"Saved {path}")
        return {"FINISHED"}


class VIDEO_TO_MOCAP_PT_export(Step, bpy.types.Panel):
    bl_label = "Export"

    def draw(self, context: bpy.types.Context) -> None:
        row = self.layout.row(align=True)
        for name in ("FBX", "BVH"):
            row.operator("video_to_mocap.export", text=name).format = name


_CLASSES = (VIDEO_TO_MOCAP_OT_export, VIDEO_TO_MOCAP_PT_export)


def register() -> None:
    for cls in _CLASSES:
        bpy.utils.register_class(cls)


def unregister() -> None:
    for cls in reversed(_CLASSES):
        bpy.utils.unregister_class(cls)
