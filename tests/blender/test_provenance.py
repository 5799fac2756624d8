"""Provenance: which video a character, or an Action on a rig, was captured from."""

from __future__ import annotations

from pathlib import Path

import bpy
import pytest
import rigs

from blender_addon.blend import armature as apply
from blender_addon.blend import character, provenance
from blender_addon.maths import bone_map
from blender_addon.maths.transfer import Options
from tests.support import made_rigs, synthetic

pytestmark = pytest.mark.usefixtures("empty_scene")


def motions(video: Path) -> list[Path]:
    return [found.motion for found in provenance.of_video(bpy.context.scene, video)]


def test_a_new_character_tells_its_video(tmp_path: Path) -> None:
    walk = synthetic.save_motion(tmp_path / "walk.npz", *synthetic.walk(10))
    (item,) = apply.capture_to_scene(bpy.context, [walk], video=tmp_path / "walk.mp4")
    found = provenance.read(item)
    assert found is not None and (found.motion, found.facts["fps"]) == (walk, 30.0)
    assert motions(tmp_path / "walk.mp4") == motions(tmp_path / "x" / ".." / "walk.mp4") == [walk]


def test_clips_of_one_name_in_two_folders_are_two_clips(tmp_path: Path) -> None:
    paths = {}
    for day in ("monday", "tuesday"):
        (tmp_path / day).mkdir()
        paths[day] = synthetic.save_motion(tmp_path / f"{day}.npz", *synthetic.walk(10))
        apply.capture_to_scene(bpy.context, [paths[day]], video=tmp_path / day / "clip.mp4")
    for day, path in paths.items():
        assert motions(tmp_path / day / "clip.mp4") == [path]
    assert not motions(tmp_path / "clip.mp4")


def test_a_rig_of_the_users_own_tells_the_video_of_its_action(tmp_path: Path) -> None:
    walk = synthetic.save_motion(tmp_path / "walk.npz", *synthetic.stroll(10))
    wanted = bone_map.preset("mixamo")
    item = rigs.built(made_rigs.make(wanted, seed=1, plain=True))
    target = character.Target(item, wanted, Options())
    apply.capture_to_scene(bpy.context, [walk], False, {0: target}, tmp_path / "walk.mp4")
    assert motions(tmp_path / "walk.mp4") == [walk]
    item.animation_data.action = bpy.data.actions.new("own")
    assert not motions(tmp_path / "walk.mp4")


@pytest.mark.parametrize("noted", ["", "{}", "[]", "null", '{"motion": 3}', 7])
def test_what_cannot_be_read_tells_nothing(noted: object) -> None:
    item = bpy.data.objects.new("item", None)
    item[provenance.KEY] = noted
    assert provenance.read(item) is None
