"""An analysis in chunks: stopped in whatever way, it goes on and finds what it would have found."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import av
import numpy as np
import pytest

from pose3d_engine import detect
from pose3d_engine.contract.errors import Cancelled
from pose3d_engine.contract.people_file import People
from pose3d_engine.detect import chunks as detection
from pose3d_engine.detect.base import FrameDetections
from pose3d_engine.media import video
from pose3d_engine.service import cache
from tests.support import ROOT

FRAMES, CHUNK, WARM_UP = 50, 12, 4

posix = pytest.mark.skipif(os.name == "nt", reason="signals and limits of a process are POSIX's")


class Counting:
    """Sees one person, at a place that says which picture it is and how many this detector has seen before."""

    name = "counting"
    looked = 0

    def __init__(self) -> None:
        self._seen = 0

    def detect(self, image: np.ndarray, time_s: float) -> FrameDetections:
        Counting.looked += 1
        self._seen += 1
        keypoints = np.ones((1, 17, 3), np.float32) * 0.9
        keypoints[0, :, 0] = np.linspace(10, 50, 17) + time_s + self._seen / 100
        keypoints[0, :, 1] = np.linspace(10, 60, 17) + image.mean() / 100
        box = np.concatenate([keypoints[:, :, :2].min(1), keypoints[:, :, :2].max(1)], axis=-1)
        return FrameDetections(keypoints, box, {"looks": np.array([[self._seen]], np.float32)})

    def close(self) -> None:
        pass


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(detection, "CHUNK", CHUNK)
    monkeypatch.setattr(detection, "WARM_UP", WARM_UP)
    monkeypatch.setattr(detect, "create", lambda *_: Counting())
    monkeypatch.setenv(cache.FOLDER_VARIABLE, str(tmp_path / "cache"))
    monkeypatch.setattr(Counting, "looked", 0)


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    path = tmp_path / "clip.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=30)
        stream.width, stream.height, stream.pix_fmt = 96, 64, "yuv420p"
        columns, rows = np.meshgrid(np.arange(96), np.arange(64))
        for number in range(FRAMES):
            image = np.repeat(((columns + number) ^ rows).astype(np.uint8)[..., None], 3, axis=-1)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        container.mux(stream.encode())
    return path


def seen(clip: Path, chunks: Path | None, start: float | None = None) -> list[detection.AnalysedFrame]:
    silent = lambda *_: None  # noqa: E731
    return list(detection.detections(clip, (start, None), Counting, chunks, 0, print, silent))


def assert_same(found: list[detection.AnalysedFrame], expected: list[detection.AnalysedFrame]) -> None:
    assert [(one.index, one.time) for one in found] == [(one.index, one.time) for one in expected]
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_array_equal(one.people.keypoints, other.people.keypoints)
        np.testing.assert_array_equal(one.people.boxes, other.people.boxes)
        np.testing.assert_array_equal(one.people.extras["looks"], other.people.extras["looks"])
        assert one.camera.keyframe == other.camera.keyframe
        np.testing.assert_array_equal(one.camera.matrix, other.camera.matrix)


_STOPPED = """
import os, signal, sys
from pathlib import Path
from tests.unit.engine.detect import test_detection as here
from pose3d_engine.detect import chunks as detection
clip, chunks, most, room = sys.argv[1:]
detection.CHUNK, detection.WARM_UP = here.CHUNK, here.WARM_UP
if int(room):
    import resource
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(room), int(room)))
found = detection.detections(Path(clip), (None, None), here.Counting, Path(chunks), 0, print, print)
for count, one in enumerate(found):
    if count == int(most):
        os.kill(os.getpid(), signal.SIGKILL)
"""


def start(clip: Path, chunks: Path, most: int = 9999, room: int = 0) -> subprocess.Popen:
    words = [sys.executable, "-c", _STOPPED, str(clip), str(chunks), str(most), str(room)]
    return subprocess.Popen(words, stdout=subprocess.DEVNULL, cwd=ROOT)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


@posix
def test_killed_half_way_it_goes_on_behind_the_last_chunk(clip: Path, tmp_path: Path) -> None:
    expected, chunks = seen(clip, None), tmp_path / "chunks"
    assert start(clip, chunks, most=2 * CHUNK + 5).wait(300) < 0
    assert names(chunks) == ["000000.npz", "000001.npz"]
    Counting.looked = 0
    assert_same(seen(clip, chunks), expected)
    # What comes after the chunks, and before each later one the warm-up of its detector.
    assert Counting.looked == FRAMES - 2 * CHUNK + 3 * WARM_UP - (0 if FRAMES % CHUNK else WARM_UP)
    assert len(names(chunks)) == FRAMES // CHUNK


def test_a_part_of_a_clip_goes_on_with_the_right_numbers(clip: Path, tmp_path: Path) -> None:
    expected = seen(clip, None, start=0.33)
    assert expected[0].index == 10
    seen(clip, tmp_path / "chunks", start=0.33)
    (tmp_path / "chunks" / "000002.npz").unlink()
    assert_same(seen(clip, tmp_path / "chunks", start=0.33), expected)


@pytest.mark.parametrize("damage", [b"", b"text", None])
def test_a_damaged_chunk_is_found_anew(clip: Path, tmp_path: Path, damage: bytes | None) -> None:
    expected, chunks = seen(clip, tmp_path / "chunks"), tmp_path / "chunks"
    second = chunks / "000001.npz"
    second.write_bytes(second.read_bytes()[:-100] if damage is None else damage)
    assert_same(seen(clip, chunks), expected)
    Counting.looked = 0
    assert_same(seen(clip, chunks), expected)
    assert Counting.looked < CHUNK, "whole again"


def test_frames_that_cannot_be_converted_have_no_row_also_when_it_goes_on(
    clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They decode, but claim a pixel format that does not exist. One lies before the warm-up, one in it."""
    convert = video._picture

    def picture(frame: av.VideoFrame, size: tuple[int, int]) -> np.ndarray:
        if round(float(frame.pts * frame.time_base) * 30) in (5, 2 * CHUNK - 2):
            raise av.error.InvalidDataError(-22, "no such pixel format")
        return convert(frame, size)

    monkeypatch.setattr(video, "_picture", picture)
    expected, chunks = seen(clip, tmp_path / "chunks"), tmp_path / "chunks"
    assert len(expected) == FRAMES - 2 and [one.index for one in expected[4:6]] == [4, 6]
    (chunks / "000002.npz").unlink()
    (chunks / "000003.npz").unlink()
    assert_same(seen(clip, chunks), expected)


@posix
def test_two_at_once_and_no_room(clip: Path, tmp_path: Path) -> None:
    expected, chunks = seen(clip, None), tmp_path / "chunks"
    both = [start(clip, chunks) for _ in range(2)]
    full = start(clip, tmp_path / "full", room=500)
    assert [process.wait(300) for process in (*both, full)] == [0, 0, 0]
    assert names(tmp_path / "full") == [], "nothing half-written"
    assert_same(seen(clip, chunks), expected)


@pytest.mark.usefixtures("interruptible")
def test_an_interrupt_does_not_leave_a_detector_half_closed(clip: Path) -> None:
    """Whose memory is C's, and whose destructor complains when Python is leaving already."""
    closed: list[Counting] = []

    class Interrupted(Counting):
        def close(self) -> None:
            if not closed:
                signal.raise_signal(signal.SIGINT)
            closed.append(self)

    with pytest.raises(KeyboardInterrupt):
        list(detection.detections(clip, (None, None), Interrupted, None, 0, print, lambda *_: None))
    assert len(set(closed)) == 2, "the one of the first chunk, and the one that was warming up"


def test_cancelled_and_asked_again(clip: Path) -> None:
    from pose3d_engine.pipeline import AnalyseSettings
    from pose3d_engine.service import store  # not at the top: it loads torch, which the processes above do not need

    def cancel(stage: str, done: int, total: int | None) -> None:
        if done == 2 * CHUNK + 5:
            raise Cancelled

    whole = store.people_of(clip, AnalyseSettings(), kept=False)
    with pytest.raises(Cancelled):
        store.people_of(clip, AnalyseSettings(), cancel)
    stages: list[tuple[str, int]] = []
    kept = store.analysed(clip, AnalyseSettings(), lambda stage, done, total: stages.append((stage, done)))
    assert [stage for stage, done in stages if done == 1] == ["resume", "seek"]
    assert next(done for stage, done in stages if stage == "detect") == 2 * CHUNK + 1
    found = People.load(kept.path)
    np.testing.assert_array_equal(found.keypoints2d, whole.keypoints2d)
    np.testing.assert_array_equal(found.extras["looks"], whole.extras["looks"])
    np.testing.assert_array_equal(found.background, whole.background)
    assert names(cache.folder()) == [kept.path.parent.name], "the chunks are gone"
