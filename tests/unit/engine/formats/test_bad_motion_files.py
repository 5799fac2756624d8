"""Damaged, foreign and malicious 3D files: one clear line each."""

from __future__ import annotations

import io
import os
import pickle
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from pose3d_engine import object_archive
from pose3d_engine.contract.errors import UserError
from pose3d_engine.formats import motion
from tests.support import motion_writers as write
from tests.support.motion_writers import performance


def refused(path: Path, message: str) -> None:
    with pytest.raises(UserError, match=message) as caught:
        motion.read(path)
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 500
    assert str(path) in str(caught.value)


class Runs:
    """What runs code when it is unpickled."""

    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> tuple[Callable[[str], int], tuple[str]]:
        return os.system, (f"touch {self.target}",)


@pytest.mark.parametrize("form", ["pickle", "joblib", "joblib zlib", "npy", "torch", "npz", "nested storage"])
def test_a_file_that_would_run_code(tmp_path: Path, form: str) -> None:
    mark, path = tmp_path / "ran", tmp_path / "results.pkl"
    content = {"people": Runs(mark), "camera_world": {}}
    if form == "torch":
        torch.save(content, path)
    elif form in ("npy", "npz"):
        path = tmp_path / f"a.{form}"
        {"npy": np.save, "npz": np.savez}[form](path, np.array(content, dtype=object), allow_pickle=True)
    elif form == "nested storage":
        # A PyTorch storage in a pickle holds a file of torch.save itself.
        inner = io.BytesIO()
        torch.save(Runs(mark), inner)
        path.write_bytes(pickle.dumps({"people": Nested(torch.storage._load_from_bytes, inner.getvalue())}))
    else:
        data = pickle.dumps(content)
        path.write_bytes(zlib.compress(data) if "zlib" in form else data)
    refused(path, "asks (for|to run)|known system")
    assert not mark.exists()


class Nested:
    def __init__(self, load: Any, data: bytes) -> None:
        self.load, self.data = load, data

    def __reduce__(self) -> tuple[Any, tuple[bytes]]:
        return self.load, (self.data,)


def test_what_is_no_motion(tmp_path: Path) -> None:
    for name, content, message in (
        ("clip.mp4", b"\x00\x00\x00\x18ftypmp42" + bytes(100), "known system .unknown format"),
        ("empty.pkl", b"", "known system"),
        ("text.json", b'{"a": 1}', "known system .unknown format"),
        ("cut.pkl", pickle.dumps({"a": np.zeros(100)})[:60], "known system"),
        ("other.pkl", pickle.dumps({"a": 1}), "not 3D motion of a known system .a."),
        ("list.pkl", pickle.dumps([1, 2]), "known system"),
    ):
        (tmp_path / name).write_bytes(content)
        refused(tmp_path / name, message)
    np.save(tmp_path / "a.npy", np.zeros((5, 12, 3)))
    refused(tmp_path / "a.npy", r"known system .5, 12, 3.")
    with pytest.raises(UserError, match="File not found"):
        motion.read(tmp_path / "none.pt")
    (tmp_path / "empty").mkdir()
    refused(tmp_path / "empty", "no 3D motion of a known system in it")


def test_a_huge_file_is_judged_by_its_header(tmp_path: Path) -> None:
    """Sparse files of gigabytes: read whole, they would take minutes and all memory."""
    huge = {
        "a.npy": (header((1 << 31, 17, 3)), "known system"),
        "a.mp4": (b"\x00\x00\x00\x18ftypmp42", "unknown format"),
        "a.pkl": (b"\x80\x04\x8e" + (3 << 30).to_bytes(8, "little"), "more than 1 GB"),
        "a.trc": (b"PathFileType\t4\t", "not a .trc|names 0 markers|unit"),
    }
    for name, (start, message) in huge.items():
        with (tmp_path / name).open("wb") as stream:
            stream.write(start)
            stream.truncate(4 << 30)
        refused(tmp_path / name, message)


def header(shape: tuple[int, ...]) -> bytes:
    """Of an .npy of float32."""
    stream = io.BytesIO()
    np.lib.format.write_array_header_1_0(stream, {"descr": "<f4", "fortran_order": False, "shape": shape})
    return stream.getvalue()


def test_meshes_are_passed_over(tmp_path: Path) -> None:
    path = write.wham(tmp_path / "a.pkl", performance(20))
    content = object_archive.load_any(path, "x")
    np.savez(tmp_path / "a.npz", pred_vertices=np.zeros((2, 18439, 3)), pose=np.zeros(3))
    torch.save({"verts": torch.zeros(2, 6890, 3)}, tmp_path / "a.pt")
    assert object_archive.load_any(tmp_path / "a.npz", "x")["pred_vertices"] is None
    assert object_archive.load_any(tmp_path / "a.pt", "x")["verts"] is None
    assert content[0]["verts"] is None and content[0]["pose"].shape == (20, 72)


def change(path: Path, **arrays: Any) -> Path:
    """The .npz with other arrays."""
    with np.load(path, allow_pickle=False) as found:
        kept = dict(found)
    np.savez(path, **kept | arrays)
    return path


def test_numbers_that_are_no_motion(tmp_path: Path) -> None:
    one = performance(10)
    nan, frames = np.zeros((10, 63)), np.zeros((9, 3))
    nan[3, 3] = np.nan
    for name, arrays, message in (
        ("nan", {"body_pose": nan}, "body pose has values that are not finite"),
        ("length", {"transl": frames}, r"translation is \(9, 3\)"),
        ("short", {"body_pose": np.zeros((8, 63))}, "missing or of different length"),
        ("model", {"body_pose": np.zeros((10, 30))}, "body pose is .10, 30."),
        ("angles", {"global_orient": np.full((10, 3), 1e6)}, "angles of 1e.06 radians"),
        ("far", {"transl": np.full((10, 3), 1e30)}, "m away; check its unit"),
    ):
        refused(change(write.comfy(tmp_path / f"{name}.npz", one, camera=False), **arrays), message)
    matrices = write.tram(tmp_path / "tram", one)
    content = np.load(matrices, allow_pickle=True).item()
    content["pred_rotmat"] = content["pred_rotmat"] * 2
    np.save(matrices, content, allow_pickle=True)
    refused(matrices, "matrices that are no rotations")
    content["pred_rotmat"] = content["pred_rotmat"] / 2
    content["frame"] = np.arange(10) + 5
    np.save(matrices, content, allow_pickle=True)
    refused(matrices, "has frame 14, but camera.npy 10")


def test_frame_numbers(tmp_path: Path) -> None:
    joints = performance(4).in_camera
    for frames, message in (
        ([0, 1, 1, 2], "do not ascend"),
        ([-1, 0, 1, 2], "do not ascend"),
        ([0, 1, 2, 10**6], "has frame 1000000, but 4 rows"),
        ([0.5, 1, 2, 3], "not one whole number a row"),
    ):
        np.savez(tmp_path / "a.npz", joints3d=joints, frames=np.array(frames))
        refused(tmp_path / "a.npz", message)


def test_units_and_points(tmp_path: Path) -> None:
    one = performance(10)
    refused(write.trc(tmp_path / "a.trc", one, unit="furlongs"), "its unit is 'furlongs'")
    wrong = write.trc(tmp_path / "b.trc", one, unit="m")
    wrong.write_text(wrong.read_text().replace("\tm\t", "\tmm\t"))
    refused(wrong, r"is 0.001\d+ m from ankles to head; check the file's unit")
    nameless = write.trc(tmp_path / "c.trc", one)
    nameless.write_text(nameless.read_text().replace("RKnee", "Marker7"))
    refused(nameless, "has no point for right_knee; name the points as OpenPose does")
    cut = write.trc(tmp_path / "d.trc", one)
    cut.write_text(cut.read_text().replace("2\t0.03333", "zwei\t0.03333"))
    refused(cut, "is not a row of numbers")
    refused(write.soma(tmp_path / "e.npz", one, unit="cubits"), "its unit is 'cubits'")
    refused(write.soma(tmp_path / "f.npz", one, absolute_pose=True), "rotations are absolute")
    refused(write.soma(tmp_path / "g.npz", one, joint_names=np.array(["a", "b"])), "not the joints of SOMA")


def test_nobody_and_single_frames(tmp_path: Path) -> None:
    one = performance(10)
    refused(write.joblib(tmp_path / "a.pkl", {"people": {}, "camera_world": {}}), "nobody in it")
    refused(write.comfy(tmp_path / "b.npz", performance(1), camera=False), "1 complete frames; motion needs two")
    np.save(tmp_path / "c.npy", np.full((10, 33, 3), np.nan))
    refused(tmp_path / "c.npy", "0 complete frames; motion needs two")
    np.save(tmp_path / "d.npy", one.world * 0)
    refused(tmp_path / "d.npy", "all joints of person 1 are at one place")
    people = [[{"pred_keypoints_3d": np.zeros((70, 3)), "pred_cam_t": np.zeros(3)}] * 2] * 4
    (tmp_path / "e.pkl").write_bytes(pickle.dumps(people))
    refused(tmp_path / "e.pkl", "has 2 people without track_id")
