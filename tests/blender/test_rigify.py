"""Rigify's metarig, and the rig that it generates: what Blender shows on either set of controls is what was solved."""

from __future__ import annotations

from pathlib import Path

import addon_utils
import bpy
import numpy as np
import pytest

from blender_addon.blend import actions, armature, character
from blender_addon.maths import motion_file
from blender_addon.maths.transfer import Options
from tests.support import synthetic

FRAMES = 40

LIMBS = [(limb, side) for limb in ("thigh", "upper_arm") for side in "LR"]


@pytest.fixture
def metarig(empty_scene: None) -> bpy.types.Object:
    """The metarig of a person."""
    addon_utils.enable("rigify", default_set=True)
    bpy.ops.object.armature_basic_human_metarig_add()
    return bpy.context.object


@pytest.fixture
def rig(metarig: bpy.types.Object) -> bpy.types.Object:
    """The rig that Rigify makes of it."""
    bpy.ops.pose.rigify_generate()
    return next(item for item in bpy.data.objects if item.type == "ARMATURE" and item != metarig)


def test_the_metarig_and_its_generated_rig(metarig: bpy.types.Object, rig: bpy.types.Object, tmp_path: Path) -> None:
    path = synthetic.save_motion(tmp_path / "stroll.npz", *synthetic.stroll(12))
    for item, name in ((metarig, "Blender metarig"), (rig, "Rigify")):
        found = character.recognised(item)
        assert found.name == name, found
        target = character.Target(item, found, Options())
        solution = character.solve(target, motion_file.load(path))
        armature.capture_to_scene(bpy.context, [path], True, {0: target})
        for frame in (1, 6, 12):
            bpy.context.scene.frame_set(frame)
            for slot, joints in solution.joints.items():
                bone = found.bones[slot][0]
                error = np.linalg.norm(np.array(item.pose.bones[bone].head) - joints[frame - 1])
                assert error < 1e-3, (name, slot, frame, error)
                if item == rig and slot.split(".")[0] in ("thigh", "shin", "upper_arm", "forearm"):
                    # The body's bones follow the controls.
                    deform = item.pose.bones["DEF-" + bone.replace("_fk", "")]
                    assert np.linalg.norm(np.array(deform.head) - joints[frame - 1]) < 1e-3, (slot, frame)


def _shown(rig: bpy.types.Object, bones: list[str]) -> np.ndarray:
    """The matrices (T,B,4,4) of bones as Blender shows them."""
    rig.update_tag()  # a custom property that a script sets does not tag it
    found = np.empty((FRAMES, len(bones), 4, 4))
    for row in range(FRAMES):
        bpy.context.scene.frame_set(row + 1)
        found[row] = [rig.pose.bones[bone].matrix for bone in bones]
    return found


def _degrees(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """The angle of unit vectors (...,3)."""
    return np.degrees(2 * np.arcsin(np.linalg.norm(a - b, axis=-1) / 2))


def test_ik_comes_to_what_was_solved(rig: bpy.types.Object, tmp_path: Path) -> None:
    world, contacts = synthetic.stroll(FRAMES)
    path = synthetic.save_motion(tmp_path / "stroll.npz", world, contacts)
    rig.pose.bones["root"].rotation_mode = "XYZ"
    rig.pose.bones["root"].rotation_euler, rig.pose.bones["root"].location = (0.0, 0.0, 0.7), (0.3, 0.1, 0.2)
    for name in ("foot_heel_ik.L", "foot_spin_ik.R"):  # left over by an animator
        rig.pose.bones[name].rotation_mode = "XYZ"
        rig.pose.bones[name].rotation_euler = (0.4, 0.1, 0.2)
    bpy.context.view_layer.update()
    bones = [bone.name for bone in rig.pose.bones if bone.name.startswith("DEF-")]
    switches = [rig.pose.bones[f"{limb}_parent.{side}"] for limb, side in LIMBS]

    def capture(options: Options) -> np.ndarray:
        action = rig.animation_data and rig.animation_data.action
        target = character.Target(rig, character.recognised(rig), options, action)
        armature.capture_to_scene(bpy.context, [path], True, {0: target})
        return _shown(rig, bones)

    capture(Options())
    assert [switch["IK_FK"] for switch in switches] == [1.0] * 4
    ik = capture(Options(ik=True))
    assert [switch["IK_FK"] for switch in switches] == [0.0] * 4
    for switch in switches:
        switch["IK_FK"] = 1.0
    fk = _shown(rig, bones)  # the same capture's keys on the FK controls
    axes = [found[..., :3, :3] / np.linalg.norm(found[..., :3, :3], axis=-2, keepdims=True) for found in (fk, ik)]
    away = np.linalg.norm(fk[..., :3, 3] - ik[..., :3, 3], axis=-1)
    off, rolled = (_degrees(axes[0][..., column], axes[1][..., column]) for column in (1, 0))
    worst = [(bones[values.max(axis=0).argmax()], float(values.max())) for values in (away, off, rolled)]
    # Metres, degrees, degrees of roll.
    assert 1e-7 < away.max() < 0.001 and off.max() < 0.1 and rolled.max() < 6, worst  # a hinge does not roll
    # Planted feet stay: as on FK, where the capture has locked them.
    for column, side in enumerate("LR"):
        for found in (fk, ik):
            place = found[:, bones.index("DEF-foot." + side), :3, 3]
            inside = contacts[:-1, column] & contacts[1:, column]
            speed = np.linalg.norm(np.diff(place, axis=0), axis=-1)[inside] * 30
            assert speed.max() < 0.02, (side, speed.max())
    # A pole for each limb, and it moves with it.
    curves = {curve.data_path for curve in actions.bag_of(rig).fcurves}
    assert all(f'pose.bones["{limb}_ik_target.{side}"].location' in curves for limb, side in LIMBS)
