"""MPI-INF-3DHP: the original annotations, and the two .npz files that P-STMO makes of them.

Original: ``S1/Seq1/annot.mat`` ... ``S8/Seq2/annot.mat`` (28 joints, 14 cameras) for training and
``TS1/annot_data.mat`` ... ``TS6/annot_data.mat`` (17 joints, MATLAB 7.3) for testing.
Made: ``data_train_3dhp.npz`` {"S1 Seq1": [{"0": {"data_2d", "data_3d"}, ...}, fps]} and ``data_test_3dhp.npz``
{"TS1": {"data_2d", "data_3d", "valid"}}, millimetres of the "universal" skeleton, camera axes. The conversion here
adds "activity" (1 to 7, each frame) to the latter: MATLAB needs it and the original program omits it.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import scipy.io

from ... import extras, object_archive
from ...contract import atomic
from ...contract.errors import UserError
from ...pose.lifters import geometry
from ...pose.lifters.layouts import MPI17
from ...progress import Progress
from .sequences import DataSet, Layout, Sequence

TRAIN_FILE, TEST_FILE = "data_train_3dhp.npz", "data_test_3dhp.npz"

JOINTS = (
    ("head_top", "neck", "right_shoulder", "right_elbow", "right_wrist", "left_shoulder", "left_elbow")
    + ("left_wrist", "right_hip", "right_knee", "right_ankle", "left_hip", "left_knee", "left_ankle")
    + ("pelvis", "spine", "head")
)
"""The 17 "relevant" joints under their official names, in order: those of
:data:`..lifters.layouts.MPI17`. Keypoints are the same."""

PELVIS = JOINTS.index("pelvis")

CAMERAS = (0, 1, 2, 4, 5, 6, 7, 8)
"""The papers' cameras, of the 14 of the studio: at chest and knee height, and two that look down."""

RELEVANT_OF_28 = np.array([7, 5, 14, 15, 16, 9, 10, 11, 23, 24, 25, 18, 19, 20, 4, 3, 6])
"""Rows of :data:`JOINTS` among the 28 of the training annotations."""

TAKES: dict[str, tuple[int, int]] = {
    "S1 Seq1": (6416, 25),
    "S1 Seq2": (12430, 50),
    "S2 Seq1": (6502, 25),
    "S2 Seq2": (6081, 25),
    "S3 Seq1": (12488, 50),
    "S3 Seq2": (12283, 50),
    "S4 Seq1": (6171, 25),
    "S4 Seq2": (6675, 25),
    "S5 Seq1": (12820, 50),
    "S5 Seq2": (12312, 50),
    "S6 Seq1": (6188, 25),
    "S6 Seq2": (6145, 25),
    "S7 Seq1": (6239, 25),
    "S7 Seq2": (6320, 25),
    "S8 Seq1": (6468, 25),
    "S8 Seq2": (6054, 25),
}
"""Frames with a picture, and frames a second, of each training take: ``mpii_get_sequence_info``."""

ACTIVITIES = ("Standing/Walking", "Exercising", "Sitting", "Reaching/Crouching") + (
    "On The Floor",
    "Sports",
    "Miscellaneous",
)


def picture_size(take: str) -> tuple[int, int]:
    """Returns width and height of the pictures of a take; TS5 and TS6 were filmed outdoors with another camera."""
    return (1920, 1080) if take in ("TS5", "TS6") else (2048, 2048)


LAYOUT = Layout(MPI17.mirror, MPI17.mirror, PELVIS)


def load_training(folder: Path) -> DataSet:
    """Loads all takes of the training set through eight cameras, millimetres.

    Raises:
        UserError: The file is missing or damaged.
    """
    path = Path(folder) / TRAIN_FILE
    takes = object_archive.load(path, ("data",), "P-STMO's training data of MPI-INF-3DHP")["data"]
    sequences = []
    for take, (views, _) in takes.items():
        subject, _, action = take.partition(" ")
        for view, arrays in views.items():
            data_2d, data_3d = _pair(arrays, path, f"{take}, camera {view}")
            frames = len(data_2d)
            sequences.append(
                _sequence(subject, action, str(view), data_2d, data_3d, np.ones(frames, bool), np.zeros(frames, int))
            )
    return DataSet("3dhp", LAYOUT, 1.0, 0.0, tuple(sequences))


def load_testing(folder: Path) -> DataSet:
    """Loads the six test takes, millimetres; ``scored`` are the valid frames.

    The activities come from the file, or from ``TS*/annot_data.mat`` beside it, or stay 0.

    Raises:
        UserError: A file is missing or damaged.
    """
    path = Path(folder) / TEST_FILE
    takes = object_archive.load(path, ("data",), "P-STMO's test data of MPI-INF-3DHP")["data"]
    sequences = []
    for take, arrays in takes.items():
        data_2d, data_3d = _pair(arrays, path, take)
        valid = np.asarray(arrays.get("valid", ())).reshape(-1).astype(bool)
        if len(valid) != len(data_2d):
            raise UserError(f"{path}: {take} has {len(valid)} flags of validity for {len(data_2d)} frames")
        original = Path(folder) / take / "annot_data.mat"
        if "activity" in arrays:
            labels = np.asarray(arrays["activity"]).reshape(-1).astype(int)
        elif original.is_file():
            labels = _read_test_take(original)["activity"].astype(int)
        else:
            labels = np.zeros(len(valid), int)
        sequences.append(_sequence(take, take, "0", data_2d, data_3d, valid, labels))
    return DataSet("3dhp", LAYOUT, 1.0, 0.0, tuple(sequences))


def _pair(arrays: dict[str, np.ndarray], path: Path, where: str) -> tuple[np.ndarray, np.ndarray]:
    data_2d, data_3d = arrays.get("data_2d"), arrays.get("data_3d")
    if data_2d is None or data_3d is None or data_2d.shape[1:] != (17, 2) or data_3d.shape[1:] != (17, 3):
        raise UserError(f"{path}: {where} has no (frames, 17, 2) and (frames, 17, 3); convert the data again")
    return data_2d, data_3d


def _sequence(
    subject: str,
    action: str,
    view: str,
    pixels: np.ndarray,
    joints: np.ndarray,
    scored: np.ndarray,
    labels: np.ndarray,
) -> Sequence:
    keypoints = geometry.normalise(pixels.astype(np.float64), *picture_size(subject)).astype(np.float32)
    root = joints[:, PELVIS].astype(np.float32)
    relative = (joints - joints[:, PELVIS : PELVIS + 1]).astype(np.float32)
    return Sequence(subject, action, view, keypoints, relative, root, None, scored, labels)


def convert(original: Path, output: Path, progress: Progress) -> list[Path]:
    """Converts all takes below ``original`` to the two .npz files.

    Returns:
        The written files.

    Raises:
        UserError: There are no takes, or one is damaged.
    """
    training, testing = sorted(Path(original).rglob("annot.mat")), sorted(Path(original).rglob("annot_data.mat"))
    if not training and not testing:
        raise UserError(
            f"{original}: neither S*/Seq*/annot.mat nor TS*/annot_data.mat below; unpack the data set there"
        )
    written = []
    total = len(training) + len(testing)
    if training:
        takes: dict[str, Any] = {}
        for i, path in enumerate(training):
            progress("convert", i, total)
            take = f"{path.parent.parent.name} {path.parent.name}"
            takes[take] = _read_training_take(path, take)
        written.append(_write(Path(output) / TRAIN_FILE, takes))
    if testing:
        takes = {}
        for i, path in enumerate(testing):
            progress("convert", len(training) + i, total)
            takes[path.parent.name] = _read_test_take(path)
        written.append(_write(Path(output) / TEST_FILE, takes))
    progress("convert", total, total)
    return written


def _read_training_take(path: Path, take: str) -> list[Any]:
    if take not in TAKES:
        raise UserError(f"{path}: {take!r} is no take of MPI-INF-3DHP; keep the folders S1/Seq1 ... S8/Seq2")
    frames, fps = TAKES[take]
    try:
        data = scipy.io.loadmat(path, variable_names=["annot2", "univ_annot3"])
        views = {}
        for camera in CAMERAS:
            pixels = data["annot2"][camera, 0].reshape(-1, 28, 2)[:frames, RELEVANT_OF_28]
            joints = data["univ_annot3"][camera, 0].reshape(-1, 28, 3)[:frames, RELEVANT_OF_28]
            views[str(camera)] = {"data_2d": pixels, "data_3d": joints}
    except Exception as error:  # the reader's errors on damaged files have no common class
        raise UserError(f"{path}: not a training annotation of MPI-INF-3DHP ({error})") from error
    return [views, fps]


def _read_test_take(path: Path) -> dict[str, np.ndarray]:
    h5py = extras.require("h5py", "papers", "reads .mat files of MATLAB 7.3")
    try:
        with h5py.File(path, "r") as data:
            # MATLAB's axes come out reversed: (frames, 1, 17, 2).
            return {
                "data_2d": data["annot2"][:, 0],
                "data_3d": data["univ_annot3"][:, 0],
                "valid": data["valid_frame"][:].reshape(-1),
                "activity": data["activity_annotation"][:].reshape(-1),
            }
    except (OSError, KeyError, ValueError, TypeError) as error:
        raise UserError(f"{path}: not a test annotation of MPI-INF-3DHP ({error})") from error


def _write(path: Path, takes: dict[str, Any]) -> Path:
    # A pickled dictionary, the format that other programs of the field read.
    with atomic.replacing(path) as temporary, temporary.open("wb") as stream:
        np.savez_compressed(stream, data=np.array(takes, dtype=object))
    return path


def predictions_from_mat(path: Path) -> Iterator[tuple[str, np.ndarray]]:
    """Reads ``inference_data.mat``: yields (take, (N,17,3) millimetres) of the valid frames of each take.

    Raises:
        UserError: The file is damaged or another one.
    """
    try:
        data = scipy.io.loadmat(path)
    except Exception as error:  # as above
        raise UserError(f"{path}: not a .mat file of predictions ({error})") from error
    for name, array in data.items():
        if not name.startswith("__"):
            if array.ndim != 4 or array.shape[:3] != (3, 17, 1):
                raise UserError(f"{path}: {name} is {array.shape}, not (3, 17, 1, frames)")
            yield name, array[:, :, 0].transpose(2, 1, 0)


def predictions_to_mat(path: Path, predictions: dict[str, np.ndarray]) -> None:
    """Writes ``inference_data.mat``: each take's (N,17,3) millimetres as (3,17,1,N).

    Raises:
        UserError: The file cannot be written.
    """
    arrays = {take: joints.transpose(2, 1, 0)[:, :, None] for take, joints in predictions.items()}
    with atomic.replacing(path) as temporary:
        scipy.io.savemat(temporary, arrays)
