"""The thin modules that write to Blender."""

from __future__ import annotations

import json
from pathlib import Path

import bpy
import numpy as np
import pytest
from mathutils import Matrix

from blender_addon.blend import armature as apply
from blender_addon.blend import camera, fcurves, provenance
from blender_addon.maths import motion_file, skeleton
from blender_addon.maths.motion_file import MotionFileError
from tests.support import synthetic

KINDS = ("objects", "armatures", "meshes", "materials", "actions", "cameras")


pytestmark = pytest.mark.usefixtures("empty_scene")


@pytest.fixture
def walk(tmp_path: Path) -> Path:
    return synthetic.save_motion(tmp_path / "walk.npz", *synthetic.walk(30))


def content() -> dict[str, set[str]]:
    return {kind: {item.name for item in getattr(bpy.data, kind)} for kind in KINDS}


def keys(armature: bpy.types.Object) -> np.ndarray:
    """Frames of the keys of the first channel."""
    action = armature.animation_data.action
    curves = fcurves.channels(armature, action).fcurves
    return np.array([point.co[0] for point in curves[0].keyframe_points])


def hips(armature: bpy.types.Object, frame: float) -> np.ndarray:
    bpy.context.scene.frame_set(int(frame), subframe=frame % 1)
    evaluated = armature.evaluated_get(bpy.context.evaluated_depsgraph_get())
    return np.array(evaluated.pose.bones["hips"].head)


def test_armature_is_the_rest_pose(walk: Path) -> None:
    (armature,) = apply.capture_to_scene(bpy.context, [walk])
    motion = motion_file.load(walk)
    rest = skeleton.rest_pose(motion.world, motion.contacts)
    assert tuple(bone.name for bone in armature.data.bones) and len(armature.data.bones) == len(skeleton.BONES)
    for index, wanted in enumerate(skeleton.BONES):
        bone = armature.data.bones[wanted.name]
        assert (bone.parent.name if bone.parent else None) == wanted.parent
        np.testing.assert_allclose(np.array(bone.head_local), rest.heads[index], atol=1e-6)
        np.testing.assert_allclose(np.array(bone.matrix_local.to_3x3()), rest.frames[index], atol=1e-4)
        assert armature.pose.bones[wanted.name].rotation_mode == "QUATERNION"
    assert armature.data.bones["forearm.L"].use_connect
    assert not armature.data.bones["thigh.L"].use_connect
    assert armature.matrix_world == Matrix()


def test_action_has_grouped_linear_channels_and_a_name(walk: Path) -> None:
    (armature,) = apply.capture_to_scene(bpy.context, [walk])
    action = armature.animation_data.action
    assert action.name == armature.name == "walk"
    bag = fcurves.channels(armature, action)
    assert len(bag.fcurves) == 3 + 4 * len(skeleton.BONES)
    assert {group.name for group in bag.groups} == set(skeleton.NAMES)
    for curve in bag.fcurves:
        assert curve.group.name in curve.data_path
        assert {point.interpolation for point in curve.keyframe_points} == {"LINEAR"}


def test_body_follows_the_bones(walk: Path) -> None:
    (armature,) = apply.capture_to_scene(bpy.context, [walk], set_scene=True)
    (item,) = armature.children
    assert {group.name for group in item.vertex_groups} == set(skeleton.NAMES)
    assert all(len(vertex.groups) == 1 for vertex in item.data.vertices)
    assert all(polygon.use_smooth for polygon in item.data.polygons)
    bpy.context.scene.frame_set(15)
    graph = bpy.context.evaluated_depsgraph_get()
    moved, posed = item.evaluated_get(graph).data, armature.evaluated_get(graph)
    for name in ("hand.L", "shin.R", "head"):
        group = item.vertex_groups[name].index
        rows = [vertex.index for vertex in item.data.vertices if vertex.groups[0].group == group]
        carried = posed.pose.bones[name].matrix @ armature.data.bones[name].matrix_local.inverted()
        for row in rows[::10]:
            wanted = carried @ item.data.vertices[row].co
            np.testing.assert_allclose(moved.vertices[row].co, wanted, atol=1e-5)


def test_provenance_is_kept(walk: Path) -> None:
    (armature,) = apply.capture_to_scene(bpy.context, [walk])
    noted = json.loads(armature[provenance.KEY])
    assert noted["motion"] == str(walk)
    assert noted["fps"] == 30.0
    assert noted["person"] == 1


def test_scene_keeps_its_rate_and_range_unless_asked(walk: Path) -> None:
    scene = bpy.context.scene
    scene.render.fps, scene.frame_start, scene.frame_end = 24, 5, 77
    (armature,) = apply.capture_to_scene(bpy.context, [walk])
    assert (scene.render.fps, scene.frame_start, scene.frame_end) == (24, 5, 77)
    np.testing.assert_array_equal(keys(armature), np.arange(1, 25))
    (armature,) = apply.capture_to_scene(bpy.context, [walk], whole=False)
    np.testing.assert_allclose(keys(armature), 1 + np.arange(30) / 30 * 24, atol=1e-5)


def test_scene_takes_rate_and_range_when_asked(tmp_path: Path) -> None:
    rate = 30000 / 1001
    path = synthetic.save_motion(tmp_path / "a.npz", *synthetic.walk(20), rate=rate, first=60)
    (armature,) = apply.capture_to_scene(bpy.context, [path], set_scene=True)
    scene = bpy.context.scene
    assert scene.render.fps / scene.render.fps_base == pytest.approx(rate)
    assert (scene.frame_start, scene.frame_end, scene.frame_current) == (61, 80, 1)
    np.testing.assert_array_equal(keys(armature), np.arange(61, 81))


def test_persons_stand_where_they_are_to_each_other(tmp_path: Path) -> None:
    world, contacts = synthetic.walk(10)
    paths = [
        synthetic.save_motion(tmp_path / f"clip.person{person}.npz", world + [person - 1.0, 0, 0], contacts)
        for person in (1, 2)
    ]
    first, second = apply.capture_to_scene(bpy.context, paths, set_scene=True)
    assert (first.name, second.name) == ("clip.person1", "clip.person2")
    np.testing.assert_allclose(hips(second, 5) - hips(first, 5), [1, 0, 0], atol=1e-5)
    assert len(bpy.data.materials) == 2  # shared


def test_a_motion_of_one_frame(tmp_path: Path) -> None:
    path = synthetic.save_motion(tmp_path / "one.npz", *synthetic.walk(1))
    (armature,) = apply.capture_to_scene(bpy.context, [path], set_scene=True)
    assert len(keys(armature)) == 1
    np.testing.assert_allclose(hips(armature, 1), synthetic.walk(1)[0][0, 0], atol=1e-5)


def test_capturing_twice_makes_two_characters(walk: Path) -> None:
    (first,) = apply.capture_to_scene(bpy.context, [walk])
    (second,) = apply.capture_to_scene(bpy.context, [walk])
    assert first.animation_data.action != second.animation_data.action
    assert first.data != second.data


@pytest.mark.parametrize("mode", ["OBJECT", "EDIT", "SCULPT"])
def test_selection_and_mode_are_given_back(walk: Path, mode: str) -> None:
    bpy.ops.mesh.primitive_cube_add()
    cube = bpy.context.object
    bpy.ops.object.camera_add()
    cube.select_set(True)
    bpy.context.view_layer.objects.active = cube
    bpy.ops.object.mode_set(mode=mode)
    selected = {item.name for item in bpy.context.selected_objects}
    apply.capture_to_scene(bpy.context, [walk])
    assert cube.mode == mode
    assert bpy.context.view_layer.objects.active == cube
    assert {item.name for item in bpy.context.selected_objects} == selected


def test_works_where_the_active_collection_is_hidden(walk: Path) -> None:
    collection = bpy.data.collections.new("hidden")
    bpy.context.scene.collection.children.link(collection)
    layer = bpy.context.view_layer.layer_collection.children["hidden"]
    bpy.context.view_layer.active_layer_collection = layer
    layer.hide_viewport = True
    (armature,) = apply.capture_to_scene(bpy.context, [walk])
    assert len(armature.data.bones) == len(skeleton.BONES)


def test_a_failure_leaves_nothing_behind(walk: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bpy.ops.mesh.primitive_cube_add()
    before = content()

    def broken(*_: object) -> None:
        raise RuntimeError("on purpose")

    with monkeypatch.context() as patch:
        patch.setattr(fcurves, "write", broken)
        with pytest.raises(RuntimeError, match="on purpose"):
            apply.capture_to_scene(bpy.context, [walk], set_scene=True)
    assert content() == before
    assert (bpy.context.scene.render.fps, bpy.context.scene.frame_end) == (24, 250)
    # The first of two is already made when the second turns out to be no motion.
    with pytest.raises(MotionFileError):
        apply.capture_to_scene(bpy.context, [walk, tmp_path / "none.npz"], set_scene=True)
    assert content() == before
    apply.capture_to_scene(bpy.context, [walk])


def test_camera_is_keyed_where_the_video_camera_moves(walk: Path) -> None:
    motion = motion_file.load(walk)
    still = camera.create_camera(bpy.context, motion, "still")
    assert still.animation_data is None
    motion.camera_t[:, 0] += np.linspace(0, 1, len(motion))
    moving = camera.create_camera(bpy.context, motion, "moving")
    bpy.context.scene.render.fps = 30
    again = camera.create_camera(bpy.context, motion, "again")
    bpy.context.scene.frame_set(30)
    np.testing.assert_allclose(again.location, motion.camera_t[-1], atol=1e-6)
    assert moving.animation_data.action.frame_range[1] == 24


def test_a_long_clip_has_a_key_a_frame(tmp_path: Path) -> None:
    path = synthetic.save_motion(tmp_path / "long.npz", *synthetic.walk(3000))
    (armature,) = apply.capture_to_scene(bpy.context, [path], set_scene=True)
    assert len(keys(armature)) == 3000
