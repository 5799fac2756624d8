import csv

import numpy as np
import pytest

from pose3d_engine.errors import UserError
from pose3d_engine.evaluation import mocap as evaluation
from pose3d_engine.lifters.tcn import TcnConfig, read_weights
from pose3d_engine.progress import silent
from pose3d_engine.skeletons import H36M17
from pose3d_engine.training import mocap, mocap_data


def test_split_is_by_take(mocap_file):
    training, validation = mocap_data.split(mocap_data.load_clips(mocap_file))
    assert [clip.source for clip in training] == ["generated", "generated"]
    assert [mocap_data.take(clip) for clip in validation] == ["bvh_salsa 04", "amc_01 01_07"]


def test_samples_are_bodies_of_canonical_size_with_rigid_bones(mocap_file):
    sampler = mocap_data.MocapSampler(mocap_data.load_clips(mocap_file), seed=0)
    inputs, targets = sampler.batch(16, 40)
    assert inputs.shape == targets.shape == (16, 40, 17, 3)
    assert np.isfinite(inputs).all()
    assert np.isfinite(targets).all()
    assert (targets[:, :, 0] == 0).all()
    size = {}
    for parent, child in H36M17.bones:
        lengths = np.linalg.norm(targets[:, :, child] - targets[:, :, parent], axis=-1)
        assert lengths.std(axis=1).max() < 1e-4
        size[H36M17.joints[child]] = lengths[:, 0]
    np.testing.assert_allclose(size["RKnee"], size["LKnee"], atol=1e-4)
    chain = sum(size[joint] for joint in mocap_data.CHAIN)
    np.testing.assert_allclose(chain, mocap_data.CHAIN_LENGTH, atol=1e-3)


def test_samples_are_what_a_camera_sees(mocap_file):
    """Without noise, the true joints lie on the rays of the keypoints; and upright people are upright."""
    quiet = mocap_data.Variety(
        recombined=0, perturbed=0, tilted=0, fallen=0, steep=0, rolled=0, warped=False, noise=1e-6
    )
    scene = mocap_data.MocapSampler(mocap_data.load_clips(mocap_file), seed=1, variety=quiet).scene(8, 30)
    good = scene.scores > 0.9
    joints = np.zeros((*scene.keypoints.shape[:3], 2))
    joints[:, :, mocap_data.COCO_ROWS] = (scene.joints[..., :2] / scene.joints[..., 2:])[:, :, mocap_data.H36M_ROWS]
    error = np.linalg.norm(scene.keypoints - joints, axis=-1)[:, :, 5:]
    assert np.median(error[good[:, :, 5:]]) < 1e-4
    head, ankle = H36M17.index("Head"), H36M17.index("RAnkle")
    assert (scene.joints[..., head, 1] < scene.joints[..., ankle, 1]).mean() > 0.95  # y is down


def test_the_same_seed_gives_the_same_samples(mocap_file):
    clips = mocap_data.load_clips(mocap_file)
    a = mocap_data.MocapSampler(clips, seed=3).batch(4, 30)
    b = mocap_data.MocapSampler(clips, seed=3).batch(4, 30)
    c = mocap_data.MocapSampler(clips, seed=4).batch(4, 30)
    np.testing.assert_array_equal(a[0], b[0])
    assert not np.array_equal(a[0], c[0])


def test_noise_lowers_scores_where_it_is_large():
    points = np.tile(np.linspace(-0.3, 0.3, 17)[:, None], (8, 60, 1, 2)).astype(np.float32)
    noisy, scores = mocap_data.noisy(np.random.default_rng(0), points, 0.02)
    error = np.linalg.norm(noisy - points, axis=-1)
    assert 0.005 < np.median(error) / 0.6 < 0.04
    assert scores.min() >= 0
    assert scores.max() <= 1
    assert error[scores < 0.5].mean() > 2 * error[scores > 0.8].mean()


def test_training_goes_on_after_a_kill_and_learns(mocap_file, tmp_path):
    options = mocap.TrainOptions(
        mocap_file,
        tmp_path / "run",
        frames=60 * 8 * 14,
        config=TcnConfig(channels=32),
        batch=8,
        length=40,
        save_every=0,
        validation_samples=4,
    )

    class KillError(Exception):
        pass

    def kill(stage, done, total):
        if done >= 20 * 8 * 14:
            raise KillError

    with pytest.raises(KillError):
        mocap.train(options, kill)
    weights = mocap.train(options, silent)
    with (tmp_path / "run" / "log.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    seen = [int(row["frames"]) for row in rows]
    assert seen == sorted(seen)
    assert seen[-1] == 60 * 8 * 14
    losses = [float(row["loss"]) for row in rows]
    assert np.mean(losses[-5:]) < 0.5 * np.mean(losses[:5])
    assert read_weights(weights)[0] == options.config
    # A finished run that is started again has nothing to do.
    mocap.train(options, silent)


def test_a_state_of_another_network_is_refused(mocap_file, tmp_path):
    options = mocap.TrainOptions(
        mocap_file, tmp_path, frames=1, config=TcnConfig(channels=8), batch=2, length=40, validation_samples=4
    )
    mocap.train(options, silent)
    with pytest.raises(UserError, match="another --output"):
        mocap.train(mocap.TrainOptions(**{**vars(options), "config": TcnConfig(channels=12)}), silent)


def test_metrics_of_a_turned_and_scaled_answer():
    rng = np.random.default_rng(0)
    truth = rng.normal(size=(2, 5, 17, 3)).astype(np.float32)
    truth -= truth[:, :, :1]
    assert evaluation.n_mpjpe(truth * 3, truth) == pytest.approx(0, abs=1e-3)
    turn = mocap_data.rotation_vectors(np.array([0.3, -1.0, 0.5]))
    assert evaluation.pa_mpjpe(2 * truth @ turn.T + 1, truth) == pytest.approx(0, abs=1e-3)
    assert evaluation.pa_mpjpe(truth * [-1, 1, 1], truth) > 100
    assert evaluation.n_mpjpe(truth @ turn.T, truth) > 100
