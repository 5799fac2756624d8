"""The public API and the examples that use it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import pose3d_engine


def run(root: Path, *words: str | Path) -> str:
    """What a program of the engine's Python prints."""
    done = subprocess.run(
        [sys.executable, *map(str, words)], cwd=root, capture_output=True, text=True, check=False, timeout=300
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_importing_the_package_loads_no_library(root: Path) -> None:
    code = "import sys, pose3d_engine; print([name for name in ('numpy', 'torch', 'cv2') if name in sys.modules])"
    assert run(root, "-c", code) == "[]\n"


def test_reading_a_motion_file_loads_no_network_library(root: Path) -> None:
    code = "import sys; from pose3d_engine import Motion, People; print('torch' in sys.modules)"
    assert run(root, "-c", code) == "False\n"


def test_every_public_name_exists() -> None:
    assert {name: getattr(pose3d_engine, name).__name__ for name in pose3d_engine.__all__} == {
        name: name for name in pose3d_engine.__all__
    }
    assert set(pose3d_engine.__all__) <= set(dir(pose3d_engine))


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="nothing"):
        _ = pose3d_engine.nothing  # type: ignore[attr-defined]


def test_the_package_is_typed(root: Path) -> None:
    assert (root / "pose3d_engine" / "py.typed").is_file()


def test_a_video_becomes_a_motion(root: Path, demo_clip: Path, detector_model: Path, tmp_path: Path) -> None:
    printed = run(root, "examples/video_to_motion.py", demo_clip, tmp_path / "motion.npz")
    motion = pose3d_engine.Motion.load(tmp_path / "motion.npz")
    assert "person 1 of" in printed
    assert 55 <= len(motion) <= 62


def test_keypoints_of_another_detector_become_a_motion(root: Path, demo_clip: Path, tmp_path: Path) -> None:
    """A person who stands still in the middle of the demo clip, missing for some frames."""
    pose = np.array(
        [[0, 0], [-2, -2], [2, -2], [-5, 0], [5, 0], [18, 25], [-18, 25], [22, 60], [-22, 60], [24, 90], [-24, 90]]
        + [[11, 95], [-11, 95], [11, 140], [-11, 140], [11, 185], [-11, 185]]
    )
    keypoints = np.full((60, 17, 3), 0.9)
    keypoints[..., :2] = [884, 400] + 2.0 * pose
    keypoints[20:25] = np.nan
    np.save(tmp_path / "keypoints.npy", keypoints)
    run(root, "examples/custom_detector.py", demo_clip, tmp_path / "keypoints.npy", tmp_path / "motion.npz")
    motion = pose3d_engine.Motion.load(tmp_path / "motion.npz")
    assert len(motion) == 60
    assert motion.world[:, 9, 2].min() > 0.8  # metres: the head is above the floor
