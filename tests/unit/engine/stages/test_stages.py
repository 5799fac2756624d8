"""The stages of a capture: switched, measured and fed by shared code; two sources of 3D; camera, views, layers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from pose3d_engine import layers, pipeline, stages
from pose3d_engine.contract.errors import UserError
from pose3d_engine.contract.layers import Channel, Layer
from pose3d_engine.contract.motion_file import Motion
from pose3d_engine.contract.settings import CaptureSettings
from pose3d_engine.take import Camera, CameraTilt, Observations
from tests.support.filmed import people, project, walk


def names(settings: CaptureSettings) -> list[str]:
    """The stages that run for a clip that offers nothing but 2D, in order."""
    ran: list[str] = []
    pipeline.capture(people(project(walk(40))), settings, observe=lambda name, seconds: ran.append(name))
    return ran


def test_every_stage_is_named_once_and_has_a_title() -> None:
    found = [stage.name for stage in stages.STAGES]
    assert len(set(found)) == len(found)
    assert all(stage.title for stage in stages.STAGES)


def test_stages_run_in_their_order_and_are_measured() -> None:
    ran = names(CaptureSettings(device="cpu"))
    order = [stage.name for stage in stages.STAGES]
    assert ran == sorted(ran, key=order.index)
    # Without points on hands there is nothing for these.
    assert set(order) - set(ran) == {"orientations"}


def test_switches_leave_stages_or_terms_of_the_solver_out() -> None:
    every = CaptureSettings(device="cpu")
    worlds = {}
    for name in sorted(every.motion):
        fewer = CaptureSettings(device="cpu", motion=every.motion - {name})
        assert set(names(every)) - set(names(fewer)) == ({"depth_flips"} if name == "limits" else set())
        worlds[name] = pipeline.capture(people(project(walk(40))), fewer)[0].world
    whole = pipeline.capture(people(project(walk(40))), every)[0].world
    for name in ("filter", "fit", "level"):
        assert np.isfinite(worlds[name]).all() and np.abs(worlds[name] - whole).max() > 1e-3, name


def test_the_user_is_told_the_title_of_every_stage() -> None:
    told: list[str] = []
    clip = people(project(walk(40)))
    pipeline.capture(clip, CaptureSettings(device="cpu"), lambda stage, done, total: told.append(stage))
    titles = {stage.name: stage.title for stage in stages.STAGES}
    assert set(titles.values()) - set(told) == {titles["orientations"]}


def test_raw_stops_after_the_3d_model() -> None:
    assert not {"depth_flips", "fit", "plant", "feet"} & set(names(CaptureSettings(device="cpu", raw=True)))


class TestMotionOfAnotherSystem:
    def test_it_replaces_the_3d_model(self, tmp_path: Path) -> None:
        clip = people(project(walk(40)))
        own = pipeline.capture(clip, CaptureSettings(device="cpu", raw=True))[0]
        path = tmp_path / "other.npz"
        np.savez(path, joints3d=own.joints3d, frames=own.frames)
        again = pipeline.capture(clip, CaptureSettings(motion_source=path))[0]
        direct = pipeline.capture(clip, CaptureSettings(device="cpu"))[0]
        assert again.meta["lifter"] == "file" and again.meta["checkpoint"] == "other.npz"
        # A raw pose differs from what the 3D model gave by one factor, which the stages set anyway.
        np.testing.assert_allclose(again.world, direct.world, atol=2e-3)

    def test_a_motion_file_is_one(self, tmp_path: Path) -> None:
        clip = people(project(walk(40)))
        motion = pipeline.capture(clip, CaptureSettings(device="cpu"))[0]
        motion.save(tmp_path / "motion.npz")
        assert len(pipeline.capture(clip, CaptureSettings(motion_source=tmp_path / "motion.npz"))[0]) == 40

    @pytest.mark.parametrize(
        ("arrays", "reason"),
        [
            ({"joints3d": np.zeros((39, 17, 3))}, "all joints of person 1 are at one place"),
            ({"joints3d": np.full((40, 17, 3), np.nan)}, "values that are not finite"),
            ({"joints3d": np.zeros((40, 16, 3))}, "give finite"),
            ({"joints3d": np.zeros((40, 17, 3)), "frames": np.zeros(3, int)}, "one whole number a row"),
            ({"positions": np.zeros((40, 17, 3))}, "not 3D motion of a known system .positions"),
        ],
    )
    def test_an_invalid_file_is_refused(self, tmp_path: Path, arrays: dict[str, np.ndarray], reason: str) -> None:
        np.savez(tmp_path / "other.npz", **arrays)
        with pytest.raises(UserError, match=reason):
            pipeline.capture(people(project(walk(40))), CaptureSettings(motion_source=tmp_path / "other.npz"))


def test_rays_invert_projection() -> None:
    camera = Camera.from_fov(1280, 720, 60.0)
    points = np.random.default_rng(0).uniform([-1, -1, 3], [1, 1, 6], (20, 3))
    pixels = points[:, :2] / points[:, 2:] * camera.focal + [640, 360]
    np.testing.assert_allclose(camera.rays(pixels) * points[:, 2:], points[:, :2], atol=1e-12)
    np.testing.assert_allclose(camera.rays(np.array([1280, 360])), [np.tan(np.radians(30.0)), 0], atol=1e-12)


def test_the_rotation_of_a_tilted_camera() -> None:
    rotation = CameraTilt(20.0, 5.0, known=True).rotation
    np.testing.assert_allclose(rotation @ rotation.T, np.eye(3), atol=1e-12)
    assert (CameraTilt(20.0, 0.0, known=True).rotation @ [0, 0, 1])[2] < 0  # looks down


def test_capabilities_of_a_view() -> None:
    camera, body = Camera(640, 480, 500.0), np.zeros((5, 17, 3))
    blazepose = {"blazepose33": np.zeros((5, 33, 3)), "blazepose33_world": np.zeros((5, 33, 3))}
    assert Observations("main", camera, 30.0, body, {}).capabilities == {"body2d"}
    assert Observations("main", camera, 30.0, body, blazepose).capabilities == {"body2d", "body3d", "parts", "soles"}
    assert Observations("main", camera, 30.0, body, {"halpe26": np.zeros((5, 26, 3))}).capabilities >= {"soles"}


class TestLayers:
    def test_an_array_that_does_not_fit_is_a_fault(self, monkeypatch: pytest.MonkeyPatch) -> None:
        layer = Layer("orientations", "Title", "Help", frozenset(), (Channel("count", "value"),))
        monkeypatch.setattr("pose3d_engine.layers.orientations.capture", lambda shot, take: {"count": np.zeros((3, 2))})
        take = type("T", (), {"detected": np.ones(3, bool), "layers": {}})()
        with pytest.raises(ValueError, match="count is"):
            layers.add(layer, None, take)  # type: ignore[arg-type]

    def test_a_file_of_the_first_version_keeps_its_orientations_but_no_feet(self, tmp_path: Path) -> None:
        motion = pipeline.capture(people(project(walk(40))), CaptureSettings(device="cpu"))[0]
        parts = ("head", "left_hand", "right_hand", "left_foot", "right_foot")
        motion.extras = {f"{part}_R": np.tile(np.eye(3, dtype=np.float32), (40, 1, 1)) for part in parts}
        motion.extras["orientation_valid"] = np.tile([True, False, True, False, True], (40, 1))
        motion.save(tmp_path / "new.npz")
        with np.load(tmp_path / "new.npz") as stored:
            old = {name: stored[name] for name in stored.files if name not in ("format", "version")}
        np.savez(tmp_path / "old.npz", **old)
        loaded = Motion.load(tmp_path / "old.npz")
        assert [bool(loaded.extras[f"{part}_valid"][0]) for part in parts[:3]] == [True, False, True]
        # They do not agree with the floor, so the add-on is to make its own.
        assert not {name for name in loaded.extras if "foot" in name}


@pytest.mark.parametrize(("change", "reason"), [({"version": 99}, "newer"), ({"format": "other"}, "not a file of")])
def test_a_newer_or_another_file_is_one_line(tmp_path: Path, change: dict[str, object], reason: str) -> None:
    pipeline.capture(people(project(walk(40))), CaptureSettings(device="cpu"))[0].save(tmp_path / "motion.npz")
    with np.load(tmp_path / "motion.npz") as stored:
        arrays = {name: stored[name] for name in stored.files}
    np.savez(tmp_path / "changed.npz", **{**arrays, **{key: np.array(value) for key, value in change.items()}})
    with pytest.raises(UserError, match=reason):
        Motion.load(tmp_path / "changed.npz")
