"""Motion files into the scene: an armature with keys and a body, made through Blender's data."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import bpy
import numpy as np
from mathutils import Vector

from ..maths import confidence, mannequin, resampling, skeleton, solve
from ..maths.motion_file import MotionFile, load
from ..maths.timeline import Timing
from . import actions, character, fcurves, layers, marks, names, provenance, scene_time


@dataclass(frozen=True)
class Prepared:
    """A motion and its new character, as far as it can be computed outside Blender's main thread.

    Attributes:
        whole: the motion as it was captured.
        motion: its rows in which the person was visible, at the times of the keys that ``timing`` makes.
    """

    whole: MotionFile
    motion: MotionFile
    timing: Timing
    rest: skeleton.Rest
    pose: solve.Pose
    shape: mannequin.Body


def prepare(path: str | Path | MotionFile, timing: Timing) -> Prepared:
    """Computes the character of a motion file. Raises MotionFileError on a file that is none."""
    whole = path if isinstance(path, MotionFile) else load(path)
    motion = keyed(whole, timing)
    rest = skeleton.rest_pose(motion.world, motion.contacts)
    pose = solve.solve(motion.world, motion.contacts, motion.rate, rest, motion.parts)
    return Prepared(whole, motion, timing, rest, pose, mannequin.build(rest))


def keyed(motion: MotionFile, timing: Timing) -> MotionFile:
    """The part of a motion that becomes keys, one row a key."""
    return resampling.on_timeline(resampling.visible(motion), timing)


def capture_to_scene(
    context: bpy.types.Context,
    paths: Sequence[str | Path | Prepared],
    set_scene: bool = False,
    targets: Mapping[int, character.Target] | None = None,
    video: str | Path | None = None,
    *,
    start: int = 1,
    whole: bool = True,
    called: Sequence[str] = (),
) -> list[bpy.types.Object]:
    """Adds one character a motion file; their places relative to each other are those of the people.

    The scene's selection, mode and playhead are as before; nothing stays behind if a file fails. Ranges of low
    confidence are marked on the timeline.

    Args:
        context: whose scene gets the characters.
        paths: the motion files, or what ``prepare`` made of them.
        set_scene: give the scene the standard rate nearest to the video's, and the video's range; see
            ``scene_time.match``.
        targets: by row in ``paths``, the rigs that take a motion instead of a new armature.
        video: the clip that the motions were captured from, for their provenance.
        start: the scene's frame at which the video begins.
        whole: keys lie on whole frames; else at the times of the video's frames.
        called: what the characters are called, each by its file where that is empty.

    Returns:
        The armature objects.

    Raises:
        MotionFileError: a file is no motion file.
        RigError: a rig cannot take a motion.
    """
    targets, scene = targets or {}, context.scene
    given = [path if isinstance(path, Prepared) else load(path) for path in paths]
    motions = [item.whole if isinstance(item, Prepared) else item for item in given]
    named = [
        names.cut(name) if name else character_name(motion)
        for name, motion in zip(called or [""] * len(motions), motions, strict=True)
    ]
    timing = scene_time.timing(scene, start, whole, motions[0].fps if set_scene and motions else None)
    to_rigs = {row: keyed(motions[row], timing) for row in targets}
    solved = {row: character.solve(target, to_rigs[row]) for row, target in targets.items()}
    before = scene.render.fps, scene.render.fps_base, scene.frame_start, scene.frame_end
    try:
        if set_scene and motions:
            ends = min(motion.times[0] for motion in motions), max(motion.times[-1] for motion in motions)
            scene_time.match(scene, motions[0].fps, ends, start)
        with _removing_on_failure():
            made = {}
            for row, item in enumerate(given):
                if row in targets:
                    continue
                if not isinstance(item, Prepared) or item.timing != timing:
                    item = prepare(motions[row], timing)
                made[row] = create_character(context, item, named[row], video)
                unsure = confidence.is_low(item.motion.confidence)
                if unsure.any():  # new keys are plain, and need not be read again
                    _mark_low_confidence(scene, made[row], timing.frames(item.motion.times)[unsure])
            for row, target in targets.items():
                motion = to_rigs[row]
                frames = timing.frames(motion.times)
                action = character.write(target, frames, solved[row], named[row])
                provenance.write(action, motion, video)
                layers.write(target.armature, actions.bag_of(target.armature), motion, frames)
                actions.note_as_captured(action)
                made[row] = target.armature
                _mark_low_confidence(scene, made[row], frames[confidence.is_low(motion.confidence)])
            # Without this the new pose shows only after the next change of frame.
            scene.frame_set(scene.frame_current, subframe=scene.frame_subframe)
            return [made[row] for row in range(len(motions))]
    except BaseException:
        scene.render.fps, scene.render.fps_base, scene.frame_start, scene.frame_end = before
        raise


def character_name(motion: MotionFile) -> str:
    """What a motion's character is called where nobody named it: by its file, ``CLIP`` or ``CLIP.person2``."""
    return names.cut(motion.path.stem)


def create_character(
    context: bpy.types.Context, prepared: Prepared, name: str, video: str | Path | None = None
) -> bpy.types.Object:
    """An armature of the person's own bone lengths with a body on it and the motion as a new Action.

    The armature object stays at the origin without rotation: the motion is in the bones, so that an export
    that drops the object's transform loses nothing. It is as large as the scene's unit makes a metre. ``video``: see
    ``provenance``.
    """
    motion, unit = prepared.motion, scene_time.unit(context.scene)
    with _removing_on_failure():
        armature = _armature(context, prepared.rest, name, unit)
        _body(armature, prepared.shape, name, unit)
        frames = prepared.timing.frames(motion.times)
        layers.write(armature, _key(armature, prepared.pose, frames, name, unit), motion, frames)
        actions.note_as_captured(armature.animation_data.action)
        provenance.write(armature, motion, video)
    return armature


def _armature(context: bpy.types.Context, rest: skeleton.Rest, name: str, unit: float) -> bpy.types.Object:
    data = bpy.data.armatures.new(name)
    data.display_type = "STICK"
    armature = bpy.data.objects.new(name, data)
    armature.show_in_front = True
    _collection(context).objects.link(armature)
    with _edit_mode(context, armature):
        for index, bone in enumerate(skeleton.BONES):
            edit = data.edit_bones.new(bone.name)
            edit.head, edit.tail = rest.heads[index] * unit, rest.tails[index] * unit
            edit.align_roll(Vector(rest.frames[index][:, 2]))
            if bone.parent is not None:
                edit.parent = data.edit_bones[bone.parent]
                edit.use_connect = (edit.head - edit.parent.tail).length < 1e-6 * unit
    return armature


def _collection(context: bpy.types.Context) -> bpy.types.Collection:
    """Where the user's new objects go, unless that is hidden: edit mode needs a visible object."""
    layer = context.view_layer.active_layer_collection
    return layer.collection if layer.is_visible else context.scene.collection


@contextmanager
def _edit_mode(context: bpy.types.Context, item: bpy.types.Object) -> Iterator[None]:
    """Edit mode on one object; afterwards selection, active object and its mode are what they were."""
    layer = context.view_layer
    active, mode = layer.objects.active, context.mode
    if active is not None and mode != "OBJECT":
        mode = active.mode
        bpy.ops.object.mode_set(mode="OBJECT")
    selected = [other for other in layer.objects if other is not None and other.select_get()]
    try:
        # Everything that is selected would enter edit mode too.
        for other in selected:
            other.select_set(False)
        item.select_set(True)
        layer.objects.active = item
        bpy.ops.object.mode_set(mode="EDIT")
        try:
            yield
        finally:
            bpy.ops.object.mode_set(mode="OBJECT")
    finally:
        item.select_set(False)
        for other in selected:
            other.select_set(True)
        layer.objects.active = active
        if active is not None and mode != "OBJECT":
            bpy.ops.object.mode_set(mode=mode)


def _body(armature: bpy.types.Object, shape: mannequin.Body, name: str, unit: float) -> bpy.types.Object:
    """The mannequin as one mesh: a vertex group a bone, every part rigid on its bone."""
    mesh = bpy.data.meshes.new(names.cut(name, " body"))
    mesh.from_pydata((shape.vertices * unit).tolist(), [], shape.faces)
    for material in mannequin.MATERIALS:
        mesh.materials.append(_material(material))
    mesh.polygons.foreach_set("material_index", shape.materials)
    mesh.polygons.foreach_set("use_smooth", np.ones(len(shape.faces), bool))
    mesh.update()
    item = bpy.data.objects.new(mesh.name, mesh)
    for index, bone in enumerate(skeleton.NAMES):
        group = item.vertex_groups.new(name=bone)
        group.add(np.flatnonzero(shape.bones == index).tolist(), 1.0, "REPLACE")
    item.parent = armature
    item.modifiers.new("Armature", "ARMATURE").object = armature
    for collection in armature.users_collection:
        collection.objects.link(item)
    return item


def _material(look: mannequin.Material) -> bpy.types.Material:
    """The mannequin's material; all characters of a file share one."""
    found = bpy.data.materials.get(look.name)
    if found is not None:
        return found
    material = bpy.data.materials.new(look.name)
    material.diffuse_color = (*look.colour, 1.0)  # the viewport's and Workbench's
    material.roughness = look.roughness
    if material.node_tree is None:  # from 5.0 on every material has one
        material.use_nodes = True
    # Not by its name, which is in the language of the interface.
    shader = next((node for node in material.node_tree.nodes if node.type == "BSDF_PRINCIPLED"), None)
    if shader is not None:
        shader.inputs["Base Color"].default_value = (*look.colour, 1.0)
        shader.inputs["Roughness"].default_value = look.roughness
    return material


def _key(armature: bpy.types.Object, pose: solve.Pose, frames: np.ndarray, name: str, unit: float) -> Any:
    """Keys the pose as a new Action; returns what holds its F-curves."""
    bag = fcurves.channels(armature, bpy.data.actions.new(name))
    for index, bone in enumerate(skeleton.NAMES):
        path = f'pose.bones["{bone}"].'
        if index == 0:
            fcurves.write(bag, path + "location", frames, pose.location * unit, bone)
        fcurves.write(bag, path + "rotation_quaternion", frames, pose.rotations[:, index], bone)
    return bag


def _mark_low_confidence(scene: bpy.types.Scene, armature: bpy.types.Object, frames: np.ndarray) -> None:
    """Marks the ``frames`` (N,) on the timeline in which a motion is little more than a guess."""
    marks.mark(actions.bag_of(armature), frames)
    marks.show(scene, armature)


_KINDS = ("objects", "armatures", "meshes", "materials", "actions")


@contextmanager
def _removing_on_failure() -> Iterator[None]:
    """Removes what the block created in the file if it fails."""
    before = {kind: {item.as_pointer() for item in getattr(bpy.data, kind)} for kind in _KINDS}
    try:
        yield
    except BaseException:
        for kind in _KINDS:
            data = getattr(bpy.data, kind)
            for item in [item for item in data if item.as_pointer() not in before[kind]]:
                data.remove(item)
        raise
