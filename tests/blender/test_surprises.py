"""What an animator must not be surprised by: changes that nobody asked for, lost work, messages out of sight."""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import bpy
import pytest
import rigs
from inside import Window, complaint, marks, now

from tests.support import synthetic

pytestmark = pytest.mark.usefixtures("fake_engine")

ONE = "A clip Ü"
BOTH = [f"{ONE}.person1", f"{ONE}.person2"]


@pytest.fixture
def analysed(settings: Any, operators: Any, video: Path) -> Any:
    """The settings; the people of a video are found."""
    settings.video = str(video)
    assert operators.analyse() == {"FINISHED"}
    return settings


def _action(name: str) -> bpy.types.Action:
    return bpy.data.objects[name].animation_data.action


def _curves(action: bpy.types.Action) -> list[bpy.types.FCurve]:
    if not hasattr(action, "slots"):
        return list(action.fcurves)
    return [curve for bag in action.layers[0].strips[0].channelbags for curve in bag.fcurves]


def _frames(name: str) -> list[float]:
    """Where the keys of an object lie."""
    return [point.co[0] for point in _curves(_action(name))[0].keyframe_points]


def _time(scene: bpy.types.Scene) -> tuple[Any, ...]:
    return scene.render.fps, round(scene.render.fps_base, 4), scene.frame_start, scene.frame_end, scene.frame_current


class Drawn:
    """Stands in for a panel's layout and keeps what is drawn: texts, and the names of operators."""

    def __init__(self, kept: list[str]) -> None:
        self._kept = kept

    def __getattr__(self, name: str) -> Any:
        def call(*values: Any, **words: Any) -> Any:
            self._kept.extend([*(value for value in values if isinstance(value, str)), words.get("text") or ""])
            return Drawn(self._kept) if name in ("row", "column", "box", "split") else SimpleNamespace()

        return call


def drawn(panel: str) -> str:
    """What a panel shows, as one text; words that wrap are joined."""
    kept: list[str] = []
    context = SimpleNamespace(
        scene=bpy.context.scene,
        region=SimpleNamespace(width=225),
        active_object=bpy.context.active_object,
        mode=bpy.context.mode,
        preferences=SimpleNamespace(addons=bpy.context.preferences.addons, system=SimpleNamespace(ui_scale=1.0)),
    )
    cls = getattr(bpy.types, f"VIDEO_TO_MOCAP_PT_{panel}")
    cls.draw(SimpleNamespace(layout=Drawn(kept)), context)
    return " ".join(kept)


# What is missing, and where it is said.


def test_numpy_is_missed_when_the_add_on_is_enabled(
    _as_just_started: None, monkeypatch: pytest.MonkeyPatch, video: Path
) -> None:
    import addon_utils

    import blender_addon

    blender_addon.__time__ = Path(blender_addon.__file__).stat().st_mtime  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "numpy", None)
    try:
        assert addon_utils.enable("blender_addon", default_set=True)
        shown = drawn("main")
        assert "NumPy" in shown and "python3-numpy" in shown, shown
        now().video = str(video)
        assert "NumPy" in complaint(bpy.ops.video_to_mocap.analyse)
        assert not now().persons
        bpy.ops.object.armature_add()
        for operator in (bpy.ops.video_to_mocap.smooth, bpy.ops.video_to_mocap.export):
            assert not operator.poll()
    finally:
        monkeypatch.undo()
        addon_utils.disable("blender_addon", default_set=True)


def test_what_goes_wrong_is_said_beside_its_button(analysed: Any, operators: Any, jobs: Any) -> None:
    said = complaint(operators.merge_persons)
    assert "Tick the two people" in said and "Tick the two people" in drawn("tracks")
    complaint(operators.run_clips)
    assert "no clip to capture" in drawn("queue") and "Tick" not in drawn("tracks")
    complaint(operators.import_settings, filepath="/nowhere/mine.json")
    assert "mine.json" in drawn("capture")
    operators.copy_report()
    assert "clipboard" in drawn("report")
    operators.match_scene()
    assert "30 fps" in drawn("scene")


def test_tools_and_export_say_beside_their_buttons_what_they_did(analysed: Any, operators: Any, tmp_path: Path) -> None:
    operators.capture()
    bpy.context.view_layer.objects.active = bpy.data.objects[ONE]
    assert "preview range" in complaint(operators.bridge)
    assert "preview range" in drawn("clean_up") and analysed.failed
    assert operators.smooth(cutoff=0.5) == {"FINISHED"}
    assert "Smooth:" in drawn("clean_up") and not analysed.failed
    assert operators.export(format="BVH", filepath=str(tmp_path / "person.bvh")) == {"FINISHED"}
    assert "Saved person.bvh" in drawn("export") and "Saved" not in drawn("clean_up")


def test_the_main_buttons_and_their_messages_are_in_one_place(analysed: Any, operators: Any) -> None:
    analysed.persons[0].use = False
    complaint(operators.capture)
    shown = drawn("main")
    assert "No person is ticked" in shown
    assert "video_to_mocap.analyse" in shown and "video_to_mocap.capture" in shown


def test_a_job_can_be_started_while_the_engine_is_installed(
    settings: Any, operators: Any, window: Window, jobs: Any, video: Path
) -> None:
    from blender_addon.features.common import preferences
    from blender_addon.work import Maintenance

    settings.video = str(video)
    work = Maintenance("Installing the engine", lambda job: None)
    jobs.maintain(work, preferences.engine_command(bpy.context), "steps", {"steps": 5, "pause": 0.05})
    assert operators.analyse() == {"FINISHED"}
    assert "when the engine is ready" in drawn("main")
    assert not operators.analyse.poll(), "once is enough"
    window.work()
    window.work()
    assert len(settings.persons) == 2 and "were found" in settings.status


def test_an_engine_that_is_there_is_not_called_missing(
    settings: Any, operators: Any, video: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.video = str(video)
    with monkeypatch.context() as patch:
        patch.setenv("VIDEO_TO_MOCAP_PYTHON", "/nowhere/python")
        assert "/nowhere" in complaint(operators.analyse) and "File not found" in drawn("main")
    assert "File not found" not in drawn("main")


# The scene, and where keys lie.


def test_a_scene_keeps_its_rate_and_range(analysed: Any, operators: Any) -> None:
    scene = bpy.context.scene
    scene.render.fps, scene.frame_start, scene.frame_end, scene.frame_current = 24, 1001, 1100, 1042
    before = _time(scene)
    assert operators.capture() == {"FINISHED"}
    assert _time(scene) == before and not analysed.set_scene
    assert _frames(ONE) == list(range(1, 25))


def test_a_new_scene_is_matched_to_the_video_once(analysed: Any, operators: Any) -> None:
    scene = bpy.context.scene
    scene.frame_current = 12
    assert analysed.set_scene
    assert operators.capture() == {"FINISHED"}
    assert _time(scene) == (30, 1.0, 1, 30, 12) and not analysed.set_scene
    scene.frame_end = 40
    assert operators.capture() == {"FINISHED"}
    assert _time(scene) == (30, 1.0, 1, 40, 12)


def test_earlier_captures_keep_their_speed(analysed: Any, operators: Any, video: Path) -> None:
    scene = bpy.context.scene
    scene.render.fps, scene.frame_start, scene.frame_end = 25, 5, 20
    assert operators.capture() == {"FINISHED"}
    analysed.video = str(video.with_name("another.mp4"))
    Path(analysed.video).write_bytes(b"x")
    operators.analyse()
    analysed.set_scene = True
    assert operators.capture() == {"FINISHED"}
    assert operators.match_scene() == {"FINISHED"}
    assert "keeps 25 fps" in analysed.status, analysed.status
    assert _time(scene)[:4] == (25, 1.0, 1, 25), "the range grows, the rate stays"
    assert _frames(ONE) == _frames("another") == list(range(1, 26))


def test_the_video_begins_where_it_is_told_to(analysed: Any, operators: Any) -> None:
    analysed.start_frame = 1001
    assert operators.capture() == {"FINISHED"}
    scene = bpy.context.scene
    assert _frames(ONE) == list(range(1001, 1031))
    assert (scene.frame_start, scene.frame_end) == (1001, 1030)
    scene.frame_current = 1016
    operators.set_range(part="START")
    assert analysed.start == 0.5


def test_keys_lie_on_whole_frames(analysed: Any, operators: Any) -> None:
    """Those of several people, and of rigs, too."""
    scene = bpy.context.scene
    scene.render.fps = 25
    hero = rigs.plain("hero")
    analysed.persons[1].use, analysed.persons[1].armature = True, hero
    assert operators.capture() == {"FINISHED"}
    for name in (BOTH[0], "hero"):
        assert _frames(name) == list(range(1, 26)), name
    analysed.keys = "video"
    assert operators.capture() == {"FINISHED"}
    for name in (BOTH[0], "hero"):
        assert _frames(name) == pytest.approx([1 + frame / 30 * 25 for frame in range(30)], abs=1e-4), name


def test_the_queue_does_as_the_panel(settings: Any, operators: Any, tmp_path: Path) -> None:
    for name in ("a.mp4", "b.mp4"):
        (tmp_path / name).write_text("x")
    bpy.context.scene.render.fps = 25
    hero = rigs.plain("hero")
    operators.add_clips(directory=str(tmp_path), files=[{"name": "a.mp4"}, {"name": "b.mp4"}])
    settings.clips_people, settings.clips_rig = "ALL", hero
    assert operators.run_clips() == {"FINISHED"}
    assert [clip.state for clip in settings.clips] == ["DONE", "DONE"]
    for name in ("hero", "a.person2", "b.person2"):
        assert _frames(name) == list(range(1, 26)), name
    assert {"a.person1", "b.person1"} <= {action.name for action in bpy.data.actions}


# The mode, the selection, and work that somebody has done.


def test_a_result_changes_neither_mode_nor_selection_nor_playhead(analysed: Any, operators: Any) -> None:
    scene, layer = bpy.context.scene, bpy.context.view_layer
    operators.capture()
    person = bpy.data.objects[ONE]
    light = bpy.data.objects["Light"]
    for item in (person, light):
        item.select_set(True)
    layer.objects.active = person
    bpy.ops.object.mode_set(mode="POSE")
    for bone in person.data.bones:
        chosen = bone.name == "head"
        if hasattr(bone, "select"):
            bone.select = chosen
        else:
            person.pose.bones[bone.name].select = chosen
    person.data.bones.active = person.data.bones["head"]
    scene.frame_set(7)
    before = sorted(item.name for item in bpy.context.selected_objects)
    analysed.height = 1.9
    assert operators.capture() == {"FINISHED"}
    person = bpy.data.objects[ONE]
    assert (bpy.context.mode, layer.objects.active, scene.frame_current) == ("POSE", person, 7)
    assert sorted(item.name for item in bpy.context.selected_objects) == before
    assert [bone.name for bone in bpy.context.selected_pose_bones] == ["head"]
    assert bpy.context.active_pose_bone.name == "head"


def test_an_edited_motion_is_kept(analysed: Any, operators: Any) -> None:
    assert operators.capture() == {"FINISHED"}
    bpy.context.view_layer.objects.active = bpy.data.objects[ONE]
    assert operators.smooth(cutoff=0.5) == {"FINISHED"}
    cleaned = [point.co[1] for point in _curves(_action(ONE))[5].keyframe_points]
    assert operators.capture() == {"FINISHED"}
    kept = bpy.data.actions[f"{ONE} edited"]
    assert kept.use_fake_user and f"{ONE} edited" in analysed.status, analysed.status
    assert [point.co[1] for point in _curves(kept)[5].keyframe_points] == cleaned
    assert _action(ONE) != kept and _action(ONE).name == ONE
    # By hand, too; and where nothing was edited nothing is kept.
    names = {action.name for action in bpy.data.actions}
    assert operators.capture() == {"FINISHED"}
    assert {action.name for action in bpy.data.actions} == names and "kept" not in analysed.status
    curve = _curves(_action(ONE))[0]
    curve.keyframe_points[3].co[1] += 0.5
    assert operators.capture() == {"FINISHED"}
    assert {action.name for action in bpy.data.actions} == {*names, f"{ONE} edited.001"}


def test_an_edited_motion_of_a_rig_is_kept(analysed: Any, operators: Any) -> None:
    hero = rigs.plain("hero")
    analysed.persons[0].armature = hero
    assert operators.capture() == {"FINISHED"}
    bpy.context.view_layer.objects.active = hero
    assert operators.smooth(cutoff=0.5) == {"FINISHED"}
    cleaned = hero.animation_data.action
    assert operators.capture() == {"FINISHED"}
    assert hero.animation_data.action != cleaned and hero.animation_data.action.name == ONE
    assert cleaned.name == f"{ONE} edited" and cleaned.use_fake_user
    again = hero.animation_data.action
    assert operators.capture() == {"FINISHED"} and hero.animation_data.action == again


def test_the_raw_motion_comes_back_after_a_layer(analysed: Any, operators: Any) -> None:
    operators.capture()
    person = bpy.data.objects[ONE]
    bpy.context.view_layer.objects.active = person
    raw = [point.co[1] for point in _curves(_action(ONE))[5].keyframe_points]
    assert operators.smooth(cutoff=0.5) == {"FINISHED"} and operators.add_layer() == {"FINISHED"}
    layer = person.animation_data.action
    assert operators.restore_raw() == {"FINISHED"}
    assert [point.co[1] for point in _curves(_action(ONE))[5].keyframe_points] == raw
    assert layer.use_fake_user and not person.animation_data.nla_tracks
    assert bpy.data.actions[f"{ONE} cleaned"].use_fake_user
    assert person.animation_data.action_blend_type == "REPLACE"


def test_a_layer_is_not_lost_by_another_capture(analysed: Any, operators: Any) -> None:
    operators.capture()
    person = bpy.data.objects[ONE]
    bpy.context.view_layer.objects.active = person
    assert operators.add_layer() == {"FINISHED"}
    layer = person.animation_data.action
    assert operators.capture() == {"FINISHED"}
    assert layer.use_fake_user and person.animation_data.action != layer
    assert [track.mute for track in person.animation_data.nla_tracks] == [True] and "muted" in analysed.status
    assert person.animation_data.action_blend_type == "REPLACE"


# Names, units, and what is left behind.


@pytest.mark.parametrize("name", ["x" * 90, "ü" * 45])
def test_markers_of_a_long_file_name_are_replaced(settings: Any, operators: Any, tmp_path: Path, name: str) -> None:
    path = tmp_path / f"{name}.mp4"
    path.write_bytes(b"any")
    settings.video = str(path)
    operators.analyse()
    for _ in range(3):
        assert operators.capture() == {"FINISHED"}
        assert [frame for _, frame in marks()] == [21]
    (person,) = (item for item in bpy.data.objects if item.type == "ARMATURE")
    bpy.context.view_layer.objects.active = person
    assert operators.smooth(cutoff=0.5) == {"FINISHED"}
    assert any(action.name.endswith(" raw") for action in bpy.data.actions)


def test_people_are_called_what_they_were_named(analysed: Any, operators: Any) -> None:
    hero = rigs.plain("hero")
    analysed.persons[0].name, analysed.persons[1].name = "Anna", "Ben"
    analysed.persons[1].use, analysed.persons[1].armature = True, hero
    assert operators.capture() == {"FINISHED"}
    person = bpy.data.objects[f"{ONE}.Anna"]
    assert person.data.name == person.animation_data.action.name == person.name
    assert hero.animation_data.action.name == f"{ONE}.Ben"
    assert sorted(name for name, _ in marks()) == [f"{ONE}.Anna", "hero"]
    assert "Captured Anna" in analysed.status
    analysed.persons[0].name = "Anna Maria"
    assert operators.capture() == {"FINISHED"}
    assert person.name == person.animation_data.action.name == f"{ONE}.Anna Maria"
    assert sorted(name for name, _ in marks()) == [f"{ONE}.Anna Maria", "hero"]


@pytest.mark.parametrize("scale", [0.01, 0.1])
def test_the_scenes_unit_is_obeyed(analysed: Any, operators: Any, scale: float) -> None:
    from blender_addon.features.common import tags
    from blender_addon.features.video import camera

    scene = bpy.context.scene
    scene.unit_settings.scale_length = scale
    item = camera.camera.new(scene, "camera")
    item[tags.CAMERA] = analysed.video
    assert "height_in_units" in drawn("capture")
    analysed.height_in_units = 1.75 / scale
    assert analysed.height == pytest.approx(1.75) and analysed.height_in_units == pytest.approx(1.75 / scale)
    assert operators.capture() == {"FINISHED"}
    person = bpy.data.objects[ONE]
    (body,) = person.children
    metres = (max(v.co.z for v in body.data.vertices) - min(v.co.z for v in body.data.vertices)) * scale
    assert 1.6 < metres < 1.85, metres
    hips = person.pose.bones["hips"].head.z * scale
    assert 0.9 < hips < 1.0, hips
    assert tuple(item.matrix_world.translation * scale) == pytest.approx((0, -4, 1), abs=1e-4)
    assert item.data.clip_end * scale > 50


def test_actions_of_the_camera_do_not_pile_up(addon: None, tmp_path: Path) -> None:
    import numpy as np

    from blender_addon.blend import camera
    from blender_addon.maths import motion_file
    from blender_addon.maths.timeline import Timing

    motion = motion_file.load(synthetic.save_motion(tmp_path / "walk.npz", *synthetic.walk(30)))
    motion.camera_t[:, 0] += np.linspace(0, 1, len(motion))
    item = camera.create_camera(bpy.context, motion, "moving")
    for _ in range(3):
        camera.place(bpy.context.scene, item, motion, Timing(24.0))
        assert [action.name for action in bpy.data.actions] == ["moving"]


def test_nothing_is_made_up_before_somebody_appears(addon: None, tmp_path: Path) -> None:
    import numpy as np

    from blender_addon.blend import armature as apply

    path = synthetic.save_motion(tmp_path / "late.npz", *synthetic.walk(40), rate=30.0)
    with np.load(path) as file:
        arrays = dict(file)
    arrays["confidence"][:10] = arrays["confidence"][35:] = 0.0
    np.savez(path, **arrays)
    bpy.context.scene.render.fps = 30
    (person,) = apply.capture_to_scene(bpy.context, [path])
    assert _frames(person.name) == list(range(11, 36))


def test_the_same_video_keeps_its_people(analysed: Any, operators: Any, video: Path) -> None:
    operators.open_video(filepath=str(video))
    assert len(analysed.persons) == 2
    operators.open_video(filepath=str(video.parent / "." / video.name))
    assert len(analysed.persons) == 2


def test_a_cancelled_clip_has_not_failed(settings: Any, operators: Any, window: Window, tmp_path: Path) -> None:
    for name in ("held.mp4", "b.mp4"):
        (tmp_path / name).write_text("x")
    operators.add_clips(directory=str(tmp_path), files=[{"name": "held.mp4"}, {"name": "b.mp4"}])
    operators.run_clips()
    window.tick()
    operators.cancel()
    (tmp_path / "held.go").touch()
    window.work()
    window.work(lambda: not window.kept())
    assert [clip.state for clip in settings.clips] == ["CANCELLED"] * 2, [clip.message for clip in settings.clips]
    assert operators.run_clips() == {"FINISHED"}
    window.work(lambda: all(clip.state == "DONE" for clip in settings.clips))


# The view.


def _views() -> list[Any]:
    (window,) = bpy.context.window_manager.windows
    return [area.spaces.active for area in window.screen.areas if area.type == "VIEW_3D"]


def test_the_first_capture_is_in_view_and_not_in_the_cube(analysed: Any, operators: Any) -> None:
    cube = bpy.data.objects["Cube"]
    operators.capture()
    person = bpy.data.objects[ONE]
    assert cube.hide_get() and cube.hide_render and "Cube" in analysed.status
    for space in _views():
        centre = space.region_3d.view_location
        assert (centre - person.matrix_world @ person.pose.bones["spine"].head).length < 1.0, centre
        assert 1.5 < space.region_3d.view_distance < 15.0
    # Only the first one, and only a cube that nobody has touched.
    cube.hide_set(False)
    for space in _views():
        space.region_3d.view_distance = 77.0
    operators.capture()
    assert not cube.hide_get() and all(space.region_3d.view_distance == 77.0 for space in _views())


def test_a_cube_that_somebody_has_moved_stays(analysed: Any, operators: Any) -> None:
    cube = bpy.data.objects["Cube"]
    cube.location.x = 3.0
    bpy.context.view_layer.update()
    operators.capture()
    assert not cube.hide_get()


def test_the_first_capture_is_seen_through_the_videos_camera(analysed: Any, operators: Any) -> None:
    from blender_addon.features.common import tags
    from blender_addon.features.video import camera

    item = camera.camera.new(bpy.context.scene, "camera")
    item[tags.CAMERA] = analysed.video
    bpy.context.scene.camera = item
    operators.capture()
    for space in _views():
        assert space.region_3d.view_perspective == "CAMERA" and space.shading.show_xray


def test_the_result_can_be_selected(analysed: Any, operators: Any) -> None:
    analysed.persons[1].use = True
    operators.capture()
    assert operators.select_result() == {"FINISHED"}
    assert sorted(item.name for item in bpy.context.selected_objects) == BOTH
    assert bpy.context.active_object.name == BOTH[0]
