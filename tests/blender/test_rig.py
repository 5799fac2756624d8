"""A user's own rig takes the motion: its bone map, its own animation, its constraints, the file it comes from."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import bpy
import pytest
import rigs
from inside import armatures, complaint, counts, marks, now

from blender_addon.blend import actions
from blender_addon.maths import bone_map

pytestmark = pytest.mark.usefixtures("fake_engine")


@pytest.fixture
def hero(settings: Any, operators: Any, video: Path) -> bpy.types.Object:
    """A rig; the people of a video are found."""
    made = rigs.plain("hero")
    settings.video = str(video)
    assert operators.analyse() == {"FINISHED"}
    return made


def _rig_of(armature: bpy.types.Object) -> Any:
    """What the scene knows of a rig."""
    from blender_addon.features.character.props import rig_of

    return rig_of(bpy.context.scene, armature)


def _complaint(rig: Any) -> str:
    """What the panel says of a bone map that does not do."""
    return rig.complaint


def test_a_bone_map_is_recognised_kept_and_checked(
    hero: bpy.types.Object, settings: Any, operators: Any, tmp_path: Path
) -> None:
    settings.persons[0].armature = None
    assert not operators.recognise_rig.poll() and not operators.save_bone_map.poll()
    settings.persons[0].armature = hero
    rig = _rig_of(hero)
    assert rig.map_name == "Mixamo" and rig.bone_map().one("shin.L") == "LeftLeg"
    assert _complaint(rig) == "", _complaint(rig)

    file = str(tmp_path / "mine.json")
    assert operators.save_bone_map(filepath=file) == {"FINISHED"}
    item = next(item for item in rig.bones if item.slot == "shin.L")
    item.bone = "nothing"
    assert "nothing" in _complaint(rig) and "nothing" in complaint(operators.capture)
    item.bone = ""
    assert "Shin L" in _complaint(rig) and "shin.L" in complaint(operators.capture)
    item.bone = "LeftUpLeg"
    assert "twice" in _complaint(rig) and "twice" in complaint(operators.capture)
    (tmp_path / "bad.json").write_text("[]")
    assert "bad.json" in complaint(operators.load_bone_map, filepath=str(tmp_path / "bad.json"))
    assert operators.load_bone_map(filepath=file) == {"FINISHED"}
    assert rig.bone_map() == bone_map.preset("mixamo")
    assert "Rigify" in complaint(operators.apply_bone_map, preset="rigify")
    assert operators.apply_bone_map(preset="motionbuilder") == {"FINISHED"}
    assert rig.map_name.startswith("MotionBuilder") and not _lacking(rig)
    assert operators.recognise_rig() == {"FINISHED"} and rig.map_name == "Mixamo"


def test_a_rig_that_is_nearly_a_known_one_has_no_stiff_bones(
    hero: bpy.types.Object, settings: Any, operators: Any
) -> None:
    """Bones of other names between known ones move too; what the user leaves out is named in the panel."""
    for bone, name in (("Spine1", "Chest"), ("Spine2", "UpperChest")):
        hero.data.bones[bone].name = name
    settings.persons[0].armature = hero
    rig = _rig_of(hero)
    assert rig.map_name == "Mixamo" and _complaint(rig) == ""
    assert rig.bone_map().bones["spine"] == ("Spine", "Chest", "UpperChest")
    assert operators.capture() == {"FINISHED"}, settings.status
    moved = {curve.data_path.split('"')[1] for curve in actions.bag_of(hero).fcurves}
    assert {"Chest", "UpperChest"} <= moved
    next(item for item in rig.bones if item.bone == "Chest").bone = ""
    assert "Chest" in _complaint(rig) and "Stiff" in _complaint(rig)
    assert operators.apply_bone_map(preset="mixamo") == {"FINISHED"} and _complaint(rig) == ""


def _lacking(rig: Any) -> list[str]:
    """The bones of a map that its armature does not have."""
    return [item.bone for item in rig.bones if item.bone and item.bone not in rig.armature.data.bones]


def test_it_is_captured_onto_beside_a_person_with_a_new_armature(
    hero: bpy.types.Object, settings: Any, operators: Any
) -> None:
    blocked = hero.pose.bones["LeftHand"].constraints.new("LIMIT_ROTATION")
    settings.persons[1].use = True
    settings.persons[0].armature = hero
    rig = _rig_of(hero)
    own = bpy.data.actions.new("own")
    hero.animation_data_create().action = own
    settings.persons[1].armature = hero
    assert "two people" in complaint(operators.capture)
    settings.persons[1].armature = None
    assert operators.capture() == {"FINISHED"}, settings.status
    first = hero.animation_data.action
    assert first != own and own.use_fake_user and first.frame_range[:] == (1.0, 24.0)
    assert blocked.mute
    assert armatures() == ["A clip Ü.person2", "hero"], armatures()
    before = counts()
    assert operators.capture() == {"FINISHED"}
    assert counts() == before and hero.animation_data.action == first
    assert marks() == [("A clip Ü.person2", 17), ("hero", 17)], marks()
    assert json.loads(rig.muted) == [["LeftHand", blocked.name]]
    assert operators.restore_constraints() == {"FINISHED"} and not blocked.mute and not rig.muted
    first.name = "Mine now"
    assert operators.capture() == {"FINISHED"}
    assert hero.animation_data.action != first and first.use_fake_user


def test_it_stays_the_persons_after_another_analysis_and_in_the_file(
    hero: bpy.types.Object, settings: Any, operators: Any, tmp_path: Path
) -> None:
    settings.persons[0].armature = hero
    operators.analyse()
    assert settings.persons[0].armature == hero
    file = str(tmp_path / "file.blend")
    bpy.ops.wm.save_as_mainfile(filepath=file)
    bpy.ops.wm.open_mainfile(filepath=file)
    hero = bpy.data.objects["hero"]
    assert now().persons[0].armature == hero and _rig_of(hero).map_name == "Mixamo"
