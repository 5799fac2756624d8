import csv
import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from pose3d_engine.contract.errors import UserError
from pose3d_engine.contract.skeletons import COCO_ROWS, H36M17, H36M_ROWS
from pose3d_engine.pose.lifters.temporal import TemporalModel
from pose3d_engine.pose.lifters.viewed import PstmoConfig, TcnConfig, ViewedLifter, read_weights, save_weights
from pose3d_engine.progress import silent
from pose3d_engine.research.data_sets import detector_noise, kinematics, mocap_data, synthetic_poses
from pose3d_engine.research.evaluation import mocap as evaluation
from pose3d_engine.research.models import net2net
from pose3d_engine.research.training import mocap, muon
from pose3d_engine.solve.body import LENGTHS


def test_split_is_by_take(mocap_file):
    training, validation = mocap_data.split(mocap_data.load_clips(mocap_file))
    assert [clip.source for clip in training] == ["generated", "generated"]
    assert [mocap_data.take(clip) for clip in validation] == ["bvh_salsa 04", "amc_01 01_07"]


def test_samples_are_bodies_of_canonical_size_with_rigid_bones(mocap_file):
    rigid = mocap_data.AugmentationConfig(measured=0)
    sampler = mocap_data.MocapSampler(mocap_data.load_clips(mocap_file), 0, rigid)
    inputs, targets = sampler.batch(16, 40)
    assert inputs.shape == (16, 40, 17, 4)
    assert targets.shape == (16, 40, 17, 3)
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
    quiet = mocap_data.AugmentationConfig(
        synthetic=0, recombined=0, perturbed=0, tilted=0, fallen=0, steep=0, rolled=0, warped=False, noise=1e-6,
        measured=0, straightened=0, turning=0, views=1,
    )  # fmt: skip
    scene = mocap_data.MocapSampler(mocap_data.load_clips(mocap_file), seed=1, augmentation=quiet).scene(8, 30)
    good = scene.scores > 0.9
    joints = np.zeros((*scene.keypoints.shape[:3], 2))
    joints[:, :, COCO_ROWS] = (scene.joints[..., :2] / scene.joints[..., 2:])[:, :, H36M_ROWS]
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
    noisy, scores = detector_noise.noisy(np.random.default_rng(0), points, 0.02)
    error = np.linalg.norm(noisy - points, axis=-1)
    assert 0.005 < np.median(error) / 0.6 < 0.04
    assert scores.min() >= 0
    assert scores.max() <= 1
    assert error[scores < 0.5].mean() > 2 * error[scores > 0.8].mean()


def test_training_goes_on_after_a_kill_and_learns(mocap_file, tmp_path):
    options = mocap.TrainOptions(
        (mocap_file,),
        tmp_path / "run",
        frames=60 * 8 * 14,
        config=TcnConfig(channels=32),
        batch=8,
        outputs=14,
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
        (mocap_file,), tmp_path, frames=1, config=TcnConfig(channels=8), batch=2, outputs=14, validation_samples=4
    )
    mocap.train(options, silent)
    with pytest.raises(UserError, match="another --output"):
        mocap.train(mocap.TrainOptions(**{**vars(options), "config": TcnConfig(channels=12)}), silent)


def test_metrics_of_a_turned_and_scaled_answer():
    rng = np.random.default_rng(0)
    truth = rng.normal(size=(2, 5, 17, 3)).astype(np.float32)
    truth -= truth[:, :, :1]
    assert evaluation.n_mpjpe(truth * 3, truth) == pytest.approx(0, abs=1e-3)
    turn = kinematics.rotation_vectors(np.array([0.3, -1.0, 0.5]))
    assert evaluation.pa_mpjpe(2 * truth @ turn.T + 1, truth) == pytest.approx(0, abs=1e-3)
    assert evaluation.pa_mpjpe(truth * [-1, 1, 1], truth) > 100
    assert evaluation.n_mpjpe(truth @ turn.T, truth) > 100


def test_synthetic_poses_are_rigid_bend_as_people_do_and_stand_in_balance(monkeypatch):
    rng = np.random.default_rng(0)
    joints, face = synthetic_poses.motion(rng, 64, 40, 30.0)
    assert joints.shape == (64, 40, 17, 3)
    assert face.shape == (64, 40, 5, 3)
    at = {name: joints[:, :, H36M17.index(name)] for name in H36M17.joints}
    for parent, child in H36M17.bones:
        name = H36M17.joints[child]
        length = np.linalg.norm(joints[:, :, child] - joints[:, :, parent], axis=-1)
        np.testing.assert_allclose(length, LENGTHS.get(name, LENGTHS.get("R" + name[1:]))[0], atol=1e-4)
    # Nobody's knee bends forwards: the shank turns back about the axis of the hips, however the thigh is turned.
    monkeypatch.setattr(synthetic_poses, "SHARES", (0, 0, 1, 0))
    monkeypatch.setitem(synthetic_poses.LIMITS, "hip_twist", (0, 0))
    monkeypatch.setitem(synthetic_poses.LIMITS, "hip_side", (0, 0))
    joints, _ = synthetic_poses.motion(rng, 64, 40, 30.0)
    at = {name: joints[:, :, H36M17.index(name)] for name in H36M17.joints}
    for side in "LR":
        thigh, shank = at[f"{side}Knee"] - at[f"{side}Hip"], at[f"{side}Ankle"] - at[f"{side}Knee"]
        assert (np.cross(thigh, shank) * (at["LHip"] - at["RHip"])).sum(axis=-1).min() > -1e-5
    # The middle of the ankles stays where it is, and the body is over it, but for a lean.
    middle = (at["LAnkle"] + at["RAnkle"]) / 2
    assert np.abs(middle).max() < 1e-4
    over = joints.mean(axis=2)
    lean = np.degrees(np.arctan2(np.linalg.norm(over[..., [0, 2]], axis=-1), over[..., 1]))
    assert np.median(lean) < 12
    # They bend, crouch and reach far more than a walker does.
    assert np.degrees(np.ptp(lean)) > 10
    assert np.quantile(at["Hip"][..., 1], 0.02) < 0.6


def test_who_stands_straight_has_straight_knees(monkeypatch):
    monkeypatch.setattr(synthetic_poses, "SHARES", (0, 0, 0, 0, 1))
    joints, _ = synthetic_poses.motion(np.random.default_rng(0), 32, 30, 30.0)
    assert _knees(joints).max() < np.radians(5)
    at = {name: joints[:, :, H36M17.index(name)] for name in H36M17.joints}
    upright = at["Thorax"] - (at["LAnkle"] + at["RAnkle"]) / 2
    assert np.median(upright[..., 1] / np.linalg.norm(upright, axis=-1)) > np.cos(np.radians(6))
    # Arms go anywhere.
    assert np.ptp(at["LWrist"][..., 1]) > 0.8


def test_knees_are_straightened_by_no_more_than_their_bend(mocap_file):
    joints = np.stack([clip.joints[:60] for clip in mocap_data.load_clips(mocap_file)])
    before = _knees(joints)
    kinematics.straighten_knees(joints, np.full(len(joints), 0.2))
    np.testing.assert_allclose(_knees(joints), np.maximum(before - 0.2, 0), atol=2e-3)


def _knees(joints):
    """The bend of both knees, radians."""
    found = []
    for side in "LR":
        hip, knee, ankle = (joints[:, :, H36M17.index(side + name)] for name in ("Hip", "Knee", "Ankle"))
        thigh, shank = knee - hip, ankle - knee
        cosine = (thigh * shank).sum(axis=-1) / np.linalg.norm(thigh, axis=-1) / np.linalg.norm(shank, axis=-1)
        found.append(np.arccos(np.clip(cosine, -1, 1)))
    return np.stack(found)


def test_muon_steps_are_orthogonal_and_lead_down():
    torch.manual_seed(0)
    for shape in ((6, 10), (10, 6)):
        singular = torch.linalg.svdvals(muon.orthogonal(torch.randn(shape)))
        assert 0.6 < singular.min() < singular.max() < 1.3
    weight, wanted = torch.nn.Parameter(torch.zeros(8, 4, 3)), torch.randn(8, 4, 3)
    optimizer = muon.Muon([weight], lr=0.05, weight_decay=0.0)
    for _ in range(100):
        loss = ((weight - wanted) ** 2).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert loss < 0.1 * (wanted**2).mean()


def test_training_begins_with_given_weights_of_the_same_network(mocap_file, tmp_path):
    options = mocap.TrainOptions(
        (mocap_file,),
        tmp_path / "a",
        frames=20_000,
        config=TcnConfig((3, 3), 32),
        batch=32,
        outputs=14,
        save_every=1e9,
        validation_samples=2,
    )
    first = mocap.train(options, silent)
    short = replace(options, frames=448, lr=1e-9)
    for name, start in (("fresh", None), ("further", first)):
        mocap.train(replace(short, output=tmp_path / name, start=start), silent)

    def loss(name):
        with (tmp_path / name / "log.csv").open() as stream:
            return float(list(csv.DictReader(stream))[-1]["loss"])

    assert loss("further") < 0.7 * loss("fresh")
    with pytest.raises(UserError, match="another network"):
        mocap.train(replace(short, output=tmp_path / "b", start=first, config=TcnConfig((3, 3), 16)), silent)


def test_training_goes_on_in_a_larger_network_where_a_smaller_one_was(mocap_file, tmp_path):
    small = TcnConfig((3, 3), 16)
    torch.manual_seed(0)
    first = tmp_path / "small.safetensors"
    save_weights(first, small, small.model().state_dict())
    options = mocap.TrainOptions(
        (mocap_file,),
        tmp_path / "large",
        frames=448,
        config=TcnConfig((3, 5, 1), 16),
        start=first,
        batch=32,
        outputs=14,
        lr=1e-9,
        validation_samples=2,
    )
    large = mocap.train(options, silent)
    x = torch.randn(1, 40, 17, 4)
    lifted = []
    for path in (first, large):
        config, weights = read_weights(path)
        model = config.model().eval()
        model.load_state_dict(weights, strict=False)
        # Norms have moved their statistics a little, which is no learning.
        lifted.append(model(x))
    few, many = lifted[0][:, 3:-3], lifted[1]
    assert few.shape == many.shape
    assert (few - many).norm() < 0.3 * few.norm()
    for widths in ((5, 3), (3, 1), (3,)):
        with pytest.raises(UserError, match="another network"):
            mocap.train(replace(options, output=tmp_path / "no", config=TcnConfig(widths, 16)), silent)


def test_an_expanded_network_computes_nearly_the_same_at_first():
    torch.manual_seed(0)
    old, new = TemporalModel(17, 3, 17, (3, 3), channels=8).eval(), TemporalModel(17, 3, 17, (3, 7, 3, 1), channels=8)
    new.load_state_dict(net2net.expanded(old.state_dict(), (3, 3), new.eval()))
    x = torch.randn(2, 80, 17, 3)
    few, many = old(x), new(x)
    cut = (few.shape[1] - many.shape[1]) // 2
    few = few[:, cut:-cut]
    assert 0 < (few - many).norm() < 0.1 * few.norm()
    # And yet all of it learns.
    many.sum().backward()
    assert all(parameter.grad.abs().sum() > 0 for parameter in new.parameters())
    with pytest.raises(ValueError, match="cannot be expanded"):
        net2net.expanded(old.state_dict(), (3, 3), TemporalModel(17, 3, 17, (5, 3), channels=8))


def test_pstmo_learns_in_the_same_view_and_lifts(mocap_file, tmp_path):
    config = PstmoConfig(frames=9, layers=1, channels=16, d_hid=32)
    options = mocap.TrainOptions(
        (mocap_file,), tmp_path, frames=1200, config=config, batch=48, outputs=1, save_every=0, validation_samples=2
    )
    weights = mocap.train(options, silent)
    with (tmp_path / "log.csv").open() as stream:
        losses = [float(row["loss"]) for row in csv.DictReader(stream)]
    assert np.mean(losses[-5:]) < 0.75 * losses[0]
    assert read_weights(weights)[0] == config
    lifter = ViewedLifter("p", weights, torch.device("cpu"))
    _, validation = mocap_data.split(mocap_data.load_clips(mocap_file))
    lifted = evaluation.evaluate(lifter, validation, samples=2)
    # The network in training and the lifter in use are the same function, but for the ends and half precision.
    assert lifted.predicted.shape == (2, 80, 17, 3)
    assert 0 < lifted.scores().n_mpjpe_mm < 1000


def test_the_error_by_joint_and_axis():
    truth = np.random.default_rng(0).normal(size=(3, 5, 17, 3))
    truth[:, :, 0] = 0
    wrong = truth.copy()
    wrong[..., H36M17.index("LWrist"), 2] += 0.01
    table = evaluation.joint_table("t", wrong, truth)
    rows = {row[0]: row[1:] for row in table.rows}
    assert rows["LWrist"][2] == pytest.approx(10, rel=0.05)
    assert max(rows["RKnee"]) < 1
    assert len(rows) == 17  # all but the Hip, and the mean


def test_the_baseline_stands_beside_scores_of_the_same_data_only(mocap_file, tmp_path, monkeypatch):
    scores = {"ours": evaluation.Scores(60.0, 50.0, 5.0)}
    assert "baseline" not in evaluation.score_table(scores, mocap_file).text()
    stored = {"data_sha256": evaluation.atomic.sha256(mocap_file), "scores": vars(evaluation.Scores(80.0, 50.0, 9.0))}
    (tmp_path / "baseline.json").write_text(json.dumps(stored))
    monkeypatch.setattr(evaluation.weights, "beside_register", lambda name: tmp_path / name)
    table = evaluation.score_table(scores, mocap_file)
    assert table.rows[1] == ("ours", 60.0, 50.0, 5.0, "-25", "+0")
    (tmp_path / "baseline.json").write_text("{}")
    with pytest.raises(UserError, match="restore it"):
        evaluation.score_table(scores, mocap_file)
