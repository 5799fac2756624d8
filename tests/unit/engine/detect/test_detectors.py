"""The detector on real pictures, and the model file that it reads."""

from __future__ import annotations

import io
import socket
import threading
import time
import zipfile
from pathlib import Path

import numpy as np
import pytest

from pose3d_engine import detect, weights
from pose3d_engine.contract import atomic
from pose3d_engine.contract.errors import UserError
from pose3d_engine.contract.skeletons import BLAZEPOSE33, COCO17
from pose3d_engine.detect import mediapipe as adapter
from pose3d_engine.media import video
from pose3d_engine.weights import mediapipe_bundle

MAN_FRAME = 60
"""Of the demo clip: the man stands on the wall with his arms up; the woman is in the right half, cut away."""


@pytest.fixture(scope="module")
def picture(demo_clip: Path) -> np.ndarray:
    image = next(frame.image for frame in video.read_frames(demo_clip) if frame.index == MAN_FRAME)
    return np.ascontiguousarray(image[:, :1100])


def test_a_person_is_found_where_he_is(
    picture: np.ndarray, detector_model: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    detector = detect.create("mediapipe", 1)
    assert detector.name == "mediapipe-full"
    found = detector.detect(picture, 0.0)
    detector.close()
    assert found.keypoints.shape == (1, 17, 3) and found.keypoints.dtype == np.float32
    assert found.boxes.shape == (1, 4)
    assert {key: value.shape for key, value in found.extras.items()} == {
        "blazepose33": (1, 33, 3),
        "blazepose33_world": (1, 33, 3),
    }
    points = dict(zip(COCO17.joints, found.keypoints[0], strict=True))
    x0, y0, x1, y1 = found.boxes[0]
    assert 450 < x0 < x1 < 800 and 20 < y0 < y1 < 500
    assert points["left_wrist"][1] < points["left_elbow"][1] < points["left_shoulder"][1], "arms are up"
    assert points["left_shoulder"][0] > points["right_shoulder"][0], "he faces the camera"
    assert points["left_hip"][1] < points["left_knee"][1] < points["left_ankle"][1]
    assert found.keypoints[0, :, 2].min() > 0.5 and found.keypoints[0, :, 2].max() <= 1
    world = found.extras["blazepose33_world"][0]
    rows = [BLAZEPOSE33.index(name) for name in ("nose", "left_ankle")]
    assert 0.9 < world[rows[1], 1] - world[rows[0], 1] < 1.9, "metres, y down"
    assert capfd.readouterr() == ("", ""), "the library's chatter reaches nobody"


def test_every_coco_keypoint_is_the_landmark_of_its_name() -> None:
    assert [BLAZEPOSE33.joints[row] for row in adapter.COCO_ROWS] == list(COCO17.joints)
    from mediapipe.tasks.python.vision import PoseLandmark

    assert [landmark.name.lower() for landmark in PoseLandmark] == list(BLAZEPOSE33.joints)


def test_an_empty_picture_has_nobody_and_times_may_repeat(detector_model: Path) -> None:
    detector = detect.create("mediapipe", 2)
    grey = np.full((240, 320, 3), 128, np.uint8)
    for seconds in (0.0, 0.0, 0.0004):
        found = detector.detect(grey, seconds)
        assert found.keypoints.shape == (0, 17, 3) and found.boxes.shape == (0, 4)
        assert found.extras["blazepose33"].shape == (0, 33, 3)
    detector.close()


def test_mirrored_landmarks_keep_their_names() -> None:
    names = BLAZEPOSE33.joints
    assert [names[row] for row in BLAZEPOSE33.mirror[[0, 9, 11, 32]]] == [
        "nose",
        "mouth_right",
        "right_shoulder",
        "left_foot_index",
    ]
    assert (BLAZEPOSE33.mirror[BLAZEPOSE33.mirror] == np.arange(33)).all()


def test_names_and_numbers_that_make_no_sense() -> None:
    with pytest.raises(UserError, match="there are mediapipe, mediapipe-full"):
        detect.create("openpose")
    with pytest.raises(UserError, match="1 or more"):
        detect.create("mediapipe", 0)


def test_a_missing_model_names_the_command(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(weights, "folders", lambda: (tmp_path,))
    with pytest.raises(UserError, match="run: pose3d weights fetch mediapipe-full"):
        detect.create("mediapipe")


def test_a_broken_model_is_refused_in_one_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "mediapipe-full.task").write_bytes(b"not a model")
    monkeypatch.setattr(weights, "folders", lambda: (tmp_path,))
    with pytest.raises(UserError, match=r"damaged or another version.*delete it and run") as caught:
        detect.create("mediapipe")
    assert "\n" not in str(caught.value)


def test_a_model_that_is_whole_is_not_called_damaged(monkeypatch: pytest.MonkeyPatch, detector_model: Path) -> None:
    from mediapipe.tasks.python import vision

    def full(_: object) -> None:
        raise RuntimeError("failed to\nallocate")

    monkeypatch.setattr(vision.PoseLandmarker, "create_from_options", full)
    with pytest.raises(UserError, match=r"cannot load it \(failed to allocate\); close other programs"):
        detect.create("mediapipe")


def test_nothing_is_uploaded(monkeypatch: pytest.MonkeyPatch, detector_model: Path) -> None:
    """MediaPipe's later wheels send usage metrics at the latest when a detector closes, and heed the proxy variables:
    here a proxy listens that must not be asked. (1.2.2 asks it within a second.)"""
    asked: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            connection, _ = server.accept()
            with connection:
                asked.append(connection.recv(200))

        threading.Thread(target=answer, daemon=True).start()
        for name in ("no_proxy", "NO_PROXY"):
            monkeypatch.delenv(name, raising=False)
        for name in ("https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{server.getsockname()[1]}")
        detector = detect.create("mediapipe", 1)
        detector.detect(np.zeros((64, 64, 3), np.uint8), 0.0)
        detector.close()
        deadline = time.monotonic() + 3.0
        while not asked and time.monotonic() < deadline:
            time.sleep(0.02)
    assert not asked, f"this version of MediaPipe uploads: {asked}; pin one that does not"


def test_the_bundle_is_the_same_every_time(detector_model: Path) -> None:
    """Takes the installed model apart and puts the networks in it together again, under their own metadata."""
    with zipfile.ZipFile(detector_model) as archive:
        members = archive.infolist()
        detector, landmarks = (archive.read(member) for member in members)
    assert [member.filename for member in members] == ["pose_detector.tflite", "pose_landmarks_detector.tflite"]
    assert all(member.compress_type == zipfile.ZIP_STORED for member in members)
    once = mediapipe_bundle.assemble(detector, landmarks)
    assert once == mediapipe_bundle.assemble(detector, landmarks)
    from mediapipe.tasks.metadata import metadata_schema_py_generated as metadata_schema
    from mediapipe.tasks.metadata import schema_py_generated as schema

    for content, mean, std in ((detector, 127.5, 127.5), (landmarks, 0.0, 255.0)):
        model = schema.Model.GetRootAsModel(content, 0)
        entry = model.Metadata(model.MetadataLength() - 1)
        assert entry.Name() == b"TFLITE_METADATA"
        buffer = model.Buffers(entry.Buffer()).DataAsNumpy().tobytes()
        assert metadata_schema.ModelMetadata.ModelMetadataBufferHasIdentifier(buffer, 0)
        graph = metadata_schema.ModelMetadataT.InitFromObj(
            metadata_schema.ModelMetadata.GetRootAs(buffer, 0)
        ).subgraphMetadata[0]
        options = graph.inputTensorMetadata[0].processUnits[0].options
        assert (options.mean, options.std) == (pytest.approx([mean]), pytest.approx([std]))
        assert len(graph.outputTensorMetadata) == model.Subgraphs(0).OutputsLength()


def test_the_model_is_the_one_in_the_register(detector_model: Path) -> None:
    assert atomic.sha256(detector_model) == weights.entry("mediapipe-full").sha256
    assert zipfile.is_zipfile(io.BytesIO(detector_model.read_bytes()))


def test_what_is_no_network_is_not_bundled() -> None:
    with pytest.raises(ValueError, match="not a TensorFlow Lite model"):
        mediapipe_bundle.assemble(b"\0" * 64, b"\0" * 64)


def test_scores_are_translated_for_the_lifter_where_their_meaning_is_known():
    keypoints = np.array([[[1.0, 2.0, 0.0], [3.0, 4.0, 0.4], [5.0, 6.0, 1.0]]], np.float32)
    before = keypoints.copy()
    read = detect.lifter_scores(keypoints, "mediapipe-heavy")
    np.testing.assert_array_equal(keypoints, before)
    np.testing.assert_array_equal(read[..., :2], before[..., :2])
    np.testing.assert_allclose(read[0, :, 2], [0.0, 0.7, 0.85], atol=1e-6)
    for unknown in ("rtmpose", "keypoints", "somebody's own"):
        np.testing.assert_array_equal(detect.lifter_scores(keypoints, unknown), before)
