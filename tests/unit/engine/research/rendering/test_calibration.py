"""Calibration: a detector with known errors gives back these errors; the stored tables can be read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pose3d_engine.contract import arrays
from pose3d_engine.contract.errors import UserError
from pose3d_engine.contract.skeletons import COCO17, H36M17
from pose3d_engine.detect import calibration as stored
from pose3d_engine.research.data_sets import synthetic_poses
from pose3d_engine.research.rendering import calibration, cameras, clips, posing

FRAMES, CLIPS = 60, 120


def known_table() -> dict[str, Any]:
    rng = np.random.default_rng(1)
    points = {}
    for part in stored.PARTS:
        along = np.zeros((2, 3))
        along[: len(stored.BONES.get(part, ())), 1] = rng.normal(0, 0.01)
        points[part] = {
            "offset": np.concatenate([rng.normal(0, 0.02, (1, 3)), rng.normal(0, 0.008, (3, 3))]).tolist(),
            "along": along.tolist(),
            "spread": 0.012,
            "correlation": [0.9, 0.35, 0.04],
            "outliers": [0.02, 0.3],
            "scores": [[0.0, None]],
        }
    return {"layout": "coco17", "clips": 1, "frames": 1, "missing": 0.0, "points": points}


@pytest.fixture(scope="module")
def known_pairs() -> list[dict[str, np.ndarray]]:
    """People in any pose before any camera, and a detector with the errors of the table."""
    rng, found = np.random.default_rng(0), []
    table = stored.from_table("known", known_table())
    joints, face = synthetic_poses.motion(rng, CLIPS, FRAMES, 30.0)
    for number in range(CLIPS):
        body, head = posing.z_up(joints[number]).astype(float), posing.z_up(face[number]).astype(float)
        view = cameras.View(rng.uniform(-180, 180), rng.uniform(-10, 40))
        camera = cameras.place(rng, view, body, 1.7, 30.0, (2000, 2000))
        rows = [H36M17.roles[name] for name in COCO17.joints[5:]]
        points = camera.to_camera(np.concatenate([head, body[:, rows]], axis=1))
        axes = camera.rotation @ clips.body_axes(body)
        expected = table.expected(points, axes, np.full(FRAMES, 1.7))
        noise = np.zeros((FRAMES, 17, 2))
        noise[0] = rng.normal(size=(17, 2))
        for frame in range(1, FRAMES):
            noise[frame] = 0.9 * noise[frame - 1] + (1 - 0.81) ** 0.5 * rng.normal(size=(17, 2))
        pixels = camera.focal[0] / points[..., 2:]
        seen = expected[..., :2] / expected[..., 2:] * camera.focal[0] + camera.centre[:, None]
        seen = seen + 0.012 * noise * pixels
        seen += (rng.random((FRAMES, 17, 1)) < 0.02) * 0.3 * pixels * [1, 0]
        found.append(
            {
                "keypoints2d": np.concatenate([seen, np.ones((FRAMES, 17, 1))], axis=-1),
                "truth": points,
                "truth2d": points[..., :2] / points[..., 2:] * camera.focal[0] + camera.centre[:, None],
                "body_axes": axes,
                "focal_px": camera.focal,
                "width": np.array(2000),
                "height": np.array(2000),
                "height_m": np.array(1.7),
                "meta": arrays.pack_meta({"split": "held-out" if number % 5 == 4 else "training"}),
            }
        )
    return found


def test_known_errors_come_back(known_pairs: list[dict[str, np.ndarray]]) -> None:
    observed = calibration.Observations.of(known_pairs)
    table, known = observed.table("coco17"), known_table()
    assert table["clips"] == CLIPS * 4 // 5 and table["missing"] == 0
    for part, point in table["points"].items():
        assert point["spread"] == pytest.approx(0.012, rel=0.15)
        assert point["correlation"] == pytest.approx(known["points"][part]["correlation"], abs=0.12)
        assert point["outliers"] == pytest.approx([0.02, 0.3], abs=0.03)
    # What depends on view and pose is partly one and the same, so compare where the points are expected.
    known_detector, measured = stored.from_table("a", known), stored.from_table("b", table)
    for pair in known_pairs[4::5]:
        given = (pair["truth"], pair["body_axes"], np.full(FRAMES, 1.7))
        apart = known_detector.expected(*given)[..., :2] - measured.expected(*given)[..., :2]
        assert np.sqrt((apart**2).mean()) < 0.004
    assert observed.report().count("\n") == 1 + len(stored.PARTS)


def test_without_training_clips_there_is_no_table(known_pairs: list[dict[str, np.ndarray]]) -> None:
    with pytest.raises(UserError, match="held out"):
        calibration.Observations.of(known_pairs[4:5])


def test_tables_are_stored_beside_each_other(tmp_path: Path) -> None:
    file = tmp_path / "calibration.json"
    calibration.store(file, "b", known_table())
    calibration.store(file, "a", known_table())
    assert list(json.loads(file.read_text())) == ["a", "b"]


def test_each_detector_has_a_table(monkeypatch: pytest.MonkeyPatch) -> None:
    full = stored.load("mediapipe")
    assert full.name == "mediapipe-full" and full.offset.shape == (17, 4, 3) and 0.005 < full.spread.max() < 0.05
    assert stored.load("mediapipe-lite").name == "mediapipe-full"
    assert stored.load("rtmpose").name == stored.FALLBACK
    assert stored.load("keypoints of another program").name == stored.FALLBACK


def test_the_expected_point_lies_on_its_own_side_and_scales_with_the_person() -> None:
    points = np.tile([0, 0, 4.0], (17, 1))
    for side, x in (("left", 0.1), ("right", -0.1)):
        for row, name in enumerate(COCO17.joints):
            if name.startswith(side):
                points[row, 0] = x
    table = stored.from_table("known", known_table())
    table.offset[:], table.along[:] = 0, 0
    table.offset[:, 0] = [0.01, 0.02, 0.03]  # out, forward, up
    # A person who faces the camera.
    axes = np.stack([[1.0, 0, 0], [0, 0, 1.0], [0, -1.0, 0]], axis=-1)
    moved = table.expected(points, axes, 3.4) - points
    left, right = (moved[COCO17.index(f"{side}_hip")] for side in ("left", "right"))
    assert left == pytest.approx([0.02, -0.06, -0.04]) and right == pytest.approx([-0.02, -0.06, -0.04])
