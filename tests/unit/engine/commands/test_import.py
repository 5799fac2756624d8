"""``pose3d import``: files of other systems become motion files, upright, at their rate, in their size."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from blender_addon.maths import motion_file
from pose3d_engine.__main__ import main
from pose3d_engine.contract.motion_file import Motion
from pose3d_engine.contract.settings import CaptureSettings
from pose3d_engine.formats import motion as motion_files
from pose3d_engine.formats.motion import Motion3D, Person3D
from pose3d_engine.formats.motion.figure import NAMES
from pose3d_engine.stages import imported as imported_stage
from tests.support import filmed
from tests.support import motion_writers as write
from tests.support.motion_writers import performance
from tests.support.synthetic import stroll


def imported(source: Path, *words: str, person: str = "") -> Motion:
    output = source.with_name("out.npz")
    assert main(["import", str(source), "-o", str(output), *words]) == 0
    return Motion.load(output.with_name(f"out{person}.npz"))


def moved(world: np.ndarray) -> np.ndarray:
    """Joints without the place that an import chooses: the first Hip is above the origin, the floor below the feet."""
    return world - [*world[0, 0, :2], world[:, [3, 6], 2].min()]


def test_the_motion_is_that_of_the_file(tmp_path: Path) -> None:
    one = performance(240, 120.0)
    found = imported(write.amass(tmp_path / "a.npz", one), "--feet", "never")
    np.testing.assert_allclose(moved(found.world), moved(one.world), atol=0.04)  # bones get one length a clip
    limbs = [1, 2, 3, 4, 5, 6]
    np.testing.assert_allclose(moved(found.world)[:, limbs], moved(one.world)[:, limbs], atol=5e-3)
    np.testing.assert_allclose(found.times, np.arange(240) / 120.0)
    assert found.meta["fps"] == 120.0
    assert found.meta["imported"] == {
        "person": "1", "keypoints2d": False, "path": True, "metric": True, "contacts": False, "camera": False,
    }  # fmt: skip
    assert not found.keypoints2d.any() and (found.confidence == 1).all()
    assert found.meta["height_m"] == pytest.approx(1.70, abs=0.01)
    lengths = np.linalg.norm(found.world[:, 2] - found.world[:, 1], axis=-1)
    assert np.ptp(lengths) < 1e-5


def test_a_travelling_camera_comes_along(tmp_path: Path) -> None:
    one = performance()
    found = imported(write.gvhmr(tmp_path / "a.pt", one), "--fps", "30", "--feet", "never")
    in_camera = found.joints3d + found.root[:, None]
    np.testing.assert_allclose(in_camera[:, 1:7], one.in_camera[:, 1:7], atol=5e-3)
    # On average the camera looks along +y, so that who faces it faces -y; its way is that of the file.
    ahead = found.camera_R[:, :, 2].mean(axis=0)
    assert abs(ahead[0]) < 1e-3 < ahead[1]
    way = np.linalg.norm(found.camera_t[-1] - found.camera_t[0])
    assert way == pytest.approx(np.linalg.norm(one.camera_t[-1] - one.camera_t[0]), abs=0.02)
    assert (found.meta["width"], found.meta["focal_px"]) == (1280, pytest.approx(1100.0))
    assert found.extras["head_valid"].all()
    faces = found.extras["head_R"][0] @ [0, -1, 0]
    head = one.places()[1][NAMES.index("head")].apply([0, 0, 1]) @ write.Z_UP.T
    np.testing.assert_allclose(faces, motion_files.to_north(write.Z_UP @ one.camera_R) @ head[0], atol=1e-3)


@pytest.mark.parametrize(
    ("writer", "name"),
    [(write.videopose3d, "a.npy"), (write.motionbert, "X3D.npy"), (write.sam3d, "a.npz"), (write.phalp, "a.pkl")],
)
def test_camera_files_are_upright(tmp_path: Path, writer: write.Any, name: str) -> None:
    found = imported(writer(tmp_path / name, performance(90)), "--fps", "25", "--tilt", "5.7", "--roll", "0")
    up = found.world[:, 10, 2] - found.world[:, [3, 6], 2].mean(axis=1)
    assert up.mean() == pytest.approx(1.43, abs=0.05)
    assert found.world[:, [3, 6], 2].min() == pytest.approx(0.08, abs=0.035)
    # The person faces the camera at first: their left is where +x is.
    assert found.world[0, 4, 0] > found.world[0, 1, 0]
    assert motion_file.load(tmp_path / "out.npz").fps == 25.0


def test_a_person_without_a_path_stays_and_is_said_to(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = imported(write.videopose3d(tmp_path / "a.npy", performance()), "--fps", "30", "--height", "1.8")
    assert np.ptp(found.world[:, 0, :2], axis=0).max() < 1e-4
    np.testing.assert_allclose(found.world[:, [3, 6], 2].min(axis=1), 0.08 * 1.8 / 1.7, atol=0.06)  # toes point down
    assert found.meta["height_m"] == pytest.approx(1.8, abs=0.01)
    assert "the file has no path" in capsys.readouterr().err


def test_people_of_a_file(tmp_path: Path) -> None:
    path = write.wham(tmp_path / "a.pkl", performance(), performance(turn=-0.5), gap=slice(20, 26))
    second = imported(path, "--fps", "30", "--person", "all", "--feet", "never", person=".person2")
    assert second.meta["person"] == 2 and second.meta["imported"]["person"] == "1"
    assert not second.confidence[20:26].any() and second.confidence[30:].all()
    assert not second.contacts[20:26].any()
    assert [one["code"] for one in second.meta["warnings"]] == ["partly_visible"]
    start = second.world[0, 0] - Motion.load(path.with_name("out.person1.npz")).world[0, 0]
    np.testing.assert_allclose(start, 0, atol=0.02)  # both began at one place


def test_feet_are_planted() -> None:
    """On a walk whose feet slide a little, as those of the systems do."""
    world, contacts = stroll(120)
    world[..., 0] += 0.05 * np.sin(np.arange(120) / 15)[:, None]
    file = Motion3D("made", [Person3D(np.arange(120), world)], fps=30.0)
    slides = []
    for mode in ("never", "auto"):
        (found,) = imported_stage.motions(file, CaptureSettings(feet=mode, motion=frozenset({"level"})), None, None)
        speed = np.linalg.norm(np.diff(found.world[:, [6, 3], :2], axis=0), axis=-1) * 30
        slides.append(float(speed[contacts[1:] & contacts[:-1]].mean()))
    assert slides[1] < 0.6 * slides[0]
    assert (found.contacts == contacts).mean() > 0.75


def test_contacts_of_the_file_are_kept(tmp_path: Path) -> None:
    found = imported(write.prompthmr(tmp_path / "results.pkl", performance()), "--fps", "30", "--feet", "never")
    assert found.meta["imported"]["contacts"]
    np.testing.assert_array_equal(found.contacts[:2], [[True, False], [False, True]])


def test_people_of_the_clip_in_place_of_the_clip(tmp_path: Path) -> None:
    one = performance()
    filmed.people(filmed.project(one.in_camera)).save(tmp_path / "people.npz")
    source = write.videopose3d(tmp_path / "a.npy", one)
    found = imported(source, "--video", str(tmp_path / "people.npz"), "--feet", "never")
    assert found.keypoints2d[..., 2].all() and found.meta["lifter"] == "VideoPose3D or MotionBERT"
    assert np.linalg.norm(found.root[-1] - found.root[0]) > 0.3  # the path is found in the picture


def test_stages_are_switched_as_in_a_capture(tmp_path: Path) -> None:
    one = performance(90)
    rng = np.random.default_rng(3)
    rough = one.world + rng.normal(0, 0.01, one.world.shape)
    np.save(tmp_path / "a.npy", rough - rough[:, :1])
    plain = imported(tmp_path / "a.npy", "--fps", "30")
    smooth = imported(tmp_path / "a.npy", "--fps", "30", "--motion", "filter")
    jitter = [float(np.abs(np.diff(one.world[:, 13], 2, axis=0)).mean()) for one in (plain, smooth)]
    assert jitter[1] < 0.5 * jitter[0]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((), "does not say its frame rate; give --fps, or its clip with --video"),
        (("--fps", "0.5"), "--fps is 0.5; give frames a second from 1 to 2000"),
        (("--fps", "30", "--person", "3"), "has 1 people, no person 3"),
    ],
)
def test_bad_use(tmp_path: Path, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], message: str) -> None:
    path = write.gvhmr(tmp_path / "a.pt", performance(10))
    assert main(["import", str(path), "-o", str(tmp_path / "out.npz"), *words]) == 2
    said = capsys.readouterr().err
    assert message in said and said.count("\n") == 1
    assert sorted(tmp_path.iterdir()) == [path]


def test_nothing_is_left_of_a_file_that_cannot_be_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.pkl").write_bytes(b"\x80\x04}.")
    assert main(["import", str(tmp_path / "a.pkl"), "-o", str(tmp_path / "out.npz"), "--fps", "30"]) == 2
    assert "not 3D motion of a known system" in capsys.readouterr().err
    assert not (tmp_path / "out.npz").exists()
