"""Thumbnails of people in a generated video whose frames and places can be told by their colours."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from pose3d_engine import pipeline
from pose3d_engine.commands import detect
from pose3d_engine.contract.errors import UserError
from pose3d_engine.contract.people_file import People
from pose3d_engine.media import video
from pose3d_engine.show.thumbnails import HEIGHT, best_row, write_thumbnails
from pose3d_engine.track import records

FRAMES, WIDTH, TALL = 10, 640, 480


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    """The left half is red, the right half blue, and both get brighter by 20 a frame."""
    path = tmp_path / "Clip ß.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("h264", rate=25)
        stream.width, stream.height, stream.pix_fmt = WIDTH, TALL, "yuv420p"
        for index in range(FRAMES):
            image = np.zeros((TALL, WIDTH, 3), np.uint8)
            image[:, : WIDTH // 2, 0] = image[:, WIDTH // 2 :, 2] = 40 + 20 * index
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        container.mux(stream.encode(None))
    return path


def people_of(clip: Path) -> People:
    """One on the red side at frames 2 to 9, best at 7; one on the blue side, at all frames, best at 4."""
    stamps = [(frame.index, frame.time) for frame in video.read_frames(clip)]
    keypoints = np.full((2, FRAMES, 17, 3), 0.5, np.float32)
    boxes = np.empty((2, FRAMES, 4), np.float32)
    boxes[0], boxes[1] = [40, 20, 200, 460], [400, 100, 460, 200]
    keypoints[0, :2], boxes[0, :2] = [np.nan, np.nan, 0], np.nan
    keypoints[0, 7, :, 2] = keypoints[1, 4, :, 2] = 0.9
    # Half a body is not the best, however sure the detector is of the face.
    keypoints[0, 5, :, 2], keypoints[0, 5, 11:, 2] = 1.0, 0.1
    meta = {"video": asdict(video.probe(clip)), "detector": "generated"}
    frames, times = zip(*stamps, strict=True)
    people = People(keypoints, boxes, np.array(frames, np.int32), np.array(times), meta)
    meta["people"] = records(people)
    return people


def test_everybody_gets_the_picture_of_the_best_frame(clip: Path, tmp_path: Path) -> None:
    people, steps = people_of(clip), []
    assert [best_row(people, person) for person in (0, 1)] == [7, 4]
    folder = tmp_path / "neu" / "Bilder ß"
    paths = write_thumbnails(clip, people, folder, lambda *step: steps.append(step))
    assert paths == {1: folder / "person1.png", 2: folder / "person2.png"}
    assert list(paths.values()) == sorted(folder.iterdir())
    assert steps[-1] == ("thumbnails", 2, 2)
    red, blue = (
        cv2.imdecode(np.frombuffer(path.read_bytes(), np.uint8), cv2.IMREAD_COLOR)[..., ::-1] for path in paths.values()
    )
    assert red.shape[0] == HEIGHT and red.shape[1] == pytest.approx(HEIGHT * (40 + 204) / 480, abs=2)
    assert blue.shape[:2] == (121, 81), "a small one is not blown up"
    np.testing.assert_allclose(red.mean(axis=(0, 1)), [180, 0, 0], atol=12)
    np.testing.assert_allclose(blue.mean(axis=(0, 1)), [0, 0, 120], atol=12)


def test_a_box_beyond_the_picture_and_nobody(clip: Path, tmp_path: Path) -> None:
    people = people_of(clip)
    people.boxes[:] = [900, 600, 950, 700]
    assert all(path.stat().st_size for path in write_thumbnails(clip, people, tmp_path / "out").values())
    people.boxes[0] = np.nan
    people.meta["people"] = records(people)
    assert list(write_thumbnails(clip, people, tmp_path / "late")) == [2], "who is not seen has no picture"
    people.meta["people"] = []
    assert write_thumbnails(clip, people, tmp_path / "none") == {}


def test_another_video(clip: Path, tmp_path: Path) -> None:
    people = people_of(clip)
    people.frames += 100
    with pytest.raises(UserError, match="frame 104 does not exist"):
        write_thumbnails(clip, people, tmp_path / "out")


def test_the_command_says_who_is_there_and_shows_them(
    clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    people = people_of(clip)
    monkeypatch.setattr(pipeline, "analyse", lambda *_: people)
    parser = argparse.ArgumentParser()
    detect.add_arguments(parser)
    output, folder = tmp_path / "out" / "people.npz", tmp_path / "out" / "faces"
    words = [str(clip), "-o", str(output), "--thumbnails", str(folder)]
    detect.execute(parser.parse_args(words))
    said = capsys.readouterr().out.splitlines()
    assert said[0] == ("person1: frames 2 to 9, visible in 80%, full body in 88% of these, 440 px tall, score 0.57")
    assert said[2:] == [str(output), str(folder / "person1.png"), str(folder / "person2.png")]
    assert People.load(output).meta["people"] == people.meta["people"]
