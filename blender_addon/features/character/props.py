"""Properties of the user's own rigs: their bone maps, and how motion is retargeted to them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import bpy
from bpy.props import (
    BoolProperty,
    CollectionProperty,
    FloatProperty,
    IntProperty,
    PointerProperty,
    StringProperty,
)

from ...maths import bone_map as maps
from ...maths.bone_map import BoneMap, BoneMapError

if TYPE_CHECKING:
    from ...blend.character import Target

_ROWS = {"spine": 5, "neck": 3}
"""Rows that the list has for the bones of a chain, if its map does not need more."""


def _bone_chosen(self: Any, context: bpy.types.Context) -> None:
    for rig in self.id_data.video_to_mocap_rigs.rigs:
        rig.check()


class VIDEO_TO_MOCAP_PG_bone(bpy.types.PropertyGroup):
    """One place of the map; ``name`` is what the list shows and can search."""

    slot: StringProperty(name="Slot", description="Which part of the body this is", options={"HIDDEN"})  # type: ignore[valid-type]
    bone: StringProperty(  # type: ignore[valid-type]
        name="Bone", description="The rig's bone for this part of the body", update=_bone_chosen
    )


class VIDEO_TO_MOCAP_PG_rig(bpy.types.PropertyGroup):
    """A rig of the scene: its bone map, and how motion is retargeted to it."""

    armature: PointerProperty(name="Rig", description="The rig's armature", type=bpy.types.Object)  # type: ignore[valid-type]
    map_name: StringProperty(name="Map", description="The name of the bone map", options={"HIDDEN"})  # type: ignore[valid-type]
    map_rest: StringProperty(  # type: ignore[valid-type]
        name="Rest of the Map", description="What a bone map holds beside its bones, as JSON", options={"HIDDEN"}
    )
    bones: CollectionProperty(  # type: ignore[valid-type]
        type=VIDEO_TO_MOCAP_PG_bone, name="Bone Map", description="Which bone is which part of the body"
    )
    active_bone: IntProperty(name="Active Bone", options={"HIDDEN"})  # type: ignore[valid-type]
    complaint: StringProperty(  # type: ignore[valid-type]
        name="Complaint", description="What is wrong with the bone map; empty if nothing", options={"HIDDEN"}
    )
    has_ik: BoolProperty(  # type: ignore[valid-type]
        name="Has IK", description="Whether the map knows the rig's IK controls", options={"HIDDEN"}
    )
    muted: StringProperty(  # type: ignore[valid-type]
        name="Muted", description="The constraints that a capture has muted, as JSON", options={"HIDDEN"}
    )
    foot_lock: BoolProperty(  # type: ignore[valid-type]
        name="Foot Lock",
        description="Keep planted feet from sliding and sinking on this character's own legs. Without it, every limb "
        "points exactly as the person's does",
        default=True,
    )
    arm_space: FloatProperty(  # type: ignore[valid-type]
        name="Arm Clearance",
        description="Hold lowered arms further away from the body, for a character that is wider than the person",
        subtype="ANGLE",
        precision=3,
        min=0.0,
        soft_max=0.7,
        max=1.5,
    )

    use_ik: BoolProperty(  # type: ignore[valid-type]
        name="IK Limbs",
        description="Key the rig's IK controls of arms and legs, too, and switch the rig to them. Its IK no longer "
        "stretches bones",
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
        self.check()

    def check(self) -> None:
        """Looks what is wrong with the map, for drawing."""
        self.has_ik = "ik" in json.loads(self.map_rest or "{}")
        self.complaint = _complaint(self)

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
            raise BoneMapError(f"The bone map cannot be used: {error}. Correct it under Character.") from error


class VIDEO_TO_MOCAP_PG_rigs(bpy.types.PropertyGroup):
    rigs: CollectionProperty(  # type: ignore[valid-type]
        type=VIDEO_TO_MOCAP_PG_rig, name="Rigs", description="The rigs to which motion was retargeted in this scene"
    )


def is_armature(self: Any, item: bpy.types.Object) -> bool:
    """What a field for a rig can hold."""
    return item.type == "ARMATURE"


def rig_of(scene: bpy.types.Scene, armature: bpy.types.Object) -> Any:
    """What the scene knows of a rig, None if nothing yet."""
    return next((rig for rig in scene.video_to_mocap_rigs.rigs if rig.armature == armature), None)


def learn(scene: bpy.types.Scene, armature: bpy.types.Object) -> Any:
    """What the scene knows of a rig; the bones of a new one are recognised first."""
    rig = rig_of(scene, armature)
    if rig is None:
        rig = scene.video_to_mocap_rigs.rigs.add()
        rig.armature = armature
        rig.show(recognised(armature))
    return rig


def targets(scene: bpy.types.Scene, persons: list[int]) -> dict[int, Target]:
    """The rigs of these people, by the person's number; without those who get a new armature.

    Raises RigError and BoneMapError, one line each, before any work is done for a rig that cannot take a motion.
    """
    from ...blend import character  # not at the top: it needs numpy, and enabling must not wait for it

    found: dict[int, Target] = {}
    for person in scene.video_to_mocap.persons:
        armature = person.armature
        if person.number not in persons or armature is None:
            continue
        if any(target.armature == armature for target in found.values()):
            raise character.RigError(f"{armature.name} is the rig of two people; choose another one for {person.name}")
        try:
            found[person.number] = target_of(scene, armature)
        except NotInSceneError as error:
            raise character.RigError(f"{error}; choose the rig of {person.name} again") from error
    return found


class NotInSceneError(Exception):
    """A rig is not in the scene that shall get its motion."""


def target_of(scene: bpy.types.Scene, armature: bpy.types.Object) -> Target:
    """A rig of the scene with what the scene knows of it. Raises RigError, BoneMapError and NotInSceneError."""
    from ...blend import character

    if armature.name not in scene.objects:
        raise NotInSceneError(f"{armature.name} is not in this scene")
    rig = learn(scene, armature)
    target = character.Target(armature, rig.bone_map(), character.Options(rig.foot_lock, rig.arm_space, rig.use_ik))
    character.check(target)
    return target


def note_muted(scene: bpy.types.Scene, target: Target) -> None:
    """Remembers, before a motion is written, the constraints that will be muted for it."""
    from ...blend import character

    rig = learn(scene, target.armature)
    muted = [tuple(pair) for pair in json.loads(rig.muted or "[]")]
    new = [pair for pair in character.in_the_way(target.armature, target.bone_map) if pair not in muted]
    rig.muted = json.dumps(muted + new)


def recognised(armature: bpy.types.Object) -> BoneMap:
    """The bone map of an armature, by the names of its bones or else by where they are; empty if neither fits."""
    from ...blend import character

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


def missing_bone(rig: Any) -> str:
    """A bone of the map that the armature does not have, perhaps since it was renamed; empty if it has all."""
    bones = rig.armature.data.bones if rig.armature and rig.armature.type == "ARMATURE" else ()
    return next((item.bone for item in rig.bones if item.bone and item.bone not in bones), "")


def _complaint(rig: Any) -> str:
    """What is wrong with a rig's map; empty if nothing."""
    gone = missing_bone(rig)
    if gone:
        return f"The rig has no bone {gone}. Correct it in the list."
    try:
        bone_map = rig.bone_map()
    except BoneMapError as error:
        return str(error)
    lost = bone_map.missing()
    if not lost:
        return _stiff(rig, bone_map)
    names = ", ".join(_label(slot, 0) if slot not in maps.CHAINS else slot.title() for slot in lost[:4])
    more = f" and {len(lost) - 4} more" if len(lost) > 4 else ""
    if set(lost) & set(maps.NEEDED):
        return f"Needed: {names}{more}. Choose the bones in the list."
    return f"Not in this rig: {names}{more}. They stay at rest."


def _stiff(rig: Any, bone_map: BoneMap) -> str:
    """Which bones of the trunk the map leaves out although they lie between two of its bones; empty if none."""
    from ...blend import character

    gaps = character.gaps(rig.armature, bone_map) if rig.armature else []
    return f"Stiff, because they are in no line: {', '.join(gaps)}. Add them to Spine or Neck." if gaps else ""


CLASSES = (VIDEO_TO_MOCAP_PG_bone, VIDEO_TO_MOCAP_PG_rig, VIDEO_TO_MOCAP_PG_rigs)


def register() -> None:
    bpy.types.Scene.video_to_mocap_rigs = PointerProperty(type=VIDEO_TO_MOCAP_PG_rigs, name="Video to Mocap Rigs")


def unregister() -> None:
    del bpy.types.Scene.video_to_mocap_rigs
