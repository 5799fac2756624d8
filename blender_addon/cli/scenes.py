"""A scene with the captured characters, written in the formats that were asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

import bpy

from ..blend import armature as apply
from ..blend import camera, character, export, scene_time
from ..contract.errors import UserError
from ..contract.settings import SceneSettings
from ..maths.motion_file import MotionFile
from .options import Rig
from .registered import handles

_EXPORTS: dict[str, Callable[..., Iterable[float]]] = {"fbx": export.fbx, "bvh": export.bvh, "glb": export.gltf}
"""What writes the formats of one character, by the endings of their files."""


def write(
    motions: Sequence[MotionFile],
    video: Path | None,
    outputs: Mapping[str, Path],
    rig: Rig | None,
    settings: SceneSettings,
) -> None:
    """Writes a scene with the characters, a light and the video's camera.

    Args:
        motions: One for each character, which is a new armature.
        video: Shown behind the camera in a .blend; None where only the motion is known.
        outputs: A path for each format; all but blend hold the first character alone.
        rig: Gets the one motion instead of a new armature, in its own file.
        settings: Where the motion lies on the timeline.

    Raises:
        UserError: The rig's file cannot be opened, or has no such rig.
        RigError: The rig cannot take the motion.
        ExportError: A file cannot be written.
    """
    if rig:
        targets = {0: _target(rig)}
    else:
        _empty_scene()
        targets = {}
    context = bpy.context
    scene, start, whole = context.scene, settings.start_frame, settings.keys == "whole"
    # As the panel does: a file that is somebody's work keeps its rate.
    matched = rig is None or scene_time.is_untouched(scene)
    paths = [motion.path for motion in motions]
    (armature, *_) = apply.capture_to_scene(context, paths, matched, targets, start=start, whole=whole)
    if matched:
        scene.frame_set(scene.frame_start)
    for kind, path in outputs.items():
        if kind in _EXPORTS:
            export.finish(_EXPORTS[kind](context, armature, path))
        else:
            timing = scene_time.timing(scene, start, whole)
            item = camera.create_camera(context, motions[0], "Video camera", timing)
            camera.look_through(context, item, motions[0], video, start)
            camera.add_sun(context)
            export.save_blend(path)


def _empty_scene() -> None:
    """Starts from Blender's own empty scene, whatever the user's start-up file holds."""
    if handles:
        # Factory settings disable this add-on, the command of which is running.
        bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    else:
        bpy.ops.wm.read_factory_settings(use_empty=True)


def _target(rig: Rig) -> character.Target:
    """Opens the rig's file and finds the rig in it, with its bone map. Raises UserError."""
    try:
        bpy.ops.wm.open_mainfile(filepath=str(rig.file.resolve()), load_ui=False, use_scripts=False)
    except RuntimeError as error:
        raise UserError(f"{rig.file} cannot be opened: {' '.join(str(error).split())}") from error
    armatures = [item.name for item in bpy.context.scene.objects if item.type == "ARMATURE"]
    if rig.name not in armatures:
        there = ", ".join(armatures) or "none"
        raise UserError(f"{rig.file}: no armature {rig.name} in its scene; there are: {there}")
    item = bpy.data.objects[rig.name]
    found = character.fitted(item, rig.bone_map) if rig.bone_map else character.recognised(item)
    if found is None:
        what = f"has no bones of {rig.bone_map.name}" if rig.bone_map else "is no rig that is recognised"
        raise UserError(
            f"{rig.file}: {rig.name} {what}; save its bone map with the panel and give it as --preset MAP.json"
        )
    return character.Target(item, found, rig.transfer)
