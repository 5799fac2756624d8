"""People who are numbered anew keep what is theirs, and clips keep their cameras."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import bpy
import pytest
import rigs

pytestmark = pytest.mark.usefixtures("fake_engine")


def _state(settings: Any) -> list[tuple[int, str, bool, Any]]:
    return [(person.number, person.name, person.use, person.armature) for person in settings.persons]


def test_people_keep_what_is_theirs(settings: Any, operators: Any, video: Path) -> None:
    """B2: a split makes the new person the largest; rig, tick, name and colour stay with the others."""
    settings.video = str(video)
    operators.analyse()
    hero = rigs.plain("hero")
    first, second = settings.persons
    first.use, second.use, second.name, second.armature = False, True, "Anna", hero
    colours = [tuple(person.colour) for person in settings.persons]
    settings.active_person, bpy.context.scene.frame_current = 1, 20
    assert operators.split_person() == {"FINISHED"}
    split = [(2, "Person 2", False, None), (3, "Anna", True, hero), (1, "Person 1", False, None)]
    assert _state(settings) == split, _state(settings)
    assert [tuple(person.colour) for person in settings.persons][:2] == colours
    assert len({tuple(person.colour) for person in settings.persons}) == 3
    assert settings.chosen() == [3]
    # Merged: the one has what either had.
    settings.persons[0].use = True
    assert operators.merge_persons() == {"FINISHED"}
    assert _state(settings) == [(1, "Anna", True, hero)], _state(settings)


def test_another_range_has_the_same_people_and_another_video_has_not(
    settings: Any, operators: Any, video: Path
) -> None:
    settings.video = str(video)
    operators.analyse()
    hero = rigs.plain("hero")
    settings.persons[1].name, settings.persons[1].armature = "Anna", hero
    settings.end = 0.9
    assert not settings.persons
    settings.end = 0.8
    operators.analyse()
    assert _state(settings) == [(1, "Person 1", True, None), (2, "Anna", False, hero)], _state(settings)
    settings.video, settings.video = __file__, str(video)
    operators.analyse()
    assert _state(settings) == [(1, "Person 1", True, None), (2, "Person 2", False, None)], _state(settings)


def test_nobody_can_be_split_where_nobody_was_found(settings: Any, operators: Any, video: Path) -> None:
    """B11."""
    settings.video = str(video)
    operators.analyse()
    settings.persons.clear()
    assert settings.people and not operators.split_person.poll() and not operators.merge_persons.poll()


def test_clips_of_the_same_name_have_cameras_of_their_own(settings: Any, operators: Any, tmp_path: Path) -> None:
    """B5: a video is known by its full path. B6: also where the motion went to the user's own rig."""
    from blender_addon.features.common import tags
    from blender_addon.features.video import camera

    first, second = tmp_path / "a" / "clip.mp4", tmp_path / "b" / "clip.mp4"
    for path in (first, second):
        path.parent.mkdir()
        path.write_bytes(b"any")
    scene = bpy.context.scene
    settings.video = str(first)
    assert operators.analyse() == {"FINISHED"} and operators.capture() == {"FINISHED"}
    assert camera.last_motion(scene, first) is not None
    assert camera.last_motion(scene, second) is None, "the camera of another clip"

    hero = rigs.plain("hero")
    settings.video = str(second)
    assert operators.analyse() == {"FINISHED"}
    item = camera.camera.new(scene, "camera of the second")
    item[tags.CAMERA] = str(second)
    settings.persons[0].armature = hero
    assert operators.capture() == {"FINISHED"}, settings.status
    assert tuple(round(value, 4) for value in item.matrix_world.translation) == (0, -4, 1), item.matrix_world
    hero.name = "renamed"
    assert camera.last_motion(scene, second) is not None


def test_what_there_is_to_choose_from_is_asked_for_again(operators: Any, jobs: Any) -> None:
    """B7: after weights were fetched or added, and after a check."""
    from blender_addon.engine import report
    from tests.support import fake_engine

    system = bpy.context.preferences.system
    if hasattr(system, "use_online_access"):  # Blender 4.2
        system.use_online_access = True
    for operator, how in ((operators.fetch_weights, {"name": "x"}), (operators.add_weights, {"filepath": "/x"}),
                          (operators.check, {})):  # fmt: skip
        jobs.learn({"lifter": "old", "weights": [{"name": "old", "kind": "lifter", "present": True}]})
        assert operator(**how) == {"FINISHED"}
        assert report.names(jobs.report, "lifters") == report.names(fake_engine.REPORT, "lifters") != ("old",)
