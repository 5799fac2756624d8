"""``pose3d evaluate 3dpw`` on a generated sequence in the data set's format."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest

from pose3d_engine import object_archive
from pose3d_engine.__main__ import main
from pose3d_engine.contract.errors import UserError
from pose3d_engine.research.data_sets import stand_ins, three_dpw
from pose3d_engine.research.evaluation import three_dpw as protocol


@pytest.fixture
def sequences(tmp_path: Path) -> Path:
    stand_ins.write_3dpw(tmp_path, 60, 0)
    return tmp_path


def truth(track: three_dpw.Track) -> np.ndarray:
    joints = np.zeros((len(track.joints), 17, 3))
    joints[:, three_dpw.OURS] = track.joints
    return joints


def test_the_truth_has_no_error_and_others_are_in_millimetres(sequences: Path) -> None:
    table = protocol.evaluate(three_dpw.load(sequences), truth)
    assert [row[0] for row in table.rows] == ["walk_00 0", "walk_00 1", "all frames"]
    assert max(max(row[1:]) for row in table.rows) < 1e-6

    def off(track: three_dpw.Track) -> np.ndarray:
        joints = truth(track) * 1.1 + [3.0, 0, 0]  # PA-MPJPE takes away place and size, MPJPE only the place
        joints[:, three_dpw.OURS[0], 0] += 0.14
        return joints

    errors = protocol.evaluate(three_dpw.load(sequences), off).rows[-1]
    assert errors[2] < 20 < errors[1]


def test_keypoints_and_cameras(sequences: Path) -> None:
    track = next(three_dpw.load(sequences / "sequenceFiles" / "test"))
    keypoints = track.people.keypoints2d[0]
    assert np.isnan(keypoints[:2, :, :2]).all() and not keypoints[:2, :, 2].any()
    assert (track.people.meta["video"]["width"], track.people.meta["video"]["height"]) == (1080, 1920)
    pixels = track.joints[10, 5, :2] / track.joints[10, 5, 2] * track.focal + [540, 960]  # left ankle
    np.testing.assert_allclose(keypoints[10, 15, :2], pixels, atol=8)
    assert not track.valid[:5].any() and track.valid[5:].all()


def test_the_command(sequences: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evaluate", "3dpw", "--data", str(sequences), "--device", "cpu", "-o", str(sequences / "out")]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "3DPW" and "PA-MPJPE" in lines[2]
    mpjpe, pa_mpjpe = (float(cell) for cell in lines[-1].split("|")[2:4])
    assert 10 < pa_mpjpe < 90 and pa_mpjpe < mpjpe < 200
    assert (sequences / "out" / "3dpw.csv").is_file()


def test_pickles_of_python_2(tmp_path: Path) -> None:
    """Arrays in them are text of Latin-1."""
    data = np.array([1.5, -2.0, 200.0])
    body = data.tobytes()
    content = (
        b"\x80\x02cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85U\x01b\x87R(K\x01K\x03\x85"
        b"cnumpy\ndtype\nU\x02f8K\x00K\x01\x87R(K\x03U\x01<NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb\x89U"
        + bytes([len(body)]) + body + b"tb."
    )  # fmt: skip
    (tmp_path / "a.pkl").write_bytes(content)
    np.testing.assert_array_equal(pickle.loads(content, encoding="latin1"), data)
    np.testing.assert_array_equal(object_archive.load_any(tmp_path / "a.pkl", "x"), data)


def test_other_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no sequence files of 3DPW"):
        list(three_dpw.load(tmp_path))
    (tmp_path / "a.pkl").write_bytes(pickle.dumps({"cam_poses": np.zeros((3, 4, 4))}))
    with pytest.raises(UserError, match="not a sequence of 3DPW"):
        list(three_dpw.load(tmp_path))
