"""A character's motion as it shows, baked to a plain copy of its deforming bones in a scene of its own.

Exporters evaluate a whole scene at every frame, once for each of the things that they write. A copy without controls,
constraints and drivers spares them a control rig, and its scene everything else; the user's scene, its frame, mode and
selection stay as they are.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Any

import bpy
import numpy as np
from mathutils import Matrix, Vector

from ..maths import deform, rotations
from . import fcurves, layers

_SAMPLED, _COPIED = 0.5, 0.7
"""Shares of an export that are done when the last frame is sampled, and when the copy is made; the rest is that of
Blender's exporter. Measured on Rigify's human over 280 frames."""
_RIGID = 0.01
"""Share by which a bone may be stretched and still counts as rigid: Rigify's bones are, by a few thousandths."""
_MOVED = 1e-6
"""Metres or unit of a quaternion from which a channel is worth keys."""


@dataclass(frozen=True)
class Baked:
    """N bones over T whole frames.

    Attributes:
        bones: (N) names, parents first.
        parents: (N) row of the parent; -1 for the root.
        frames: (T,) of the scene.
        rest: (N,4,4) in armature space. matrices: (T,N,4,4) likewise, posed.
        world: (T,4,4) of the object.
        values: (T,) by the name of a layer's channel.
    """

    bones: tuple[str, ...]
    parents: tuple[int, ...]
    frames: np.ndarray
    rest: np.ndarray
    matrices: np.ndarray
    world: np.ndarray
    values: dict[str, np.ndarray]


Copied = tuple[bpy.types.Object, list[bpy.types.Object], list[tuple[bpy.types.ID, str]]]


@contextmanager
def stage(context: bpy.types.Context) -> Iterator[bpy.types.Scene]:
    """An empty scene with the rate and units of the user's, for the time of the block, and what is put into it."""
    user = context.scene
    scene = bpy.data.scenes.new("Export")
    try:
        for key in ("fps", "fps_base"):
            setattr(scene.render, key, getattr(user.render, key))
        for key in ("system", "scale_length"):
            setattr(scene.unit_settings, key, getattr(user.unit_settings, key))
        yield scene
    finally:
        _empty(scene)
        bpy.data.scenes.remove(scene)


@contextmanager
def called(*pairs: tuple[bpy.types.ID, str]) -> Iterator[None]:
    """Data-blocks have these names in the block, whoever else has them."""
    before: list[tuple[bpy.types.ID, str]] = []
    try:
        for item, name in pairs:
            kind = next(part for part in _KINDS if item.rna_type.identifier in part)
            other = getattr(bpy.data, kind[0]).get(name)
            if other is not None and other != item:
                before.append((other, name))
                other.name = f"{name} (renamed for an export)"
            before.append((item, item.name))
            item.name = name
        yield
    finally:
        for item, name in reversed(before):
            item.name = name


_KINDS = (("objects", "Object"), ("actions", "Action"), ("scenes", "Scene"))


def sample(
    scene: bpy.types.Scene, armature: bpy.types.Object, frames: np.ndarray, deform_only: bool
) -> Generator[float, None, Baked]:
    """The pose of the armature at ``frames`` (T,), with constraints and drivers; yields the share that is done.

    scene: where it is evaluated, apart from the one that shows it.
    """
    bones = [item.bone for item in armature.pose.bones]
    rows = {bone.name: row for row, bone in enumerate(bones)}
    found = deform.skeleton(
        [rows[bone.parent.name] if bone.parent else -1 for bone in bones],
        np.array([bone.head_local for bone in bones]),
        np.array([bone.tail_local for bone in bones]),
        [bone.use_deform or not deform_only for bone in bones],
    )
    names = layers.names(armature)
    matrices, world = np.empty((len(frames), len(found.rows), 4, 4), np.float32), np.empty((len(frames), 4, 4))
    values = {name: np.empty(len(frames)) for name in names}
    with closing(evaluated(scene, armature, frames)) as poses:
        for row, (posed, every) in enumerate(poses):
            matrices[row], world[row] = every[list(found.rows)], posed.matrix_world
            for name in names:
                values[name][row] = posed[name]
            yield _SAMPLED * (row + 1) / len(frames)
    rest = np.array([bones[row].matrix_local for row in found.rows], float)
    return Baked(
        tuple(bones[row].name for row in found.rows), found.parents, frames, rest, _rigid(matrices), world, values
    )


def evaluated(
    scene: bpy.types.Scene, armature: bpy.types.Object, frames: np.ndarray
) -> Generator[tuple[bpy.types.Object, np.ndarray], None, None]:
    """The armature as Blender evaluates it in an empty scene, and the matrices (B,4,4) of its pose bones in armature
    space, at each of ``frames`` (T,)."""
    buffer = np.empty(16 * len(armature.pose.bones), np.float32)
    scene.collection.objects.link(armature)
    try:
        for frame in frames:
            scene.frame_set(int(np.floor(frame)), subframe=float(frame % 1.0))
            posed = armature.evaluated_get(scene.view_layers[0].depsgraph)
            posed.pose.bones.foreach_get("matrix", buffer)
            yield posed, buffer.reshape(-1, 4, 4).swapaxes(-1, -2)  # columns come first
    finally:
        scene.collection.objects.unlink(armature)


def copy(
    scene: bpy.types.Scene, armature: bpy.types.Object, bodies: Sequence[bpy.types.Object], baked: Baked, take: str
) -> Generator[float, None, Copied]:
    """Puts the baked character into its scene, with its motion as an Action; yields the share that is done.

    Returns the armature, the bodies, and which of the new things should have which names (see :func:`called`).
    """
    item = bpy.data.objects.new(armature.name, bpy.data.armatures.new(armature.data.name))
    scene.collection.objects.link(item)
    layer = scene.view_layers[0]
    layer.objects.active = item
    lengths = {bone.name: bone.length for bone in armature.data.bones}
    with bpy.context.temp_override(scene=scene, view_layer=layer, object=item, active_object=item):
        bpy.ops.object.mode_set(mode="EDIT")
        edits: list[Any] = []
        for name, parent, rest in zip(baked.bones, baked.parents, baked.rest, strict=True):
            edit = item.data.edit_bones.new(name)
            edit.head, edit.tail = rest[:3, 3], rest[:3, 3] + rest[:3, 1] * lengths[name]
            edit.align_roll(Vector(rest[:3, 2]))
            edit.parent = edits[parent] if parent >= 0 else None
            edits.append(edit)
        bpy.ops.object.mode_set(mode="OBJECT")
    action = bpy.data.actions.new(take)
    yield from _key(item, action, baked)
    item.matrix_world = Matrix(baked.world[0].tolist())
    copies = [_body(scene, body, armature, item) for body in bodies]
    scene.frame_start, scene.frame_end = int(baked.frames[0]), int(baked.frames[-1])
    scene.frame_set(scene.frame_start)
    names: list[tuple[bpy.types.ID, str]] = [(scene, take), (action, take), (item, armature.name)]
    return item, copies, names + [(new, old.name) for new, old in zip(copies, bodies, strict=True)]


def bodies_of(scene: bpy.types.Scene, armature: bpy.types.Object) -> list[bpy.types.Object]:
    """The meshes that hang on the armature or are deformed by it."""
    return [
        item
        for item in scene.objects
        if item.type == "MESH" and (item.parent == armature or any(m.object == armature for m in _deforming(item)))
    ]


def _empty(scene: bpy.types.Scene) -> None:
    """Removes what :func:`copy` has put into the scene; meshes are the user's."""
    for item in [item for item in scene.collection.objects if len(item.users_collection) == 1]:
        data = item.data if item.type == "ARMATURE" else None
        action = item.animation_data.action if item.animation_data else None
        bpy.data.objects.remove(item)
        if data is not None:
            bpy.data.armatures.remove(data)
        if action is not None:
            bpy.data.actions.remove(action)


def _deforming(body: bpy.types.Object) -> list[Any]:
    return [modifier for modifier in body.modifiers if modifier.type == "ARMATURE"]


def _body(
    scene: bpy.types.Scene, body: bpy.types.Object, armature: bpy.types.Object, new: bpy.types.Object
) -> bpy.types.Object:
    """A copy of a body on the new armature; the mesh is shared."""
    item = body.copy()
    item.animation_data_clear()
    scene.collection.objects.link(item)
    for modifier in _deforming(item):
        if modifier.object == armature:
            modifier.object = new
    if body.parent != armature:
        item.parent, item.matrix_parent_inverse = new, new.matrix_world.inverted()
        item.parent_type, item.matrix_basis = "OBJECT", body.matrix_world
        return item
    item.parent = new
    if item.parent_type == "BONE" and item.parent_bone not in new.data.bones:
        # What is fixed to a control goes to the bone above it; the place at rest is kept.
        old = armature.data.bones[item.parent_bone]
        over = next((bone for bone in old.parent_recursive if bone.name in new.data.bones), None)
        kept = new.data.bones[over.name] if over else new.data.bones[0]
        item.parent_bone = kept.name
        item.matrix_parent_inverse = _end(kept).inverted() @ _end(old) @ item.matrix_parent_inverse
    return item


def _end(bone: bpy.types.Bone) -> Matrix:
    """Where a bone holds what is fixed to it, at rest."""
    return bone.matrix_local @ Matrix.Translation((0.0, bone.length, 0.0))


def _rigid(matrices: np.ndarray) -> np.ndarray:
    """The matrices (T,N,4,4) without stretch, of those bones that are hardly stretched."""
    scales = np.linalg.norm(matrices[..., :3, :3], axis=-2)
    rigid = (np.abs(scales - 1.0) < _RIGID).all(axis=(0, 2))
    turned = matrices[:, rigid]
    turned[..., :3, :3] /= scales[:, rigid][..., None, :]
    matrices[:, rigid] = turned
    return matrices


def _key(item: bpy.types.Object, action: bpy.types.Action, baked: Baked) -> Iterator[float]:
    """Keys the copy's bones, and its object where that moves; yields the share that is done."""
    bag, frames = fcurves.channels(item, action), baked.frames
    for row, (name, parent) in enumerate(zip(baked.bones, baked.parents, strict=True)):
        base = baked.rest[row]
        if parent >= 0:
            base = baked.matrices[:, parent] @ (np.linalg.inv(baked.rest[parent]) @ base)
        item.pose.bones[name].rotation_mode = "QUATERNION"
        _key_matrices(
            bag,
            f'pose.bones["{bpy.utils.escape_identifier(name)}"].',
            name,
            frames,
            np.linalg.inv(base) @ baked.matrices[:, row],
        )
        yield _SAMPLED + (_COPIED - _SAMPLED) * (row + 1) / len(baked.bones)
    if np.abs(baked.world - baked.world[0]).max() > _MOVED:
        item.rotation_mode = "QUATERNION"
        _key_matrices(bag, "", "Object", frames, baked.world)
    for name, values in baked.values.items():
        item[name] = float(values[0])
        fcurves.write(bag, f'["{bpy.utils.escape_identifier(name)}"]', frames, values[:, None], "Layers")


def _key_matrices(bag: Any, path: str, group: str, frames: np.ndarray, matrices: np.ndarray) -> None:
    """Keys (T,4,4) as location, rotation and, where there is any, scale."""
    scales = np.linalg.norm(matrices[:, :3, :3], axis=-2)
    turns = rotations.continuous(rotations.to_quaternions(matrices[:, :3, :3] / scales[:, None, :]))
    fcurves.write(bag, path + "rotation_quaternion", frames, turns, group)
    if np.abs(matrices[:, :3, 3]).max() > _MOVED:
        fcurves.write(bag, path + "location", frames, matrices[:, :3, 3], group)
    if np.abs(scales - 1.0).max() > _RIGID:
        fcurves.write(bag, path + "scale", frames, scales, group)
