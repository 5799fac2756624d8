import numpy as np
import pytest
import torch

from pose3d_engine.contract.errors import UserError
from pose3d_engine.contract.skeletons import COCO17, H36M17
from pose3d_engine.pose import lifters
from pose3d_engine.pose.lifters import view
from pose3d_engine.pose.lifters.base import Track2D, automatic_tds
from pose3d_engine.pose.lifters.viewed import TcnConfig, ViewedLifter, read_weights, save_weights
from pose3d_engine.progress import silent
from tests.support.filmed import FOCAL, HEIGHT, WIDTH, project, walk

SMALL = TcnConfig(channels=16)


def track(joints, fps=30.0):
    keypoints = np.concatenate([project(joints), np.ones((len(joints), 17, 1))], axis=-1).astype(np.float32)
    return Track2D(keypoints, WIDTH, HEIGHT, fps, FOCAL)


@pytest.fixture
def small(tmp_path):
    torch.manual_seed(0)
    path = tmp_path / "small.safetensors"
    save_weights(path, SMALL, SMALL.model().state_dict())
    return ViewedLifter("small", path, torch.device("cpu"))


def test_uncertainty_travels_with_the_weights(tmp_path, small):
    # Weights without any have that of a lifter that was not measured: depth is less certain than the picture.
    assert (small.uncertainty[1:, 1] > small.uncertainty[1:, 0]).all()
    path, stored = tmp_path / "w.safetensors", np.random.default_rng(0).uniform(0, 0.1, (17, 2))
    save_weights(path, SMALL, SMALL.model().state_dict(), stored)
    np.testing.assert_allclose(ViewedLifter("w", path, torch.device("cpu")).uncertainty, stored, atol=5e-5)
    save_weights(path, SMALL, SMALL.model().state_dict(), stored[:3])
    with pytest.raises(UserError, match="uncertainty is damaged"):
        ViewedLifter("w", path, torch.device("cpu"))


class TestView:
    def test_the_torso_is_at_the_origin_and_rays_are_turned(self):
        points = np.random.default_rng(0).uniform(-0.5, 0.5, (7, 17, 2))
        seen, rotation = view.look_at_torso(points)
        np.testing.assert_allclose(rotation @ np.swapaxes(rotation, 1, 2), np.tile(np.eye(3), (7, 1, 1)), atol=1e-12)
        centre = points[:, view.TORSO].mean(axis=1)
        ray = np.concatenate([centre, np.ones((7, 1))], axis=1)
        turned = np.einsum("tij,tj->ti", rotation, ray)
        np.testing.assert_allclose(turned[:, :2], 0, atol=1e-12)
        back = np.concatenate([seen, np.ones((7, 17, 1))], axis=-1) @ rotation
        np.testing.assert_allclose(back[..., :2] / back[..., 2:], points, atol=1e-9)

    def test_a_person_looks_the_same_wherever_in_the_picture(self):
        """What the network sees does not change when the camera is panned."""
        joints = walk(5)
        inputs = []
        for angle in (0.0, 0.5):
            pan = np.array([[np.cos(angle), 0, np.sin(angle)], [0, 1, 0], [-np.sin(angle), 0, np.cos(angle)]])
            points = (project(joints @ pan.T) - [WIDTH / 2, HEIGHT / 2]) / FOCAL
            inputs.append(view.look_at_torso(points)[0])
        limbs = slice(5, 17)  # the generated eyes and ears are drawn beside the nose in camera axes
        np.testing.assert_allclose(inputs[0][:, limbs], inputs[1][:, limbs], atol=5e-3)

    def test_running_median_ignores_holes(self):
        values = np.array([1.0, np.nan, 3.0, 100.0, 3.0, np.nan, np.nan])
        assert view.running_median(values, 3)[2] == pytest.approx(51.5)
        assert np.isfinite(view.running_median(values, 3)).all()
        np.testing.assert_array_equal(view.running_median(np.full(4, np.nan), 3), 1)
        np.testing.assert_array_equal(view.running_median(np.array([2.0]), 81), 2)


class TestLifter:
    def test_mirrored_input_gives_the_mirrored_answer(self, small):
        joints = walk(40)
        mirror = joints[:, H36M17.mirror] * [-1, 1, 1]
        keypoints = track(joints).keypoints
        mirrored = keypoints[:, COCO17.mirror] * np.float32([-1, 1, 1]) + np.float32([WIDTH, 0, 0])
        a = small.lift(track(joints), 1, True, silent)
        b = small.lift(Track2D(mirrored, WIDTH, HEIGHT, 30, FOCAL), 1, True, silent)
        np.testing.assert_allclose(b, a[:, H36M17.mirror] * [-1, 1, 1], atol=1e-5)
        assert mirror.shape == a.shape

    @pytest.mark.parametrize("tds", [1, 2, 3])
    @pytest.mark.parametrize("frames", [1, 2, 7, 50])
    def test_one_output_a_frame(self, small, tds, frames):
        joints = small.lift(track(walk(frames)), tds, False, silent)
        assert joints.shape == (frames, 17, 3)
        assert np.isfinite(joints).all()
        assert (joints[:, 0] == 0).all()

    def test_a_stride_is_the_clip_at_a_lower_rate(self, small):
        joints = walk(60, fps=60.0)
        fast = small.lift(track(joints, 60.0), 2, False, silent)
        slow = small.lift(track(joints[::2], 30.0), 1, False, silent)
        np.testing.assert_allclose(fast[::2], slow, atol=2e-3)  # the size is a median of other frames

    def test_chunks_do_not_show(self, small, monkeypatch):
        whole = small.lift(track(walk(100)), 2, True, silent)
        monkeypatch.setattr("pose3d_engine.pose.lifters.whole_clip.MAX_ROWS", 17)
        np.testing.assert_allclose(small.lift(track(walk(100)), 2, True, silent), whole, atol=1e-5)

    def test_shipped_weights_lift_a_walk(self):
        joints = walk(120, seed=1)
        lifter, _ = lifters.load(lifters.DEFAULT, device="cpu")
        lifted = lifter.lift(track(joints), 1, True, silent).astype(np.float64)
        truth = joints - joints[:, :1]
        scale = (lifted * truth).sum() / (lifted**2).sum()
        assert np.linalg.norm(lifted * scale - truth, axis=-1).mean() < 0.09
        forward = lifted[:, H36M17.index("LAnkle"), 2] - lifted[:, H36M17.index("RAnkle"), 2]
        true = truth[:, H36M17.index("LAnkle"), 2] - truth[:, H36M17.index("RAnkle"), 2]
        assert np.corrcoef(forward, true)[0, 1] > 0.8


class TestWeights:
    def test_round_trip(self, tmp_path):
        model = SMALL.model()
        save_weights(tmp_path / "w.safetensors", SMALL, model.state_dict())
        config, state = read_weights(tmp_path / "w.safetensors")
        assert config == SMALL
        for key, value in state.items():
            torch.testing.assert_close(value, model.state_dict()[key], atol=1e-3, rtol=1e-3)

    @pytest.mark.parametrize("content", [b"", b"text", b"\xff" * 64])
    def test_damaged(self, tmp_path, content):
        path = tmp_path / "w.safetensors"
        path.write_bytes(content)
        with pytest.raises(UserError, match=r"w\.safetensors") as caught:
            ViewedLifter("w", path, torch.device("cpu"))
        assert "\n" not in str(caught.value)

    def test_cut_off(self, tmp_path):
        path = tmp_path / "w.safetensors"
        save_weights(path, SMALL, SMALL.model().state_dict())
        path.write_bytes(path.read_bytes()[:-100])
        with pytest.raises(UserError, match="damaged"):
            ViewedLifter("w", path, torch.device("cpu"))

    def test_not_finite_or_incomplete(self, tmp_path):
        state = SMALL.model().state_dict()
        path = tmp_path / "w.safetensors"
        save_weights(path, SMALL, {**state, "shrink.bias": torch.full((51,), float("nan"))})
        with pytest.raises(UserError, match="not finite"):
            ViewedLifter("w", path, torch.device("cpu"))
        del state["shrink.bias"]
        save_weights(path, SMALL, state)
        with pytest.raises(UserError, match="incomplete"):
            ViewedLifter("w", path, torch.device("cpu"))

    def test_settings_of_version_01_get_the_successor(self):
        assert lifters.load("tcn-cmu", device="cpu")[0].name == lifters.DEFAULT

    def test_unknown_lifter_and_a_detector_are_no_lifters(self):
        with pytest.raises(UserError, match="no weights are called"):
            lifters.load("nonsense")
        with pytest.raises(UserError, match="not a lifter"):
            lifters.load("mediapipe-full")


@pytest.mark.parametrize(
    ("fps", "rate", "tds"),
    [(30, 30, 1), (25, 30, 1), (60, 30, 2), (59.94, 30, 2), (50, 50, 1), (100, 30, 3), (12, 30, 1)],
)
def test_automatic_stride(fps, rate, tds):
    assert automatic_tds(fps, rate) == tds
