"""Runs inside Blender or beside the module bpy: captures a motion file, exports it, reads the results back.

    blender -b --factory-startup --python-exit-code 1 --python inside_roundtrip.py -- MOTION.npz FOLDER

Writes the measured errors in metres to FOLDER/measured.json.
"""

from __future__ import annotations

import json
import os
import sys
import time
import traceback
from pathlib import Path

import bpy
import numpy as np
from mathutils import Matrix

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from blender_addon.blend import armature as apply
from blender_addon.blend import camera, export
from blender_addon.maths import motion_file, skeleton


def joints_over_time(armature: bpy.types.Object, frames: range, tails: bool) -> np.ndarray:
    """The evaluated joints (T,17,3) in world space; a joint that only a tail gives is NaN unless ``tails``."""
    scene = bpy.context.scene
    result = np.full((len(frames), 17, 3), np.nan)
    for row, frame in enumerate(frames):
        scene.frame_set(frame)
        evaluated = armature.evaluated_get(bpy.context.evaluated_depsgraph_get())
        for bone in skeleton.BONES:
            pose = evaluated.pose.bones[bone.name]
            for joint, point, wanted in ((bone.tail, pose.tail, tails), (bone.head, pose.head, True)):
                if joint is not None and wanted:
                    index = motion_file.JOINTS.index(joint)
                    result[row, index] = evaluated.matrix_world @ point
    return result


def worst(found: np.ndarray, wanted: np.ndarray) -> float:
    return float(np.nanmax(np.linalg.norm(found - wanted, axis=-1)))


def imported(before: set[str]) -> bpy.types.Object:
    (armature,) = (item for item in bpy.data.objects if item.type == "ARMATURE" and item.name not in before)
    return armature


def objects() -> set[str]:
    return {item.name for item in bpy.data.objects}


def import_bvh(path: Path) -> bpy.types.Object:
    import io_anim_bvh.import_bvh as module

    # Debian's Blender 3.4.1 opens with the mode "rU", which its Python 3.11 no longer knows.
    module.open = lambda name, mode, **words: Path(name).open(mode.replace("U", ""), **words)  # noqa: SIM115
    before = objects()
    bpy.ops.import_anim.bvh(filepath=str(path), axis_forward="Y", axis_up="Z", update_scene_fps=False)
    return imported(before)


def projected(motion: motion_file.MotionFile, row: int) -> np.ndarray:
    """The joints in the video's pixels, from the camera's definition."""
    local = (motion.world[row] - motion.camera_t[row]) @ motion.camera_R[row]
    return local[:, :2] / local[:, 2:] * motion.meta["focal_px"] + motion.meta["principal_point"]


def seen_by(item: bpy.types.Object, points: np.ndarray) -> np.ndarray:
    """World points in the pixels of Blender's camera."""
    render = bpy.context.scene.render
    view = item.calc_matrix_camera(
        bpy.context.evaluated_depsgraph_get(), x=render.resolution_x, y=render.resolution_y
    ) @ Matrix(item.matrix_world.inverted())
    clip = np.concatenate([points, np.ones((len(points), 1))], axis=1) @ np.array(view).T
    ndc = clip[:, :2] / clip[:, 3:]
    return np.stack([(ndc[:, 0] + 1) / 2 * render.resolution_x, (1 - ndc[:, 1]) / 2 * render.resolution_y], axis=-1)


def measure(path: Path, folder: Path) -> dict[str, object]:
    bpy.ops.wm.read_factory_settings(use_empty=True)
    context, motion = bpy.context, motion_file.load(path)
    started = time.perf_counter()
    (armature,) = apply.capture_to_scene(context, [path], set_scene=True)
    found: dict[str, object] = {"blender": bpy.app.version_string, "seconds": time.perf_counter() - started}
    scene = context.scene
    frames = range(scene.frame_start, scene.frame_end + 1)
    found["frames"] = len(frames)
    found["rate"] = scene.render.fps / scene.render.fps_base
    found["scene"] = worst(joints_over_time(armature, frames, tails=True), motion.world)

    item = camera.create_camera(context, motion, "Video camera")
    camera.look_through(context, item, motion)
    scene.frame_set(frames[-1])
    found["camera_pixels"] = float(np.abs(seen_by(item, motion.world[-1]) - projected(motion, -1)).max())

    scene.frame_set(5)
    scene.frame_start, scene.frame_end = 2, 3  # exports take the motion's range, not the user's
    before = [sorted(o.name for o in context.selected_objects), str(context.view_layer.objects.active)]
    bvh, fbx, blend = (folder / f"{path.stem}.{kind}" for kind in ("bvh", "fbx", "blend"))
    export.export_bvh(context, armature, bvh)
    export.export_fbx(context, armature, fbx)
    export.save_blend(blend)
    after = [sorted(o.name for o in context.selected_objects), str(context.view_layer.objects.active)]
    found["untouched"] = before == after and (scene.frame_start, scene.frame_end, scene.frame_current) == (2, 3, 5)
    found["left_over"] = [item.name for item in folder.iterdir() if item not in (bvh, fbx, blend)]

    back = import_bvh(bvh)
    action = back.animation_data.action
    found["bvh_frames"] = int(action.frame_range[1] - action.frame_range[0]) + 1
    shown = range(1, len(motion) + 1)
    found["bvh"] = worst(joints_over_time(back, shown, tails=True), motion.world)

    scene.frame_start, scene.frame_end = frames[0], frames[-1]
    existing = objects()
    bpy.ops.import_scene.fbx(filepath=str(fbx), anim_offset=0.0)
    back = imported(existing)
    found["fbx"] = worst(joints_over_time(back, frames, tails=False), motion.world)
    found["fbx_has_body"] = any(child.type == "MESH" for child in back.children)

    bpy.ops.wm.open_mainfile(filepath=str(blend))
    armature = bpy.data.objects[path.stem]
    found["blend"] = worst(joints_over_time(armature, frames, tails=True), motion.world)
    found["blend_camera"] = bpy.context.scene.camera is not None
    return found


if __name__ == "__main__":
    words = sys.argv[sys.argv.index("--") + 1 :]
    try:
        target = Path(words[1])
        results = measure(Path(words[0]), target)
        (target / "measured.json").write_text(json.dumps(results), encoding="utf-8")
        status = 0
    except BaseException:  # noqa: BLE001 - whatever it is must become the status
        traceback.print_exc()
        status = 1
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)  # the module bpy crashes on the way out in some versions
