"""The papers' protocols on generated data in their formats, through the command line."""

from __future__ import annotations

import csv
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import openpyxl
import pytest
import torch

from pose3d_engine.__main__ import main
from pose3d_engine.contract.errors import UserError
from pose3d_engine.pose.lifters import pstmo
from pose3d_engine.pose.lifters.temporal import TemporalModel
from pose3d_engine.progress import silent
from pose3d_engine.research.data_sets import h36m, mpi_inf_3dhp
from pose3d_engine.research.evaluation import h36m as h36m_protocol
from pose3d_engine.research.evaluation import metrics
from pose3d_engine.research.evaluation import mpi_inf_3dhp as mpi_protocol
from pose3d_engine.research.evaluation.predict import Predictor
from pose3d_engine.research.models import refinement
from tests.support import GOLDEN

SIZES = pstmo.Sizes.of(9, layers=2, channels=16, d_hid=32, hidden=32)


@pytest.fixture(scope="module")
def network() -> pstmo.PSTMO:
    torch.manual_seed(5)
    return pstmo.PSTMO(SIZES).eval()


@pytest.fixture
def checkpoint(tmp_path: Path, network: pstmo.PSTMO) -> Path:
    """As P-STMO is published: bare parameters under the names that training on several GPUs gives them."""
    path = tmp_path / "PSTMOS_of_a_test.pth"
    torch.save({f"module.{key}": value for key, value in network.state_dict().items()}, path)
    return path


# Human3.6M


def test_the_truth_has_no_error(small_datasets: Path) -> None:
    data = h36m.load(small_datasets, "gt", ("S9",))
    errors = h36m_protocol.evaluate(data, lambda sequence: sequence.joints, silent)
    assert list(errors.of) == ["Eating", "Walking"]
    assert max(errors.mean) < 1e-3


def test_errors_are_in_millimetres_by_frame_and_then_by_action(small_datasets: Path) -> None:
    data = h36m.load(small_datasets, "gt", ("S9",))
    off = np.float32([0.01, 0, 0])

    def predict(sequence: h36m.Sequence) -> np.ndarray:
        far = 3 if sequence.action == "Eating" else 1 if sequence.action == "Walking" else 2
        return sequence.joints + far * off

    errors = h36m_protocol.evaluate(data, predict, silent)
    assert errors.of["Walking"][0] == pytest.approx(15, abs=1e-3)  # "Walking" and "Walking 1"
    assert errors.of["Eating"][0] == pytest.approx(30, abs=1e-3)
    assert errors.mean[0] == pytest.approx(22.5, abs=1e-3)
    assert errors.mean[1] < 1e-3  # a shift is aligned away
    assert errors.mean[3] < 1e-3  # and has no velocity


def test_prediction_is_one_window_a_frame_averaged_with_its_mirror(small_datasets: Path, network: pstmo.PSTMO) -> None:
    data = h36m.load(small_datasets, "gt", ("S9",))
    sequence = data.sequences[0]
    found = Predictor(network, data.layout, tds=2)(sequence)

    def one_by_one(keypoints: np.ndarray) -> np.ndarray:
        rows = np.clip(np.arange(12)[:, None] + 2 * np.arange(-4, 5), 0, 11)
        windows = torch.from_numpy(keypoints[rows]).permute(0, 3, 1, 2).unsqueeze(-1)
        with torch.inference_mode():
            return network(windows)[0][:, :, 0, :, 0].permute(0, 2, 1).numpy()

    mirrored = one_by_one(data.layout.mirrored_keypoints(sequence.keypoints))
    expected = (one_by_one(sequence.keypoints) + data.layout.mirrored_joints(mirrored)) / 2
    expected[:, 0] = 0
    assert np.abs(found - expected).max() < 1e-5


def test_a_mirrored_person_is_predicted_mirrored(small_datasets: Path, network: pstmo.PSTMO) -> None:
    data = h36m.load(small_datasets, "gt", ("S9",))
    sequence = data.sequences[0]
    predict = Predictor(network, data.layout)
    mirrored = predict(replace(sequence, keypoints=data.layout.mirrored_keypoints(sequence.keypoints)))
    assert np.abs(data.layout.mirrored_joints(mirrored) - predict(sequence)).max() < 1e-5


def test_refinement_only_moves_across_the_line_of_sight(small_datasets: Path, network: pstmo.PSTMO) -> None:
    data = h36m.load(small_datasets, "gt", ("S9",))
    torch.manual_seed(1)
    refine = refinement.Refine(hidden=32).eval()
    plain = Predictor(network, data.layout)(data.sequences[0])
    better = Predictor(network, data.layout, refine=refine)(data.sequences[0])
    assert np.abs(better[..., 2] - plain[..., 2]).max() < 1e-5
    assert np.abs(better[..., :2] - plain[..., :2]).max() > 1e-3
    with pytest.raises(UserError, match="needs the cameras"):
        Predictor(network, data.layout, refine=refine)(replace(data.sequences[0], camera=None))


def test_networks_for_another_number_of_keypoints(small_datasets: Path) -> None:
    data = h36m.load(small_datasets, "gt", ("S9",))
    with pytest.raises(UserError, match="takes 16 keypoints"):
        Predictor(TemporalModel(16, 2, 17, (3, 3), channels=8).eval(), data.layout)(data.sequences[0])


def test_h36m_from_the_command_line(
    small_datasets: Path, checkpoint: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["evaluate", "h36m", "--data", str(small_datasets), "--checkpoint", str(checkpoint), "--device", "cpu"]
    assert main([*arguments, "-f", "9", "-tds", "2", "--layers", "2", "--fast", "-o", str(tmp_path)]) == 0
    printed = capsys.readouterr().out
    assert "| Walking" in printed
    assert "The fast mode costs" in printed
    rows = list(csv.reader((tmp_path / "h36m.csv").open()))
    assert rows[0] == ["h36m, mm", "MPJPE", "P-MPJPE", "N-MPJPE", "MPJVE"]
    assert [row[0] for row in rows[1:4]] == ["Eating", "Walking", "mean"]
    sheet = openpyxl.load_workbook(tmp_path / "h36m.xlsx").worksheets[0]
    assert sheet.cell(4, 2).value == pytest.approx(float(rows[3][1]))
    assert main([*arguments, "-f", "27"]) == 2
    assert "windows of 9 frames" in capsys.readouterr().err
    assert main([*arguments, "--layers", "3"]) == 2
    assert main([*arguments, "-a", "Swim"]) == 2
    assert main([*arguments, "--refine", str(checkpoint)]) == 2
    assert main(arguments[:-4]) == 2  # no weights


@pytest.mark.parametrize(
    ("file", "more"),
    [
        ("pstmo_small.pth", ["-f", "27", "--layers", "2"]),
        ("pstmo_small.pth", ["--refine", str(GOLDEN / "pstmo_refine.pth")]),
        ("vp3d_small.bin", ["-k", "detectron_pt_coco", "-tds", "1"]),
    ],
)
def test_checkpoints_in_every_published_format(
    small_datasets: Path, file: str, more: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["evaluate", "h36m", "--data", str(small_datasets), "--checkpoint", str(GOLDEN / file)]
    assert main([*arguments, "--device", "cpu", *more]) == 0
    mean = capsys.readouterr().out.splitlines()[-1].split("|")
    assert 100 < float(mean[2]) < 1e5  # weights of a formula lift nothing, but they do lift


# MPI-INF-3DHP


def test_perfect_predictions(converted: Path) -> None:
    data = mpi_inf_3dhp.load_testing(converted)
    report = mpi_protocol.report(data, {s.action: s.joints[s.scored] for s in data.sequences})
    assert report.everything.mpjpe == 0
    assert set(report.everything.pck) == {100.0}
    assert report.everything.frames == sum(s.scored.sum() for s in data.sequences)
    assert list(report.activities) == list(mpi_inf_3dhp.ACTIVITIES)


def test_scores_are_by_group_sequence_and_activity(converted: Path) -> None:
    data = mpi_inf_3dhp.load_testing(converted)
    predictions = {}
    for sequence in data.sequences:
        joints = sequence.joints[sequence.scored].copy()
        if sequence.action == "TS3":
            joints[:, mpi_inf_3dhp.JOINTS.index("left_wrist"), 0] += 200
            joints[sequence.labels[sequence.scored] == 2, :, 1] += 160
            joints[:, mpi_inf_3dhp.PELVIS] = 0
        predictions[sequence.action] = joints
    report = mpi_protocol.report(data, predictions)
    third, wrist = report.sequences["TS3"], list(mpi_protocol.GROUPS).index("Wrist")
    second = (data.sequences[2].labels[data.sequences[2].scored] == 2).mean()
    assert third.pck[wrist] == pytest.approx(100 * (1 - second) / 2)
    assert third.pck[0] == pytest.approx(100 * (1 - second))
    assert third.pck[-1] == pytest.approx(100 * (1 - second) * 13 / 14)
    assert report.sequences["TS1"].pck[wrist] == 100
    assert report.activities["Exercising"].pck[0] < 100 == report.activities["Sports"].pck[0]
    every = np.concatenate([metrics.joint_errors(predictions[s.action], s.joints[s.scored]) for s in data.sequences])
    assert report.everything.mpjpe == pytest.approx(every.mean(), rel=1e-6)


def test_predictions_of_other_frames_are_refused(converted: Path) -> None:
    data = mpi_inf_3dhp.load_testing(converted)
    with pytest.raises(UserError, match="predictions of TS1 are None"):
        mpi_protocol.report(data, {})
    with pytest.raises(UserError, match="predict the same frames"):
        mpi_protocol.report(data, {s.action: s.joints for s in data.sequences})


def test_3dhp_from_the_command_line(
    converted: Path, checkpoint: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    arguments = ["evaluate", "3dhp", "--data", str(converted)]
    weights = ["--checkpoint", str(checkpoint), "--device", "cpu"]
    assert main([*arguments, *weights, "-o", str(out), "--draw", "1"]) == 0
    printed = capsys.readouterr().out
    assert "| TS6" in printed
    assert "| Reaching/Crouching" in printed
    assert len(list((out / "drawings").glob("TS?_*_2d.png"))) == 6
    assert len(list((out / "drawings").glob("TS?_*_3d.png"))) == 6
    names = {path.name for path in out.iterdir()} - {"drawings"}
    tables = {f"mpii_3dhp_evaluation_{kind}wise.{end}" for kind in ("sequence", "activity") for end in ("csv", "xlsx")}
    assert names == tables | {"inference_data.mat"}
    book = openpyxl.load_workbook(out / "mpii_3dhp_evaluation_sequencewise.xlsx")
    assert [sheet.title for sheet in book] == ["MPJPE, mm", "PCK, %", "AUC, %"]
    assert book.worksheets[0].cell(8, 1).value == "All"

    # Scoring the written predictions gives the same tables.
    again = tmp_path / "again"
    assert main([*arguments, "--predictions", str(out / "inference_data.mat"), "-o", str(again)]) == 0
    assert capsys.readouterr().out == printed


def test_conversion_from_the_command_line(small_datasets: Path, tmp_path: Path) -> None:
    assert main(["evaluate", "3dhp", "--convert", str(small_datasets / "3dhp"), "--data", str(tmp_path)]) == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data_test_3dhp.npz", "data_train_3dhp.npz"]
    shutil.rmtree(tmp_path / "nothing", ignore_errors=True)
    assert main(["evaluate", "3dhp", "--convert", str(tmp_path / "nothing"), "--data", str(tmp_path)]) == 2
