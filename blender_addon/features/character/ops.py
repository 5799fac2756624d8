"""Operators on the bone map of the active person's rig."""

from __future__ import annotations

import functools
import json
from pathlib import Path
from typing import Any

import bpy
from bpy.props import BoolProperty, EnumProperty, StringProperty

from ...maths import bone_map as maps
from ...maths.bone_map import BoneMapError
from ..common.telling import tell
from .props import learn, recognised, rig_of

STEP = "character"
"""Beside the buttons of which step the panel says what becomes of these."""


def active_rig(context: bpy.types.Context) -> Any:
    """The rig of the person who is active in the list, as the scene knows it; None without one."""
    person = active_person(context)
    return rig_of(context.scene, person.armature) if person and person.armature else None


def active_person(context: bpy.types.Context) -> Any:
    settings = context.scene.video_to_mocap
    if 0 <= settings.active_person < len(settings.persons):
        return settings.persons[settings.active_person]
    return None


class _ForRig:
    """An operator on the active person's rig."""

    bl_options = {"REGISTER", "UNDO"}  # noqa: RUF012

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        person = active_person(context)
        if person is None or person.armature is None:
            cls.poll_message_set("Choose a rig for the person first")  # type: ignore[attr-defined]
            return False
        return True


class VIDEO_TO_MOCAP_OT_recognise_rig(_ForRig, bpy.types.Operator):
    """Find the bone of each part of the body, by the bones' names or else by where they are"""

    bl_idname = "video_to_mocap.recognise_rig"
    bl_label = "Recognise"

    def execute(self, context: bpy.types.Context) -> set[str]:
        armature = active_person(context).armature
        learn(context.scene, armature).show(recognised(armature))
        return {"FINISHED"}


@functools.lru_cache(maxsize=1)  # also because Blender does not hold on to the strings of a dynamic list
def _presets() -> tuple[tuple[str, str, str], ...]:
    return tuple((stem, item.name, f"Bones as in {item.name}") for stem, item in maps.presets().items())


def _preset_items(self: Any, context: bpy.types.Context | None) -> tuple[tuple[str, str, str], ...]:
    return _presets()


class VIDEO_TO_MOCAP_OT_apply_bone_map(_ForRig, bpy.types.Operator):
    """Use one of the bone maps that come with the add-on"""

    bl_idname = "video_to_mocap.apply_bone_map"
    bl_label = "Bone Map"

    preset: EnumProperty(name="Bone Map", description="The kind of the rig", items=_preset_items)  # type: ignore[valid-type]

    def execute(self, context: bpy.types.Context) -> set[str]:
        from ...blend import character

        armature = active_person(context).armature
        fitted = character.fitted(armature, maps.preset(self.preset))
        if fitted is None:
            text = f"{armature.name} has no bones of {maps.preset(self.preset).name}. Choose another bone map."
            return tell(self, context, text, STEP, failed=True)
        learn(context.scene, armature).show(fitted)
        return {"FINISHED"}


class VIDEO_TO_MOCAP_OT_load_bone_map(_ForRig, bpy.types.Operator):
    """Read a bone map from a file"""

    bl_idname = "video_to_mocap.load_bone_map"
    bl_label = "Load Bone Map"

    filepath: StringProperty(name="File", subtype="FILE_PATH", options={"SKIP_SAVE"})  # type: ignore[valid-type]
    filter_glob: StringProperty(default="*.json", options={"HIDDEN", "SKIP_SAVE"})  # type: ignore[valid-type]

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        context.window_manager.fileselect_add(self)
        return {"RUNNING_MODAL"}

    def execute(self, context: bpy.types.Context) -> set[str]:
        try:
            loaded = maps.load(Path(bpy.path.abspath(self.filepath)))
        except BoneMapError as error:
            return tell(self, context, str(error), STEP, failed=True)
        learn(context.scene, active_person(context).armature).show(loaded)
        return {"FINISHED"}


class VIDEO_TO_MOCAP_OT_save_bone_map(_ForRig, bpy.types.Operator):
    """Write this bone map to a file, to use it again or to share it"""

    bl_idname = "video_to_mocap.save_bone_map"
    bl_label = "Save Bone Map"
    bl_options = {"REGISTER"}  # noqa: RUF012 - nothing in the scene changes

    filepath: StringProperty(name="File", subtype="FILE_PATH", options={"SKIP_SAVE"})  # type: ignore[valid-type]
    filter_glob: StringProperty(default="*.json", options={"HIDDEN", "SKIP_SAVE"})  # type: ignore[valid-type]
    check_existing: BoolProperty(default=True, options={"HIDDEN", "SKIP_SAVE"})  # type: ignore[valid-type]

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        if not self.filepath:
            folder = Path(bpy.data.filepath).parent if bpy.data.filepath else Path.home()
            self.filepath = str(folder / f"{bpy.path.clean_name(active_person(context).armature.name)}.json")
        context.window_manager.fileselect_add(self)
        return {"RUNNING_MODAL"}

    def execute(self, context: bpy.types.Context) -> set[str]:
        path = Path(bpy.path.ensure_ext(bpy.path.abspath(self.filepath), ".json"))
        try:
            maps.save(path, learn(context.scene, active_person(context).armature).bone_map())
        except BoneMapError as error:
            return tell(self, context, str(error), STEP, failed=True)
        return tell(self, context, f"Saved {path}", STEP)


class VIDEO_TO_MOCAP_OT_restore_constraints(_ForRig, bpy.types.Operator):
    """Enable the constraints again that a capture has muted. Where they act they override the keys"""

    bl_idname = "video_to_mocap.restore_constraints"
    bl_label = "Restore Constraints"

    def execute(self, context: bpy.types.Context) -> set[str]:
        from ...blend import character

        rig = active_rig(context)
        if rig:
            character.restore(rig.armature, json.loads(rig.muted or "[]"))
            rig.muted = ""
        return {"FINISHED"}


CLASSES = (
    VIDEO_TO_MOCAP_OT_recognise_rig,
    VIDEO_TO_MOCAP_OT_apply_bone_map,
    VIDEO_TO_MOCAP_OT_load_bone_map,
    VIDEO_TO_MOCAP_OT_save_bone_map,
    VIDEO_TO_MOCAP_OT_restore_constraints,
)
