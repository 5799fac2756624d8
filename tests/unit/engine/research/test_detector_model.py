"""The simulation of a measured detector: exactly its offsets, the spread and the slowness of its errors."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from pose3d_engine.contract.skeletons import COCO17
from pose3d_engine.pose import joint_definitions
from pose3d_engine.research.data_sets import detector_model, mocap_data
from pose3d_engine.research.data_sets.detector_model import Errors

Scene = tuple[np.ndarray, np.ndarray]


@pytest.fixture
def bodies(mocap_file: Path) -> Scene:
    """Joints and faces (96,100,...) of moving bodies before cameras."""
    sampler = mocap_data.MocapSampler(mocap_data.load_clips(mocap_file), seed=0)
    joints, face = sampler._motion(96, 100)
    joints, face = sampler._project(*sampler._orient(joints, face))
    return joints.astype(np.float32), face.astype(np.float32)


def expected(joints: np.ndarray, face: np.ndarray) -> np.ndarray:
    points = detector_model.coco_points(joints, face)
    return detector_model.measured().expected(points, joint_definitions.body_axes(joints), detector_model.HEIGHT)


def test_without_noise_keypoints_are_off_the_joints_by_the_table(bodies: Scene) -> None:
    errors = Errors(spread=0, outliers=False)
    found, scores = detector_model.detect(np.random.default_rng(0), detector_model.measured(), *bodies, errors)
    wanted = expected(*bodies)
    limbs = detector_model.LIMBS
    np.testing.assert_allclose(found[:, :, limbs], (wanted[..., :2] / wanted[..., 2:])[:, :, limbs], atol=1e-4)
    assert scores.min() > 0.75
    # Somebody's left shoulder, seen from the front, is where the table has it.
    table, offset = detector_model.measured(), wanted - detector_model.coco_points(*bodies)
    left = COCO17.index("left_shoulder")
    assert 0.01 < np.linalg.norm(offset[:, :, left], axis=-1).mean() < 0.06
    assert np.linalg.norm(table.offset[left, 0]) < 0.06


def test_errors_have_the_spread_the_slowness_and_the_outliers_of_the_table(bodies: Scene) -> None:
    table = detector_model.measured()
    found, scores = detector_model.detect(np.random.default_rng(1), table, *bodies)
    wanted = expected(*bodies)
    error = (found - wanted[..., :2] / wanted[..., 2:]) * wanted[..., 2:]
    limbs = np.array(detector_model.LIMBS)
    error = error[:, :, limbs]
    usual = np.linalg.norm(error, axis=-1) < 0.15
    kept = np.where(usual[..., None], error, np.nan)
    np.testing.assert_allclose(np.nanstd(kept, axis=(0, 1)).mean(axis=-1), table.spread[limbs], rtol=0.35)
    power = np.nanmean(kept**2, axis=(0, 1, 3))
    for column, lag in enumerate((1, 10, 30)):
        correlation = np.nanmean(kept[:, lag:] * kept[:, :-lag], axis=(0, 1, 3)) / power
        # Outliers shorten what is kept; slow errors stay slow.
        np.testing.assert_allclose(correlation, table.correlation[limbs, column], atol=0.25)
    share = 1 - usual.mean(axis=(0, 1))
    assert 0.3 * table.outliers[limbs, 0].mean() < share.mean() < 2 * table.outliers[limbs, 0].mean()
    assert scores.min() == 0
    assert scores.max() <= 1


def test_a_still_body_has_a_still_error(bodies: Scene) -> None:
    joints, face = (np.repeat(part[:, :1], 100, axis=1) for part in bodies)
    noise = detector_model.correlated_errors(
        np.random.default_rng(2),
        detector_model.measured(),
        detector_model.coco_points(joints, face),
        joint_definitions.body_axes(joints),
    )
    assert np.std(noise) == pytest.approx(1, abs=0.1)
    # Its mean over the clip does not vanish: what pose and person cause stays.
    last = detector_model.measured().correlation[:, 2].mean()
    assert np.square(noise.mean(axis=1)).mean() == pytest.approx(last, abs=0.15)
