"""Motion on other people's rigs, inside Blender: what Blender shows is what was solved."""

from __future__ import annotations

import json
from pathlib import Path

import bpy
import numpy as np
import pytest
import rigs
from mathutils import Euler

from blender_addon.blend import armature as apply
from blender_addon.blend import character
from blender_addon.maths import bone_map, motion_file, rotations
from blender_addon.maths.bone_map import BoneMap
from blender_addon.maths.rig import RigError, Solution
from blender_addon.maths.transfer import Options
from tests.support import made_rigs, synthetic

pytestmark = pytest.mark.usefixtures("empty_scene")


@pytest.fixture
def stroll(tmp_path: Path) -> Path:
    return synthetic.save_motion(tmp_path / "stroll.npz", *synthetic.stroll(30))


def head(item: bpy.types.Object, bone: str) -> np.ndarray:
    """Where Blender shows the head of a bone, from the object's origin."""
    graph = bpy.context.evaluated_depsgraph_get()
    posed = item.evaluated_get(graph)
    return np.array(posed.matrix_world @ posed.pose.bones[bone].head - posed.matrix_world.translation)


def shown_error(item: bpy.types.Object, target: character.Target, solution: Solution) -> float:
    """The largest distance in metres of what Blender shows from what was solved."""
    worst = 0.0
    for frame in (1, 8, 17, 30):
        bpy.context.scene.frame_set(frame)
        for slot, joints in solution.joints.items():
            shown = head(item, target.bone_map.bones[slot][0])
            worst = max(worst, float(np.linalg.norm(shown - joints[frame - 1])))
    return worst


@pytest.mark.parametrize("preset", [*bone_map.presets()])
def test_blender_shows_what_was_solved(preset: str, stroll: Path) -> None:
    """For every preset: odd rolls, rest poses, proportions, rotation modes, helpers; as an FBX brings it."""
    wanted = bone_map.preset(preset)
    # Carried by parents: these rigs have no constraints that would do it otherwise.
    wanted = BoneMap(wanted.name, wanted.bones)
    item = rigs.built(made_rigs.make(wanted, seed=len(preset)))
    item.location = (3.0, -2.0, 0.5)
    bpy.context.view_layer.update()
    modes = {bone.name: bone.rotation_mode for bone in item.pose.bones}
    target = character.Target(item, wanted, Options())
    solution = character.solve(target, motion_file.load(stroll))
    (armature,) = apply.capture_to_scene(bpy.context, [stroll], True, {0: target})
    assert armature == item
    assert shown_error(item, target, solution) < 1e-4
    assert {bone.name: bone.rotation_mode for bone in item.pose.bones} == modes


def test_a_rig_is_recognised_and_its_scale_and_root_are_respected(stroll: Path) -> None:
    wanted = bone_map.preset("mixamo")
    item = rigs.built(made_rigs.make(wanted, seed=3))
    assert character.recognised(item).name == "Mixamo"
    item.pose.bones["a root"].location = (0.0, 30.0, 0.0)  # where its animator has put it; centimetres
    bpy.context.view_layer.update()
    target = character.Target(item, wanted, Options())
    solution = character.solve(target, motion_file.load(stroll))
    apply.capture_to_scene(bpy.context, [stroll], True, {0: target})
    assert shown_error(item, target, solution) < 1e-4


def test_the_animators_own_action_is_kept_and_the_last_result_is_written_anew(stroll: Path) -> None:
    wanted = bone_map.preset("unreal5")
    item = rigs.built(made_rigs.make(wanted, seed=1, plain=True))
    own = bpy.data.actions.new("my walk")
    item.animation_data_create().action = own
    target = character.Target(item, wanted, Options())
    apply.capture_to_scene(bpy.context, [stroll], True, {0: target})
    result = item.animation_data.action
    assert (result.name, own.use_fake_user) == ("stroll", True)
    assert json.loads(result["video_to_mocap"])["fps"] == 30.0
    again = character.Target(item, wanted, Options(foot_lock=False), result)
    apply.capture_to_scene(bpy.context, [stroll], True, {0: again})
    assert item.animation_data.action == result
    assert {action.name for action in bpy.data.actions} == {"my walk", "stroll"}


def test_constraints_in_the_way_are_muted_and_restored(stroll: Path) -> None:
    wanted = bone_map.preset("vrm")
    item = rigs.built(made_rigs.make(wanted, seed=2, plain=True))
    # As game rigs come: controls drive the bones, and what hangs on them.
    bpy.ops.object.mode_set(mode="EDIT")
    for name, parent in (("control", None), ("finger", "leftHand")):
        edit = item.data.edit_bones.new(name)
        edit.head, edit.tail = (1, 0, 1), (1, 0, 1.1)
        edit.parent = item.data.edit_bones[parent] if parent else None
    bpy.ops.object.mode_set(mode="OBJECT")
    astray = []
    for bone, kind in (("leftHand", "COPY_TRANSFORMS"), ("finger", "COPY_ROTATION"), ("head", "LIMIT_ROTATION")):
        constraint = item.pose.bones[bone].constraints.new(kind)
        if kind != "LIMIT_ROTATION":
            constraint.target, constraint.subtarget = item, "control"
        astray.append((bone, constraint.name))
    follows = item.pose.bones["finger"].constraints.new("COPY_LOCATION")
    follows.target, follows.subtarget = item, "leftLowerArm"
    target = character.Target(item, wanted, Options())
    assert sorted(character.in_the_way(item, wanted)) == sorted(astray)
    solution = character.solve(target, motion_file.load(stroll))
    apply.capture_to_scene(bpy.context, [stroll], True, {0: target})
    assert not follows.mute and character.in_the_way(item, wanted) == []
    assert shown_error(item, target, solution) < 1e-4
    character.restore(item, [*astray, ("gone", "gone")])
    assert sorted(character.in_the_way(item, wanted)) == sorted(astray)


def test_a_linked_rig_is_refused_in_one_line_and_its_override_works(stroll: Path, tmp_path: Path) -> None:
    wanted = bone_map.preset("blender_metarig")
    rigs.built(made_rigs.make(wanted, seed=4, plain=True), "hero")
    library = tmp_path / "library.blend"
    bpy.ops.wm.save_as_mainfile(filepath=str(library))
    bpy.ops.wm.read_factory_settings(use_empty=True)
    with bpy.data.libraries.load(str(library), link=True) as (_, there):
        there.objects = ["hero"]
    linked = bpy.data.objects["hero"]
    bpy.context.scene.collection.objects.link(linked)
    bpy.context.view_layer.update()
    with pytest.raises(RigError, match=r"^hero is linked from another file; make it a library override"):
        apply.capture_to_scene(bpy.context, [stroll], True, {0: character.Target(linked, wanted, Options())})
    assert not bpy.data.actions and bpy.context.scene.frame_end == 250

    override = linked.override_hierarchy_create(bpy.context.scene, bpy.context.view_layer)
    bpy.context.view_layer.update()
    override = next(item for item in bpy.data.objects if item.override_library and item.type == "ARMATURE")
    target = character.Target(override, wanted, Options())
    solution = character.solve(target, motion_file.load(stroll))
    apply.capture_to_scene(bpy.context, [stroll], True, {0: target})
    assert shown_error(override, target, solution) < 1e-4


def test_a_strip_in_tweak_mode_is_refused(stroll: Path) -> None:
    item = rigs.built(made_rigs.make(bone_map.preset("vrm"), seed=5, plain=True))
    target = character.Target(item, bone_map.preset("vrm"), Options())
    apply.capture_to_scene(bpy.context, [stroll], True, {0: target})
    animation = item.animation_data
    track = animation.nla_tracks.new()
    track.strips.new("strip", 1, animation.action).select = True
    animation.action = None
    animation.use_tweak_mode = True
    if not animation.use_tweak_mode:  # needs an active track
        animation.nla_tracks.active = track
        animation.use_tweak_mode = True
    assert animation.use_tweak_mode
    with pytest.raises(RigError, match="tweak mode"):
        character.solve(target, motion_file.load(stroll))


@pytest.mark.parametrize("order", ["XYZ", "XZY", "YXZ", "YZX", "ZXY", "ZYX"])
def test_euler_angles_are_blenders_and_do_not_jump(order: str) -> None:
    t = np.linspace(0, 1, 200)
    axis = rotations.unit(np.stack([np.sin(5 * t), np.cos(3 * t), 0.3 + t], axis=-1))
    quaternions = rotations.continuous(rotations.to_quaternions(rotations.to_matrices(rotations.about(axis, 7 * t))))
    angles = rotations.to_euler(quaternions, order)
    for frame in range(0, 200, 17):
        matrix = np.array(Euler(angles[frame], order).to_matrix())
        np.testing.assert_allclose(matrix, rotations.to_matrices(quaternions[frame]), atol=1e-5)
    turned = np.degrees(2 * np.arccos(np.clip(np.abs((quaternions[1:] * quaternions[:-1]).sum(-1)), 0, 1)))
    assert turned.max() < 6  # degrees a frame
    assert np.degrees(np.abs(np.diff(angles, axis=0))).max() < 120
