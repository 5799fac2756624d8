"""Checkpoint files: what they are is found out from themselves, and nothing in them is ever executed."""

from __future__ import annotations

import os
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch

from pose3d_engine.contract.errors import UserError
from pose3d_engine.pose.lifters import checkpoint_files, pstmo, temporal
from pose3d_engine.pose.lifters.temporal import TemporalModel
from tests.support import GOLDEN


@pytest.mark.parametrize(
    ("file", "architecture"),
    [
        ("pstmo_small.pth", "pstmo"),
        ("pstmo_mae_small.pth", "pstmo-masked"),
        ("pstmo_refine.pth", "pstmo-refine"),
        ("vp3d_small.bin", "videopose3d"),
        ("vp3d_small_causal.bin", "videopose3d"),
    ],
)
def test_a_file_is_known_by_its_contents(tmp_path, file, architecture):
    renamed = tmp_path / "my weights.dat"
    renamed.write_bytes((GOLDEN / file).read_bytes())
    found = checkpoint_files.read(renamed)
    assert found.architecture == architecture
    assert not any(key.startswith("module.") for key in found.state)


@pytest.mark.parametrize(
    "sizes",
    [
        pstmo.Sizes.of(9, layers=1, channels=16, d_hid=24, hidden=40),
        pstmo.Sizes.of(81, layers=3, channels=16, d_hid=32, hidden=8, joints_in=16, joints_out=15),
        pstmo.Sizes.of(351, layers=4, channels=16, d_hid=32, hidden=16, encoder_blocks=2),
    ],
)
def test_sizes_are_read_from_the_file(tmp_path, sizes):
    path = tmp_path / "a.pth"
    torch.save(pstmo.PSTMO(sizes).state_dict(), path)
    assert pstmo.sizes_in(checkpoint_files.read(path).state) == sizes


def test_videopose3d_sizes_are_read_from_the_file(tmp_path):
    path = tmp_path / "a.bin"
    torch.save({"model_pos": TemporalModel(16, 2, 15, (3, 5, 1), channels=8).state_dict()}, path)
    model = temporal.from_state(checkpoint_files.read(path).state)
    assert (model.joints_in, model.joints_out, model.filter_widths) == (16, 15, (3, 5, 1))


@pytest.mark.parametrize("new_format", [True, False])
@pytest.mark.parametrize("seed", [1234, None])
def test_the_random_state_of_this_numpy_is_swallowed(tmp_path, new_format, seed):
    path = tmp_path / "a.bin"
    content = {
        "epoch": 80,
        "random_state": np.random.RandomState(seed),
        "model_pos": TemporalModel(17, 2, 17, (3, 3), channels=8).state_dict(),
        "model_traj": None,
    }
    torch.save(content, path, _use_new_zipfile_serialization=new_format)
    assert checkpoint_files.read(path).architecture == "videopose3d"
    assert not isinstance(checkpoint_files.load(path)["random_state"], np.random.RandomState)


class _Canary:
    """Creates a file when unpickled."""

    def __init__(self, function, *arguments) -> None:
        self.call = (function, arguments)

    def __reduce__(self):
        return self.call


def _malicious(way: str, canary: Path):
    return {
        "system": lambda: _Canary(os.system, f"echo x > {canary}"),
        "open": lambda: _Canary(open, str(canary), "w"),
        "eval": lambda: _Canary(eval, f"open({str(canary)!r}, 'w')"),
        "numpy": lambda: _Canary(np.savetxt, str(canary), [1.0]),
    }[way]()


@pytest.mark.parametrize("way", ["system", "open", "eval", "numpy"])
@pytest.mark.parametrize("container", ["zip", "legacy", "pickle"])
def test_nothing_in_a_file_is_executed(tmp_path, way, container):
    path, canary = tmp_path / "evil.pth", tmp_path / "canary"
    content = {"module.encoder.fc_1.weight": torch.ones(1), "random_state": _malicious(way, canary)}
    if container == "pickle":
        path.write_bytes(pickle.dumps(content["random_state"], protocol=2))
    else:
        torch.save(content, path, _use_new_zipfile_serialization=container == "zip")
    with pytest.raises(UserError) as caught:
        checkpoint_files.read(path)
    assert not canary.exists()
    assert "\n" not in str(caught.value)
    if container != "pickle":
        assert "asks to run code" in str(caught.value)


def test_the_canary_would_sing(tmp_path):
    canary = tmp_path / "canary"
    pickle.loads(pickle.dumps(_malicious("open", canary))).close()
    assert canary.exists()


@pytest.mark.parametrize("content", [b"", b"<!DOCTYPE html>\n" * 40, b"PK\x03\x04" + bytes(400), b"\x80\x02"])
def test_other_files_are_refused_in_one_line(tmp_path, content):
    path = tmp_path / "a.pth"
    path.write_bytes(content)
    with pytest.raises(UserError, match="damaged or not a checkpoint") as caught:
        checkpoint_files.read(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("kept", [0.0005, 0.3, 0.9, 0.9999])
def test_truncated_files_are_refused(tmp_path, kept):
    whole = (GOLDEN / "pstmo_small.pth").read_bytes()
    path = tmp_path / "a.pth"
    path.write_bytes(whole[: int(len(whole) * kept)])
    with pytest.raises(UserError, match="damaged"):
        checkpoint_files.read(path)


def test_damaged_bytes_never_escape_as_another_error(tmp_path):
    path = tmp_path / "a.bin"
    random = np.random.default_rng(0)
    for file in ("pstmo_small.pth", "vp3d_small.bin"):
        whole = np.frombuffer((GOLDEN / file).read_bytes(), np.uint8)
        for _ in range(25):
            damaged = whole.copy()
            damaged[random.integers(len(whole), size=30)] = random.integers(256, size=30)
            path.write_bytes(damaged.tobytes())
            try:
                checkpoint_files.read(path)  # may well be whole enough to read
            except UserError as error:
                assert "\n" not in str(error)


def test_strange_contents_are_refused(tmp_path):
    path = tmp_path / "a.pth"
    for content in ({"a": torch.ones(3)}, [1, 2], torch.ones(3), {"model": {"expand_conv.weight": "no"}}):
        torch.save(content, path)
        with pytest.raises(UserError, match="not a checkpoint of P-STMO or VideoPose3D"):
            checkpoint_files.read(path)


def test_weights_that_are_not_finite_are_refused(tmp_path):
    path = tmp_path / "a.pth"
    torch.save({"expand_conv.weight": torch.full((8, 34, 3), float("nan"))}, path)
    with pytest.raises(UserError, match="not finite"):
        checkpoint_files.read(path)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(UserError, match=r"File not found: .*none\.pth"):
        checkpoint_files.read(tmp_path / "none.pth")
