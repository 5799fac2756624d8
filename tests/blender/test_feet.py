"""Standing feet stay where they stand, on the created armature and on rigs, whatever tool changes the legs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import bpy
import numpy as np
import pytest
import rigs
from inside import complaint

from blender_addon.blend import armature as apply
from blender_addon.blend import character
from blender_addon.maths.transfer import Options
from tests.support import synthetic

FRAMES = 60
BODIES = ("own", "FK", "IK")


@pytest.fixture(params=BODIES)
def body(request: pytest.FixtureRequest, addon: None, tmp_path: Path) -> bpy.types.Object:
    """A person who strolls with locked feet: on an armature of their own, and on Rigify's basic human."""
    return captured(request.param, tmp_path)


def captured(kind: str, folder: Path) -> bpy.types.Object:
    path = synthetic.save_motion(folder / "stroll.npz", *synthetic.stroll(FRAMES))
    if kind == "own":
        (made,) = apply.capture_to_scene(bpy.context, [path], set_scene=True)
    else:
        made = rigs.rigify()
        target = character.Target(made, character.recognised(made), Options(ik=kind == "IK"))
        apply.capture_to_scene(bpy.context, [path], True, {0: target})
    bpy.context.view_layer.objects.active = made
    return made


def ankles(armature: bpy.types.Object, step: float = 1.0) -> dict[str, np.ndarray]:
    """Where Blender shows the ankles, (T,3) of each side: of the bones that deform the body."""
    names = {side: f"{'DEF-' if 'DEF-foot.L' in armature.pose.bones else ''}foot.{side}" for side in "LR"}
    found: dict[str, list[Any]] = {side: [] for side in "LR"}
    for frame in np.arange(1.0, FRAMES + 1e-6, step):
        bpy.context.scene.frame_set(int(frame), subframe=frame % 1.0)
        for side, name in names.items():
            found[side].append(armature.matrix_world @ armature.pose.bones[name].head)
    return {side: np.array(places) for side, places in found.items()}


def drift(armature: bpy.types.Object) -> float:
    """Millimetres by which a standing ankle is away from itself at most."""
    contacts, worst = synthetic.stroll(FRAMES)[1], 0.0
    places = ankles(armature)
    for column, side in enumerate("LR"):
        rows = np.flatnonzero(contacts[:, column])
        for stance in np.split(rows, np.flatnonzero(np.diff(rows) > 1) + 1):
            shown = places[side][stance]
            away = np.linalg.norm(shown[:, None] - shown[None], axis=-1)
            worst = max(worst, 1000 * float(away.max()))
    return worst


def test_smoothing_and_fewer_keys_keep_feet_planted(body: bpy.types.Object, operators: Any) -> None:
    assert drift(body) < 1.0
    before = ankles(body)
    assert operators.smooth(cutoff=1.5) == {"FINISHED"}
    assert drift(body) < 5.0
    assert max(np.abs(places - before[side]).max() for side, places in ankles(body).items()) > 0.02  # swings are smooth
    assert operators.reduce_keys(degrees=1.0, millimetres=5.0) == {"FINISHED"}
    assert drift(body) < 5.0


def test_fewer_keys_let_no_standing_foot_tremble(body: bpy.types.Object, operators: Any) -> None:
    assert operators.reduce_keys(degrees=3.0, millimetres=20.0) == {"FINISHED"}
    assert drift(body) < 5.0


def test_feet_may_move_where_that_is_asked_for(addon: None, operators: Any, tmp_path: Path) -> None:
    body = captured("own", tmp_path)
    assert operators.smooth(cutoff=1.5, keeps_feet=False) == {"FINISHED"}
    assert drift(body) > 10.0
    assert operators.reduce_keys(degrees=3.0, millimetres=20.0, keeps_feet=False) == {"FINISHED"}


def test_a_straight_path_and_exchanged_sides_keep_feet_planted(addon: None, operators: Any, tmp_path: Path) -> None:
    body = captured("own", tmp_path)
    bpy.context.scene.use_preview_range = True
    bpy.context.scene.frame_preview_start, bpy.context.scene.frame_preview_end = 1, FRAMES
    assert operators.swap_sides() == {"FINISHED"}
    contacts = synthetic.stroll(FRAMES)[1][:, ::-1]
    for column, side in enumerate("LR"):
        places = ankles(body)[side]
        rows = np.flatnonzero(contacts[:, column])
        for stance in np.split(rows, np.flatnonzero(np.diff(rows) > 1) + 1):
            assert np.ptp(places[stance], axis=0).max() < 0.005, (side, stance)


def test_lock_feet_holds_what_shows(body: bpy.types.Object, operators: Any, capfd: pytest.CaptureFixture) -> None:
    """On Rigify too, where other bones lie between foot and shin, and where IK controls move the feet."""
    scene = bpy.context.scene
    scene.use_preview_range, scene.frame_preview_start, scene.frame_preview_end = True, 20, 32
    rows = slice(19, 32)
    before = ankles(body)
    assert max(np.ptp(places[rows], axis=0).max() for places in before.values()) > 0.1
    assert operators.lock_feet(blend=3) == {"FINISHED"}
    after = ankles(body)
    for side, places in after.items():
        assert np.ptp(places[rows], axis=0).max() < 0.005, side
        assert np.abs(places[:14] - before[side][:14]).max() < 1e-4
    assert "drifted by" in capfd.readouterr().out
    assert "stand still there already" in complaint(operators.lock_feet, blend=3)


def test_the_whole_character_turns_and_moves_once(body: bpy.types.Object, operators: Any) -> None:
    """Roots of a control rig follow each other by constraints: nothing may be turned twice."""
    before = ankles(body)
    assert operators.set_heading(heading=np.pi / 2) == {"FINISHED"}
    after = ankles(body)
    for side, places in before.items():
        way, turned = places[-1] - places[0], after[side][-1] - after[side][0]
        assert np.allclose(turned, [-way[1], way[0], way[2]], atol=0.02), (side, way, turned)
    assert drift(body) < 1.0
    assert operators.make_loop(blend=8, in_place=True) == {"FINISHED"}
    for side, places in ankles(body).items():
        assert np.abs(places[-1] - places[0]).max() < 1e-3, side
        assert abs(np.mean(places[:, 0]) - np.mean(after[side][:8, 0])) < 0.6, side  # it stays where it started


def test_legs_that_follow_ik_without_keys_are_said(addon: None, operators: Any, tmp_path: Path) -> None:
    body = captured("FK", tmp_path)
    for side in "LR":
        body.pose.bones[f"thigh_parent.{side}"]["IK_FK"] = 0.0
    assert "no keys" in complaint(operators.lock_feet, first=10, last=20)
    assert "switched to IK" in complaint(operators.lock_feet, first=10, last=20)


Nothing = Callable[[Any], Any]
NOTHING: dict[str, tuple[Nothing, str]] = {
    "smooth": (lambda ops: ops.smooth(cutoff=60.0), "cut-off"),
    "reduce_keys": (lambda ops: ops.reduce_keys(degrees=0.01, millimetres=0.01), "no key can go"),
    "unlock_feet": (lambda ops: ops.unlock_feet(first=10, last=20), "raw ones"),
    "set_heading": (lambda ops: ops.set_heading(heading=0.0), "that direction already"),
    "trim": (lambda ops: ops.trim(first=1, last=FRAMES), "all keys"),
    "time_scale": (lambda ops: ops.time_scale(factor=1.0), "Duration is 1"),
}


@pytest.mark.parametrize("tool", NOTHING)
def test_nothing_changed_is_said_with_the_reason(tool: str, addon: None, operators: Any, tmp_path: Path) -> None:
    body = captured("own", tmp_path)
    before = {
        "unlock_feet": lambda: operators.smooth(cutoff=1.5, first=30, last=50),
        "reduce_keys": operators.reduce_keys,
        "set_heading": lambda: operators.set_heading(heading=0.0),
    }
    before.get(tool, lambda: None)()
    count = len(bpy.data.actions)
    call, reason = NOTHING[tool]
    assert reason in complaint(lambda: call(operators))
    assert len(bpy.data.actions) == count and body.animation_data.action.name == "stroll"


def test_a_tool_says_what_it_changed(addon: None, operators: Any, tmp_path: Path, capfd: pytest.CaptureFixture) -> None:
    captured("own", tmp_path)
    operators.smooth(cutoff=1.5)
    said = capfd.readouterr().out
    assert "bones in 58 frames, at most" in said and " mm (" in said, said
