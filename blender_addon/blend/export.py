"""The captured character as FBX, BVH or glTF for other programs, or everything as a .blend.

The options are those with which a file that Blender reads back has every joint where it was. FBX and glTF are written
from a plain copy of the character (:mod:`.baking`), BVH by :mod:`..maths.bvh`. An export is a generator that yields the
share that is done, so that a window can show it and stop; :func:`finish` runs one to its end.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import bpy
import numpy as np

from ..contract import atomic
from ..contract.errors import UserError
from ..maths import bvh as bvh_format
from ..maths import rotations
from . import baking, character, fcurves, layers


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


def finish(export: Iterable[float]) -> None:
    """Runs an export to its end."""
    for _ in export:
        pass


def fbx(
    context: bpy.types.Context,
    armature: bpy.types.Object,
    path: str | Path,
    program: Program = PROGRAMS["BLENDER"],
    deform_only: bool = True,
) -> Generator[float, None, None]:
    """Writes the armature, its body and its motion as FBX, one take, every frame baked. Raises ExportError."""
    _require("fbx", "io_scene_fbx")
    take = _take(armature)
    with _replacing(Path(path)) as temporary, baking.stage(context) as scene:
        item, bodies, names = yield from _staged(context, scene, armature, take, deform_only)
        with _exporting(context, scene, item, bodies, [*names, (item, program.root or armature.name)]):
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
    yield 1.0


def gltf(
    context: bpy.types.Context, armature: bpy.types.Object, path: str | Path, deform_only: bool = True
) -> Generator[float, None, None]:
    """Writes the armature, its body and its motion as binary glTF (.glb), every frame baked. Raises ExportError."""
    _require("gltf", "io_scene_gltf2")
    take = _take(armature)
    known = bpy.ops.export_scene.gltf.get_rna_type().properties.keys()
    # Up to Blender 3.5 one option, then a mode: one animation for each Action of the armature, which is the take.
    mode = {"export_animation_mode": "ACTIONS"} if "export_animation_mode" in known else {"export_nla_strips": True}
    with _replacing(Path(path)) as temporary, baking.stage(context) as scene:
        # Blender's exporter forgets the base of the rate, or takes it the wrong way round.
        rate = scene.render.fps / scene.render.fps_base
        scene.render.fps, scene.render.fps_base = max(1, round(rate)), 1.0
        item, bodies, names = yield from _staged(context, scene, armature, take, deform_only, rate)
        with _exporting(context, scene, item, bodies, names):
            bpy.ops.export_scene.gltf(
                filepath=str(temporary),
                export_format="GLB",
                use_selection=True,
                use_active_scene=True,
                export_animations=True,
                export_force_sampling=True,
                export_extras=bool(layers.names(armature)),
                export_anim_single_armature=False,
                **mode,
            )
    yield 1.0


def bvh(
    context: bpy.types.Context,
    armature: bpy.types.Object,
    path: str | Path,
    y_up: bool = True,
    deform_only: bool = True,
) -> Generator[float, None, None]:
    """Writes the armature and its motion as BVH. Raises ExportError.

    y_up: y up in centimetres, as most programs expect it; otherwise z up in metres with Blender's bone names.
    """
    with _replacing(Path(path)) as temporary:
        with baking.stage(context) as scene:
            baked = yield from baking.sample(scene, armature, _frames(armature), deform_only)
        figure = _figure(armature, baked)
        if y_up:
            figure = bvh_format.in_t_pose(figure, _slots(armature, baked))
        rate = context.scene.render.fps / context.scene.render.fps_base
        temporary.write_text(bvh_format.text(figure, rate, y_up), encoding="utf-8")
    yield 1.0


def save_blend(path: str | Path) -> None:
    """Saves a copy of the open file; the session stays with the file it had. Raises ExportError."""
    with _replacing(Path(path)) as temporary:
        temporary.unlink()  # else Blender keeps the empty file as a backup, .blend1
        bpy.ops.wm.save_as_mainfile(filepath=str(temporary), copy=True, compress=True, check_existing=False)


def _require(operator: str, addon: str) -> None:
    try:
        getattr(bpy.ops.export_scene, operator).get_rna_type()
    except (AttributeError, KeyError) as error:
        raise ExportError(
            f"Blender's add-on {addon} is off; enable it in Preferences > Add-ons and export again"
        ) from error


def _actions(armature: bpy.types.Object) -> list[tuple[bpy.types.Action, float, float]]:
    """The Actions that move the armature, from the lowest NLA track to the active one, with first and last frame."""
    animation, found = armature.animation_data, []
    if animation is not None:
        strips = [strip for track in animation.nla_tracks if not track.mute for strip in track.strips]
        found = [(strip.action, strip.frame_start, strip.frame_end) for strip in strips if strip.action]
        bag = fcurves.find_channels(animation) if animation.action is not None else None
        if bag is not None and len(bag.fcurves):  # a new layer has none yet
            found.append((animation.action, *animation.action.frame_range))
    if not found:
        raise ExportError(f"{armature.name} has no animation; capture a motion first, then export")
    return found


def _take(armature: bpy.types.Object) -> str:
    """The name of the take: that of the motion, which layers only change."""
    return _actions(armature)[0][0].name


def _frames(armature: bpy.types.Object) -> np.ndarray:
    """The whole frames (T,) over which something moves the armature."""
    spans = _actions(armature)
    first, last = min(start for _, start, _ in spans), max(end for _, _, end in spans)
    return np.arange(np.floor(first), np.ceil(last) + 1)


def _staged(
    context: bpy.types.Context,
    scene: bpy.types.Scene,
    armature: bpy.types.Object,
    take: str,
    deform_only: bool,
    rate: float | None = None,
) -> Generator[float, None, tuple[bpy.types.Object, list[bpy.types.Object], list[tuple[bpy.types.ID, str]]]]:
    """The character in its own scene. rate: of the motion, where that of the scene is another one."""
    frames = _frames(armature)
    at = frames
    if rate is not None and rate != scene.render.fps:
        step = rate / scene.render.fps
        at = frames[0] + step * np.arange(int((frames[-1] - frames[0]) / step + 1e-6) + 1)
    baked = yield from baking.sample(scene, armature, at, deform_only)
    baked = replace(baked, frames=frames[0] + np.arange(len(at)))
    return (yield from baking.copy(scene, armature, baking.bodies_of(context.scene, armature), baked, take))


@contextmanager
def _exporting(
    context: bpy.types.Context,
    scene: bpy.types.Scene,
    armature: bpy.types.Object,
    bodies: list[bpy.types.Object],
    names: list[tuple[bpy.types.ID, str]],
) -> Iterator[None]:
    """Blender's exporters see this scene, with the character selected and everything under its name."""
    layer = scene.view_layers[0]
    for item in (armature, *bodies):
        item.select_set(True, view_layer=layer)
    layer.objects.active = armature
    with (
        baking.called(*names),
        context.temp_override(
            scene=scene,
            view_layer=layer,
            object=armature,
            active_object=armature,
            selected_objects=[armature, *bodies],
        ),
    ):
        yield


def _figure(armature: bpy.types.Object, baked: baking.Baked) -> bvh_format.Figure:
    """The baked skeleton in world axes and metres; the object's own place, rotation and size are part of it."""
    lengths = np.array([armature.data.bones[name].length for name in baked.bones])
    rest = baked.world[0] @ baked.rest
    tails = rest[:, :3, 3] + rest[:, :3, 1] * lengths[:, None]
    posed = baked.world[:, None] @ baked.matrices
    turned = rotations.to_matrices(rotations.to_quaternions(_upright(posed[..., :3, :3])))
    return bvh_format.Figure(
        baked.bones, baked.parents, _upright(rest[:, :3, :3]), rest[:, :3, 3], tails, turned, posed[:, 0, :3, 3]
    )


def _upright(matrices: np.ndarray) -> np.ndarray:
    """Rotations (...,3,3) without their scale."""
    return matrices / np.linalg.norm(matrices, axis=-2, keepdims=True)


def _slots(armature: bpy.types.Object, baked: baking.Baked) -> dict[str, str]:
    """The baked bones by slot of the rig's bone map. Of a control rig, the bones that lie on its controls at rest."""
    found, bones = character.recognised(armature), armature.data.bones
    slots: dict[str, str] = {}
    for slot, names in found.bones.items() if found else ():
        control = bones[names[0]]
        near = 1e-3 * control.length
        there = [name for name in baked.bones if (bones[name].head_local - control.head_local).length < near]
        same = [name for name in there if name == control.name] or sorted(there, key=lambda name: -bones[name].length)
        if same:
            slots[slot] = same[0]
    return slots


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
