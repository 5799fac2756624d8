"""The lifters for the papers' checkpoints: what they are fed, how they run over a clip, what they give."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch

from pose3d_engine import weights
from pose3d_engine.__main__ import main
from pose3d_engine.contract.errors import Cancelled, UserError
from pose3d_engine.contract.motion_file import Motion
from pose3d_engine.contract.skeletons import COCO17, H36M17
from pose3d_engine.pose.lifters import device, layouts, official, pstmo, whole_clip
from pose3d_engine.pose.lifters.base import Track2D
from pose3d_engine.pose.lifters.temporal import TemporalModel
from pose3d_engine.progress import silent
from pose3d_engine.research.models import pstmo_pretraining
from tests.support import GOLDEN

CPU = torch.device("cpu")
SMALL = pstmo.Sizes.of(9, layers=1, channels=16, d_hid=16, hidden=16)


def quiet(done: int, total: int) -> None:
    pass


def track(frames: int = 30, width: int = 1280, height: int = 720) -> Track2D:
    random = np.random.default_rng(5)
    walk = np.cumsum(random.normal(0, 3, (frames, 17, 2)), axis=0) + random.uniform(200, 500, (17, 2))
    keypoints = np.concatenate([walk, np.ones((frames, 17, 1))], axis=-1).astype(np.float32)
    return Track2D(keypoints, width, height, fps=25, focal_px=1000)


def randomised(model: torch.nn.Module) -> torch.nn.Module:
    torch.manual_seed(3)
    for name, value in model.named_buffers():
        if name.endswith(("running_mean", "running_var")):
            value.uniform_(0.5, 1.5)
    return model.eval()


def mirrored(source: Track2D) -> Track2D:
    """The same clip in a mirror, about the middle of the screen that the published programs assume."""
    keypoints = source.keypoints[:, COCO17.mirror].copy()
    keypoints[..., 0] = 1000 - keypoints[..., 0]
    return dataclasses.replace(source, keypoints=keypoints)


@pytest.mark.parametrize("frames", [1, 5, 30])
@pytest.mark.parametrize("stride", [1, 2, 7])
def test_pstmo_over_a_clip_is_one_window_a_frame(frames, stride):
    model = randomised(pstmo.PSTMO(SMALL))
    clips = torch.randn(2, frames, 17, 2)
    rows = whole_clip.windows(np.arange(frames), frames, 9, stride)
    with torch.inference_mode():
        windows = clips[:, rows].flatten(0, 1).permute(0, 3, 1, 2)[..., None]
        single = model(windows)[0][:, :, 0, :, 0].transpose(1, 2).unflatten(0, (2, frames))
    assert torch.allclose(whole_clip.pstmo_exact(model, clips, stride, quiet), single, atol=1e-5)


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("stride", [1, 2, 7, 40])
@pytest.mark.parametrize("rows", [4096, 10])
def test_videopose3d_over_a_clip_is_one_window_a_frame(monkeypatch, causal, stride, rows):
    monkeypatch.setattr(whole_clip, "MAX_ROWS", rows)
    model = randomised(TemporalModel(17, 2, 17, (3, 3), causal=causal, channels=8))
    clips = torch.randn(2, 31, 17, 2)
    at = whole_clip.windows(np.arange(31), 31, 9, stride, 8 if causal else None)
    with torch.inference_mode():
        single = model.forward_window(clips[:, at].flatten(0, 1)).unflatten(0, (2, 31))[:, :, 0]
    assert torch.allclose(whole_clip.convolution(model, clips, stride, quiet), single, atol=1e-5)


@pytest.mark.parametrize("frames", [1, 8, 30])
@pytest.mark.parametrize("stride", [1, 2, 40])
def test_sequence_mode_is_a_weighted_mean_of_windows(frames, stride):
    """With a head that gives the same pose whatever it sees, the mean is that pose, and every frame has one."""
    model = randomised(pstmo.PSTMO(SMALL))
    with torch.no_grad():
        model.fcn_1[1].weight.zero_()
        model.fcn_1[1].bias.copy_(torch.arange(51.0))
    joints = whole_clip.pstmo_sequence(model, torch.randn(2, frames, 17, 2), stride, quiet)
    assert torch.allclose(joints, torch.arange(51.0).view(17, 3).expand(2, frames, 17, 3), atol=1e-4)


def test_sequence_mode_takes_the_frames_it_says():
    """With a head that gives what the frame itself holds, that comes back at that frame."""
    model = randomised(pstmo.PSTMO(dataclasses.replace(SMALL, layers=0)))
    with torch.no_grad():
        model.Transformer.pos_embedding.zero_()
    clips = torch.randn(1, 40, 17, 2)
    with torch.inference_mode():
        alone = model.fcn_1(model.features(clips[0]).T[None])[0].T.unflatten(1, (17, 3))
    for stride in (1, 3):
        assert torch.allclose(whole_clip.pstmo_sequence(model, clips, stride, quiet)[0], alone, atol=1e-5)


@pytest.mark.parametrize("file", ["pstmo_small.pth", "vp3d_small.bin"])
@pytest.mark.parametrize("mode", ["exact", "sequence"])
def test_a_mirrored_video_gives_mirrored_motion(file, mode):
    lifter = official.load(GOLDEN / file, _entry(file, mode=mode), CPU)
    plain = lifter.lift(track(), 1, flip=True, progress=silent)
    other = lifter.lift(mirrored(track()), 1, flip=True, progress=silent)
    assert np.abs(other[:, H36M17.mirror] * [-1, 1, 1] - plain).max() < 1e-4
    assert plain.dtype == np.float32
    assert not plain[:, 0].any()
    assert np.abs(lifter.lift(track(), 1, flip=False, progress=silent) - plain).max() > 0.01


def _entry(file: str, **settings) -> weights.Entry:
    architecture = "videopose3d" if file.endswith(".bin") else "pstmo"
    return weights.Entry("mine", "lifter", "", file, None, "", "", "", architecture, settings)


def test_normalisation_is_chosen_by_the_register():
    def lift(width, **settings):
        lifter = official.load(GOLDEN / "pstmo_small.pth", _entry("a.pth", **settings), CPU)
        return lifter.lift(track(8, width=width), 1, flip=False, progress=silent)

    assert np.array_equal(lift(640), lift(1280))
    assert not np.array_equal(lift(640, normalisation=None), lift(1280, normalisation=None))
    assert np.array_equal(lift(640, normalisation=[640, 720]), lift(640, normalisation=None))


def test_units_and_order_of_mpi_inf_3dhp():
    def lift(**settings):
        lifter = official.load(GOLDEN / "pstmo_small.pth", _entry("a.pth", keypoints="mpi", **settings), CPU)
        return lifter.lift(track(8), 1, flip=False, progress=silent)

    raw, joints = lift(), lift(joints="mpi", unit=0.001)
    head_top = H36M17.index("Head")  # the first of the other order, so taken for the root without the setting
    kept = [joint for joint in range(1, 17) if joint != head_top]
    assert np.allclose(joints[:, kept], 0.001 * raw[:, layouts.MPI_IN_H36M][:, kept], atol=1e-7)
    assert not joints[:, 0].any()
    names = [layouts.MPI17.joints[row] for row in layouts.MPI_IN_H36M]
    assert names[H36M17.index("LKnee")] == "LKnee"
    assert names[H36M17.index("Hip")] == "Pelvis"
    assert names[H36M17.index("Head")] == "HeadTop"


def test_human36m_keypoints_are_derived_from_coco():
    points = np.random.default_rng(0).normal(size=(4, 17, 2))
    derived = layouts.h36m_from_coco(points)
    assert np.array_equal(derived[:, H36M17.index("RWrist")], points[:, COCO17.index("right_wrist")])
    middle = (points[:, COCO17.index("left_hip")] + points[:, COCO17.index("right_hip")]) / 2
    assert np.allclose(derived[:, H36M17.index("Hip")], middle)
    # Mirroring and moving commute with it, so flipped views and any place in the picture are treated alike.
    assert np.allclose(layouts.h36m_from_coco(points[:, COCO17.mirror]), derived[:, H36M17.mirror])
    assert np.allclose(layouts.h36m_from_coco(points + 5), derived + 5)


OFFICIAL = {
    "PSTMOS_no_refine_48_5137_in_the_wild.pth": ("pstmo", 3, 243),
    "PSTMOS_no_refine_28_4306_h36m_cpn.pth": ("pstmo", 3, 243),
    "PSTMO_no_refine_11_4288_h36m_cpn.pth": ("pstmo", 4, 243),
    "PSTMO_no_refine_6_4215_h36m_cpn.pth": ("pstmo", 4, 243),
    "PSTMOS_no_refine_15_2936_h36m_gt.pth": ("pstmo", 3, 243),
    "PSTMOS_no_refine_50_3203_3dhp.pth": ("pstmo", 3, 81),
    "pretrained_h36m_detectron_coco.bin": ("videopose3d", 5, 243),
}


@pytest.fixture
def checkpoints(tmp_path, monkeypatch):
    monkeypatch.setenv(weights.FOLDER_VARIABLE, str(tmp_path))
    return tmp_path


@pytest.mark.parametrize("file", OFFICIAL)
def test_the_published_files_are_found_by_name_and_lift(checkpoints, file):
    """Files of the published layers and window lengths, but few channels, dropped into the folder of weights."""
    architecture, layers, frames = OFFICIAL[file]
    if architecture == "pstmo":
        model = pstmo.PSTMO(pstmo.Sizes.of(frames, layers=layers, channels=8, d_hid=8, hidden=8))
        torch.save({f"module.{key}": value for key, value in model.state_dict().items()}, checkpoints / file)
    else:
        state = TemporalModel(17, 2, 17, (3,) * layers, channels=8).state_dict()
        torch.save({"model_pos": state, "random_state": np.random.RandomState(1)}, checkpoints / file)
    entries = [entry for entry in weights.register() if entry.file == file]
    assert entries
    for entry in entries:
        assert entry.kind == "lifter"
        lifter = official.load(weights.require(entry.name), entry, CPU)
        assert (lifter.name, lifter.receptive_field) == (entry.name, frames)
        joints = lifter.lift(track(3), 2, flip=True, progress=silent)
        assert joints.shape == (3, 17, 3)
        assert np.isfinite(joints).all()


def test_the_published_refinement_is_registered_but_no_lifter():
    (entry,) = [entry for entry in weights.register() if entry.file == "PSTMO_refine_6_4215_h36m_cpn.pth"]
    assert entry.kind != "lifter"
    with pytest.raises(UserError, match="needs known cameras"):
        official.load(GOLDEN / "pstmo_refine.pth", None, CPU)


def test_files_that_cannot_lift_are_refused_in_one_line(tmp_path):
    with pytest.raises(UserError, match="fine-tune it"):
        official.load(GOLDEN / "pstmo_mae_small.pth", None, CPU)
    with pytest.raises(UserError, match="holds videopose3d, but mine is pstmo"):
        official.load(GOLDEN / "vp3d_small.bin", _entry("a.pth"), CPU)
    with pytest.raises(UserError, match="settings"):
        official.load(GOLDEN / "pstmo_small.pth", _entry("a.pth", keypoints="halpe"), CPU)
    path = tmp_path / "a.pth"
    state = pstmo.PSTMO(SMALL).state_dict()
    for change, message in (
        ({"fcn.1.bias": torch.zeros(7)}, "do not fit"),
        ({"Transformer.pos_embedding": torch.zeros(1, 33, 16)}, "33 frames are not known"),
    ):
        torch.save({**state, **change}, path)
        with pytest.raises(UserError, match=message) as caught:
            official.load(path, None, CPU)
        assert "\n" not in str(caught.value)
    torch.save({key: value for key, value in state.items() if key != "fcn_1.1.bias"}, path)
    with pytest.raises(UserError, match="do not fit"):
        official.load(path, None, CPU)
    torch.save(pstmo.PSTMO(dataclasses.replace(SMALL, joints_in=16)).state_dict(), path)
    with pytest.raises(UserError, match="takes 16 keypoints"):
        official.load(path, None, CPU)


def test_a_checkpoint_can_say_how_it_was_trained(tmp_path):
    path = tmp_path / "mine.pth"
    settings = {"rate": 30.0, "normalisation": None}
    torch.save({"model": pstmo.PSTMO(SMALL).state_dict(), "settings": settings}, path)
    lifter = official.load(path, None, CPU)
    assert (lifter.name, lifter.rate, lifter.recipe.normalisation) == ("mine", 30.0, None)


def test_lifting_reports_progress_and_can_be_cancelled():
    lifter = official.load(GOLDEN / "pstmo_small.pth", None, CPU)
    seen = []
    lifter.lift(track(20), 1, flip=True, progress=lambda *report: seen.append(report))
    assert seen[-1] == ("lift", 20, 20)
    assert len(seen) > 1

    def cancel(stage, done, total):
        raise Cancelled

    with pytest.raises(Cancelled):
        lifter.lift(track(20), 1, flip=True, progress=cancel)


def test_an_empty_clip_gives_an_empty_motion():
    lifter = official.load(GOLDEN / "pstmo_small.pth", None, CPU)
    assert lifter.lift(track(0), 1, flip=True, progress=silent).shape == (0, 17, 3)


def test_pre_trained_parts_are_taken_over():
    masked, model = pstmo_pretraining.MaskedPSTMO(SMALL), pstmo.PSTMO(SMALL)
    pstmo_pretraining.load_pretrained(model, masked.state_dict())
    for name, value in masked.state_dict().items():
        if name.startswith(("encoder.", "Transformer.")):
            assert torch.equal(model.state_dict()[name], value)


def test_devices_fall_back_with_a_word_of_why(monkeypatch):
    assert device.choose_device("cpu") == (CPU, None)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    assert device.choose_device("auto") == (CPU, None)
    chosen, why = device.choose_device("cuda")
    assert chosen == CPU
    assert "running on the CPU" in why
    with pytest.raises(UserError, match="not known"):
        device.choose_device("tpu")


def test_an_accelerator_that_fails_is_not_used(monkeypatch):
    """A driver may list a card for which this PyTorch has no kernels."""
    monkeypatch.setattr(device, "_present", lambda kind: (kind == "cuda", "none here"))
    monkeypatch.setattr(device, "_failure", lambda kind: "no kernel image is available")
    for name in ("auto", "cuda"):
        chosen, why = device.choose_device(name)
        assert chosen == CPU
        assert why == "cuda does not work here (no kernel image is available); running on the CPU"


@pytest.mark.parametrize(
    ("golden", "file", "lifters"),
    [
        (
            "pstmo_small.pth",
            "PSTMOS_no_refine_48_5137_in_the_wild.pth",
            ("pstmo-s-in-the-wild", "pstmo-s-in-the-wild-fast"),
        ),
        ("vp3d_small.bin", "pretrained_h36m_detectron_coco.bin", ("videopose3d-coco",)),
    ],
)
def test_the_published_formats_capture_from_the_command_line(checkpoints, golden, file, lifters):
    (checkpoints / file).write_bytes((GOLDEN / golden).read_bytes())
    source = checkpoints / "keypoints.npz"
    np.savez(source, keypoints2d=track(12).keypoints, width=1280, height=720, fps=25.0)
    choices = [["--lifter", lifter] for lifter in lifters] + [["--checkpoint", str(GOLDEN / golden)]]
    for number, choice in enumerate(choices):
        target = checkpoints / f"{number}.npz"
        assert main(["lift", str(source), "-o", str(target), "--device", "cpu", *choice]) == 0
        motion = Motion.load(target)
        assert len(motion) == 12
        assert motion.meta["lifter"] == (choice[1] if choice[0] == "--lifter" else Path(golden).stem)
