"""Files on a network share that is slow, hangs, goes away while they are read or written, and comes back.

The share is a folder whose calls of the operating system are made to fail. Each time there is one clear line, nothing
half-written has the name of a result, nothing that was found before is lost, and when the share is back it works.
"""

from __future__ import annotations

import builtins
import errno
import io
import os
import pathlib
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from pose3d_engine import __main__ as command_line
from pose3d_engine import detect
from pose3d_engine.contract import arrays, protocol, warnings
from pose3d_engine.contract.batch import tasks, worker
from pose3d_engine.contract.errors import Cancelled, UserError
from pose3d_engine.contract.people_file import People
from pose3d_engine.detect import chunks
from pose3d_engine.detect.base import FrameDetections
from pose3d_engine.media import prefetch, video
from pose3d_engine.pipeline import AnalyseSettings
from pose3d_engine.service import cache, server, store

GONE = (errno.EIO, errno.ENOENT, errno.ESTALE)
"""What systems say of a share that is not there any more."""

FRAMES, CHUNK = 60, 20


class Share:
    """A folder that can go away: whatever is asked of it then fails, also of files that are open."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.error: int | None = None
        """What every call fails with."""
        self.bytes_left: int | None = None
        """After so many the share goes away with :attr:`then`."""
        self.then = errno.EIO
        self.delay = 0.0
        """Seconds that each reading takes."""
        self.hang = threading.Event()
        """While it is not set, readings wait."""
        self.hang.set()

    def has(self, path: object) -> bool:
        return isinstance(path, str | os.PathLike) and str(path).startswith(str(self.folder))

    def touch(self, path: object) -> None:
        if self.error is not None:
            raise OSError(self.error, os.strerror(self.error), str(path))

    def read(self, count: int) -> None:
        self.hang.wait(60)
        time.sleep(self.delay)
        if self.bytes_left is not None:
            self.bytes_left -= count
            if self.bytes_left < 0:
                self.bytes_left, self.error = None, self.then


class OpenFile:
    """A file on the share. Once it has failed it stays so, whether the share comes back or not."""

    def __init__(self, share: Share, file: Any, path: str) -> None:
        self._share, self._file, self._path, self._stale = share, file, path, False

    def _used(self, count: int = 0) -> None:
        self._share.read(count)
        self._stale = self._stale or self._share.error is not None
        if self._stale:
            raise OSError(self._share.then, os.strerror(self._share.then))  # as of a handle, without a name

    def read(self, size: int = -1) -> Any:
        data = self._file.read(size)
        self._used(len(data))
        return data

    def write(self, data: Any) -> int:
        self._used(len(data))
        return self._file.write(data)

    def __enter__(self) -> OpenFile:
        return self

    def __exit__(self, *error: object) -> None:
        self._file.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)


@pytest.fixture
def share(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Share:
    """Imitates the system's calls that the engine makes on files and folders; those of FFmpeg are Python's too."""
    folder = tmp_path / "share"
    folder.mkdir()
    result = Share(folder)

    def guarded(call: Callable[..., Any]) -> Callable[..., Any]:
        def guard(path: Any, *more: Any, **named: Any) -> Any:
            for one in (path, *more):
                if result.has(one):
                    result.touch(one)
            return call(path, *more, **named)

        return guard

    def opened(path: Any, *more: Any, **named: Any) -> Any:
        if not result.has(path):
            return open_file(path, *more, **named)
        result.touch(path)
        return OpenFile(result, open_file(path, *more, **named), str(path))

    open_file = builtins.open
    accessor = getattr(pathlib, "_NormalAccessor", None)  # pathlib of Python 3.10 has calls of its own
    for name in ("stat", "open", "replace", "rename", "mkdir", "unlink", "listdir", "chmod", "utime"):
        call = guarded(getattr(os, name))
        monkeypatch.setattr(os, name, call)
        if hasattr(accessor, name):
            monkeypatch.setattr(accessor, name, staticmethod(opened if name == "open" else call))
    monkeypatch.setattr(builtins, "open", opened)
    monkeypatch.setattr(io, "open", opened)
    return result


class Quick:
    """Sees one person at a place that says which picture it is."""

    name = "quick"

    def detect(self, image: np.ndarray, time_s: float) -> FrameDetections:
        keypoints = np.full((1, 17, 3), 0.9, np.float32)
        keypoints[0, :, 0] = np.linspace(10, 50, 17) + time_s
        keypoints[0, :, 1] = np.linspace(10, 60, 17) + image.mean() / 100
        return FrameDetections(keypoints, np.array([[10, 10, 55, 65]], np.float32))

    def close(self) -> None:
        pass


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(chunks, "CHUNK", CHUNK)
    monkeypatch.setattr(chunks, "WARM_UP", 4)
    monkeypatch.setattr(detect, "create", lambda *_: Quick())
    monkeypatch.setenv(cache.FOLDER_VARIABLE, str(tmp_path / "cache"))


@pytest.fixture
def clip(share: Share) -> Path:
    path = share.folder / "clip.mp4"
    rng = np.random.default_rng(0)
    with av.open(str(path), "w", options={"movflags": "faststart"}) as container:
        stream = container.add_stream("mjpeg", rate=30)
        stream.width, stream.height, stream.pix_fmt = 96, 64, "yuvj420p"
        still = rng.integers(0, 250, (64, 96, 3), np.uint8)  # which hardly compresses, so that the file is long
        for number in range(FRAMES):
            image = still + np.uint8(number % 5)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        container.mux(stream.encode())
    return path


def one_line(error: BaseException, number: int) -> None:
    text = str(error)
    assert "\n" not in text
    assert os.strerror(number) in text or (number == errno.ENOENT and "File not found" in text)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("number", GONE)
def test_it_goes_away_while_a_video_is_read(share: Share, clip: Path, number: int, tmp_path: Path) -> None:
    expected = store.people_of(clip, AnalyseSettings())
    cache.clear()
    # The digest and the look at the end read it, too; from then on it is gone in the middle of the frames.
    size = clip.stat().st_size
    share.then = number

    def progress(stage: str, done: int, total: int | None) -> None:
        if stage == "detect" and done == CHUNK + 5 and share.bytes_left is None:
            share.bytes_left = size // 8

    with pytest.raises(UserError, match="drive or share") as caught:
        store.people_of(clip, AnalyseSettings(), progress)
    one_line(caught.value, number)
    assert str(clip) in str(caught.value)
    assert not cache.entries(), "a part of the clip must not pass for all of it"
    # Still away.
    with pytest.raises(UserError) as caught:
        store.people_of(clip, AnalyseSettings())
    one_line(caught.value, number)
    # And back: what was found is not found again.
    share.error = None
    stages = []
    again = store.people_of(clip, AnalyseSettings(), lambda stage, *_: stages.append(stage))
    assert stages.count("resume") >= CHUNK
    np.testing.assert_array_equal(again.keypoints2d, expected.keypoints2d)
    np.testing.assert_array_equal(again.frames, expected.frames)


@pytest.mark.parametrize("share_of_it", [0.0, 0.02, 0.5, 0.97])
def test_it_goes_away_at_any_place_of_the_file(share: Share, clip: Path, share_of_it: float) -> None:
    whole = [frame.index for frame in video.read_frames(clip)]
    share.bytes_left = int(share_of_it * clip.stat().st_size)
    with pytest.raises(UserError, match="drive or share"):
        list(video.read_frames(clip))
    share.error = None
    assert [frame.index for frame in video.read_frames(clip)] == whole
    share.bytes_left = 0
    with pytest.raises(UserError, match="drive or share"):
        video.probe(clip)


def test_a_slow_one_gives_the_same(share: Share, clip: Path) -> None:
    expected = [frame.image for frame in video.read_frames(clip)]
    share.delay = 0.02
    found = [frame.image for frame in video.read_frames(clip)]
    np.testing.assert_array_equal(found, expected)


def test_who_stops_does_not_wait_for_one_that_hangs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prefetch, "_JOIN_S", 0.2)
    asked, answered = threading.Event(), threading.Event()

    def frames() -> Iterator[int]:
        yield 1
        asked.set()
        answered.wait(60)
        yield 2

    ahead = prefetch.prefetched(frames(), 2)
    assert next(ahead) == 1
    assert asked.wait(30), "the reader is to hang, else nothing is tried"
    (reader,) = (thread for thread in threading.enumerate() if thread.name == "video")
    ahead.close()
    assert reader.is_alive()
    answered.set()
    reader.join(30)
    assert not reader.is_alive(), "it ends when the share answers"


def test_a_hanging_one_goes_on_when_it_answers(share: Share, clip: Path) -> None:
    share.hang.clear()
    threading.Timer(0.5, share.hang.set).start()
    assert len(list(video.read_frames(clip))) == FRAMES


@pytest.mark.parametrize("number", GONE)
@pytest.mark.parametrize("call", ["replace", "chmod"])
def test_an_output_cannot_get_its_name(share: Share, number: int, call: str, monkeypatch: pytest.MonkeyPatch) -> None:
    target = share.folder / "out.npz"
    arrays.save_npz(target, {"x": np.arange(3)})

    def fail(path: Any, *_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number), str(path))

    with monkeypatch.context() as patch:
        patch.setattr(Path, call, fail)
        with pytest.raises(UserError, match="cannot write") as caught:
            arrays.save_npz(target, {"x": np.arange(5)})
    one_line(caught.value, number)
    assert names(share.folder) == ["out.npz"]
    assert len(arrays.load_npz(target, ("x",), "a test file")["x"]) == 3
    arrays.save_npz(target, {"x": np.arange(5)})
    assert len(arrays.load_npz(target, ("x",), "a test file")["x"]) == 5


@pytest.mark.parametrize("number", GONE)
def test_the_folder_of_outputs_goes_away_while_one_is_written(share: Share, number: int) -> None:
    target = share.folder / "out.npz"
    share.then, share.bytes_left = number, 5000
    with pytest.raises(UserError, match="cannot write") as caught:
        arrays.save_npz(target, {"x": np.random.default_rng(0).integers(0, 255, 100_000)})
    one_line(caught.value, number)
    with pytest.raises(UserError, match="cannot write"):
        arrays.save_npz(target, {"x": np.arange(5)})
    share.error = None
    # It could not be cleared away, but it has no name of a result.
    assert not target.exists()
    assert all(name.startswith(".out.") for name in names(share.folder))
    arrays.save_npz(target, {"x": np.arange(5)})
    assert len(arrays.load_npz(target, ("x",), "a test file")["x"]) == 5


@pytest.mark.parametrize("number", GONE)
def test_the_cache_goes_away_and_nothing_of_it_is_lost(
    share: Share, clip: Path, number: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    local = tmp_path / "clip.mp4"
    local.write_bytes(clip.read_bytes())
    monkeypatch.setenv(cache.FOLDER_VARIABLE, str(share.folder / "cache"))
    kept = store.analysed(local, AnalyseSettings())
    share.error = share.then = number
    without = store.people_of(local, AnalyseSettings())
    np.testing.assert_array_equal(without.keypoints2d, kept.people.keypoints2d)
    assert any(cache.FOLDER_VARIABLE in text for text in warnings.texts(without.meta))
    with pytest.raises(UserError) as caught:
        store.analysed(local, AnalyseSettings())
    assert "\n" not in str(caught.value)
    share.error, share.bytes_left = None, 100  # there at first, then gone while it is read
    store.people_of(local, AnalyseSettings())
    share.error = share.bytes_left = None
    assert store.analysed(local, AnalyseSettings()).known, "out of reach is not damaged"
    with pytest.raises(UserError, match="drive or share"):
        share.bytes_left = 100
        People.load(kept.path)


def test_whoever_asked_is_told_in_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """Where nobody thought of it: the server, the command line, a clip of a batch."""

    def fail(*_: object) -> Any:
        raise OSError(errno.EIO, os.strerror(errno.EIO), "/share/clip.mp4")

    monkeypatch.setitem(server.METHODS, "probe", fail)
    answering = server.Server(io.BytesIO(), io.BytesIO())
    answer = answering._answer(server._Job(1, "probe", {}))
    assert answer["code"] == protocol.BAD_INPUT
    assert answer["message"].startswith("/share/clip.mp4: ")

    monkeypatch.setattr(command_line, "_run", fail)
    assert command_line.main(["doctor"]) == 2
    assert capsys.readouterr().err.splitlines()[-1].startswith("pose3d doctor: /share/clip.mp4: ")

    (found,) = worker.done_logged(tasks.Task("clip.mp4", (), str(tmp_path / "log")), fail, lambda *_: None)
    assert found["error"].startswith("/share/clip.mp4: ")


def test_a_cancel_is_still_a_cancel(share: Share, clip: Path) -> None:
    def cancel(*_: object) -> None:
        raise Cancelled

    with pytest.raises(Cancelled):
        store.people_of(clip, AnalyseSettings(), cancel)
