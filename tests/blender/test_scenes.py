"""Captures in scenes as animators have them: rigs of other files, hidden collections, modes, files opened again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import bpy
import pytest
import rigs
from inside import complaint, counts, now

pytestmark = pytest.mark.usefixtures("fake_engine")


def _collection(name: str) -> bpy.types.Collection:
    made = bpy.data.collections.new(name)
    bpy.context.scene.collection.children.link(made)
    return made


def _layer(name: str) -> bpy.types.LayerCollection:
    return bpy.context.view_layer.layer_collection.children[name]


def _keys(item: bpy.types.Object) -> tuple[float, float]:
    return item.animation_data.action.frame_range[:]


def _turned(item: bpy.types.Object, bone: str) -> float:
    """How far a bone is turned at the last frame, in radians: the motion bends forwards."""
    bpy.context.scene.frame_set(30)
    graph = bpy.context.evaluated_depsgraph_get()
    posed, rest = item.evaluated_get(graph).pose.bones[bone], item.data.bones[bone]
    return (rest.matrix_local.inverted() @ posed.matrix).to_quaternion().angle


def _override() -> bpy.types.Object:
    return next(item for item in bpy.data.objects if item.override_library and item.type == "ARMATURE")


def test_a_rig_of_another_file(addon: None, operators: Any, video: Path, tmp_path: Path) -> None:
    """Linked it is refused in words; its override takes the motion, also after the file was opened again."""
    rigs.plain("hero")
    library, file = str(tmp_path / "library.blend"), str(tmp_path / "mine.blend")
    bpy.ops.wm.save_as_mainfile(filepath=library)
    bpy.ops.wm.read_homefile(use_factory_startup=True)
    with bpy.data.libraries.load(library, link=True) as (_, there):
        there.objects = ["hero"]
    (linked,) = there.objects
    bpy.context.scene.collection.objects.link(linked)
    now().video = str(video)
    operators.analyse()
    now().persons[0].armature = linked
    said = complaint(operators.capture)
    assert "hero" in said and "linked" in said, said
    assert linked.animation_data is None
    linked.override_hierarchy_create(bpy.context.scene, bpy.context.view_layer)
    override = _override()
    now().persons[0].armature = override
    assert operators.capture() == {"FINISHED"}, now().status
    bent = _turned(override, "Spine")
    assert _keys(override) == (1.0, 30.0) and bent > 0.1, bent
    bpy.ops.wm.save_as_mainfile(filepath=file)
    bpy.ops.wm.open_mainfile(filepath=file)
    override = _override()
    assert now().persons[0].armature == override and abs(_turned(override, "Spine") - bent) < 1e-5
    first = override.animation_data.action
    assert operators.capture() == {"FINISHED"}, now().status
    assert override.animation_data.action == first and len(bpy.data.actions) == 1


def _collections(item: bpy.types.Object) -> list[str]:
    return [collection.name for part in (item, *item.children) for collection in part.users_collection]


def test_a_hidden_collection_takes_the_result(settings: Any, operators: Any, video: Path) -> None:
    """What is captured into a hidden collection is all there when it is shown."""
    settings.video = str(video)
    mine = _collection("Mine")
    operators.analyse()
    bpy.context.view_layer.active_layer_collection = _layer("Mine")
    assert operators.capture() == {"FINISHED"}, settings.status
    person = bpy.data.objects["A clip Ü"]
    assert _collections(person) == ["Mine"] * 2

    def hide(how: str, value: bool) -> None:
        if how == "disabled":
            mine.hide_viewport = value
        elif how == "hidden object":
            person.hide_viewport = value
        else:
            setattr(_layer("Mine"), how, value)

    # Captured again while the last result is hidden, in each way that there is.
    for how in ("hide_viewport", "disabled", "exclude", "hidden object"):
        hide(how, True)
        assert operators.capture() == {"FINISHED"}, (how, settings.status)
        assert not settings.failed, (how, settings.status)
        (person,) = (item for item in bpy.data.objects if item.type == "ARMATURE")
        assert _keys(person) == (1.0, 30.0) and person.name == "A clip Ü", (how, person.name)
        assert _collections(person) == ["Mine"] * 2, how
        hide(how, False)


def test_a_hidden_rig_takes_the_motion(settings: Any, operators: Any, video: Path) -> None:
    """Its collection is hidden, or not in this view layer at all, or it is hidden itself."""
    settings.video = str(video)
    hero = rigs.plain("hero")
    _collection("Rigs").objects.link(hero)
    bpy.context.scene.collection.objects.unlink(hero)
    operators.analyse()
    settings.persons[0].armature = hero
    for how in ("hide_viewport", "exclude"):
        setattr(_layer("Rigs"), how, True)
        assert operators.capture() == {"FINISHED"}, (how, settings.status)
        setattr(_layer("Rigs"), how, False)
        assert _keys(hero) == (1.0, 30.0) and _turned(hero, "Spine") > 0.1, how
    hero.hide_set(True)
    assert operators.capture() == {"FINISHED"} and _keys(hero) == (1.0, 30.0)


def test_whatever_mode_blender_is_in(settings: Any, operators: Any, video: Path) -> None:
    settings.video = str(video)
    hero = rigs.plain("hero")
    operators.analyse()
    settings.persons[0].armature = hero
    cube = bpy.data.objects["Cube"]
    modes = [(hero, mode) for mode in ("OBJECT", "POSE", "EDIT")]
    for item, mode in [*modes, *((cube, mode) for mode in ("EDIT", "SCULPT", "WEIGHT_PAINT", "VERTEX_PAINT"))]:
        item.hide_set(False)  # the first capture hides an untouched cube, and nobody sculpts what is hidden
        bpy.context.view_layer.objects.active = item
        bpy.ops.object.mode_set(mode=mode)
        assert operators.capture() == {"FINISHED"}, (mode, settings.status)
        assert item.mode == mode and bpy.context.active_object == item, mode
        bpy.ops.object.mode_set(mode="OBJECT")
        assert _keys(hero) == (1.0, 30.0) and _turned(hero, "Spine") > 0.1, mode
    bpy.context.view_layer.objects.active = None
    assert operators.capture() == {"FINISHED"} and bpy.context.active_object is None


def test_a_file_that_is_opened_again(settings: Any, operators: Any, video: Path, tmp_path: Path) -> None:
    """Settings and results are in the .blend: what was captured before it was closed is replaced after."""
    settings.video = str(video)
    settings.height, settings.tds, settings.start, settings.feet = 1.9, 3, 0.25, "ground"
    operators.analyse()
    settings.persons[1].use, settings.persons[1].name = True, "Bea"
    assert operators.capture() == {"FINISHED"}
    result, status = [line.text for line in settings.report_lines], settings.status
    file = str(tmp_path / "mine.blend")
    bpy.ops.wm.save_as_mainfile(filepath=file)
    bpy.ops.wm.read_homefile(use_factory_startup=True)
    assert not now().persons and not [line.text for line in now().report_lines] and not now().video
    bpy.ops.wm.open_mainfile(filepath=file)
    assert (round(now().height, 3), now().tds, now().start, now().feet) == (1.9, 3, 0.25, "ground")
    assert [(person.name, person.use) for person in now().persons] == [("Person 1", True), ("Bea", True)]
    assert now().facts_known() and ([line.text for line in now().report_lines], now().status) == (result, status)
    before = counts()
    person = bpy.data.objects["A clip Ü.person1"]
    person.location = (1, 2, 3)
    assert operators.capture() == {"FINISHED"}, now().status
    assert counts() == before, (counts(), before)
    assert tuple(person.location) == (1, 2, 3) and person.name == "A clip Ü.person1"
    bpy.context.view_layer.objects.active = person
    assert operators.match_scene() == {"FINISHED"}
    assert operators.export(filepath=str(tmp_path / "a.bvh"), format="BVH") == {"FINISHED"}
