"""ONNX networks as detectors: tiny ones with known answers are built, loaded by onnxruntime and decoded."""

from __future__ import annotations

import importlib
from pathlib import Path

import numpy as np
import pytest

from pose3d_engine import detect, extras, track, weights
from pose3d_engine.contract.errors import UserError
from pose3d_engine.contract.people_file import VideoInfo
from pose3d_engine.contract.skeletons import COCO17, HALPE26
from pose3d_engine.detect import decoding, onnx
from tests.support import onnx_networks as networks

SIZE = (64, 96)
"""Width and height of what the pose networks take."""

RED, GREEN = (300.0, 140.0), (330.0, 220.0)
"""Where a red and a green spot are in the picture; even keypoints are at the red one, odd ones at the green one."""

BOX = np.array([280.0, 100.0, 360.0, 260.0])


@pytest.fixture
def picture() -> np.ndarray:
    image = np.zeros((480, 640, 3), np.uint8)
    for channel, (x, y) in ((0, RED), (1, GREEN)):
        image[int(y) - 4 : int(y) + 5, int(x) - 4 : int(x) + 5, channel] = 255
    return image


def expected(points: int) -> np.ndarray:
    return np.array([RED if row % 2 == 0 else GREEN for row in range(points)])


@pytest.mark.parametrize("points", [17, 26])
@pytest.mark.parametrize("kind", [networks.heat_maps, networks.simcc])
def test_keypoints_are_where_they_are_in_the_picture(
    kind: object, points: int, picture: np.ndarray, tmp_path: Path
) -> None:
    network = onnx.Network(kind(tmp_path / "pose.onnx", SIZE, points))  # type: ignore[operator]
    found = onnx.detect_keypoints(network, picture, BOX[None])
    assert found.shape == (1, points, 3)
    # A pixel of the crop is 2.1 of the picture, a cell of its heat map 8.3, which is all that flat spots allow.
    np.testing.assert_allclose(found[0, :, :2], expected(points), atol=8.4)
    assert (found[..., 2] > 0).all() and found[..., 2].max() <= 1


def test_a_gaussian_is_found_between_the_cells_of_its_heat_map() -> None:
    x, y = np.meshgrid(np.arange(48), np.arange(64))
    places = np.array([[20.3, 31.8], [5.0, 60.45], [0.0, 0.0]])
    maps = np.array([0.8 * np.exp(-((x - a) ** 2 + (y - b) ** 2) / 8) for a, b in places])
    found = decoding.heat_maps(maps, (192, 256))
    np.testing.assert_allclose(found[:, :2], places * 4, atol=0.01)
    assert found[2, 2] == pytest.approx(0.8)


def test_simcc_takes_the_best_bin_of_each_axis() -> None:
    x, y = np.zeros((2, 384)), np.zeros((2, 512))
    x[0, 100], y[0, 301], x[1, 383], y[1, 0] = 0.9, 0.7, 1.6, 1.2
    assert decoding.simcc(x, y, (192, 256)).tolist() == pytest.approx(np.array([[50, 150.5, 0.8], [191.5, 0, 1]]))


def yolox_answer(size: tuple[int, int], people: list[tuple[tuple[float, float, float, float], float]]) -> np.ndarray:
    """(1,A,7) of a YOLOX with two classes that sees these boxes (x0, y0, x1, y1; score) on its grid of stride 8."""
    cells = sum((size[0] // stride) * (size[1] // stride) for stride in (8, 16, 32))
    raw = np.zeros((1, cells, 7), np.float32)
    for (x0, y0, x1, y1), score in people:
        middle, extent = np.array([x0 + x1, y0 + y1]) / 2, np.array([x1 - x0, y1 - y0])
        column, row = (middle // 8).astype(int)
        cell = row * (size[0] // 8) + column
        raw[0, cell, :2] = middle / 8 - (column, row)
        raw[0, cell, 2:4] = np.log(extent / 8)
        raw[0, cell, 4:] = 0.9, score / 0.9, 0.0
    return raw


def test_people_of_yolox_without_suppression(tmp_path: Path) -> None:
    """A person, the same a little off, another with a lower score but larger, and something that is hardly anybody."""
    boxes = [
        ((20, 30, 60, 130), 0.8),
        ((28, 38, 68, 138), 0.6),
        ((90, 10, 150, 150), 0.5),
        ((5, 100, 25, 140), 0.1),
    ]
    path = networks.fixed(tmp_path / "yolox.onnx", (160, 160), rows=yolox_answer((160, 160), boxes))
    found = onnx.detect_boxes(onnx.Network(path), np.zeros((320, 320, 3), np.uint8), 5)
    np.testing.assert_allclose(found, [[180, 20, 300, 300], [40, 60, 120, 260]], atol=0.01)
    assert len(onnx.detect_boxes(onnx.Network(path), np.zeros((320, 320, 3), np.uint8), 1)) == 1


def test_people_of_yolox_that_suppresses_itself(tmp_path: Path) -> None:
    rows = np.array([[[10, 10, 40, 90, 0.9], [50, 10, 90, 90, 0.8], [0, 0, 9, 9, 0.05]]], np.float32)
    path = networks.fixed(tmp_path / "y.onnx", (160, 160), dets=rows, labels=np.array([[0, 3, 0]], np.int64))
    found = onnx.detect_boxes(onnx.Network(path), np.zeros((80, 160, 3), np.uint8), 5)
    np.testing.assert_allclose(found, [[10, 10, 40, 90]])


def test_everybody_of_rtmo(tmp_path: Path) -> None:
    rows = np.array([[[10, 10, 40, 90, 0.9], [12, 10, 42, 90, 0.8], [60, 0, 90, 60, 0.7]]], np.float32)
    points = np.random.default_rng(0).uniform(10, 90, (1, 3, 17, 3)).astype(np.float32)
    points[..., 2] = 1.3
    path = networks.fixed(tmp_path / "rtmo.onnx", (96, 96), dets=rows, keypoints=points)
    boxes, found = onnx.detect_poses(onnx.Network(path), np.zeros((192, 192, 3), np.uint8), 4)
    np.testing.assert_allclose(boxes, rows[0, [0, 2], :4] * 2)
    np.testing.assert_allclose(found[..., :2], points[0, [0, 2], :, :2] * 2)
    assert (found[..., 2] == 1).all()


def test_nobody_is_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    empty = networks.fixed(tmp_path / "y.onnx", (96, 96), dets=np.zeros((1, 0, 5), np.float32))
    pose = networks.simcc(tmp_path / "p.onnx", SIZE, 17)
    monkeypatch.setattr(weights, "require", {"yolox-m": empty, "rtmpose-m": pose}.__getitem__)
    found = detect.create("rtmpose").detect(np.zeros((96, 96, 3), np.uint8), 0.0)
    assert found.keypoints.shape == (0, 17, 3) and found.boxes.shape == (0, 4)


def test_a_detector_of_two_networks_keeps_its_feet(
    picture: np.ndarray, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From the register's names to a track with COCO-17 by name and Halpe-26 beside it."""
    box = np.array([[[*BOX, 0.9]]], np.float32)
    finder = networks.fixed(tmp_path / "y.onnx", (640, 640), dets=box)
    pose = networks.simcc(tmp_path / "p.onnx", SIZE, 26)
    monkeypatch.setattr(weights, "require", {"yolox-m": finder, "rtmpose-m": pose}.__getitem__)
    detector = detect.create("rtmpose", 2)
    tracker = track.Tracker()
    for row in range(12):
        tracker.add(row, row / 30, detector.detect(picture, row / 30))
    detector.close()
    people = tracker.finish(VideoInfo("x", 640, 480, 30.0, 0.4, 12, 0), detector.name)
    assert people.keypoints2d.shape == (1, 12, 17, 3)
    assert people.extras["halpe26"].shape == (1, 12, 26, 3)
    toe, knee = HALPE26.index("left_big_toe"), COCO17.index("left_knee")
    np.testing.assert_allclose(people.extras["halpe26"][0, 5, toe, :2], expected(26)[toe], atol=6)
    np.testing.assert_allclose(people.keypoints2d[0, 5, knee, :2], expected(17)[knee], atol=6)
    np.testing.assert_allclose(people.boxes[0, 5], BOX, atol=1)


def test_pictures_are_given_as_the_networks_were_trained(tmp_path: Path) -> None:
    image = np.zeros((96, 64, 3), np.uint8)
    image[...] = (200, 100, 50)
    network = onnx.Network(networks.of_means(tmp_path / "m.onnx", SIZE))
    (mean,), _ = network.run_letterboxed(image)
    np.testing.assert_allclose(mean[0], [50, 100, 200], atol=0.5)
    inside, _ = decoding.crop(image, np.array([20.0, 30, 40, 60]), SIZE)
    (mean,) = network.run((inside - decoding.MEAN) / decoding.STD)
    np.testing.assert_allclose(mean[0], (np.array([200, 100, 50]) - decoding.MEAN) / decoding.STD, atol=0.02)


@pytest.mark.parametrize("kind", ["garbage", "outputs", "shape"])
def test_files_that_are_something_else(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "net.onnx"
    image = np.zeros((96, 64, 3), np.uint8)
    if kind == "garbage":
        path.write_bytes(b"no network")
    else:
        networks.fixed(path, SIZE, rows=np.zeros((1, 7) if kind == "shape" else (1, 4, 3), np.float32))
    with pytest.raises(UserError, match=r"net\.onnx") as caught:
        network = onnx.Network(path)
        onnx.detect_boxes(network, image, 2)
    assert "\n" not in str(caught.value)
    if kind != "garbage":
        for call in (
            lambda: onnx.detect_keypoints(network, image, BOX[None]),
            lambda: onnx.detect_poses(network, image, 2),
        ):
            with pytest.raises(UserError, match="choose the detector that the file is for"):
                call()


def test_what_is_missing_is_named_with_its_command(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(weights, "folders", lambda: (tmp_path,))
    with pytest.raises(
        UserError, match=r"download https://\S+/yolox_m\S+zip and run: pose3d weights add yolox_m\S+zip"
    ):
        detect.create("rtmpose")
    missing = detect.source("rtmpose").missing_requirement()
    assert missing is not None and missing[0] == "the weights yolox-m are not here"
    monkeypatch.undo()
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    there = tmp_path / "hub" / "checkpoints"
    there.mkdir(parents=True)
    for network in ("yolox-m", "rtmpose-m"):
        (there / weights.entry(network).file).write_bytes(b"")
    assert detect.source("rtmpose").missing_requirement() is None, "what rtmlib downloaded is found"

    def refuse(module: str) -> None:
        raise ImportError(module)

    monkeypatch.setattr(extras.importlib, "import_module", refuse)
    with pytest.raises(UserError, match=r"pip install 'pose3d-engine\[rtmpose\]'"):
        detect.create("rtmpose")
    monkeypatch.setattr(importlib.util, "find_spec", lambda module: None)
    missing = detect.source("rtmo").missing_requirement()
    assert missing is not None and missing[1] == "pip install 'pose3d-engine[rtmpose]'"


def test_every_source_is_complete() -> None:
    names = [source.name for source in detect.SOURCES]
    assert len(set(names)) == len(names)
    registered = {entry.name for entry in weights.register()}
    for source in detect.SOURCES:
        assert set(source.networks) <= registered and source.licence and source.layout
        assert bool(source.networks) == (source.option == "--detector")
