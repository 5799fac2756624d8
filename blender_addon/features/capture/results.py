"""Puts captured motion into the scene, in place of the last result of the same person."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import bpy

from ..character.props import note_muted
from ..common import tags, words

if TYPE_CHECKING:
    from ...blend.armature import Prepared
    from ...blend.character import Target
    from ...maths.timeline import Timing

_PREPARED = "prepared"
"""Key of what was prepared, in the engine's record of a motion."""


_KEPT = 'Your edited motion is kept as the Action "{}".'


@dataclass
class Outcome:
    """What became of the scene.

    Attributes:
        armatures: Of the people, in their order.
        notes: What a person would not expect, or has to know to find their work again; sentences.
    """

    armatures: list[bpy.types.Object]
    notes: list[str] = field(default_factory=list)


def prepare(rigged: Collection[int], scene: str, result: dict[str, Any]) -> None:
    """Works out the new characters of all people but those who have a rig, and adds them to the result of a capture.

    That is half of what there is to do.
    """
    from ...blend import armature as apply

    found = bpy.data.scenes[scene]
    for motion in result["motions"]:
        if int(motion["person"]) not in rigged:
            motion[_PREPARED] = apply.prepare(motion["path"], timing(found, float(motion["fps"])))


def bring(
    context: bpy.types.Context,
    source: str,
    result: dict[str, Any],
    targets: Mapping[int, Target],
    given: Mapping[int, str],
) -> str:
    """Brings the motions that the engine has captured of the video ``source`` into the scene; returns what to say.

    Args:
        context: Whose scene it is.
        source: The video.
        result: Of the engine, perhaps with what was prepared.
        targets: By person, the rigs that take a motion.
        given: The names that somebody has given to people, by number.
    """
    from ..video import camera  # not at the top: it needs numpy, and enabling the add-on must not wait for it
    from . import view

    scene = context.scene
    is_first = not any(_tags(item) for item in scene.objects)
    found = motions(result)
    for target in targets.values():
        note_muted(scene, target)
    called = [f"{Path(source).stem}.{given[person]}" if person in given else "" for person in found]
    outcome = replace(context, source, found, targets, called)
    scene.video_to_mocap.show_result(result["motions"])
    camera.follow(scene, Path(source), result["motions"][0]["path"])
    if is_first:
        outcome.notes += view.show(context, outcome.armatures, Path(source))
    return words.captured(result["motions"], given, outcome.notes)


def of_video(scene: bpy.types.Scene) -> list[bpy.types.Object]:
    """The armatures of the scene that show what was captured of its video."""
    path = bpy.path.abspath(scene.video_to_mocap.video)
    return [
        item
        for item in scene.objects
        if item.type == "ARMATURE" and any(str(tag["owner"]).rpartition("|")[0] == path for tag in _tags(item))
    ]


def _tags(item: bpy.types.Object) -> list[Any]:
    """The tags of captures on an object and on the Action that it has."""
    action = item.animation_data.action if item.animation_data else None
    return [part[tags.RESULT] for part in (item, action) if part is not None and tags.RESULT in part]


def timing(scene: bpy.types.Scene, video_rate: float) -> Timing:
    """Where a motion of a video comes to lie in the scene, as its settings are and if it is matched to the video."""
    from ...blend import scene_time

    settings = scene.video_to_mocap
    matched = video_rate if settings.set_scene else None
    return scene_time.timing(scene, settings.start_frame, settings.keys == "whole", matched)


def motions(result: dict[str, Any]) -> dict[int, str | Prepared]:
    """What a capture gave, by person, for :func:`replace`. Takes what was prepared out of the result."""
    return {int(motion["person"]): motion.pop(_PREPARED, motion["path"]) for motion in result["motions"]}


def replace(
    context: bpy.types.Context,
    source: str,
    motions: Mapping[int, str | Prepared],
    targets: Mapping[int, Target],
    called: Sequence[str],
) -> Outcome:
    """Makes a character for each motion file (by person) of the video ``source``, or for what was prepared of it.

    The last characters of these people get the new motion, and their new proportions; place, constraints and all that
    refers to them stay. Nothing changes if a file cannot be used (MotionFileError). Mode, selection, active object and
    playhead stay as they are, and Actions that somebody has edited are kept.

    Args:
        context: Whose scene gets the characters.
        source: The video.
        motions: See above.
        targets: By person, the rigs that take the motion instead of a new armature, as an Action of its own.
        called: What the characters are called, in the order of ``motions``.
    """
    # Not at the top: they need numpy, and enabling the add-on must not wait for it.
    from ...blend import armature as apply
    from ...blend import marks, scene_time

    scene = context.scene
    settings = scene.video_to_mocap
    matched, old_rate = settings.set_scene, scene_time.rate(scene)
    rigs = {
        row: dataclasses.replace(
            targets[person], action=_last_action(tags.owner(source, person), targets[person].armature)
        )
        for row, person in enumerate(motions)
        if person in targets
    }
    made = apply.capture_to_scene(
        context,
        list(motions.values()),
        matched,
        rigs,
        source,
        start=settings.start_frame,
        whole=settings.keys == "whole",
        called=called,
    )
    outcome = Outcome([])
    for row, (person, armature) in enumerate(zip(motions, made, strict=True)):
        owner = tags.owner(source, person)
        if person in targets:
            action = armature.animation_data.action
            action[tags.RESULT] = {"owner": owner, "name": action.name, "rig": armature.name}
            kept = rigs[row].action
            if kept is not None and kept != action:
                outcome.notes.append(_KEPT.format(kept.name))
        else:
            last = next((item for item in scene.objects if item.type == "ARMATURE" and _is_ours(item, owner)), None)
            if last is not None:
                marks.clear(scene, armature.name)
                marks.clear(scene, last.name)
                outcome.notes += _renew(last, armature, owner, called[row])
                armature = last
                marks.show(scene, armature)
            for part in _parts(armature).values():
                part[tags.RESULT] = {"owner": owner, "name": part.name}
        outcome.armatures.append(armature)
    if matched and scene_time.rate(scene) != old_rate:
        outcome.notes.append(f"The scene has {scene_time.rate(scene):.5g} fps now.")
    context.view_layer.update()
    return outcome


def _last_action(owner: str, rig: bpy.types.Object) -> bpy.types.Action | None:
    """The Action that the last capture of the same person made for a rig."""
    ours = (item for item in bpy.data.actions if item.library is None and _is_ours(item, owner))
    return next((item for item in ours if item[tags.RESULT].get("rig") == rig.name), None)


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


def _renew(last: bpy.types.Object, new: bpy.types.Object, owner: str, name: str) -> list[str]:
    """Gives the character of the last capture the proportions and the motion of ``new``, which is removed.

    What somebody has renamed is theirs and is kept beside it; so is an Action that they have edited, and NLA tracks are
    muted. Returns what they have to know of it.
    """
    from ...blend import names, provenance

    old, fresh = _parts(last), _parts(new)
    ours = {role for role, part in old.items() if _is_ours(part, owner)}
    last.data = fresh["armature"]
    bpy.context.view_layer.update()
    _keep_bones(old["armature"], last)
    for key in new.keys():  # noqa: SIM118 - not a dict
        if key != tags.RESULT:
            last[key] = new[key]
    last[provenance.KEY] = new[provenance.KEY]
    notes, name = _give_motion(last, new, "action" in ours), name or last.name
    body = fresh["body"]
    if "body" in ours:
        old["body"].data = fresh["mesh"]
        bpy.data.objects.remove(body)
        body = old["body"]
    else:
        body.parent = last
        body.modifiers["Armature"].object = last
    bpy.data.objects.remove(new)
    for role, blocks in (("mesh", bpy.data.meshes), ("armature", bpy.data.armatures)):
        if role in ours and not old[role].users:
            blocks.remove(old[role])
    last.name = last.data.name = last.animation_data.action.name = names.cut(name)
    body.name = body.data.name = names.cut(name, " body")
    return notes


def _keep_bones(old: bpy.types.Armature, armature: bpy.types.Object) -> None:
    """Has the same bones selected, active and hidden as in the armature data that the object had before."""
    bones = armature.data.bones
    for bone in bones:
        before = old.bones.get(bone.name)
        bone.hide = before is not None and before.hide
        if hasattr(bone, "select"):  # up to 4.5; since then pose bones are selected, which stay
            bone.select = before is not None and before.select
        armature.pose.bones[bone.name].rotation_mode = "QUATERNION"
    bones.active = bones.get(old.bones.active.name) if old.bones.active else None


def _give_motion(last: bpy.types.Object, new: bpy.types.Object, ours: bool) -> list[str]:
    """Gives ``last`` the Action of ``new``. ours: the one that it had is a capture's. Returns what is to be said."""
    from ...blend import actions

    animation = last.animation_data or last.animation_data_create()
    notes, before = [], animation.action
    action = new.animation_data.action
    slot = new.animation_data.action_slot if hasattr(action, "slots") else None
    animation.action = action
    if slot is not None:
        animation.action_slot = slot
    new.animation_data_clear()
    if before is not None and ours:
        kept = actions.retire(before)
        notes += [_KEPT.format(kept)] if kept else []
    elif before is not None:
        before.use_fake_user = True  # the animator's own: it must not vanish with its last user
    if any(not track.mute for track in animation.nla_tracks):
        for track in animation.nla_tracks:
            track.mute = True
        notes.append(f"The NLA tracks of {last.name} are muted: they hold the motion of the last capture.")
    animation.action_blend_type, animation.action_extrapolation = "REPLACE", "HOLD"
    return notes
