"""Every command of docs/contributor/papers.md does what it says, on small data and small networks."""

from __future__ import annotations

import re
import shlex
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from pose3d_engine import weights
from pose3d_engine.__main__ import main
from pose3d_engine.contract.motion_file import Motion
from pose3d_engine.pose.lifters import pstmo
from pose3d_engine.pose.lifters.temporal import TemporalModel
from pose3d_engine.research.models import refinement
from tests.support import ROOT

IN_THE_WILD = "PSTMOS_no_refine_48_5137_in_the_wild.pth"
TEXT = (ROOT / "docs" / "contributor" / "papers.md").read_text(encoding="utf-8")


def commands(text: str) -> list[tuple[str, list[str]]]:
    """(what a block needs beyond the data sets, its commands) of every block of code."""
    blocks = re.findall(r"(?:<!-- needs (.*?) -->\n)?```\n(.*?)```", text, re.DOTALL)
    return [(needs, block.strip().splitlines()) for needs, block in blocks]


def official_checkpoints(folder: Path) -> None:
    """Small networks in the files that docs/contributor/papers.md names, as their authors write them."""
    folder.mkdir()
    for name in {*re.findall(r"checkpoint/(\w+\.(?:pth|bin))", TEXT), IN_THE_WILD}:
        if name.endswith(".bin"):
            network: torch.nn.Module = TemporalModel(17, 2, 17, (3, 3), channels=16)
            content = {"epoch": 80, "lr": 1e-4, "optimizer": {}, "model_pos": network.state_dict(), "model_traj": None}
        else:
            refine = name.startswith("PSTMO_refine")
            sizes = pstmo.Sizes.of(9, layers=2, channels=16, d_hid=32, hidden=32)
            network = refinement.Refine() if refine else pstmo.PSTMO(sizes)
            content = {f"module.{key}": value for key, value in network.state_dict().items()}
        torch.save(content, folder / name)


def small(line: str) -> list[str]:
    """A documented command with sizes that take no time; of options that are given twice, the last one counts."""
    program, *arguments = shlex.split(line)
    assert program == "pose3d"
    if "3dpw" in arguments:  # whole captures, with the shipped 3D model
        return [*arguments, "--device", "cpu"]
    sizes = ["-f", "9", "--device", "cpu"]
    if arguments[0] == "train":
        if {"tcn", "pstmo-view"} & set(arguments):
            return [*arguments, *sizes, "--channels", "16", "-b", "4", "--total-frames", "500"]
        return [*arguments, *sizes, "--channels", "16", "--d-hid", "32", "-b", "512", "--layers", "2", "--epochs", "1"]
    return [*arguments, *sizes] + (["--layers", "2"] if "--layers" in arguments else [])


@pytest.fixture
def workplace(converted: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with ``dataset`` and ``checkpoint``, where commands are typed."""
    torch.set_num_threads(1)
    shutil.copytree(converted, tmp_path / "dataset")
    official_checkpoints(tmp_path / "checkpoint")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_every_documented_command_runs(workplace: Path, mocap_file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ran = 0
    for needs, lines in commands(TEXT):
        if needs in ("a video", "several GPUs"):
            continue
        for line in lines:
            arguments = small(line.replace("MOCAP.npz", str(mocap_file)))
            if "mocap" in arguments and "train" in arguments and not {"tcn", "pstmo-view"} & set(arguments):
                arguments += ["--epoch-batches", "2", "-b", "8"]
            assert main(arguments) == 0, (line, capsys.readouterr().err)
            ran += 1
    assert ran > 20
    assert Path("out/3dhp/inference_data.mat").is_file()
    assert Path("out/refine/best_refine.pth").is_file()


def test_documented_weights_are_in_the_register() -> None:
    entries = weights.register()
    assert set(re.findall(r"checkpoint/(\w+\.(?:pth|bin))", TEXT)) <= {entry.file for entry in entries}
    assert set(re.findall(r"run VIDEO .*--lifter ([\w-]+)", TEXT)) <= {entry.name for entry in entries}


def test_a_checkpoint_in_the_published_format_captures(workplace: Path) -> None:
    rng = np.random.default_rng(0)
    keypoints = np.concatenate([rng.uniform(100, 400, (30, 17, 2)), np.ones((30, 17, 1))], axis=-1)
    np.savez("walk.npz", keypoints2d=keypoints, width=640, height=480, fps=25.0)
    names = ("PSTMOS_no_refine_50_3203_3dhp.pth", "pretrained_h36m_detectron_coco.bin", IN_THE_WILD)
    for name in names:
        out = Path(f"{name}.npz")
        arguments = ["lift", "walk.npz", "-o", str(out), "--checkpoint", f"checkpoint/{name}", "--device", "cpu"]
        assert main(arguments) == 0
        assert len(Motion.load(out)) == 30
