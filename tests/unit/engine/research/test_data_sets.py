"""The papers' files: read as they are, without executing anything, and refused with one line if they do not fit."""

from __future__ import annotations

import io
import os
import pickle
import shutil
import zipfile
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import scipy.io
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pose3d_engine import object_archive
from pose3d_engine.contract.errors import UserError
from pose3d_engine.progress import silent
from pose3d_engine.research.data_sets import h36m, mpi_inf_3dhp
from pose3d_engine.research.data_sets.sequences import DataSet, Layout, Sequence, Windows
from tests.support import GOLDEN


def write(path: Path, pickled: bytes, key: str = "data") -> Path:
    """An .npz whose one array is this pickle, as numpy writes arrays of objects."""
    stream = io.BytesIO()
    header = {"descr": "|O", "fortran_order": False, "shape": ()}
    np.lib.format.write_array_header_1_0(stream, header)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(f"{key}.npy", stream.getvalue() + pickled)
    return path


class Touch:
    """What a hostile file holds."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return (os.mkdir, (str(self.path),))


# Pickles


@pytest.mark.parametrize("protocol", [2, 3, 4])
def test_objects_are_what_numpy_reads(tmp_path: Path, protocol: int) -> None:
    value = {
        "S1": {"Walking 1": np.arange(12, dtype=np.float32).reshape(2, 2, 3)},
        "list": [np.asfortranarray(np.arange(6.0).reshape(2, 3)), (1, 2.5, "text", None, True)],
        "big endian": np.arange(3, dtype=">i4"),
        "scalar": np.float64(2.5),
        "empty": np.zeros((0, 17, 3)),
        "names": np.array(["a", "bc"]),
    }
    array = np.empty((), object)
    array[()] = value
    path = write(tmp_path / "a.npz", pickle.dumps(array, protocol))
    found = object_archive.load(path, ("data",), "a test")["data"]
    assert list(found) == list(value)
    for name in ("big endian", "scalar", "empty", "names"):
        assert np.array_equal(found[name], value[name])
    assert np.array_equal(found["S1"]["Walking 1"], value["S1"]["Walking 1"])
    assert np.array_equal(found["list"][0], value["list"][0])
    assert found["list"][1] == value["list"][1]
    found["S1"]["Walking 1"] += 1  # arrays can be written to


def test_an_array_of_objects_is_a_list(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", data=np.array([{"x": 1}, [2]], dtype=object))
    assert object_archive.load(tmp_path / "a.npz", ("data",), "a test")["data"] == [{"x": 1}, [2]]


@pytest.mark.parametrize("protocol", [0, 2, 4])
def test_no_code_is_executed(tmp_path: Path, protocol: int) -> None:
    canary = tmp_path / "canary"
    path = write(tmp_path / "a.npz", pickle.dumps({"S1": Touch(canary)}, protocol))
    with pytest.raises(UserError, match="mkdir, which no data file needs"):
        object_archive.load(path, ("data",), "a test")
    assert not canary.exists()
    np.load(path, allow_pickle=True)["data"]
    assert canary.exists()  # the canary sings where files are trusted


def test_an_array_cannot_smuggle_objects_into_memory(tmp_path: Path) -> None:
    # A type with a hidden pointer: numpy's own reader would take the bytes for addresses.
    array = np.zeros(2, dtype=[("x", "O")])
    path = write(tmp_path / "a.npz", pickle.dumps(array, 2))
    with pytest.raises(UserError, match="an array of type"):
        object_archive.load(path, ("data",), "a test")


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.data())
def test_a_damaged_file_is_read_or_refused(tmp_path: Path, data: st.DataObject) -> None:
    pickled = bytearray(pickle.dumps({"S1": {"Walking": np.arange(6.0)}}, 2))
    for _ in range(data.draw(st.integers(1, 4))):
        pickled[data.draw(st.integers(0, len(pickled) - 1))] = data.draw(st.integers(0, 255))
    path = write(tmp_path / "a.npz", bytes(pickled))
    try:
        object_archive.load(path, ("data",), "a test")
    except UserError as error:
        assert str(path) in str(error)


@pytest.mark.parametrize("content", [b"", b"PK", b"not a zip at all"])
def test_no_archive_at_all(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.npz").write_bytes(content)
    with pytest.raises(UserError, match="not a test"):
        object_archive.load(tmp_path / "a.npz", ("data",), "a test")
    with pytest.raises(UserError, match="File not found"):
        object_archive.load(tmp_path / "b.npz", ("data",), "a test")


# Windows


@pytest.mark.parametrize(("length", "stride"), [(40, 1), (40, 2), (100, 1), (100, 2)])
def test_windows_are_the_published_ones_with_clamped_ends(length: int, stride: int) -> None:
    golden = np.load(GOLDEN / "generator_indices.npz")
    one = Sequence(
        "S1",
        "Walking",
        "0",
        np.zeros((length, 17, 2), np.float32),
        np.zeros((length, 17, 3), np.float32),
        np.zeros((length, 3), np.float32),
        None,
        np.ones(length, bool),
        np.zeros(length, int),
    )
    windows = Windows(DataSet("test", Layout(np.arange(17), np.arange(17), 0), 1.0, 50.0, (one, one)), 27, stride)
    rows = windows.rows(np.arange(2 * length))
    assert np.array_equal(rows[:length], golden[f"clamped_T{length}_tds{stride}"])
    # The second take never shows frames of the first.
    assert np.array_equal(rows[length:], golden[f"clamped_T{length}_tds{stride}"] + length)


# Human3.6M


@pytest.mark.parametrize("detections", ["gt", "cpn_ft_h36m_dbb", "detectron_pt_coco"])
def test_h36m_is_read_as_it_was_prepared(small_datasets: Path, detections: str) -> None:
    data = h36m.load(small_datasets, detections, h36m.TESTING)
    assert len(data.sequences) == 2 * 3 * 4
    for sequence in data.sequences:
        assert sequence.keypoints.shape == (12, 17, 2)  # detections beyond the end of the take are dropped
        assert sequence.keypoints.dtype == sequence.joints.dtype == np.float32
        assert np.abs(sequence.keypoints).max() < 1
        assert not sequence.joints[:, 0].any()
        assert (sequence.root[:, 2] > 2).all()  # in front of the camera
    mirror = data.layout.keypoint_mirror
    assert np.array_equal(mirror[mirror], np.arange(17))
    assert (mirror != np.arange(17)).sum() == (16 if detections == "detectron_pt_coco" else 12)


def test_h36m_keypoints_are_where_the_cameras_see_the_joints(small_datasets: Path) -> None:
    for sequence in h36m.load(small_datasets, "gt", ("S9",)).sequences:
        points = sequence.joints + sequence.root[:, None]
        assert sequence.camera is not None
        seen = points[..., :2] / points[..., 2:] * sequence.camera[:2] + sequence.camera[2:]
        # The lens bends the picture by a few pixels of a thousand.
        assert np.abs(seen - sequence.keypoints).max() < 0.03


def test_h36m_cameras_stand_around_the_person() -> None:
    for subject in (*h36m.TRAINING, *h36m.TESTING):
        places = np.array([camera.position for camera in h36m.cameras(subject)])
        assert ((places[:, 2] > 1) & (places[:, 2] < 2)).all()
        for camera in h36m.cameras(subject):
            origin = camera.from_world(np.array([[0.0, 0.0, 0.9]]))[0]
            assert origin[2] > 3  # looks at the middle of the room
            pixels = camera.pixels(origin)
            assert (np.abs(pixels - [500, 500]) < 250).all()
    with pytest.raises(UserError, match="no camera calibration"):
        h36m.cameras("S2")


def test_h36m_actions_can_be_chosen(small_datasets: Path) -> None:
    chosen = h36m.load(small_datasets, "gt", ("S9",), ("Eat",)).sequences
    assert {sequence.action for sequence in chosen} == {"Eating"}
    with pytest.raises(UserError, match="no action begins with Swim"):
        h36m.load(small_datasets, "gt", ("S9",), ("Swim",))


def test_h36m_files_that_do_not_fit(small_datasets: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="File not found"):
        h36m.load(small_datasets, "sh_ft_h36m", ("S9",))
    with pytest.raises(UserError, match="no subject S12"):
        h36m.load(small_datasets, "gt", ("S12",))
    shutil.copy(small_datasets / "data_2d_h36m_gt.npz", tmp_path)
    np.savez(
        tmp_path / "data_3d_h36m.npz", positions_3d=np.array({"S9": {"Walking": np.zeros((5, 16, 3))}}, dtype=object)
    )
    with pytest.raises(UserError, match="not \\(frames, 32, 3\\)"):
        h36m.load(tmp_path, "gt", ("S9",))
    np.savez(
        tmp_path / "data_3d_h36m.npz", positions_3d=np.array({"S9": {"Walking": np.zeros((99, 32, 3))}}, dtype=object)
    )
    with pytest.raises(UserError, match="for 99 frames"):
        h36m.load(tmp_path, "gt", ("S9",))


# MPI-INF-3DHP


def test_3dhp_conversion_keeps_what_was_annotated(converted: Path) -> None:
    training = object_archive.load(converted / "data_train_3dhp.npz", ("data",), "x")["data"]
    assert list(training) == ["S1 Seq1", "S2 Seq1"]
    views, fps = training["S1 Seq1"]
    assert fps == 25
    assert list(views) == ["0", "1", "2", "4", "5", "6", "7", "8"]
    original = scipy.io.loadmat(converted / "3dhp" / "S1" / "Seq1" / "annot.mat")
    everything = original["univ_annot3"][4, 0].reshape(-1, 28, 3)
    assert np.array_equal(views["4"]["data_3d"], everything[:, mpi_inf_3dhp.RELEVANT_OF_28])
    assert views["4"]["data_2d"].shape == (12, 17, 2)
    testing = object_archive.load(converted / "data_test_3dhp.npz", ("data",), "x")["data"]
    with h5py.File(converted / "3dhp" / "TS5" / "annot_data.mat") as file:
        assert np.array_equal(testing["TS5"]["data_3d"], file["univ_annot3"][:, 0])
        assert np.array_equal(testing["TS5"]["valid"], file["valid_frame"][:, 0])


def test_3dhp_is_what_other_programs_read(converted: Path) -> None:
    data = np.load(converted / "data_test_3dhp.npz", allow_pickle=True)["data"].item()
    assert data["TS1"]["data_2d"].shape == (12, 17, 2)


def test_3dhp_sequences(converted: Path) -> None:
    training, testing = mpi_inf_3dhp.load_training(converted), mpi_inf_3dhp.load_testing(converted)
    assert len(training.sequences) == 16
    assert [sequence.action for sequence in testing.sequences] == [f"TS{i}" for i in range(1, 7)]
    for sequence in (*training.sequences, *testing.sequences):
        assert not sequence.joints[:, mpi_inf_3dhp.PELVIS].any()
        assert 1000 < np.ptp(sequence.joints[..., 1], axis=1).max() < 2000  # millimetres
        assert np.abs(sequence.keypoints).max() < 1
    assert not testing.sequences[0].scored.all()
    assert set(testing.sequences[0].labels) == set(range(1, 8))


def test_activities_come_from_the_original_where_the_file_has_none(converted: Path, tmp_path: Path) -> None:
    takes = object_archive.load(converted / "data_test_3dhp.npz", ("data",), "x")["data"]
    for take in takes.values():
        del take["activity"]  # as P-STMO's own file
    np.savez(tmp_path / "data_test_3dhp.npz", data=np.array(takes, dtype=object))
    assert not mpi_inf_3dhp.load_testing(tmp_path).sequences[0].labels.any()
    shutil.copytree(converted / "3dhp" / "TS1", tmp_path / "TS1")
    assert mpi_inf_3dhp.load_testing(tmp_path).sequences[0].labels.all()


def test_3dhp_files_that_do_not_fit(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="neither"):
        mpi_inf_3dhp.convert(tmp_path, tmp_path, silent)
    for path, match in (
        (tmp_path / "S1" / "Seq1" / "annot.mat", "not a training annotation"),
        (tmp_path / "S9" / "Seq1" / "annot.mat", "is no take"),
        (tmp_path / "TS1" / "annot_data.mat", "not a test annotation"),
    ):
        path.parent.mkdir(parents=True)
        path.write_bytes(b"nothing of the kind")
        with pytest.raises(UserError, match=match):
            mpi_inf_3dhp.convert(path.parent.parent, tmp_path, silent)
        path.unlink()
        shutil.rmtree(path.parent)
    np.savez(tmp_path / "data_test_3dhp.npz", data=np.array({"TS1": {"data_2d": np.zeros((3, 16, 2))}}, dtype=object))
    with pytest.raises(UserError, match="convert the data again"):
        mpi_inf_3dhp.load_testing(tmp_path)


def test_predictions_go_to_matlab_and_back(tmp_path: Path) -> None:
    predictions = {"TS1": np.arange(5 * 17 * 3.0).reshape(5, 17, 3), "TS2": np.zeros((1, 17, 3))}
    mpi_inf_3dhp.predictions_to_mat(tmp_path / "inference_data.mat", predictions)
    raw = scipy.io.loadmat(tmp_path / "inference_data.mat")["TS1"]
    assert raw.shape == (3, 17, 1, 5)
    assert raw[2, 16, 0, 4] == predictions["TS1"][4, 16, 2]
    found = dict(mpi_inf_3dhp.predictions_from_mat(tmp_path / "inference_data.mat"))
    assert all(np.array_equal(found[take], predictions[take]) for take in predictions)
    with pytest.raises(UserError, match=r"not a \.mat file"):
        dict(mpi_inf_3dhp.predictions_from_mat(tmp_path / "none.mat"))
