"""The export of the captured character for another program."""

from __future__ import annotations

from pathlib import Path

import bpy
from bpy.props import BoolProperty, EnumProperty, StringProperty

_ENDINGS = {"FBX": ".fbx", "BVH": ".bvh", "GLTF": ".glb"}


class VIDEO_TO_MOCAP_OT_export(bpy.types.Operator):
    """Save the active armature with its motion for another program"""

    bl_idname = "video_to_mocap.export"
    bl_label = "Export"
    bl_options = {"REGISTER", "PRESET"}  # noqa: RUF012

    filepath: StringProperty(name="File", subtype="FILE_PATH", options={"SKIP_SAVE"})  # type: ignore[valid-type]
    filter_glob: StringProperty(default="*.fbx;*.bvh;*.glb", options={"HIDDEN", "SKIP_SAVE"})  # type: ignore[valid-type]
    check_existing: BoolProperty(default=True, options={"HIDDEN", "SKIP_SAVE"})  # type: ignore[valid-type]
    format: EnumProperty(  # type: ignore[valid-type]
        name="Format",
        description="What kind of file is written",
        items=(
            ("FBX", "FBX", "For game engines and most animation programs"),
            ("BVH", "BVH", "Motion capture data: the skeleton and its motion as text"),
            ("GLTF", "glTF", "For the web and for game engines such as Godot"),
        ),
    )
    program: EnumProperty(  # type: ignore[valid-type]
        name="For",
        description="The program that reads the FBX: axes, units and the skeleton's root are as it wants them",
        items=(
            ("BLENDER", "Blender", "For Blender, Maya, MotionBuilder and most others"),
            ("UNREAL", "Unreal", "For Unreal Engine: no further root bone, and no scale of 100 on it"),
            ("UNITY", "Unity", "For Unity: metres, and no scale of 100 on the character"),
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

    def draw(self, context: bpy.types.Context) -> None:
        self.layout.use_property_split = True
        self.layout.prop(self, "format")
        if self.format == "FBX":
            self.layout.prop(self, "program")

    def check(self, context: bpy.types.Context) -> bool:
        """Keeps the file's ending in step with the format. Returns whether something changed."""
        path = Path(self.filepath)
        stem = path.with_suffix("") if path.suffix.lower() in _ENDINGS.values() else path
        named = bpy.path.ensure_ext(str(stem), _ENDINGS[self.format])
        changed: bool = named != self.filepath
        self.filepath = named
        return changed

    def execute(self, context: bpy.types.Context) -> set[str]:
        from ...blend import export

        path = Path(bpy.path.abspath(self.filepath))
        armature = context.active_object
        try:
            if self.format == "FBX":
                export.export_fbx(context, armature, path, export.PROGRAMS[self.program])
            elif self.format == "BVH":
                export.export_bvh(context, armature, path)
            else:
                export.export_gltf(context, armature, path)
        except export.ExportError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        except (OSError, RuntimeError) as error:
            self.report({"ERROR"}, f"{path}: cannot be written ({error}). Choose another folder.")
            return {"CANCELLED"}
        self.report({"INFO"}, f"Saved {path}")
        return {"FINISHED"}


CLASSES = (VIDEO_TO_MOCAP_OT_export,)
