"""The export of the captured character for another program."""

from __future__ import annotations

import time
from collections.abc import Generator
from pathlib import Path

import bpy
from bpy.props import BoolProperty, EnumProperty, StringProperty

from ..common import words
from ..common.starting import has_numpy
from ..common.telling import tell

STEP = "export"
"""Beside the buttons of which step the panel says what becomes of an export."""

_STEP_SECONDS = 0.1
"""How long the window waits for a part of the export."""

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

    axes: EnumProperty(  # type: ignore[valid-type]
        name="Axes",
        description="What the BVH's numbers mean: the file itself does not say it",
        items=(
            ("Y_UP", "Y Up, cm", "As most programs expect it: y up, centimetres, T-pose facing +z, names without dots"),
            ("Z_UP", "Z Up, m", "Blender's own axes, units and bone names. Import it with Y Forward, Z Up"),
        ),
    )
    deform_only: BoolProperty(  # type: ignore[valid-type]
        name="Deform Bones Only",
        description="Leave out the controls and helpers of a rig; the bones that deform the body keep their motion",
        default=True,
    )

    _asked = False
    """Whether a person has chosen the file, and waits in front of a window."""
    _done = 0.0

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        if not has_numpy():
            cls.poll_message_set(words.NO_NUMPY)
            return False
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
        self._asked = True
        context.window_manager.fileselect_add(self)
        return {"RUNNING_MODAL"}

    def draw(self, context: bpy.types.Context) -> None:
        self.layout.use_property_split = True
        self.layout.prop(self, "format")
        if self.format == "FBX":
            self.layout.prop(self, "program")
        if self.format == "BVH":
            self.layout.prop(self, "axes")
        self.layout.prop(self, "deform_only")

    def check(self, context: bpy.types.Context) -> bool:
        """Keeps the file's ending in step with the format. Returns whether something changed."""
        path = Path(self.filepath)
        stem = path.with_suffix("") if path.suffix.lower() in _ENDINGS.values() else path
        named = bpy.path.ensure_ext(str(stem), _ENDINGS[self.format])
        changed: bool = named != self.filepath
        self.filepath = named
        return changed

    def execute(self, context: bpy.types.Context) -> set[str]:
        self._steps = self._export(context)
        if not self._asked:
            while not (ended := self._go_on(context, 60.0)):
                pass
            return ended
        # The window is drawn and Esc is heard between the steps.
        manager = context.window_manager
        self._timer = manager.event_timer_add(0.01, window=context.window)
        manager.progress_begin(0, 100)
        manager.modal_handler_add(self)
        return {"RUNNING_MODAL"}

    def modal(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        ended: set[str] = set()
        if event.type == "ESC":
            self._steps.close()
            ended = tell(self, context, "Export cancelled; no file was written.", STEP, failed=True)
        elif event.type == "TIMER":
            ended = self._go_on(context, _STEP_SECONDS)
        if not ended:
            context.window_manager.progress_update(round(100 * self._done))
            context.workspace.status_text_set(f"Exporting {Path(self.filepath).name}: {self._done:.0%} (Esc cancels)")
            return {"RUNNING_MODAL"}
        context.window_manager.event_timer_remove(self._timer)
        context.window_manager.progress_end()
        context.workspace.status_text_set(None)
        return ended

    def cancel(self, context: bpy.types.Context) -> None:
        """Blender ends the operator: another file is opened, or Blender quits."""
        self._steps.close()

    def _export(self, context: bpy.types.Context) -> Generator[float, None, None]:
        from ...blend import export

        path, armature = Path(bpy.path.abspath(self.filepath)), context.active_object
        if self.format == "FBX":
            return export.fbx(context, armature, path, export.PROGRAMS[self.program], self.deform_only)
        if self.format == "BVH":
            return export.bvh(context, armature, path, self.axes == "Y_UP", self.deform_only)
        return export.gltf(context, armature, path, self.deform_only)

    def _go_on(self, context: bpy.types.Context, seconds: float) -> set[str]:
        """Works for about so many seconds. Returns how the export ended; nothing while there is more to do."""
        from ...blend import export

        until = time.monotonic() + seconds
        try:
            for done in self._steps:
                self._done = done
                if time.monotonic() > until:
                    return set()
        except export.ExportError as error:
            return tell(self, context, str(error), STEP, failed=True)
        return tell(self, context, f"Saved {bpy.path.abspath(self.filepath)}", STEP)


CLASSES = (VIDEO_TO_MOCAP_OT_export,)
