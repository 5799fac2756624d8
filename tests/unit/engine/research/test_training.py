"""Training on generated data: every stage learns, goes on after a kill as if nothing had happened, and on two
processes."""

from __future__ import annotations

import csv
import os
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from pose3d_engine.__main__ import main
from pose3d_engine.contract.errors import Cancelled, UserError
from pose3d_engine.pose.lifters import checkpoint_files, official
from pose3d_engine.progress import silent
from pose3d_engine.research.models import pstmo_pretraining
from pose3d_engine.research.training.batches import open_data
from pose3d_engine.research.training.options import Options, papers
from pose3d_engine.research.training.run import train

SMALL = {"frames": 9, "batch": 256, "layers": 2, "channels": 16, "d_hid": 32, "lr": 4e-3, "epochs": 3, "device": "cpu"}


@pytest.fixture(autouse=True)
def one_thread() -> None:
    """The same sums in the same order, in this process and in others."""
    torch.set_num_threads(1)


def small(stage: str, dataset: str, lifter: str, data: Path, output: Path, **changes: object) -> Options:
    return replace(papers(stage, dataset, lifter, data, output), **{**SMALL, **changes})  # type: ignore[arg-type]


def quiet(line: str) -> None:
    """What a run tells is not looked at."""


def losses(folder: Path) -> list[tuple[str, ...]]:
    """Rows of losses.csv without the seconds."""
    return [tuple(row[:4]) for row in csv.reader((folder / "losses.csv").open())][1:]


def arguments(stage: str, data: Path, output: Path) -> list[str]:
    sizes = ["-f", "9", "-b", "256", "--layers", "2", "--channels", "16", "--d-hid", "32", "--lr", "0.004"]
    return ["train", stage, "--data", str(data), "-o", str(output), *sizes, "--epochs", "3", "--device", "cpu"]


def test_papers_settings() -> None:
    pretrain = papers("pretrain", "h36m", "pstmo", Path(), Path())
    assert (pretrain.frames, pretrain.batch, pretrain.tds, pretrain.layers) == (243, 160, 2, 3)
    assert (pretrain.temporal_mask_rate, pretrain.spatial_mask_num) == (0.8, 2)
    assert (pretrain.lr, pretrain.lr_decay) == (1e-4, 0.97)
    assert papers("finetune", "h36m", "pstmo", Path(), Path()).lr == 7e-4
    assert papers("finetune", "in-the-wild", "pstmo", Path(), Path()).detections == "detectron_pt_coco"
    mpi = papers("pretrain", "3dhp", "pstmo", Path(), Path())
    assert (mpi.frames, mpi.tds, mpi.temporal_mask_rate) == (81, 1, 0.7)
    convolution = papers("finetune", "h36m", "videopose3d", Path(), Path())
    assert (convolution.batch, convolution.lr, convolution.lr_decay, convolution.epochs) == (1024, 1e-3, 0.95, 60)


@pytest.mark.parametrize("stage", ["pretrain", "finetune"])
def test_p_stmo_learns_from_motion_capture(mocap_file: Path, tmp_path: Path, stage: str) -> None:
    options = small(stage, "mocap", "pstmo", mocap_file, tmp_path / "out", batch=32, epoch_batches=6, epochs=2)
    best = train(options, False, silent, quiet)
    assert best is not None
    training = [float(row[2]) for row in losses(tmp_path / "out")]
    assert training[0] > training[1]
    assert checkpoint_files.read(best).settings["rate"] == 30


@pytest.mark.parametrize(
    ("stage", "dataset", "lifter", "changes"),
    [
        ("pretrain", "h36m", "pstmo", {}),
        ("pretrain", "3dhp", "pstmo", {}),
        ("pretrain", "in-the-wild", "pstmo", {}),
        ("finetune", "h36m", "pstmo", {}),
        ("finetune", "h36m", "pstmo", {"refine": True}),
        ("finetune", "3dhp", "pstmo", {"lr": 0.05}),  # millimetres are a long way from 0
        ("finetune", "in-the-wild", "pstmo", {}),
        ("finetune", "h36m", "videopose3d", {}),
        ("finetune", "h36m", "videopose3d", {"causal": True}),
        ("finetune", "in-the-wild", "videopose3d", {}),
    ],
)
def test_every_stage_learns(
    converted: Path, tmp_path: Path, stage: str, dataset: str, lifter: str, changes: dict[str, object]
) -> None:
    options = small(stage, dataset, lifter, converted, tmp_path, **changes)
    best = train(options, False, silent, quiet)
    assert best is not None
    rows = losses(tmp_path)
    assert [row[0] for row in rows] == ["1", "2", "3"]
    training, unseen = [float(row[2]) for row in rows], [float(row[3]) for row in rows]
    assert training[0] > training[1] > training[2]
    assert unseen[2] < unseen[0]
    assert float(rows[2][1]) == pytest.approx(options.lr * options.lr_decay**2)
    assert (tmp_path / "losses.png").read_bytes().startswith(b"\x89PNG")
    assert (tmp_path / "best_refine.pth").exists() == options.refine
    # The weights are what a lifter or the fine-tuning takes, and nothing in them needs trust.
    file = checkpoint_files.read(best)
    official.Recipe.of(file.settings, str(best))
    if stage == "finetune":
        lifted = official.load(best, None, torch.device("cpu"))
        assert lifted.receptive_field == 9
    torch.load(tmp_path / "state.pt", weights_only=True)


def test_fine_tuning_begins_with_the_pre_trained_encoder(converted: Path, tmp_path: Path) -> None:
    first = train(small("pretrain", "h36m", "pstmo", converted, tmp_path / "a", epochs=1), False, silent, quiet)
    assert first is not None
    options = small(
        "finetune", "h36m", "pstmo", converted, tmp_path / "b", pretrained=first, epochs=1, lr=1e-9, dropout=0.0
    )
    second = train(options, False, silent, quiet)
    assert second is not None
    before, after = checkpoint_files.read(first).state, checkpoint_files.read(second).state
    for name in (
        "encoder.fc_1.weight",
        "Transformer.pos_embedding",
        "Transformer.model.layers.1.self_attn.linears.0.bias",
    ):
        assert torch.allclose(before[name], after[name], atol=1e-5)
    with pytest.raises(UserError, match="other sizes"):
        train(replace(options, layers=3, output=tmp_path / "c"), False, silent, quiet)


def test_a_killed_run_goes_on_as_if_nothing_had_happened(converted: Path, tmp_path: Path) -> None:
    killed, whole = tmp_path / "killed", tmp_path / "whole"
    train(small("finetune", "h36m", "pstmo", converted, whole, epochs=6), False, silent, quiet)
    command = [*arguments("finetune", converted, killed), "--epochs", "6"]
    process = subprocess.Popen(
        [sys.executable, "-m", "pose3d_engine", *command],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        stderr=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
    )
    deadline = time.monotonic() + 120
    while not (killed / "losses.csv").exists() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.02)
    process.kill()
    process.wait()
    assert 1 <= len(losses(killed)) < 6
    assert main([*command, "--resume"]) == 0
    assert losses(killed) == losses(whole)
    first, second = (checkpoint_files.read(folder / "best.pth").state for folder in (killed, whole))
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_a_run_that_stops_within_an_epoch_goes_on_with_the_next_batch(converted: Path, tmp_path: Path) -> None:
    def stop(stage: str, done: int, total: int | None) -> None:
        if stage.startswith("epoch 2") and done == 3:
            raise Cancelled

    for stage in ("pretrain", "finetune"):
        options = small(stage, "h36m", "pstmo", converted, tmp_path / stage, batch=400, epochs=2, save_every=0.0)
        with pytest.raises(Cancelled):
            train(options, False, stop, quiet)
        seen: list[tuple[str, int]] = []
        train(options, True, lambda epoch, done, total, seen=seen: seen.append((epoch, done)), quiet)  # type: ignore[misc]
        assert seen[0] == ("epoch 2/2", 3)
        train(replace(options, output=tmp_path / f"{stage}-whole"), False, silent, quiet)
        assert losses(tmp_path / stage) == losses(tmp_path / f"{stage}-whole")


def test_two_processes_train_one_network(converted: Path, tmp_path: Path) -> None:
    launch = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    command = [*launch, "-m", "pose3d_engine", *arguments("finetune", converted, tmp_path)]
    done = subprocess.run(
        command, env={**os.environ, "OMP_NUM_THREADS": "1"}, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == [str(tmp_path / "best.pth")]  # one of them talks
    values = [float(row[2]) for row in losses(tmp_path)]
    assert len(values) == 3
    assert values[2] < values[0]


def test_shares_of_a_batch_make_up_the_batch(converted: Path, tmp_path: Path) -> None:
    batches, _ = open_data(small("finetune", "h36m", "pstmo", converted, tmp_path, batch=100))
    whole = batches.batch(1, 2, 0, 1)
    halves = [batches.batch(1, 2, rank, 2) for rank in range(2)]
    assert torch.equal(torch.stack([half.joints for half in halves], dim=1).flatten(0, 1), whole.joints)
    last = len(batches) - 1
    sizes = {len(batches.batch(1, last, rank, 3).joints) for rank in range(3)}
    assert len(sizes) == 1


def test_an_epoch_has_every_window_once_and_once_mirrored(converted: Path, tmp_path: Path) -> None:
    batches, _ = open_data(small("finetune", "h36m", "pstmo", converted, tmp_path, tds=1))
    every = [batches.batch(0, number, 0, 1) for number in range(len(batches))]
    middles = torch.cat([batch.joints[:, 4] for batch in every])
    assert len(middles) == 2 * 5 * 3 * 4 * 12
    # The hips' x, mirrored, occur as often as the hips' x.
    left, right = middles[:, 4, 0].sort().values, -middles[:, 1, 0].sort(descending=True).values
    assert torch.allclose(left, right)
    keypoints = every[0].keypoints[:, 4]
    camera, depth = every[0].camera, every[0].depth
    assert camera is not None
    # Keypoints, joints and cameras are mirrored together: the knees are where the camera sees them.
    offset = (keypoints[:, 2] - keypoints[:, 0]) * depth[:, None] / camera[:, :2]
    joint = every[0].joints[:, 4, 2]
    assert (offset[:, 0] * joint[:, 0] > -0.02).all()
    assert np.abs(offset[:, 1] - joint[:, 1]).median() < 0.05


def test_refused(converted: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = small("finetune", "h36m", "pstmo", converted, tmp_path, epochs=1)
    train(options, False, silent, quiet)
    for changes, match in (
        ({}, "add --resume"),
        ({"lr": 0.1, "resume": True}, "begun with lr 0.004, not 0.1"),
        ({"output": tmp_path / "x", "frames": 12}, "windows of 9, 27, 81, 243, 351 frames"),
        ({"output": tmp_path / "x", "frames": 12, "lifter": "videopose3d"}, "windows of 9, 27, 81 or 243"),
        ({"output": tmp_path / "x", "stage": "pretrain", "lifter": "videopose3d"}, "masked pre-training is P-STMO's"),
        ({"output": tmp_path / "x", "stage": "pretrain", "temporal_mask_rate": 1.0}, "-tmr"),
        ({"output": tmp_path / "x", "spatial_mask_num": 17}, "-smn"),
        ({"output": tmp_path / "x", "epochs": 0}, "give a number above 0"),
        ({"output": tmp_path / "x", "dataset": "3dhp", "refine": True}, "needs the cameras"),
        ({"output": tmp_path / "x", "data": tmp_path}, "File not found"),
        ({"output": tmp_path / "state.pt" / "x", "data": tmp_path}, "cannot write"),
        ({"output": tmp_path / "x", "start": tmp_path / "state.pt"}, "not a checkpoint"),
    ):
        resume = bool(changes.pop("resume", False))
        with pytest.raises(UserError, match=match):
            train(replace(options, **changes), resume, silent, quiet)  # type: ignore[arg-type]
    (tmp_path / "state.pt").write_bytes(b"torn")
    with pytest.raises(UserError, match=r"state\.pt"):
        train(options, True, silent, quiet)
    assert main(["train", "finetune", "--lifter", "tcn", "-o", str(tmp_path / "y")]) == 2
    assert "--dataset mocap" in capsys.readouterr().err


def test_a_network_that_diverges_is_told(converted: Path, tmp_path: Path) -> None:
    options = small("finetune", "h36m", "videopose3d", converted, tmp_path, lr=1e30)
    with pytest.raises(UserError, match="lower --lr"):
        train(options, False, silent, quiet)


def test_masks_hide_what_they_shall(converted: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    masks: list[tuple[torch.Tensor, torch.Tensor]] = []
    forward = pstmo_pretraining.MaskedPSTMO.forward

    def spy(
        self: pstmo_pretraining.MaskedPSTMO, keypoints: torch.Tensor, frames: torch.Tensor, joints: torch.Tensor
    ) -> torch.Tensor:
        masks.append((frames, joints))
        return forward(self, keypoints, frames, joints)

    monkeypatch.setattr(pstmo_pretraining.MaskedPSTMO, "forward", spy)
    train(small("pretrain", "h36m", "pstmo", converted, tmp_path, epochs=1, spatial_mask_num=3), False, silent, quiet)
    assert all(int(frames.sum()) == int(9 * 0.8) for frames, _ in masks)
    assert all((joints.sum(dim=1) == 3).all() for _, joints in masks)
    assert len({tuple(frames.tolist()) for frames, _ in masks}) > 3
