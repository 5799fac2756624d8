"""Puts captured motion into the scene, in place of the last result of the same person."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any

import bpy

from ..common import tags

if TYPE_CHECKING:
    from ...blend.armature import Prepared
    from ...blend.character import Target

_PREPARED = "prepared"
"""Key of what was prepared, in the engine's record of a motion."""


def prepare(persons: Collection[int], result: dict[str, Any]) -> None:
    """Works out the new characters of these people, and adds them to the result of a capture: half of what is to do."""
    from ...blend import armature as apply

    for motion in result["motions"]:
        if int(motion["person"]) in persons:
            motion[_PREPARED] = apply.prepare(motion["path"])


def motions(result: dict[str, Any]) -> dict[int, str | Prepared]:
    """What a capture gave, by person, for :func:`replace`. Takes what was prepared out of the result."""
    return {int(motion["person"]): motion.pop(_PREPARED, motion["path"]) for motion in result["motions"]}


def replace(
    context: bpy.types.Context,
    source: str,
    motions: Mapping[int, str | Prepared],
    set_scene: bool,
    targets: Mapping[int, Target],
) -> list[bpy.types.Object]:
    """Makes a character for each motion file (by person) of the video ``source``, or for what was prepared of it.

    Returns the armatures.

    targets: by person, the rigs that take the motion instead of a new armature, as an Action of its own.

    The last characters of these people are removed. Theirs is the place, the name and all that refers to them,
    such as constraints. Nothing but the mode changes if a file cannot be used (MotionFileError). Ends in Object
    mode, as Blender's importers do: in another one an undo takes back what that mode edits, and nothing else.
    """
    # Not at the top: they need numpy, and enabling the add-on must not wait for it.
    from ...blend import armature as apply
    from ...blend import marks

    if context.mode != "OBJECT":
        bpy.ops.object.mode_set(mode="OBJECT")
    rigs = {
        row: dataclasses.replace(
            targets[person], action=_last_action(tags.owner(source, person), targets[person].armature)
        )
        for row, person in enumerate(motions)
        if person in targets
    }
    armatures = apply.capture_to_scene(context, list(motions.values()), set_scene, rigs, source)
    for person, armature in zip(motions, armatures, strict=True):
        owner = tags.owner(source, person)
        if person in targets:
            action = armature.animation_data.action
            action[tags.RESULT] = {"owner": owner, "name": action.name, "rig": armature.name}
            continue
        for old in [item for item in context.scene.objects if item.type == "ARMATURE" and _is_ours(item, owner)]:
            marks.clear(context.scene, armature.name)
            _take_over(old, armature, owner)
            marks.show(context.scene, armature)
        for part in _parts(armature).values():
            part[tags.RESULT] = {"owner": owner, "name": part.name}
    context.view_layer.update()
    return armatures


def _last_action(owner: str, rig: bpy.types.Object) -> bpy.types.Action | None:
    """The Action that the last capture of the same person made for a rig."""
    ours = (item for item in bpy.data.actions if item.library is None and _is_ours(item, owner))
    return next((item for item in ours if item[tags.RESULT].get("rig") == rig.name), None)


def select(context: bpy.types.Context, items: list[bpy.types.Object]) -> None:
    """Selects only these objects and makes the first one active, as Blender does with what it adds.

    Rigs in collections that this view layer leaves out are passed over.
    """
    for item in context.selected_objects:
        item.select_set(False)
    here = [item for item in items if item.name in context.view_layer.objects]
    for item in here:
        item.select_set(True)
    if here:
        context.view_layer.objects.active = here[0]


def _parts(armature: bpy.types.Object) -> dict[str, bpy.types.ID]:
    """What a capture makes for one person, by its role."""
    parts = {"object": armature, "armature": armature.data}
    if armature.animation_data and armature.animation_data.action:
        parts["action"] = armature.animation_data.action
    for child in armature.children:
        if child.type == "MESH":
            parts.setdefault("body", child)
            parts.setdefault("mesh", child.data)
    return parts


def _is_ours(part: bpy.types.ID, owner: str) -> bool:
    tag = part.get(tags.RESULT)
    return tag is not None and tag["owner"] == owner and tag["name"] == part.name


def _take_place(new: bpy.types.Object, old: bpy.types.Object) -> None:
    """Puts ``new`` into the collections of ``old``, in place of it, and of those in which it was itself."""
    # Not left to user_remap: Blender 3.4 miscounts where both are in one collection.
    collections = list(old.users_collection)
    for item in (old, new):
        for collection in item.users_collection:
            collection.objects.unlink(item)
    for collection in collections:
        collection.objects.link(new)


def _take_over(old: bpy.types.Object, new: bpy.types.Object, owner: str) -> None:
    """Removes ``old`` and gives its place, names and references to ``new``."""
    parts = _parts(old)
    ours = {role: part for role, part in parts.items() if _is_ours(part, owner)}
    action = parts.get("action")
    if action and "action" not in ours:
        action.use_fake_user = True  # the animator's own: it must not vanish with the object that used it
    names = {role: part.name for role, part in ours.items()}
    new.matrix_basis = old.matrix_basis
    successors = _parts(new)
    for role in ("body", "object"):
        if role in ours and role in successors:
            _take_place(successors[role], ours[role])
            ours[role].user_remap(successors[role])
            bpy.data.objects.remove(ours[role])
    for role, blocks in (
        ("mesh", bpy.data.meshes),
        ("armature", bpy.data.armatures),
        ("action", bpy.data.actions),
    ):
        if role in ours and not ours[role].users:
            blocks.remove(ours[role])
    for role, name in names.items():
        if role in successors:
            successors[role].name = name
