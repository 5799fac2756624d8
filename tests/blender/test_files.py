"""What other programs find in the exported files: upright, of the right size, one named take, deforming bones only."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import bpy
import imports
import numpy as np
import pytest
import rigs
from mathutils import Matrix

from blender_addon.blend import armature as apply
from blender_addon.blend import character
from blender_addon.maths.transfer import Options
from tests.support import synthetic

FRAMES = 12

KINDS = {
    "Unreal": {"format": "FBX", "program": "UNREAL"},
    "Unity": {"format": "FBX", "program": "UNITY"},
    "Blender": {"format": "FBX", "program": "BLENDER"},
    "BVH": {"format": "BVH"},
    "glTF": {"format": "GLTF"},
}
ENDINGS = {"FBX": "fbx", "BVH": "bvh", "GLTF": "glb"}


@pytest.fixture
def person(addon: None, tmp_path: Path) -> bpy.types.Object:
    """Somebody who walks towards -Y, captured."""
    path = synthetic.save_motion(tmp_path / "walk.npz", *synthetic.stroll(FRAMES))
    (made,) = apply.capture_to_scene(bpy.context, [path], set_scene=True)
    bpy.context.view_layer.objects.active = made
    return made


@pytest.fixture
def rigify(addon: None, tmp_path: Path) -> bpy.types.Object:
    """The same motion on Rigify's basic human, which is left in Pose mode."""
    made = rigs.rigify()
    path = synthetic.save_motion(tmp_path / "walk.npz", *synthetic.stroll(FRAMES))
    apply.capture_to_scene(
        bpy.context, [path], True, {0: character.Target(made, character.recognised(made), Options())}
    )
    bpy.context.view_layer.objects.active = made
    bpy.ops.object.mode_set(mode="POSE")
    return made


def export(operators: Any, folder: Path, kind: str, **options: Any) -> Path:
    words = KINDS[kind] | options
    path = folder / f"file.{ENDINGS[words['format']]}"
    assert operators.export(filepath=str(path), **words) == {"FINISHED"}
    return path


def fresh(rate: int = 30) -> None:
    bpy.ops.wm.read_factory_settings(use_empty=True)
    bpy.context.scene.render.fps = rate


def shown(armature: bpy.types.Object) -> dict[str, np.ndarray]:
    """Where Blender shows the heads of the deforming bones."""
    found: dict[str, list[Any]] = {}
    for frame in range(1, FRAMES + 1):
        bpy.context.scene.frame_set(frame)
        for bone in armature.data.bones:
            if bone.use_deform:
                head = armature.matrix_world @ armature.pose.bones[bone.name].head
                found.setdefault(bone.name.replace(".", "_"), []).append(head)
    return {name: np.array(places) for name, places in found.items()}


@pytest.mark.parametrize("kind", KINDS)
def test_default_settings_import_an_upright_person(
    kind: str, person: bpy.types.Object, operators: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = shown(person)
    path = export(operators, tmp_path, kind)
    fresh()
    back = imports.load(path, monkeypatch)
    scale = 0.01 if kind == "BVH" else 1.0  # BVH does not say that it is in centimetres
    found = {name: scale * places for name, places in imports.heads(back, FRAMES).items()}
    for name in set(wanted) - ({"hips"} if kind == "BVH" else set()):
        assert np.abs(found[name] - wanted[name]).max() < 2e-3, name
    # As seen from the front: the left on +X, and at rest the toes towards -Y.
    rest = {bone.name.replace(".", "_"): back.matrix_world @ bone.head_local for bone in back.data.bones}
    assert rest["thigh_L"].x - rest["thigh_R"].x > 0.1 * scale
    assert rest["head"].z > rest["thigh_L"].z > rest["foot_L"].z


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("layered", [False, True])
def test_one_take_has_the_name_of_the_motion(
    kind: str, layered: bool, person: bpy.types.Object, operators: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever else has that name, and whatever layer lies on the motion."""
    bpy.data.objects.new("Armature", None)
    bpy.context.scene.name = "walk"
    if layered:
        assert operators.add_layer() == {"FINISHED"}
    before = _names()
    path = export(operators, tmp_path, kind)
    assert _names() == before
    if kind == "glTF":
        assert [item["name"] for item in imports.gltf_contents(path)["animations"]] == ["walk"]
    elif kind != "BVH":
        assert imports.fbx_takes(path) == ["walk"]
    fresh()
    first, last = imports.load(path, monkeypatch).animation_data.action.frame_range
    assert last - first == FRAMES - 1


def _names() -> list[str]:
    kinds = (bpy.data.objects, bpy.data.scenes, bpy.data.actions, bpy.data.armatures, bpy.data.meshes)
    return sorted(item.name for data in kinds for item in data)


@pytest.mark.parametrize("kind", KINDS)
def test_a_control_rig_is_exported_as_the_bones_that_deform(
    kind: str, rigify: bpy.types.Object, operators: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bpy.context.scene.frame_set(3)
    scene = bpy.context.scene
    before = _names(), scene.frame_start, scene.frame_end, scene.frame_current, bpy.context.mode
    path = export(operators, tmp_path, kind)
    assert (_names(), scene.frame_start, scene.frame_end, scene.frame_current, bpy.context.mode) == before
    bpy.ops.object.mode_set(mode="OBJECT")
    wanted = shown(rigify)
    fresh()
    back = imports.load(path, monkeypatch)
    scale = 0.01 if kind == "BVH" else 1.0
    found = {name: scale * places for name, places in imports.heads(back, FRAMES).items()}
    assert set(found) == {name.replace("-", "_") if kind == "BVH" else name for name in wanted}
    for name, places in wanted.items():
        # BVH has no lengths over time; Rigify stretches its bones by a few thousandths.
        error = np.abs(found[name.replace("-", "_") if kind == "BVH" else name] - places).max()
        assert error < (0.01 if kind == "BVH" else 1e-3) or name == "DEF-spine", (name, error)
    parents = {bone.name.replace(".", "_").replace("-", "_"): bone.parent for bone in back.data.bones}
    assert [name for name, parent in parents.items() if parent is None] == ["DEF_spine"]
    for bone, parent in (("thigh_L", "spine"), ("shoulder_R", "spine_003"), ("shin_R", "thigh_R_001")):
        assert parents[f"DEF_{bone}"].name.replace(".", "_").replace("-", "_") == f"DEF_{parent}"


def test_a_cleaned_up_control_rig_reaches_unreal_with_planted_feet(
    addon: None, operators: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world, contacts = synthetic.stroll(60)
    made = rigs.rigify()
    path = synthetic.save_motion(tmp_path / "walk.npz", world, contacts)
    target = character.Target(made, character.recognised(made), Options())
    apply.capture_to_scene(bpy.context, [path], True, {0: target})
    bpy.context.view_layer.objects.active = made
    assert operators.smooth() == {"FINISHED"} and operators.reduce_keys() == {"FINISHED"}
    deforming = {bone.name for bone in made.data.bones if bone.use_deform}
    path = export(operators, tmp_path, "Unreal")
    assert imports.fbx_takes(path) == ["walk"]
    fresh()
    back = imports.load(path, monkeypatch)
    assert {bone.name for bone in back.data.bones} == deforming
    places = imports.heads(back, 60)
    for column, side in enumerate("LR"):
        rows = np.flatnonzero(contacts[:, column])
        for stance in np.split(rows, np.flatnonzero(np.diff(rows) > 1) + 1):
            shown = places[f"DEF-foot_{side}"][stance]
            assert np.linalg.norm(shown[:, None] - shown[None], axis=-1).max() < 0.005, (side, stance)


def test_all_bones_where_they_are_wanted(rigify: bpy.types.Object, operators: Any, tmp_path: Path) -> None:
    path = export(operators, tmp_path, "glTF", deform_only=False)
    names = [item.get("name") for item in imports.gltf_contents(path)["nodes"]]
    assert {bone.name for bone in rigify.data.bones} <= set(names)


def test_a_bvh_is_as_other_programs_expect_it(
    person: bpy.types.Object, operators: Any, tmp_path: Path, capfd: pytest.CaptureFixture
) -> None:
    person.matrix_world = Matrix.Rotation(1.0, 4, "Z") @ Matrix.Translation((1.0, 2.0, 0.5))
    lines = export(operators, tmp_path, "BVH").read_text(encoding="utf-8").splitlines()
    names = [line.split()[1] for line in lines if line.split()[0] in ("ROOT", "JOINT")]
    assert names[0] == "hips" and "upper_arm_L" in names and not [name for name in names if "." in name]
    offsets = {}
    for number, line in enumerate(lines):
        if line.split()[0] in ("ROOT", "JOINT"):
            offsets[line.split()[1]] = np.array([float(word) for word in lines[number + 2].split()[1:]])
    assert (offsets["hips"] == 0).all() and min(np.linalg.norm(offsets[name]) for name in names[1:]) > 0.5
    for side, sign in (("L", 1), ("R", -1)):  # a T-pose that faces +z, whatever the object's rotation
        arm, thigh = offsets[f"forearm_{side}"], offsets[f"thigh_{side}"]
        assert arm @ [sign, 0, 0] > 0.999 * np.linalg.norm(arm) and thigh @ [sign, 0, 0] > 5
        assert offsets[f"foot_{side}"] @ [0, -1, 0] > 30  # centimetres
    assert "Frame Time: 0.03333333" in lines and f"Frames: {FRAMES}" in lines


def test_a_bvh_for_blender(
    person: bpy.types.Object, operators: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = shown(person)
    path = export(operators, tmp_path, "BVH", axes="Z_UP")
    fresh()
    back = imports.load(path, monkeypatch, axis_forward="Y", axis_up="Z")
    assert "upper_arm.L" in back.data.bones
    found = imports.heads(back, FRAMES)
    assert max(np.abs(found[name] - wanted[name]).max() for name in set(wanted) - {"hips"}) < 1e-4


def test_a_rig_whose_arms_hang_has_a_t_pose_in_bvh(addon: None, operators: Any, tmp_path: Path) -> None:
    item = rigs.plain("hero", plain=True)
    bpy.context.view_layer.objects.active = item
    bpy.ops.object.mode_set(mode="EDIT")
    for side, sign in (("Left", 1), ("Right", -1)):
        shoulder = item.data.edit_bones[f"{side}Arm"].head.copy()
        turn = Matrix.Translation(shoulder) @ Matrix.Rotation(sign * 0.8, 4, "Y") @ Matrix.Translation(-shoulder)
        for bone in ("Arm", "ForeArm", "Hand"):
            item.data.edit_bones[f"{side}{bone}"].transform(turn)
    bpy.ops.object.mode_set(mode="OBJECT")
    path = synthetic.save_motion(tmp_path / "walk.npz", *synthetic.stroll(FRAMES))
    target = character.Target(item, character.recognised(item), Options())
    apply.capture_to_scene(bpy.context, [path], True, {0: target})
    lines = export(operators, tmp_path, "BVH").read_text(encoding="utf-8").splitlines()
    at = next(number for number, line in enumerate(lines) if line.endswith("JOINT RightForeArm"))
    x, y, z = (float(word) for word in lines[at + 2].split()[1:])
    assert x < -20 and abs(y) < 0.01 and abs(z) < 0.01


def test_a_rate_with_a_base_keeps_its_time_in_gltf(person: bpy.types.Object, operators: Any, tmp_path: Path) -> None:
    render = bpy.context.scene.render
    render.fps, render.fps_base = 25, 25 / 20.04  # a video of 20.04 frames a second
    contents = imports.gltf_contents(export(operators, tmp_path, "glTF"))
    lasts = [item["max"][0] for item in contents["accessors"] if item["type"] == "SCALAR" and "max" in item]
    assert abs(max(lasts) - (FRAMES - 1) / 20.04) < 1 / 20, lasts
