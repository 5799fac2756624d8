"""The published networks' own numbers: see tests/golden/README.md for how they were made."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from pose3d_engine.pose.lifters import checkpoint_files, geometry, official, pstmo, temporal, whole_clip
from pose3d_engine.pose.lifters.base import Track2D
from pose3d_engine.research import geometry as cameras
from pose3d_engine.research.models import pstmo_pretraining, refinement
from tests.support import GOLDEN

TOLERANCE = 1e-4


def golden(name: str) -> dict[str, np.ndarray]:
    with np.load(GOLDEN / f"{name}.npz") as archive:
        return {key: archive[key] for key in archive.files}


def state(file: str) -> dict[str, torch.Tensor]:
    return checkpoint_files.read(GOLDEN / file).state


def tensor(array: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(array)


def assert_near(actual: torch.Tensor | np.ndarray, wanted: np.ndarray, tolerance: float = TOLERANCE) -> None:
    actual = np.asarray(actual)
    assert actual.shape == wanted.shape
    assert np.abs(actual - wanted).max() <= tolerance


@pytest.fixture(autouse=True)
def _no_gradients():
    with torch.inference_mode():
        yield


def test_pstmo_gives_the_published_middle_frame_and_sequence():
    numbers = golden("pstmo_small")
    single, sequence = pstmo.from_state(state("pstmo_small.pth"))(tensor(numbers["input"]))
    assert_near(single, numbers["output"])
    assert_near(sequence, numbers["output_vte"])


def test_pstmo_in_steps_is_the_same_function():
    numbers = golden("pstmo_small")
    model = pstmo.from_state(state("pstmo_small.pth"))
    windows = tensor(numbers["input"])[..., 0].permute(0, 2, 3, 1)  # (B,F,J,2)
    features = model.features(windows.flatten(0, 1)).unflatten(0, windows.shape[:2])
    assert_near(model.middle(features), numbers["output"][:, :, 0, :, 0].transpose(0, 2, 1))
    assert_near(model.sequence(features), numbers["output_vte"][..., 0].transpose(0, 2, 3, 1))


def test_masked_pre_training_gives_the_published_poses_and_loss():
    numbers = golden("pstmo_mae_small")
    model = pstmo_pretraining.MaskedPSTMO(pstmo.Sizes.of(27, layers=2, channels=32, d_hid=64, hidden=64)).eval()
    model.load_state_dict(state("pstmo_mae_small.pth"))
    keypoints, hidden = tensor(numbers["input"]), tensor(numbers["temporal_mask"])
    drawn = model(keypoints, hidden, tensor(numbers["spatial_mask"]))
    assert_near(drawn, numbers["output"])
    target = keypoints[..., 0].permute(0, 2, 3, 1)[:, pstmo_pretraining.mask_order(hidden)]
    assert_near(target, numbers["target_visible_then_masked"])
    loss = (drawn[..., 0].permute(0, 2, 3, 1) - target).norm(dim=-1).mean()
    assert_near(loss, numbers["mpjpe_loss"])


def test_refinement_gives_the_published_poses():
    numbers = golden("pstmo_refine")
    refined = refinement.from_state(state("pstmo_refine.pth"))(tensor(numbers["x"]), tensor(numbers["x_1"]))
    assert_near(refined, numbers["output"])
    assert np.array_equal(refined[..., 2], numbers["x"][..., 2])


@pytest.mark.parametrize("name", ["vp3d_small", "vp3d_small_causal"])
def test_videopose3d_gives_the_published_poses(name):
    numbers = golden(name)
    model = temporal.from_state(state(f"{name}.bin"), causal="causal" in name)
    keypoints = tensor(numbers["input"])
    assert model.receptive_field == numbers["receptive_field"]
    assert_near(model(keypoints), numbers["output"])
    assert_near(model.forward_window(keypoints[:, :27]), numbers["output_optimized1f_first27"])


def test_causal_shift_of_the_published_code_counts_dilation_twice():
    # It is the reason why a causal clip is padded by the receptive field here, and not by that number.
    widths = temporal.from_state(state("vp3d_small_causal.bin"), causal=True).filter_widths
    dilations = np.cumprod((1, *widths[:-1]))
    assert sum((width // 2) * dilations**2 for width, dilations in zip(widths, dilations, strict=True)) == 91
    assert golden("vp3d_small_causal")["total_causal_shift"] == 91
    assert golden("vp3d_small")["total_causal_shift"] == 0


def test_screen_and_camera():
    numbers = golden("camera")
    for width, height in ((1000, 1002), (1920, 1080)):
        screen = geometry.normalise(numbers["pixels"], width, height)
        assert_near(screen, numbers[f"norm_{width}x{height}"])
    quaternion = numbers["quat_wxyz"]
    assert_near(cameras.IN_THE_WILD_CAMERA, quaternion)
    world = cameras.camera_to_world(numbers["cam_pts"], quaternion)
    assert_near(world, numbers["world_pts_t0"])
    assert_near(cameras.world_to_camera(world, quaternion), numbers["world_to_camera_of_world"])


def test_keypoints_and_depths_give_points_in_space():
    numbers = golden("camera")
    uvd, root = tensor(numbers["uvd"]), tensor(numbers["gt_3d"])[:, :, 0, 2]
    assert_near(refinement.unproject(uvd[..., :2], uvd[..., 2], root, tensor(numbers["cam"])), numbers["uvd2xyz"])


def test_windows_hold_the_published_frames():
    numbers = golden("generator_indices")
    assert np.array_equal(whole_clip.windows(np.arange(40), 40, 27, 1), numbers["in_the_wild_tds1"])
    for length in (40, 100):
        for stride in (1, 2):
            rows = whole_clip.windows(np.arange(length), length, 27, stride)
            case = f"T{length}_tds{stride}"
            assert np.array_equal(rows, numbers[f"clamped_{case}"])
            # The published code gives a short window where it overhangs both ends; ours never is.
            different = np.flatnonzero((rows != numbers[f"official_{case}"]).any(axis=1))
            assert np.array_equal(different, numbers[f"rows_differing_{case}"])


def test_a_video_through_the_lifter_gives_the_published_motion():
    numbers = golden("pstmo_in_the_wild_e2e")
    lifter = official.load(GOLDEN / "pstmo_small.pth", None, torch.device("cpu"))
    pixels = numbers["pixels"].astype(np.float32)
    keypoints = np.concatenate([pixels, np.ones((*pixels.shape[:2], 1), np.float32)], axis=-1)
    # The size of the picture does not matter: the published program takes 1000 x 1002 for every video.
    track = Track2D(keypoints, width=640, height=360, fps=25, focal_px=600)
    joints = lifter.lift(track, tds=1, flip=True, progress=lambda stage, done, total: None)
    assert_near(joints, numbers["pred_camera"])
    assert_near(cameras.camera_to_world(joints, cameras.IN_THE_WILD_CAMERA), numbers["pred_world"])
    assert_near(cameras.in_the_wild_world(joints), numbers["pred_world_rebased"])
