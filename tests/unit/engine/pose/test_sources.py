"""Motion of other systems in place of a 3D model: the right person at the right frame, fitted to the video."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from pose3d_engine import pipeline
from pose3d_engine.contract.errors import UserError
from pose3d_engine.contract.settings import CaptureSettings
from pose3d_engine.formats import motion
from pose3d_engine.pose.sources import FromFile
from pose3d_engine.progress import silent
from pose3d_engine.take import Camera, Take
from tests.support import motion_writers as write
from tests.support.filmed import FOCAL, HEIGHT, WIDTH, people, project
from tests.support.motion_writers import performance

CAMERA = Camera(WIDTH, HEIGHT, FOCAL)


def relative(joints: np.ndarray) -> np.ndarray:
    return joints - joints[:, :1]


def estimate(source: FromFile, row: int) -> np.ndarray:
    take = Take.__new__(Take)
    take.person = row
    return source.estimate(take, silent)


def test_each_person_gets_their_own_motion(tmp_path: Path) -> None:
    one, other = performance(turn=0.4), performance(turn=-0.6)
    file = motion.read(write.wham(tmp_path / "a.pkl", one, other))
    clip = people(project(other.in_camera), project(one.in_camera))
    source = FromFile(file, clip, [0, 1], CAMERA)
    np.testing.assert_allclose(estimate(source, 0), relative(other.in_camera), atol=5e-3)
    np.testing.assert_allclose(estimate(source, 1), relative(one.in_camera), atol=5e-3)
    only = FromFile(file, clip, [1], CAMERA)
    np.testing.assert_allclose(estimate(only, 1), relative(one.in_camera), atol=5e-3)


def test_a_file_of_one_person_has_nobody_for_two(tmp_path: Path) -> None:
    one, other = performance(turn=0.4), performance(turn=-0.6)
    clip = people(project(one.in_camera), project(other.in_camera))
    with pytest.raises(UserError, match="has 1 people, none for person 2 of the video"):
        FromFile(motion.read(write.gvhmr(tmp_path / "a.pt", one)), clip, [0, 1], CAMERA)


def test_a_still_camera_is_found_for_a_file_with_a_world_alone(tmp_path: Path) -> None:
    one = performance(still=True, turn=1.0)
    clip = people(project(one.in_camera))
    source = FromFile(motion.read(write.amass(tmp_path / "a.npz", one)), clip, [0], CAMERA)
    bones = relative(one.in_camera)
    apart = np.linalg.norm(estimate(source, 0) - bones, axis=-1)
    assert np.median(apart) < 0.05  # by scaled orthography: perspective is not in it


def test_another_rate_is_brought_to_that_of_the_video(tmp_path: Path) -> None:
    fast, slow = performance(240, 120.0, still=True, turn=1.0), performance(60, 30.0, still=True, turn=1.0)
    clip = people(project(slow.in_camera))
    path = write.amass(tmp_path / "a.npz", fast)
    source = FromFile(motion.read(path), clip, [0], CAMERA)
    at_rate = FromFile(motion.read(write.amass(tmp_path / "b.npz", slow)), clip, [0], CAMERA)
    assert np.abs(estimate(source, 0) - estimate(at_rate, 0)).max() < 0.06


@pytest.mark.parametrize("frames", [40, 90])
def test_numbers_of_frames_that_do_not_agree_are_refused(tmp_path: Path, frames: int) -> None:
    clip = people(project(performance(60).in_camera))
    file = motion.read(write.gvhmr(tmp_path / "a.pt", performance(frames)))
    with pytest.raises(UserError, match=f"its last frame is {frames - 1}, that of the video is 59; .*--fps"):
        FromFile(file, clip, [0], CAMERA)
    # The same, resampled by the other system, is of the clip.
    other_rate = replace(file, fps=frames / 2.0)
    assert np.isfinite(estimate(FromFile(other_rate, clip, [0], CAMERA), 0)).all()


def test_a_person_who_is_hardly_in_the_file_is_refused(tmp_path: Path) -> None:
    one = performance()
    file = motion.read(write.wham(tmp_path / "a.pkl", one, gap=slice(10, 60)))
    with pytest.raises(UserError, match="has person 0 in 10 of the 60 frames"):
        FromFile(file, people(project(one.in_camera)), [0], CAMERA)


def test_a_capture_follows_the_file_and_its_camera(tmp_path: Path) -> None:
    one = performance(90)
    clip = people(project(one.in_camera))
    settings = CaptureSettings(motion_source=write.gvhmr(tmp_path / "a.pt", one), feet="never")
    result = pipeline.capture(clip, settings)[0]
    assert result.meta["lifter"] == "GVHMR" and result.meta["checkpoint"] == "a.pt"
    from_import = write.Z_UP @ one.camera_R
    north = motion.to_north(from_import)
    np.testing.assert_allclose(result.camera_R, north @ from_import, atol=1e-3)
    # Bones point where they did, in a world that is upright.
    found, true = relative(result.world), relative(one.world @ north.T)
    assert np.degrees(np.median(angle(found, true))) < 6
    assert result.world[:, [3, 6], 2].min() == pytest.approx(0.08, abs=0.05)


def angle(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Radians between the limbs of two motions."""
    pairs = [(1, 2), (2, 3), (4, 5), (5, 6), (11, 12), (12, 13), (14, 15), (15, 16), (7, 8)]
    bones = [[motion_[:, child] - motion_[:, parent] for parent, child in pairs] for motion_ in (a, b)]
    unit = [np.array(one) / np.linalg.norm(one, axis=-1, keepdims=True) for one in bones]
    return np.arccos(np.clip((unit[0] * unit[1]).sum(-1), -1, 1))


def test_a_command_is_a_source(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    import sys

    one = performance()
    made = write.gvhmr(tmp_path / "made.pt", one)
    program = tmp_path / "a program.py"
    code = "import shutil, sys\nprint('running', sys.argv[1])\n"
    program.write_text(f"{code}shutil.copy({str(made)!r}, sys.argv[2] + '/hmr4d_results.pt')\n", encoding="utf-8")
    command = f'"{sys.executable}" "{program}" {{video}} {{output}}'
    clip = people(project(one.in_camera))
    result = pipeline.capture(clip, CaptureSettings(motion_command=command))[0]
    assert result.meta["lifter"] == "GVHMR"
    assert "walk.mp4" in capfd.readouterr().err
    for bad, message in (("import sys; sys.exit(3)", "motion command failed with status 3"), ("pass", "wrote nothing")):
        program.write_text(bad, encoding="utf-8")
        with pytest.raises(UserError, match=message):
            pipeline.capture(clip, CaptureSettings(motion_command=command))
    with pytest.raises(UserError, match=r"motion command lacks \{output\}"):
        pipeline.capture(clip, CaptureSettings(motion_command="gvhmr {video}"))
