"""Whole bodies and rendered pairs as samples for the training of lifters."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from pose3d_engine.contract import arrays
from pose3d_engine.contract.errors import UserError
from pose3d_engine.contract.skeletons import COCO17, COCO_ROWS, H36M17, H36M_ROWS
from pose3d_engine.pose import joint_definitions
from pose3d_engine.research.data_sets import mocap_data, posed_bodies, rendered_pairs
from pose3d_engine.research.data_sets.mocap_data import Clip
from pose3d_engine.solve.body import LENGTHS

FOCAL, FRAMES = 800.0, 40


def lengths(joints: np.ndarray, name: str) -> np.ndarray:
    parent = next(parent for parent, child in H36M17.bones if child == H36M17.index(name))
    return np.linalg.norm(joints[..., H36M17.index(name), :] - joints[..., parent, :], axis=-1)


def test_bodies_have_rigid_limbs_are_of_one_size_and_the_same_for_a_seed(walking: list[Clip]) -> None:
    joints, face = posed_bodies.Bodies(walking, 3, count=4).motion(6, 30)
    again, _ = posed_bodies.Bodies(walking, 3, count=4).motion(6, 30)
    np.testing.assert_array_equal(joints, again)
    assert face.shape == (6, 30, 5, 3)
    for name in ("RKnee", "LAnkle", "RElbow", "LWrist"):
        assert lengths(joints, name).std(axis=1).max() < 2e-3
    size = sum(lengths(joints, name) for name in ("RKnee", "RAnkle", "Spine", "Thorax"))
    np.testing.assert_allclose(size.mean(axis=1), sum(LENGTHS[n][0] for n in ("RKnee", "RAnkle", "Spine", "Thorax")), rtol=0.03)
    # Y is up, and the nose is before the ears.
    assert (joints[..., H36M17.index("Head"), 1] > joints[..., H36M17.index("Hip"), 1]).mean() > 0.95
    inputs, targets = mocap_data.MocapSampler(walking, 0, bodies=posed_bodies.Bodies(walking, 0, count=2)).batch(5, 20)
    assert inputs.shape == (5, 20, 17, 4)
    assert np.isfinite(inputs).all()
    assert np.abs(targets).max() < 1.6


@pytest.fixture
def pairs(tmp_path: Path, walking: list[Clip]) -> Path:
    """Pairs of a detector that reports the joints of a motion file exactly, but for a frame without a person."""
    for number, split in enumerate((rendered_pairs.TRAINING, rendered_pairs.HELD_OUT)):
        joints = walking[0].joints[:FRAMES] * np.float32([1, -1, -1]) + np.float32([0, 1, 4])
        seen = joint_definitions.from_anatomical(joints)
        keypoints = np.zeros((FRAMES, 17, 3), np.float32)
        keypoints[:, COCO_ROWS, :2] = (seen[..., :2] / seen[..., 2:])[:, H36M_ROWS] * FOCAL + 320
        keypoints[..., 2] = 1
        keypoints[5] = np.nan, np.nan, 0
        arrays.save_npz(
            tmp_path / "mediapipe-full" / f"clip{number:05d}-0.npz",
            {
                "keypoints2d": keypoints,
                "joints": joints,
                "joints2d": joints[..., :2] / joints[..., 2:] * FOCAL + 320,
                "truth": joints,
                "truth2d": keypoints[..., :2],
                "height_m": 1.7,
                "body_axes": joint_definitions.body_axes(joints),
                "focal_px": np.full(FRAMES, FOCAL),
                "centre": np.full((FRAMES, 2), 320.0),
                "width": 640,
                "height": 640,
                "meta": arrays.pack_meta({"split": split}),
            },
        )
    return tmp_path


def test_pairs_are_read_as_a_lifter_gets_them(pairs: Path) -> None:
    (pair,) = rendered_pairs.load(pairs, rendered_pairs.TRAINING)
    assert pair.assumed_over_true == pytest.approx(320 / np.tan(np.radians(30)) / FOCAL)
    assert (pair.scores[5] == 0).all()
    shoulder, joint = COCO17.index("left_shoulder"), H36M17.index("LShoulder")
    # Scaled to canonical size, the offset is a little off.
    image = pair.joints[:, joint, :2] / pair.joints[:, joint, 2:]
    np.testing.assert_allclose(pair.keypoints[:, shoulder], image, atol=2e-3)
    # The frame without a person lies between its neighbours.
    np.testing.assert_allclose(pair.keypoints[5], pair.keypoints[[4, 6]].mean(axis=0), atol=1e-6)
    with pytest.raises(UserError, match="no"):
        rendered_pairs.load(pairs / "mediapipe-full", rendered_pairs.TRAINING)


def test_samples_of_pairs_are_mirrored_and_rolled_together_with_their_truth(pairs: Path) -> None:
    sampler = rendered_pairs.PairSampler(rendered_pairs.load(pairs, rendered_pairs.TRAINING), seed=0)
    inputs, targets = sampler.batch(12, 44, outputs=20)
    assert inputs.shape == (12, 44, 17, 4)
    assert targets.shape == (12, 44, 17, 3)
    # In the virtual camera's axes, who is to the right in the picture is to the right in space.
    middle = slice(12, 32)
    across = inputs[:, middle, COCO_ROWS, 0] - inputs[:, middle, COCO_ROWS, 0].mean(axis=2, keepdims=True)
    true = targets[:, middle][:, :, H36M_ROWS, 0]
    true = true - true.mean(axis=2, keepdims=True)
    correlation = (across * true).sum(axis=(1, 2)) / np.sqrt((across**2).sum(axis=(1, 2)) * (true**2).sum(axis=(1, 2)))
    assert correlation.min() > 0.9
    (scene,) = rendered_pairs.scenes(rendered_pairs.load(pairs, rendered_pairs.HELD_OUT), reach=3)
    assert scene.inputs.shape == (1, FRAMES + 6, 17, 4)
    np.testing.assert_array_equal(scene.inputs[0, 0], scene.inputs[0, 3])
