"""What a capture shows, and what a .blend brings back, joint for joint; for other files see test_files.py."""

from __future__ import annotations

from pathlib import Path

import bpy
import numpy as np
import pytest
from mathutils import Matrix

from blender_addon.blend import armature as apply
from blender_addon.blend import camera, export
from blender_addon.maths import motion_file, skeleton
from tests.support import synthetic

pytestmark = pytest.mark.usefixtures("empty_scene")

NAME = "walk ü 1"


def joints_over_time(armature: bpy.types.Object, frames: range) -> np.ndarray:
    """The evaluated joints (T,17,3) in world space."""
    scene = bpy.context.scene
    result = np.full((len(frames), 17, 3), np.nan)
    for row, frame in enumerate(frames):
        scene.frame_set(frame)
        evaluated = armature.evaluated_get(bpy.context.evaluated_depsgraph_get())
        for bone in skeleton.BONES:
            pose = evaluated.pose.bones[bone.name]
            for joint, point in ((bone.tail, pose.tail), (bone.head, pose.head)):
                if joint is not None:
                    index = motion_file.JOINTS.index(joint)
                    result[row, index] = evaluated.matrix_world @ point
    return result


def worst(found: np.ndarray, wanted: np.ndarray) -> float:
    return float(np.nanmax(np.linalg.norm(found - wanted, axis=-1)))


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


def _kept(context: bpy.types.Context) -> object:
    """What an export has to leave as it was."""
    scene = context.scene
    selected = sorted(item.name for item in context.selected_objects)
    active = str(context.view_layer.objects.active)
    return selected, active, scene.frame_start, scene.frame_end, scene.frame_current


@pytest.fixture
def motion(tmp_path: Path) -> motion_file.MotionFile:
    return motion_file.load(synthetic.save_motion(tmp_path / f"{NAME}.npz", *synthetic.walk(45), rate=25.0))


@pytest.fixture
def armature(motion: motion_file.MotionFile, empty_scene: None) -> bpy.types.Object:
    """The motion in the scene, with the video's camera."""
    (made,) = apply.capture_to_scene(bpy.context, [motion.path], set_scene=True)
    camera.look_through(bpy.context, camera.create_camera(bpy.context, motion, "Video camera"), motion)
    return made


def test_the_scene_shows_the_motion(armature: bpy.types.Object, motion: motion_file.MotionFile) -> None:
    scene = bpy.context.scene
    frames = range(scene.frame_start, scene.frame_end + 1)
    assert len(frames) == 45 and scene.render.fps / scene.render.fps_base == 25.0
    assert worst(joints_over_time(armature, frames), motion.world) < 1e-3
    scene.frame_set(frames[-1])
    assert np.abs(seen_by(scene.camera, motion.world[-1]) - projected(motion, -1)).max() < 0.1  # pixels


@pytest.fixture
def exported(armature: bpy.types.Object, tmp_path: Path) -> Path:
    """A folder with all formats. They hold the motion's range, not the user's, and leave the scene as it was."""
    folder, scene = tmp_path / "results", bpy.context.scene
    folder.mkdir()
    scene.frame_set(5)
    frames = scene.frame_start, scene.frame_end
    scene.frame_start, scene.frame_end = 2, 3
    before = _kept(bpy.context)
    export.finish(export.bvh(bpy.context, armature, folder / f"{NAME}.bvh"))
    export.finish(export.fbx(bpy.context, armature, folder / f"{NAME}.fbx"))
    export.save_blend(folder / f"{NAME}.blend")
    assert _kept(bpy.context) == before
    assert sorted(path.name for path in folder.iterdir()) == [f"{NAME}.{kind}" for kind in ("blend", "bvh", "fbx")]
    scene.frame_start, scene.frame_end = frames
    return folder


def test_blend(exported: Path, motion: motion_file.MotionFile) -> None:
    scene = bpy.context.scene
    frames = range(scene.frame_start, scene.frame_end + 1)
    bpy.ops.wm.open_mainfile(filepath=str(exported / f"{NAME}.blend"))
    assert worst(joints_over_time(bpy.data.objects[NAME], frames), motion.world) < 1e-3
    assert bpy.context.scene.camera is not None
