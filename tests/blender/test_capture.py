"""From the video to the files, in one scene, with an engine that makes people up."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import bpy
import pytest
from inside import armatures, complaint, counts, marks

pytestmark = pytest.mark.usefixtures("fake_engine")


def _keys(name: str) -> tuple[float, float]:
    return bpy.data.objects[name].animation_data.action.frame_range[:]


def _link(item: bpy.types.Object) -> bpy.types.Object:
    bpy.context.scene.collection.objects.link(item)
    return item


BOTH = ["A clip Ü.person1", "A clip Ü.person2"]
DOUBTS = [(name, 21) for name in BOTH]


@pytest.fixture
def captured(settings: Any, operators: Any, video: Path) -> None:
    """Both people are analysed and captured."""
    settings.video = str(video)
    assert operators.analyse() == {"FINISHED"}
    settings.persons[1].use = True
    assert operators.capture() == {"FINISHED"}


def test_people_are_found_and_captured(settings: Any, operators: Any, video: Path) -> None:
    settings.video = str(video)
    assert operators.analyse() == {"FINISHED"}
    found = [(person.name, person.use, round(person.coverage, 2)) for person in settings.persons]
    assert found == [("Person 1", True, 1.0), ("Person 2", False, 0.5)]
    assert settings.status and not settings.failed
    settings.persons[1].use = True
    settings.tds = 3
    assert operators.capture() == {"FINISHED"}
    assert armatures() == BOTH, armatures()
    assert settings.status.count("30 frames") == 2, settings.status
    assert _keys(BOTH[0]) == (1.0, 30.0)
    assert bpy.context.scene.frame_end == 30 and bpy.context.scene.render.fps == 30
    assert marks() == DOUBTS, marks()


def test_a_capture_takes_the_place_of_the_last(captured: None, operators: Any) -> None:
    """Where that was put, with all that refers to it; also out of Pose mode."""
    before = counts()
    mine = _link(bpy.data.objects.new("mine", None))
    first = bpy.data.objects[BOTH[0]]
    bpy.context.view_layer.objects.active = first
    bpy.ops.object.mode_set(mode="POSE")
    first.location = (1, 2, 3)
    mine.parent = first
    limit = mine.constraints.new("COPY_LOCATION")
    limit.target, limit.subtarget = first, "Head"
    assert operators.capture() == {"FINISHED"}
    assert counts() == {**before, "objects": before["objects"] + 1} and armatures() == BOTH
    first = bpy.data.objects[BOTH[0]]
    assert bpy.context.mode == "POSE" and bpy.context.active_object == first
    assert tuple(first.location) == (1, 2, 3)
    assert mine.parent == first and limit.target == first
    assert sorted(action.name for action in bpy.data.actions) == BOTH
    assert marks() == DOUBTS, marks()


def test_what_the_animator_made_is_left_alone(captured: None, operators: Any) -> None:
    """What they renamed or copied stays; what they edit is kept."""
    bpy.data.objects[BOTH[1]].name = "Keep me"
    own = bpy.data.actions.new("my own")
    first = bpy.data.objects[BOTH[0]]
    first.animation_data.action = own
    copy = _link(first.copy())
    copied = copy.name
    cube = bpy.data.objects["Cube"]
    cube.hide_set(False)
    bpy.context.view_layer.objects.active = cube
    bpy.ops.object.mode_set(mode="EDIT")
    bpy.ops.mesh.select_all(action="SELECT")
    bpy.ops.mesh.subdivide()
    assert operators.capture() == {"FINISHED"}
    assert cube.mode == "EDIT" and bpy.context.active_object == cube
    bpy.ops.object.mode_set(mode="OBJECT")
    assert len(cube.data.vertices) == 26
    assert armatures() == sorted([*BOTH, "Keep me", copied]), armatures()
    assert own.use_fake_user and copy.animation_data.action == own
    assert _keys(BOTH[0]) == (1.0, 30.0)


@pytest.mark.parametrize("kind", ["FBX", "BVH"])
def test_it_is_exported(captured: None, operators: Any, tmp_path: Path, kind: str) -> None:
    bpy.context.view_layer.objects.active = bpy.data.objects[BOTH[0]]
    path = tmp_path / f"out.{kind.lower()}"
    assert operators.export(filepath=str(path), format=kind) == {"FINISHED"}
    assert path.stat().st_size > 1000


def test_undo_takes_the_marks_of_low_confidence_back(captured: None, operators: Any) -> None:
    bpy.context.scene.timeline_markers.clear()
    bpy.ops.ed.undo_push(message="no marks")
    operators.capture()
    bpy.ops.ed.undo_push(message="captured")
    assert marks() == DOUBTS, marks()
    bpy.ops.ed.undo()
    assert marks() == [], marks()


def test_nothing_is_detected_twice(settings: Any, operators: Any, video: Path) -> None:
    settings.video = str(video)
    operators.analyse()
    file = Path(settings.people)
    made = file.stat().st_mtime_ns
    settings.video = str(video.parent / "x" / ".." / video.name)
    assert len(settings.persons) == 2 and settings.people, "the same file was chosen again"
    settings.video = __file__
    assert not settings.persons and not settings.people, "people of another video must go"
    settings.video = str(video)
    operators.analyse()
    assert len(settings.persons) == 2 and settings.people == str(file) and file.stat().st_mtime_ns == made
    for name, value in (("end", 0.5), ("max_people", 5), ("detector", "another")):
        setattr(settings, name, value)
        assert not settings.persons, name
        operators.analyse()
        assert Path(settings.people) != file
    Path(settings.people).unlink()
    assert "Analyse" in complaint(operators.capture)
    Path(settings.people).parent.rmdir()
    operators.analyse()
    settings.persons[0].use = False
    assert "Tick" in complaint(operators.capture)


def test_people_are_split_and_merged(settings: Any, operators: Any, video: Path) -> None:
    settings.video = str(video)
    assert not operators.split_person.poll() and not operators.merge_persons.poll()
    operators.analyse()
    first = settings.people
    assert operators.match_scene() == {"FINISHED"}
    scene = bpy.context.scene
    assert (scene.render.fps, scene.frame_start, scene.frame_end) == (30, 1, 30)
    settings.active_person, scene.frame_current = 1, 3
    assert "Person 2" in complaint(operators.split_person), "frame 3 is before they come"
    scene.frame_current = 20
    assert operators.split_person() == {"FINISHED"}
    assert len(settings.persons) == 3 and settings.people != first
    assert len({tuple(person.colour) for person in settings.persons}) == 3
    assert "Tick" in complaint(operators.merge_persons)
    settings.persons[2].use = True
    assert operators.merge_persons() == {"FINISHED"} and len(settings.persons) == 1


def test_the_range_comes_from_the_timeline(settings: Any, operators: Any) -> None:
    scene, set_range = bpy.context.scene, operators.set_range
    scene.render.fps, scene.frame_start, scene.frame_end, scene.frame_current = 25, 26, 100, 51
    set_range()
    assert (settings.start, settings.end) == (1.0, 4.0), (settings.start, settings.end)
    set_range(part="START")
    assert settings.start == 2.0
    scene.frame_current = 75
    set_range(part="END")
    assert settings.end == 3.0
    scene.use_preview_range, scene.frame_preview_start, scene.frame_preview_end = True, 1, 50
    set_range()
    assert (settings.start, settings.end) == (0.0, 2.0)
    assert not operators.video_camera.poll() and not operators.match_scene.poll()
    operators.open_video(filepath="/a/b.mp4")
    assert settings.video == "/a/b.mp4"


def test_another_language_changes_nothing(settings: Any, operators: Any, video: Path, tmp_path: Path) -> None:
    """With new data named in Japanese, where this Blender speaks it; the wheels speak English alone."""
    from blender_addon.maths import mannequin

    view = bpy.context.preferences.view
    if "ja_JP" in bpy.app.translations.locales:
        view.language = "ja_JP"
        view.use_translate_interface = view.use_translate_tooltips = view.use_translate_new_dataname = True
        lamp = bpy.data.materials.new("x")
        lamp.use_nodes = True
        assert "Principled BSDF" not in lamp.node_tree.nodes, "new data has names in English"
    settings.video = str(video)
    for operator in (operators.analyse, operators.capture):
        assert operator() == {"FINISHED"}
    person = bpy.data.objects["A clip Ü"]
    bpy.context.view_layer.objects.active = person
    assert settings.persons[0].name == "Person 1"
    assert "hips" in person.pose.bones and person.animation_data.action.frame_range[:] == (1.0, 30.0)
    for look in mannequin.MATERIALS:
        nodes = bpy.data.materials[look.name].node_tree.nodes
        shader = next(node for node in nodes if node.type == "BSDF_PRINCIPLED")
        colour = shader.inputs["Base Color"].default_value[:3]
        same = all(abs(a - b) < 1e-6 for a, b in zip(colour, look.colour, strict=True))
        assert same, (look.name, tuple(colour))
    path = tmp_path / "out.fbx"
    assert operators.export(filepath=str(path), format="FBX") == {"FINISHED"}
