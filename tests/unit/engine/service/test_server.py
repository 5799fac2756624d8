"""The protocol against the real engine, as a real child process."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import av
import numpy as np
import pytest

from pose3d_engine.contract import protocol
from pose3d_engine.contract.motion_file import Motion
from pose3d_engine.contract.people_file import People
from pose3d_engine.service import cache
from tests.support import keypoint_writers
from tests.support.filmed import people, project, walk


class Engine:
    def __init__(self):
        self.process = subprocess.Popen(
            [sys.executable, "-m", "pose3d_engine", "serve"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        self.hello = self.read()

    def read(self):
        return json.loads(self.process.stdout.readline())

    def send(self, message):
        self.raw(json.dumps(message).encode() + b"\n")

    def raw(self, data):
        self.process.stdin.write(data)
        self.process.stdin.flush()

    def request(self, number, method, **params):
        self.send({"type": "request", "id": number, "method": method, "params": params})

    def answer(self, number):
        """The answer of a request, and the progress before it."""
        progress = []
        while True:
            message = self.read()
            assert message["id"] == number, message
            if message["type"] != "progress":
                return message, progress
            progress.append(message)


@pytest.fixture
def engine():
    engine = Engine()
    yield engine
    engine.process.stdin.close()
    assert engine.process.wait(timeout=10) == 0
    assert engine.process.stdout.read() == b""


def test_greeting(engine):
    assert engine.hello["type"] == "hello"
    assert engine.hello["protocol"] == protocol.VERSION
    assert engine.hello["pid"] == engine.process.pid


def test_capture(engine, tmp_path):
    people(project(walk(40)), project(walk(40, seed=1))).save(tmp_path / "Leute ß.npz")
    engine.request(
        1, "capture", people=str(tmp_path / "Leute ß.npz"), output=str(tmp_path / "out.npz"), person="all", device="cpu"
    )
    answer, progress = engine.answer(1)
    assert answer["type"] == "result", answer
    assert {message["stage"] for message in progress} >= {"start", "lift"}
    assert [motion["person"] for motion in answer["result"]["motions"]] == [1, 2]
    for motion in answer["result"]["motions"]:
        assert len(Motion.load(motion["path"])) == motion["frames"] == 40


def test_a_capture_without_an_output_goes_into_the_cache(engine, tmp_path):
    source = tmp_path / "source" / "people.npz"
    source.parent.mkdir()
    people(project(walk(20))).save(source)
    os.utime(source.parent, (1, 1))
    paths = []
    for number in (1, 2):
        engine.request(number, "capture", people=str(source), device="cpu", flip=False)
        answer, _ = engine.answer(number)
        assert answer["type"] == "result", answer
        paths.append(Path(answer["result"]["motions"][0]["path"]))
    assert all(len(Motion.load(path)) == 20 and path.parent.parent == cache.folder() for path in paths)
    assert paths[0] != paths[1], "a scene may still use the first one"
    assert source.parent.stat().st_mtime == 1, "a folder of the user is no entry of the cache"


@pytest.fixture
def crossing(tmp_path):
    """A clip without anybody and AlphaPose's results of two people in it."""
    clip = tmp_path / "Clip ß.mp4"
    with av.open(str(clip), "w") as container:
        stream = container.add_stream("libx264", rate=30)
        stream.width, stream.height, stream.pix_fmt = 1280, 720, "yuv420p"
        for _ in range(40):
            image = np.zeros((720, 1280, 3), np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        container.mux(stream.encode())
    two = people(project(walk(40)), project(walk(40, seed=1)) * 0.5 + [600, 200]).keypoints2d
    return clip, keypoint_writers.alphapose(tmp_path / "alphapose-results.json", two, tracks=True)


def test_the_way_of_the_panel(engine, crossing, tmp_path):
    """Analyse, show the people, edit the tracks, capture a chosen person; and again, without waiting."""
    clip, keypoints = crossing
    ask = {"video": str(clip), "keypoints": str(keypoints), "thumbnails": True}
    engine.request(1, "analyse", **ask)
    found = engine.answer(1)[0]["result"]
    assert not found["known"] and found["detector"] == "alphapose" and found["video"]["width"] == 1280
    assert [(person["person"], person["first"], person["last"]) for person in found["persons"]] == [
        (1, 0, 39),
        (2, 0, 39),
    ]
    for person in found["persons"]:
        assert Path(person["thumbnail"]).read_bytes()[1:4] == b"PNG"
        assert (person["first"], person["last"], person["coverage"], person["complete"]) == (0, 39, 1, 1)
        assert (person["first_s"], person["last_s"]) == (0, pytest.approx(39 / 30))
    engine.request(2, "analyse", **ask)
    again = engine.answer(2)[0]["result"]
    assert again.pop("known") and again == {key: value for key, value in found.items() if key != "known"}

    engine.request(3, "edit", people=found["people"], split="1@0.5", thumbnails=True)
    split = engine.answer(3)[0]["result"]
    assert len(split["persons"]) == 3 and split["people"] != found["people"]
    assert all(Path(person["thumbnail"]).is_file() for person in split["persons"])
    engine.request(4, "edit", people=split["people"], merge="1,2", output=str(tmp_path / "merged.npz"))
    merged = engine.answer(4)[0]["result"]
    assert merged["people"] == str(tmp_path / "merged.npz") and merged["persons"][0]["thumbnail"] is None
    np.testing.assert_array_equal(
        People.load(Path(merged["people"])).keypoints2d, People.load(Path(found["people"])).keypoints2d
    )

    box = People.load(Path(found["people"])).boxes[1, 15]
    place = f"{(box[0] + box[2]) / 2},{(box[1] + box[3]) / 2},0.5"
    capture = {"people": found["people"], "output": str(tmp_path / "m.npz"), "device": "cpu", "flip": False}
    engine.request(5, "capture", **capture, person_at=place, repair="swaps,gaps")
    (motion,) = engine.answer(5)[0]["result"]["motions"]
    assert motion["person"] == 2 and set(motion["repairs"]) == {"swaps", "gaps"}
    # Somebody else's keypoints without their video, which says nothing of its size.
    capture["people"] = str(keypoints)
    engine.request(6, "capture", **capture, person="1", picture={"width": 1280, "height": 720, "fps": 30})
    assert engine.answer(6)[0]["result"]["motions"][0]["frames"] == 40
    for number, (method, params, message) in enumerate(
        (
            ("capture", capture, "--width"),
            ("capture", {**capture, "repair": "everything"}, "repair is"),
            ("capture", {**capture, "person_at": "here"}, "X,Y,SECONDS"),
            ("edit", {"people": found["people"]}, "split or merge"),
            ("edit", {"people": found["people"], "split": "7@0.5"}, "no person 7"),
            ("analyse", {**ask, "detector_command": "a {video} {output}"}, "give one of them"),
            ("analyse", {"video": str(clip), "detector_command": "false {video} {output}"}, "detector command"),
        ),
        start=7,
    ):
        engine.request(number, method, **params)
        answer, _ = engine.answer(number)
        assert answer["code"] == "bad_input" and message in answer["message"]


def test_bad_input_is_told_and_the_next_job_runs(engine, tmp_path):
    (tmp_path / "text.mp4").write_text("not a video")
    for number, path in enumerate((tmp_path / "none.mp4", tmp_path / "text.mp4")):
        engine.request(number, "probe", video=str(path))
        answer, _ = engine.answer(number)
        assert (answer["type"], answer["code"]) == ("error", "bad_input")
        assert path.name in answer["message"]
        assert "\n" not in answer["message"]
    engine.request(7, "capture", people=5, output="x")
    assert engine.answer(7)[0]["code"] == "bad_input"
    # The video is not there either, but nobody looks for it before it is known that the work can be kept.
    engine.request(9, "analyse", video="none.mp4", output=str(tmp_path / "text.mp4" / "people.npz"))
    assert "cannot write" in engine.answer(9)[0]["message"]
    people(project(walk(5))).save(tmp_path / "p.npz")
    engine.request(8, "capture", people=str(tmp_path / "p.npz"), output=str(tmp_path / "o.npz"), device="cpu")
    assert engine.answer(8)[0]["type"] == "result"


@pytest.mark.parametrize(
    "line",
    [
        b"garbage\n",
        b"[1,2]\n",
        b'{"type":"request","method":"probe"}\n',
        b'{"type":"request","id":true,"method":"probe"}\n',
        b'{"type":"song","id":1}\n',
        b'{"type":"request","id":1,"method":"shell","params":{}}\n',
        b'{"type":"request","id":1,"method":"probe","params":[]}\n',
        b"\xff\xfe\n",
        b"x" * (protocol.MAX_LINE + 100) + b"\n",
        b"[" * 100000 + b"\n",
    ],
)
def test_a_message_that_is_not_understood_is_answered_and_survived(engine, line):
    engine.raw(line)
    complaint = engine.read()
    assert (complaint["type"], complaint["code"]) == ("error", "protocol")
    engine.request(5, "probe", video="none.mp4")
    assert engine.answer(5)[0]["code"] == "bad_input"


def test_a_cancel_is_obeyed_and_nothing_is_left(engine, tmp_path, demo_clip, detector_model):
    output = tmp_path / "people.npz"
    engine.request(1, "analyse", video=str(demo_clip), output=str(output))
    while (message := engine.read()).get("stage") != "detect":
        assert message["type"] == "progress", message
    engine.send({"type": "cancel", "id": 1})
    began = time.monotonic()
    answer, _ = engine.answer(1)
    assert answer["code"] == "cancelled"
    assert time.monotonic() - began < 5
    assert list(tmp_path.iterdir()) == []


def test_a_waiting_job_can_be_cancelled(engine, tmp_path, demo_clip, detector_model):
    engine.request(1, "analyse", video=str(demo_clip), output=str(tmp_path / "a.npz"), end=0.5)
    engine.request(2, "analyse", video=str(demo_clip), output=str(tmp_path / "b.npz"))
    engine.send({"type": "cancel", "id": 2})
    assert engine.answer(1)[0]["type"] == "result"
    assert engine.answer(2)[0]["code"] == "cancelled"


def test_the_engine_ends_with_its_stdin_in_the_middle_of_a_job(tmp_path, demo_clip, detector_model):
    engine = Engine()
    engine.request(1, "analyse", video=str(demo_clip), output=str(tmp_path / "people.npz"))
    while (message := engine.read()).get("stage") != "detect":
        assert message["type"] == "progress", message
    engine.process.stdin.close()
    assert engine.process.wait(timeout=5) == 0
    assert list(tmp_path.iterdir()) == []


def test_nothing_but_messages_reaches_stdout(engine, tmp_path):
    """Whatever libraries print goes to stderr: the fixture checks that stdout ends clean."""
    people(project(walk(5))).save(tmp_path / "p.npz")
    engine.request(1, "doctor")
    state, _ = engine.answer(1)
    assert state["result"]["lifter"] == "tcn-mocap"
    assert np.isfinite(len(state["result"]["packages"]))
