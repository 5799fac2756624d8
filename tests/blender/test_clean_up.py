"""The clean-up tools inside Blender: what they change, what they keep, what one step of undo takes back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import bpy
import numpy as np
import pytest
from inside import complaint, marks
from mathutils import Quaternion

from blender_addon.blend import actions, armature, bone_motion
from blender_addon.blend import marks as low_confidence
from blender_addon.maths import rotations
from blender_addon.maths.clean_up import motion
from tests.support import synthetic


@pytest.fixture
def scene(addon: None) -> bpy.types.Scene:
    return bpy.context.scene


@pytest.fixture
def ops(walk: None, operators: Any) -> Any:
    """The tools, with a walk of 40 frames in the scene and its armature active."""
    return operators


@pytest.fixture
def walk(request: pytest.FixtureRequest, addon: None, tmp_path: Path) -> None:
    """Its frames, its confidence, how it moves and the scene's unit can be given as a parameter."""
    given = {"frames": 40, "confidence": None, "moves": synthetic.walk, "unit": 1.0, **getattr(request, "param", {})}
    bpy.context.scene.unit_settings.scale_length = given["unit"]
    path = synthetic.save_motion(
        tmp_path / "walk.npz", *given["moves"](given["frames"]), confidence=given["confidence"]
    )
    (item,) = armature.capture_to_scene(bpy.context, [path], set_scene=True)
    bpy.context.view_layer.objects.active = item
    assert item.name == "walk"


def _hidden() -> np.ndarray:
    """Confidence (40, 17) of a walk in which a hand, an arm, and all of the person are hidden for a while."""
    seen = np.ones((40, 17))
    seen[4:8, 13] = 0.05  # a wrist
    seen[10:15, 14:17] = 0.1  # the other arm
    seen[25:30] = 0.0
    return seen


def rig() -> bpy.types.Object:
    return bpy.data.objects["walk"]


def look() -> Any:
    """The motion as the add-on reads it from the keys."""
    bag = actions.bag_of(rig())
    frames = bone_motion.key_frames(bag)
    return bone_motion.read(bpy.context.scene, rig(), bag, np.arange(frames[0], frames[-1] + 0.5))


def place(frame: int, bone: str) -> np.ndarray:
    """Where Blender shows the head of a bone."""
    bpy.context.scene.frame_set(frame)
    posed = rig().evaluated_get(bpy.context.evaluated_depsgraph_get())
    return np.array(posed.matrix_world @ posed.pose.bones[bone].head)


def stretch(first: int, last: int) -> None:
    """Sets the preview range."""
    scene = bpy.context.scene
    scene.use_preview_range, scene.frame_preview_start, scene.frame_preview_end = True, first, last


def test_forward_kinematics_is_blenders(walk: None) -> None:
    rig().location, rig().scale, rig().rotation_euler = (1, 2, 3), (0.5,) * 3, (0.3, 0.2, 1.0)
    for bone, mode in (("thigh.L", "XYZ"), ("shin.R", "ZXY"), ("head", "AXIS_ANGLE")):
        rig().pose.bones[bone].rotation_mode = mode
    rig().pose.bones["thigh.L"].rotation_euler = (0.4, 0.3, -0.8)
    rig().pose.bones["shin.R"].rotation_euler = (0.4, 0.3, -0.8)
    rig().pose.bones["head"].rotation_axis_angle = (0.7, 0.1, 0.2, 0.3)
    rig().data.bones["hand.L"].use_inherit_rotation = False
    bpy.context.view_layer.update()
    seen = look()
    posed = motion.pose(seen)
    for frame in (5, 20, 33):
        row = int(np.flatnonzero(seen.frames == frame)[0])
        for bone in ("foot.L", "foot.R", "head", "hand.L", "hand.R"):
            mine = posed.heads[row, seen.rig.names.index(bone)]
            assert np.abs(mine - place(frame, bone)).max() < 2e-5, (frame, bone, mine, place(frame, bone))


def test_smoothing_is_one_step_and_keeps_the_raw_action(ops: Any) -> None:
    before = look().rotations
    bpy.ops.ed.undo_push(message="before")
    assert ops.smooth(cutoff=1.5) == {"FINISHED"}
    bpy.ops.ed.undo_push(message="smooth")
    after = look().rotations
    assert np.abs(after - before).max() > 0.01
    raw = rig().animation_data.action[actions.RAW]
    assert raw.name == "walk raw" and raw.use_fake_user
    assert ops.smooth(cutoff=1.5) == {"FINISHED"}
    assert [a.name for a in bpy.data.actions] == ["walk", "walk raw"]
    assert ops.restore_raw() == {"FINISHED"}
    assert rig().animation_data.action.name == "walk"
    assert np.abs(look().rotations - before).max() < 1e-6


def test_undo_takes_a_tool_back(ops: Any) -> None:
    before = look().rotations
    bpy.ops.ed.undo_push(message="before")
    ops.smooth("EXEC_DEFAULT", True, cutoff=1.5)
    changed = np.abs(look().rotations - before).max()
    assert changed > 0.01, changed
    bpy.ops.ed.undo()
    if len(bpy.data.actions) > 1:  # without a window an operator does not push its own step
        bpy.ops.ed.undo()
    assert np.abs(look().rotations - before).max() < 1e-6
    assert [a.name for a in bpy.data.actions] == ["walk"]


@pytest.mark.parametrize("walk", [{"frames": 60}], indirect=True)
def test_reducing_keeps_the_bound_on_every_frame(ops: Any) -> None:
    rig().pose.bones["forearm.L"].rotation_mode = "QUATERNION"
    before = motion.pose(look())
    seen = {frame: {b.name: place(frame, b.name) for b in rig().pose.bones} for frame in range(1, 61)}

    def count() -> int:
        return sum(len(c.keyframe_points) for c in actions.bag_of(rig()).fcurves)

    many = count()
    assert ops.reduce_keys(degrees=1.0, millimetres=5.0) == {"FINISHED"}
    assert count() < 0.25 * many, (count(), many)
    after = motion.pose(look())
    assert np.degrees(rotations.angle(before.rotations, after.rotations)).max() <= 1.01
    assert np.linalg.norm(before.tails - after.tails, axis=-1).max() <= 0.00505
    for frame, bones in seen.items():  # Blender's own evaluation, not ours
        for bone, wanted in bones.items():
            assert np.linalg.norm(place(frame, bone) - wanted) <= 0.00505, (frame, bone)

    def frames(curve: Any) -> set[float]:
        return {p.co[0] for p in curve.keyframe_points}

    for bone in rig().pose.bones:
        times = [frames(c) for c in actions.bag_of(rig()).fcurves if f'"{bone.name}"].rotation' in c.data_path]
        assert len(set.union(*times)) < 20, bone.name  # quiet curves have fewer keys, and hardly other ones
    kinds = {(p.interpolation, p.handle_left_type) for c in actions.bag_of(rig()).fcurves for p in c.keyframe_points}
    assert kinds == {("BEZIER", "ALIGNED")}, kinds


@pytest.mark.parametrize("walk", [{"unit": 0.01}], indirect=True)
def test_millimetres_are_those_of_a_scene_in_centimetres(ops: Any) -> None:
    feet = ("foot.L", "foot.R")
    seen = {frame: {bone: place(frame, bone) for bone in feet} for frame in range(1, 41)}
    assert 50 < place(1, "hips")[2] < 150
    many = sum(len(curve.keyframe_points) for curve in actions.bag_of(rig()).fcurves)
    assert ops.reduce_keys(degrees=90.0, millimetres=20.0, keeps_feet=False) == {"FINISHED"}
    few = sum(len(curve.keyframe_points) for curve in actions.bag_of(rig()).fcurves)
    assert few < 0.15 * many, (few, many)
    off = max(np.linalg.norm(place(frame, bone) - seen[frame][bone]) for frame in seen for bone in feet)
    assert 0.5 < off < 2.02, off
    was = place(12, "hips")
    assert ops.smooth(cutoff=1.0, keeps_feet=False) == {"FINISHED"}
    assert np.linalg.norm(place(12, "hips") - was) < 10
    assert "mm" in bpy.context.scene.video_to_mocap.status


def test_only_the_selected_bones_and_the_range_change(ops: Any) -> None:
    bpy.ops.object.mode_set(mode="POSE")
    for bone in rig().pose.bones:
        chosen = bone.name == "forearm.L"
        if hasattr(bone, "select"):
            bone.select = chosen
        else:
            bone.bone.select = chosen
    stretch(10, 30)
    before = look()
    ops.smooth(cutoff=1.0)
    after = look()
    moved = np.abs(after.rotations - before.rotations).max(axis=2) > 1e-6
    assert {after.rig.names[b] for b in np.flatnonzero(moved.any(axis=0))} == {"forearm.L"}
    assert set(after.frames[moved.any(axis=1)]) <= set(range(10, 31)) and moved.any()


def test_feet_hold_where_they_are_locked(ops: Any) -> None:
    assert "preview range" in complaint(ops.lock_feet)
    stretch(12, 18)
    bag = actions.bag_of(rig())
    for curve in bag.fcurves:  # the foot on the floor slides
        if "hips" in curve.data_path and "location" in curve.data_path and curve.array_index == 2:
            for point in curve.keyframe_points:
                point.co[1] += 0.02 * np.sin(point.co[0])
            curve.update()

    def spread() -> float:
        return np.ptp([place(frame, "foot.L") for frame in range(12, 19)], axis=0).max()

    assert spread() > 0.02, spread()
    far = place(30, "foot.L")
    free = {frame: place(frame, "foot.L") for frame in (10, 15, 20)}
    assert "raw" in complaint(ops.unlock_feet)
    assert ops.lock_feet(blend=4) == {"FINISHED"}
    assert spread() < 0.001, spread()
    assert np.allclose(place(30, "foot.L"), far, atol=1e-5)
    stretch(8, 22)
    assert ops.unlock_feet(blend=0) == {"FINISHED"}
    for frame, wanted in free.items():
        assert np.allclose(place(frame, "foot.L"), wanted, atol=1e-5), frame
    ops.time_scale(factor=2.0)
    assert "scaled" in complaint(ops.unlock_feet)


def test_a_layer_is_keyed_on_top(ops: Any, scene: bpy.types.Scene) -> None:
    before = {frame: place(frame, "hand.L") for frame in (1, 10, 40)}

    def keys(action: Any) -> int:
        return sum(len(c.keyframe_points) for c in curves_of(action))

    def curves_of(action: Any) -> Any:
        if not hasattr(action, "slots"):
            return action.fcurves
        return [c for bag in action.layers[0].strips[0].channelbags for c in bag.fcurves]

    motion_action = rig().animation_data.action
    many = keys(motion_action)
    assert ops.add_layer() == {"FINISHED"}
    for frame, wanted in before.items():
        assert np.allclose(place(frame, "hand.L"), wanted, atol=1e-4), frame
    bone = rig().pose.bones["forearm.L"]
    scene.frame_set(10)
    kept = bone.rotation_quaternion.copy()
    bone.rotation_quaternion = kept @ Quaternion((1, 0, 0), 0.5)
    assert bone.keyframe_insert("rotation_quaternion", frame=10)
    moved = place(10, "hand.L")
    assert np.abs(moved - before[10]).max() > 0.03, (moved, before[10])
    assert keys(motion_action) == many
    assert [track.name for track in rig().animation_data.nla_tracks] == ["walk"]
    rig().animation_data.action = None
    assert np.allclose(place(10, "hand.L"), before[10], atol=1e-4)


def test_the_way(ops: Any) -> None:
    def way() -> np.ndarray:
        return place(40, "hips") - place(1, "hips")

    assert ops.set_heading(heading=np.pi / 2) == {"FINISHED"}
    assert way()[0] > 0.5 and abs(way()[1]) < 0.01, way()
    rig().location.x = 5.0
    bpy.context.view_layer.update()

    assert ops.level_floor() == {"FINISHED"}
    assert ops.straighten_path() == {"FINISHED"}
    places = np.array([place(f, "hips") for f in range(1, 41)])
    line = places[-1, :2] - places[0, :2]
    off = np.cross(np.append(line / np.linalg.norm(line), 0), np.c_[places[:, :2] - places[0, :2], np.zeros(40)])[:, 2]
    assert np.abs(off).max() < 0.05, off
    assert ops.make_loop(blend=8, in_place=True) == {"FINISHED"}
    for bone in ("hips", "hand.L", "foot.R", "head"):
        assert np.abs(place(40, bone) - place(1, bone)).max() < 1e-4, bone


def test_mirror_and_swap(ops: Any) -> None:
    old = {b: place(9, b) for b in ("hand.L", "hand.R", "foot.L", "foot.R", "head", "hips")}
    assert ops.mirror_motion() == {"FINISHED"}
    for bone, other in (("hand.L", "hand.R"), ("foot.R", "foot.L"), ("head", "head"), ("hips", "hips")):
        assert np.abs(place(9, bone) - old[other] * [-1, 1, 1]).max() < 1e-4, bone
    ops.mirror_motion()
    assert np.abs(place(9, "hand.L") - old["hand.L"]).max() < 1e-4
    stretch(5, 15)

    def shin(side: str) -> np.ndarray:
        return place(9, f"foot.{side}") - place(9, f"shin.{side}")

    left, right = shin("L"), shin("R")
    outside = place(20, "foot.L")
    assert ops.swap_sides() == {"FINISHED"}
    assert np.abs(shin("L") - right).max() < 0.01 and np.abs(shin("R") - left).max() < 0.01
    assert np.abs(place(20, "foot.L") - outside).max() < 1e-6


def test_bridge_trim_and_time(ops: Any, scene: bpy.types.Scene) -> None:
    stretch(10, 20)
    before = look()
    assert ops.bridge() == {"FINISHED"}
    after = look()
    frames = bone_motion.key_frames(actions.bag_of(rig()))
    assert not set(frames) & set(range(11, 20)) and {10, 20} <= set(frames), frames
    same = [i for i, f in enumerate(after.frames) if f <= 10 or f >= 20]
    assert np.abs(after.rotations[same] - before.rotations[same]).max() < 1e-5
    stretch(5, 30)
    where = place(12, "hand.L")
    assert ops.trim() == {"FINISHED"}
    frames = bone_motion.key_frames(actions.bag_of(rig()))
    assert (frames[0], frames[-1]) == (5, 30)
    assert np.abs(place(12, "hand.L") - where).max() < 1e-4
    stretch(5, 10)
    late = place(25, "hand.L")
    assert ops.time_scale(factor=2.0) == {"FINISHED"}
    assert np.abs(place(30, "hand.L") - late).max() < 1e-4
    assert bone_motion.key_frames(actions.bag_of(rig()))[-1] == 35
    scene.use_preview_range = False
    assert "no motion" in complaint(ops.smooth, first=100, last=120)


STROLL = pytest.mark.parametrize("walk", [{"moves": synthetic.stroll}], indirect=True)
"""Feet stand where the motion file says that they do."""


@STROLL
def test_suspicious_frames_are_marked_and_found(ops: Any, scene: bpy.types.Scene) -> None:
    bag = actions.bag_of(rig())
    for curve in bag.fcurves:
        if "forearm.R" in curve.data_path:
            curve.keyframe_points[24].co[1] += 0.6
            curve.update()
    assert "marked" in complaint(ops.next_suspicious)
    assert ops.mark_suspicious() == {"FINISHED"}
    assert len(scene.timeline_markers) == 1 and abs(scene.timeline_markers[0].frame - 25) <= 2
    scene.frame_set(1)
    ops.next_suspicious()
    assert abs(scene.frame_current - 25) <= 2, scene.frame_current
    scene.frame_set(40)
    ops.next_suspicious(back=True)
    assert abs(scene.frame_current - 25) <= 2


@STROLL
def test_what_a_capture_got_wrong_is_named(
    ops: Any, scene: bpy.types.Scene, tmp_path: Path, capfd: pytest.CaptureFixture
) -> None:
    """A hand that turns by 58 degrees in one frame, a knee that jumps, a body off the image, a foot that drifts."""
    assert ops.mark_suspicious() == {"FINISHED"}
    assert "No problems found" in capfd.readouterr().out
    _edit(tmp_path / "walk.npz", off=slice(29, 34))
    bag = actions.bag_of(rig())
    motion_now = look()
    rotations_now = motion_now.rotations.copy()
    for bone, frame, degrees in (("hand.L", 6, 58), ("shin.R", 18, 30)):
        row = motion_now.rig.names.index(bone)
        rotations_now[frame - 1 :, row] = rotations.multiply(
            rotations_now[frame - 1 :, row], rotations.about(rotations.AXES[0], np.radians(degrees))
        )
    bone_motion.write(rig(), bag, motion_now, motion_now.with_rotations(rotations_now))
    assert ops.mark_suspicious() == {"FINISHED"}
    said = capfd.readouterr().out
    assert "jumps" in said and "off the image" in said and "drifting feet" in said, said
    scene.frame_set(1)
    words = {}
    while "No frame" not in (told := _next(ops, capfd)):
        words[scene.frame_current] = told
    assert any("hand.L turns" in told and abs(frame - 6) <= 1 for frame, told in words.items()), words
    assert any("shin.R turns" in told for told in words.values()), words
    assert any("9 % of its height off the image" in told.replace("9%", "9 %") for told in words.values()), words


def _edit(path: Path, off: slice) -> None:
    """Moves the keypoints of a motion file aside by 9 % of the person's height in the rows ``off``."""
    with np.load(path) as file:
        arrays = dict(file)
    depth = ((arrays["world"] - arrays["camera_t"][:, None]) @ arrays["camera_R"])[off, :1, 2]
    arrays["keypoints2d"][off, :, 0] += 0.09 * 1100.0 * 1.7 / depth
    np.savez_compressed(path, **arrays)


def _next(ops: Any, capfd: pytest.CaptureFixture) -> str:
    try:
        ops.next_suspicious()
    except RuntimeError as error:
        return str(error)
    return capfd.readouterr().out


@pytest.mark.parametrize("walk", [{"confidence": _hidden()}], indirect=True)
def test_low_confidence_is_on_the_timeline(ops: Any, scene: bpy.types.Scene) -> None:
    """A hidden arm and somebody who was not seen are; one hidden hand is not. The markers go with the keys."""
    doubts = [*range(11, 16), *range(26, 31)]
    assert list(low_confidence.marked(actions.bag_of(rig()))) == doubts, low_confidence.marked(actions.bag_of(rig()))
    for curve in actions.bag_of(rig()).fcurves:
        assert [p.co[0] for p in curve.keyframe_points if p.type == "JITTER"] == doubts
    assert marks() == [("walk", 11), ("walk", 26)], marks()
    scene.frame_set(1)
    visited = []
    for back in (False, False, True):
        ops.next_suspicious(back=back)
        visited.append(scene.frame_current)
    assert visited == [11, 26, 11], visited
    name = scene.timeline_markers[0].name
    scene.timeline_markers.new(f"{name}er", frame=3)  # of somebody else
    assert ops.time_scale(first=1, last=11, factor=2.0) == {"FINISHED"}
    assert marks() == [("walk", 21), ("walk", 36), ("walker", 3)], marks()
    assert ops.restore_raw() == {"FINISHED"}
    assert marks()[:2] == [("walk", 11), ("walk", 26)], marks()
    for marker in [marker for marker in scene.timeline_markers if marker.name == name]:
        scene.timeline_markers.remove(marker)
    ops.smooth(cutoff=4.0)
    assert len(marks()) == 1, "markers that were taken away stay away"


def test_what_cannot_work_is_said(ops: Any) -> None:
    assert "raw" in complaint(ops.restore_raw)
    for tool in (ops.bridge, ops.swap_sides, ops.trim):
        assert "preview range" in complaint(tool)
    rig().animation_data.action = None
    assert "no animation" in complaint(ops.smooth)
    bpy.context.view_layer.objects.active = rig().children[0]
    assert not ops.smooth.poll()
