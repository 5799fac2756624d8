"""The captured character as FBX, BVH or glTF for other programs, or everything as a .blend.

The options are those with which a file that Blender reads back has every joint where it was.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import bpy
import numpy as np

from ..contract import atomic
from ..contract.errors import UserError
from . import layers, provenance


class ExportError(Exception):
    """The export cannot be done. The message is one line for the user: what, where, what to do."""


@dataclass(frozen=True)
class Program:
    """What a program wants of an FBX.

    options: of Blender's exporter. root: the name that the armature's object has in the file, None for its own.
    """

    options: Mapping[str, Any] = field(default_factory=dict)
    root: str | None = None


PROGRAMS = {
    "BLENDER": Program(),
    # Units go into the file's header, so that no object has a scale of 100. Unreal takes the armature's object for
    # one more bone, unless it has the name that Blender's own armatures have.
    "UNREAL": Program({"apply_scale_options": "FBX_SCALE_UNITS", "axis_forward": "-Z", "axis_up": "Y"}, "Armature"),
    "UNITY": Program({"apply_scale_options": "FBX_SCALE_ALL", "axis_forward": "-Z", "axis_up": "Y"}),
}


def export_fbx(
    context: bpy.types.Context, armature: bpy.types.Object, path: str | Path, program: Program = PROGRAMS["BLENDER"]
) -> None:
    """Writes the armature, its body and its action as FBX, every frame baked. Raises ExportError."""
    _require("fbx", "io_scene_fbx")
    bodies = [child for child in armature.children if child.type == "MESH"]
    with (
        _replacing(Path(path)) as temporary,
        _action_range(context.scene, armature),
        _called(armature, program.root),
        _without_provenance(armature),
        context.temp_override(object=armature, active_object=armature, selected_objects=[armature, *bodies]),
    ):
        bpy.ops.export_scene.fbx(
            filepath=str(temporary),
            use_selection=True,
            object_types={"ARMATURE", "MESH"},
            add_leaf_bones=False,
            bake_anim_use_all_actions=False,
            bake_anim_use_nla_strips=False,
            bake_anim_simplify_factor=0.0,  # 1, the default, moves joints by 5 mm
            use_custom_props=bool(layers.names(armature)),
            **program.options,
        )


def export_bvh(context: bpy.types.Context, armature: bpy.types.Object, path: str | Path) -> None:
    """Writes the armature and its action as BVH in metres, z up. Raises ExportError.

    BVH knows no object: joints are written as they lie in the armature, without the object's own transform.
    """
    _require("bvh", "io_anim_bvh")
    with (
        _replacing(Path(path)) as temporary,
        _action_range(context.scene, armature) as (first, last),
        context.temp_override(object=armature, active_object=armature, selected_objects=[armature]),
    ):
        bpy.ops.export_anim.bvh(
            filepath=str(temporary),
            frame_start=first,
            frame_end=last,
            root_transform_only=True,  # else unconnected bones get positions of their own
        )


def export_gltf(context: bpy.types.Context, armature: bpy.types.Object, path: str | Path) -> None:
    """Writes the armature, its body and its action as binary glTF (.glb), every frame baked. Raises ExportError."""
    _require("gltf", "io_scene_gltf2")
    chosen = [armature, *(child for child in armature.children if child.type == "MESH")]
    layer = context.view_layer
    before = layer.objects.active, [item for item in layer.objects if item is not None and item.select_get()]
    with _replacing(Path(path)) as temporary, _action_range(context.scene, armature), _without_provenance(armature):
        try:
            # Its exporter looks at the scene itself, and not at what an operator is told is selected.
            for item in before[1]:
                item.select_set(False)
            for item in chosen:
                item.select_set(True)
            layer.objects.active = armature
            bpy.ops.export_scene.gltf(
                filepath=str(temporary),
                export_format="GLB",
                use_selection=True,
                export_animations=True,
                export_force_sampling=True,
                export_nla_strips=False,
                export_extras=bool(layers.names(armature)),
            )
        finally:
            for item in chosen:
                item.select_set(False)
            for item in before[1]:
                item.select_set(True)
            layer.objects.active = before[0]


def save_blend(path: str | Path) -> None:
    """Saves a copy of the open file; the session stays with the file it had. Raises ExportError."""
    with _replacing(Path(path)) as temporary:
        temporary.unlink()  # else Blender keeps the empty file as a backup, .blend1
        bpy.ops.wm.save_as_mainfile(filepath=str(temporary), copy=True, compress=True, check_existing=False)


def _require(operator: str, addon: str) -> None:
    group = bpy.ops.export_anim if operator == "bvh" else bpy.ops.export_scene
    try:
        getattr(group, operator).get_rna_type()
    except (AttributeError, KeyError) as error:
        raise ExportError(
            f"Blender's add-on {addon} is off; enable it in Preferences > Add-ons and export again"
        ) from error


@contextmanager
def _without_provenance(armature: bpy.types.Object) -> Iterator[None]:
    """An exported file does not say where its video lies; the armature keeps the note."""
    note = armature.pop(provenance.KEY, None)
    try:
        yield
    finally:
        if note is not None:
            armature[provenance.KEY] = note


@contextmanager
def _called(item: bpy.types.Object, name: str | None) -> Iterator[None]:
    """The object has this name in the block, whoever else has it."""
    if name is None or item.name == name:
        yield
        return
    own, other = item.name, bpy.data.objects.get(name)
    if other is not None:
        other.name = f"{name} (renamed for an export)"
    item.name = name
    try:
        yield
    finally:
        item.name = own
        if other is not None:
            other.name = name


@contextmanager
def _action_range(scene: bpy.types.Scene, armature: bpy.types.Object) -> Iterator[tuple[int, int]]:
    """The scene's frame range set to the armature's action; afterwards range and frame are as before."""
    action = armature.animation_data.action if armature.animation_data else None
    if action is None:
        raise ExportError(f"{armature.name} has no animation; capture a motion first, then export")
    before = scene.frame_start, scene.frame_end, scene.frame_current, scene.frame_subframe
    first, last = int(np.floor(action.frame_range[0])), int(np.ceil(action.frame_range[1]))
    try:
        scene.frame_start, scene.frame_end = first, last
        yield first, last
    finally:
        scene.frame_start, scene.frame_end = before[0], before[1]
        scene.frame_set(before[2], subframe=before[3])


@contextmanager
def _replacing(path: Path) -> Iterator[Path]:
    """``atomic.replacing``, with ExportError for what the disk and Blender's operators raise."""
    try:
        with atomic.replacing(path) as temporary:
            yield temporary
    except UserError as error:
        raise ExportError(str(error)) from error
    except (OSError, RuntimeError) as error:  # operators raise RuntimeError
        reason = " ".join(str(error).split())
        raise ExportError(f"cannot write {path}: {reason}") from error
