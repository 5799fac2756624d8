"""Character: whose body takes the motion. A new armature, or the user's own rig with its bone map."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import bpy
from bpy.props import (
    BoolProperty,
    CollectionProperty,
    EnumProperty,
    FloatProperty,
    IntProperty,
    PointerProperty,
    StringProperty,
)

from ..maths import bone_map as maps
from ..maths.bone_map import BoneMap, BoneMapError
from .layout import paragraph
from .sidebar import Lines, Step

if TYPE_CHECKING:
    from ..blend.character import Target

_ROWS = {"spine": 5, "neck": 3}
"""Places that the list has for bones of a chain, if its map does not need more."""


class VIDEO_TO_MOCAP_PG_bone(bpy.types.PropertyGroup):
    """One place of the map; ``name`` is what the list shows and can search."""

    slot: StringProperty(name="Slot", description="Which part of the body this is", options={"HIDDEN"})  # type: ignore[valid-type]
    bone: StringProperty(name="Bone", description="The rig's bone for this part of the body")  # type: ignore[valid-type]


class VIDEO_TO_MOCAP_PG_rig(bpy.types.PropertyGroup):
    """What the scene knows of a rig: its bone map, and how motion is brought to it."""

    armature: PointerProperty(name="Rig", description="The rig's armature", type=bpy.types.Object)  # type: ignore[valid-type]
    map_name: StringProperty(name="Map", description="The name of the bone map", options={"HIDDEN"})  # type: ignore[valid-type]
    map_rest: StringProperty(  # type: ignore[valid-type]
        name="Rest of the Map", description="What a bone map holds beside its bones, as JSON", options={"HIDDEN"}
    )
    bones: CollectionProperty(  # type: ignore[valid-type]
        type=VIDEO_TO_MOCAP_PG_bone, name="Bone Map", description="Which bone is which part of the body"
    )
    active_bone: IntProperty(name="Active Bone", options={"HIDDEN"})  # type: ignore[valid-type]
    muted: StringProperty(  # type: ignore[valid-type]
        name="Muted", description="The constraints that a capture has muted, as JSON", options={"HIDDEN"}
    )
    foot_lock: BoolProperty(  # type: ignore[valid-type]
        name="Foot Lock",
        description="Keep feet that stand from sliding and sinking on this character's own legs. Without it, every "
        "limb points exactly as the person's does",
        default=True,
    )
    arm_space: FloatProperty(  # type: ignore[valid-type]
        name="Arm Space",
        description="Hold hanging arms further out, for a character that is wider than the person",
        subtype="ANGLE",
        min=0.0,
        soft_max=0.7,
        max=1.5,
    )

    use_ik: BoolProperty(  # type: ignore[valid-type]
        name="IK Limbs",
        description="Put arms and legs on the rig's IK controls, too, and switch the rig to these. Its IK may not "
        "stretch bones any more",
    )

    def show(self, bone_map: BoneMap) -> None:
        """Fills the list with a map."""
        rest = maps.as_data(bone_map)
        del rest["bones"]
        self.map_name, self.map_rest = bone_map.name, json.dumps(rest)
        self.bones.clear()
        for slot, number in _places(bone_map):
            item = self.bones.add()
            item.slot, item.name = slot, _label(slot, number)
            names = bone_map.bones.get(slot, ())
            item.bone = names[number] if number < len(names) else ""
        self.active_bone = 0

    def bone_map(self) -> BoneMap:
        """The map as it is in the list. Raises BoneMapError."""
        bones: dict[str, list[str]] = {}
        for item in self.bones:
            if item.bone:
                bones.setdefault(item.slot, []).append(item.bone)
        data = json.loads(self.map_rest or "{}")
        used = {bone for names in bones.values() for bone in names}
        carried = data.get("carried_by", {})
        data["carried_by"] = {bone: by for bone, by in carried.items() if bone in used and by in used}
        try:
            return maps.parse({**data, "bones": bones})
        except ValueError as error:
            raise BoneMapError(f"The bone map cannot be used: {error}; correct it under Character") from error


class VIDEO_TO_MOCAP_PG_rigs(bpy.types.PropertyGroup):
    rigs: CollectionProperty(  # type: ignore[valid-type]
        type=VIDEO_TO_MOCAP_PG_rig, name="Rigs", description="The rigs that motion was brought to in this scene"
    )


def rig_of(scene: bpy.types.Scene, armature: bpy.types.Object) -> Any:
    """What the scene knows of a rig, None if nothing yet."""
    return next((rig for rig in scene.video_to_mocap_rigs.rigs if rig.armature == armature), None)


def learn(scene: bpy.types.Scene, armature: bpy.types.Object) -> Any:
    """What the scene knows of a rig; one that is new to it is recognised first."""
    rig = rig_of(scene, armature)
    if rig is None:
        rig = scene.video_to_mocap_rigs.rigs.add()
        rig.armature = armature
        rig.show(_recognised(armature))
    return rig


def targets(scene: bpy.types.Scene, persons: list[int]) -> dict[int, Target]:
    """The rigs of these people, by the person's number; none for who gets a new armature.

    Raises RigError and BoneMapError, one line each, before any work is done for a rig that cannot take a motion.
    """
    from ..blend import character  # not at the top: it needs numpy, and enabling must not wait for it

    found: dict[int, Target] = {}
    for person in scene.video_to_mocap.persons:
        armature = person.armature
        if person.number not in persons or armature is None:
            continue
        if any(target.armature == armature for target in found.values()):
            raise character.RigError(f"{armature.name} is the rig of two people; choose another one for {person.name}")
        if armature.name not in scene.objects:
            raise character.RigError(f"{armature.name} is not in this scene; choose the rig of {person.name} again")
        rig = learn(scene, armature)
        options = character.Options(rig.foot_lock, rig.arm_space, rig.use_ik)
        target = character.Target(armature, rig.bone_map(), options)
        character.check(target)
        found[person.number] = target
    return found


def note_muted(scene: bpy.types.Scene, target: Target) -> None:
    """Remembers, before a motion is written, the constraints that will be muted for it."""
    from ..blend import character

    rig = learn(scene, target.armature)
    muted = [tuple(pair) for pair in json.loads(rig.muted or "[]")]
    new = [pair for pair in character.in_the_way(target.armature, target.bone_map) if pair not in muted]
    rig.muted = json.dumps(muted + new)


def _recognised(armature: bpy.types.Object) -> BoneMap:
    from ..blend import character

    return character.recognised(armature) or BoneMap("", {})


def _places(bone_map: BoneMap) -> Iterator[tuple[str, int]]:
    """The rows of the list: a slot, and which of its bones. Twist bones only where the map has some."""
    for slot in maps.SLOTS:
        count = len(bone_map.bones.get(slot, ()))
        least = 0 if "_twist" in slot else _ROWS.get(slot, 1)
        yield from ((slot, number) for number in range(max(count, least)))


def _label(slot: str, number: int) -> str:
    words = slot.replace(".", " ").replace("_", " ").title()
    return f"{words} {number + 1}" if slot in maps.CHAINS else words


def _active(context: bpy.types.Context) -> Any:
    """The rig of the person who is active in the list, as the scene knows it; None without one."""
    person = _person(context)
    return rig_of(context.scene, person.armature) if person and person.armature else None


def _person(context: bpy.types.Context) -> Any:
    settings = context.scene.video_to_mocap
    if 0 <= settings.active_person < len(settings.persons):
        return settings.persons[settings.active_person]
    return None


class _ForRig:
    """An operator on the active person's rig."""

    bl_options = {"REGISTER", "UNDO"}  # noqa: RUF012

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        person = _person(context)
        if person is None or person.armature is None:
            cls.poll_message_set("Choose a rig for the person first")  # type: ignore[attr-defined]
            return False
        return True


class VIDEO_TO_MOCAP_OT_recognise_rig(_ForRig, bpy.types.Operator):
    """Find out which bone is which, by the bones' names or else by where they are"""

    bl_idname = "video_to_mocap.recognise_rig"
    bl_label = "Recognise"

    def execute(self, context: bpy.types.Context) -> set[str]:
        armature = _person(context).armature
        learn(context.scene, armature).show(_recognised(armature))
        return {"FINISHED"}


def _preset_items(self: Any, context: bpy.types.Context | None) -> list[tuple[str, str, str]]:
    if not _presets:
        _presets.extend((stem, item.name, f"Bones as in {item.name}") for stem, item in maps.presets().items())
    return _presets


_presets: list[tuple[str, str, str]] = []  # Blender does not hold on to the strings of a dynamic list


class VIDEO_TO_MOCAP_OT_apply_bone_map(_ForRig, bpy.types.Operator):
    """Take one of the bone maps that come with the add-on"""

    bl_idname = "video_to_mocap.apply_bone_map"
    bl_label = "Bone Map"

    preset: EnumProperty(name="Bone Map", description="What kind of rig it is", items=_preset_items)  # type: ignore[valid-type]

    def execute(self, context: bpy.types.Context) -> set[str]:
        from ..maths import recognise

        armature = _person(context).armature
        fitted = recognise.fit(maps.preset(self.preset), [bone.name for bone in armature.data.bones])
        if fitted is None:
            self.report({"ERROR"}, f"{armature.name} has no bones of {maps.preset(self.preset).name}")
            return {"CANCELLED"}
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
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        learn(context.scene, _person(context).armature).show(loaded)
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
            self.filepath = str(folder / f"{bpy.path.clean_name(_person(context).armature.name)}.json")
        context.window_manager.fileselect_add(self)
        return {"RUNNING_MODAL"}

    def execute(self, context: bpy.types.Context) -> set[str]:
        path = Path(bpy.path.ensure_ext(bpy.path.abspath(self.filepath), ".json"))
        try:
            maps.save(path, learn(context.scene, _person(context).armature).bone_map())
        except BoneMapError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        self.report({"INFO"}, f"Saved {path}")
        return {"FINISHED"}


class VIDEO_TO_MOCAP_OT_restore_constraints(_ForRig, bpy.types.Operator):
    """Switch the constraints on again that the capture has muted. They take over from the keys where they act"""

    bl_idname = "video_to_mocap.restore_constraints"
    bl_label = "Restore Constraints"

    def execute(self, context: bpy.types.Context) -> set[str]:
        from ..blend import character

        rig = _active(context)
        if rig:
            character.restore(rig.armature, json.loads(rig.muted or "[]"))
            rig.muted = ""
        return {"FINISHED"}


class VIDEO_TO_MOCAP_UL_bones(Lines, bpy.types.UIList):
    """One line a place in the body: its name, the rig's bone."""

    def line(self, layout: bpy.types.UILayout, item: Any) -> None:
        part = layout.split(factor=0.45)
        part.label(text=item.name)
        part.label(text=item.bone)


class VIDEO_TO_MOCAP_PT_character(Step, bpy.types.Panel):
    bl_label = "Character"

    def draw(self, context: bpy.types.Context) -> None:
        layout, person = self.layout, _person(context)
        if person is None:
            layout.label(text="Analyse a video first")
            return
        column = layout.column()
        column.label(text=f"Rig of {person.name}")
        column.prop(person, "armature", text="")
        if person.armature is None:
            paragraph(column, context, "Capture makes an armature of the person's own proportions.", "INFO")
            return
        rig = rig_of(context.scene, person.armature)
        if rig is None or person.armature.type != "ARMATURE":
            layout.operator("video_to_mocap.recognise_rig", icon="VIEWZOOM")
            return
        column.prop(rig, "foot_lock")
        column.prop(rig, "arm_space")
        if "ik" in json.loads(rig.map_rest or "{}"):
            column.prop(rig, "use_ik")
        row = column.row(align=True)
        row.operator_menu_enum("video_to_mocap.apply_bone_map", "preset", text=rig.map_name or "Bone Map")
        row.operator("video_to_mocap.recognise_rig", text="", icon="VIEWZOOM")
        row.operator("video_to_mocap.load_bone_map", text="", icon="FILE_FOLDER")
        row.operator("video_to_mocap.save_bone_map", text="", icon="FILE_TICK")
        words = _complaint(rig)
        if words:
            paragraph(layout, context, words, "ERROR")
        layout.template_list("VIDEO_TO_MOCAP_UL_bones", "", rig, "bones", rig, "active_bone", rows=5)
        if 0 <= rig.active_bone < len(rig.bones):  # not in the list: a sidebar is too narrow for names and a field
            layout.prop_search(rig.bones[rig.active_bone], "bone", person.armature.data, "bones", text="")
        muted = len(json.loads(rig.muted or "[]"))
        if muted:
            layout.operator(
                "video_to_mocap.restore_constraints", text=f"Restore Constraints ({muted})", icon="CONSTRAINT"
            )


def _complaint(rig: Any) -> str:
    """What to tell about a rig's map; empty if it is whole."""
    gone = [item.bone for item in rig.bones if item.bone and item.bone not in rig.armature.data.bones]
    if gone:
        return f"The rig has no bone {gone[0]}. Correct it in the list."
    try:
        lost = rig.bone_map().missing()
    except BoneMapError as error:
        return str(error)
    if not lost:
        return ""
    names = ", ".join(_label(slot, 0) if slot not in maps.CHAINS else slot.title() for slot in lost[:4])
    more = f" and {len(lost) - 4} more" if len(lost) > 4 else ""
    if set(lost) & set(maps.NEEDED):
        return f"Needed: {names}{more}. Choose the bones in the list."
    return f"Not in this rig: {names}{more}. They stay still."


_CLASSES = (
    VIDEO_TO_MOCAP_PG_bone,
    VIDEO_TO_MOCAP_PG_rig,
    VIDEO_TO_MOCAP_PG_rigs,
    VIDEO_TO_MOCAP_OT_recognise_rig,
    VIDEO_TO_MOCAP_OT_apply_bone_map,
    VIDEO_TO_MOCAP_OT_load_bone_map,
    VIDEO_TO_MOCAP_OT_save_bone_map,
    VIDEO_TO_MOCAP_OT_restore_constraints,
    VIDEO_TO_MOCAP_UL_bones,
    VIDEO_TO_MOCAP_PT_character,
)


def register() -> None:
    for cls in _CLASSES:
        bpy.utils.register_class(cls)
    bpy.types.Scene.video_to_mocap_rigs = PointerProperty(type=VIDEO_TO_MOCAP_PG_rigs, name="Video to Mocap Rigs")


def unregister() -> None:
    del bpy.types.Scene.video_to_mocap_rigs
    for cls in reversed(_CLASSES):
        bpy.utils.unregister_class(cls)
