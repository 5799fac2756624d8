"""What goes wrong around the engine, done to the real one: killed, cancelled, out of room, its video taken away.

Each time: no half-written file, no process left, one clear line where somebody can read it, and the next run works.
"""

from __future__ import annotations

import errno
import io
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NoReturn

import numpy as np
import psutil
import pytest

from pose3d_engine.__main__ import main
from pose3d_engine.contract import protocol
from pose3d_engine.contract.batch import tasks, worker
from pose3d_engine.contract.errors import UserError
from pose3d_engine.contract.motion_file import Motion
from pose3d_engine.contract.people_file import People
from pose3d_engine.media import video
from pose3d_engine.service import cache, server

SECONDS = "0.3"
"""Of the clip: long enough to be interrupted in all that is done with it."""

MOMENTS = int(os.environ.get("FAULT_MOMENTS", "3"))
"""At how many moments a run is killed, a quarter of those at which one is cancelled: docs/contributor/quality.md."""

posix = pytest.mark.skipif(os.name == "nt", reason="limits of a process are POSIX's")


def command(clip: Path, folder: Path) -> list[str]:
    words = [sys.executable, "-m", "pose3d_engine", "run", str(clip), "-o", str(folder / "out.npz")]
    return [*words, "--end", SECONDS, "--preview", str(folder / "preview.mp4"), "--device", "cpu"]


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache of one's own."""
    monkeypatch.setenv(cache.FOLDER_VARIABLE, str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def results(tmp_path: Path) -> Path:
    (tmp_path / "results").mkdir()
    return tmp_path / "results"


def outputs(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_killed_at_any_moment(demo_clip: Path, detector_model: Path, store: Path, tmp_path: Path) -> None:
    whole = tmp_path / "whole"
    whole.mkdir()
    began = time.monotonic()
    subprocess.run(command(demo_clip, whole), check=True, capture_output=True)
    length = time.monotonic() - began
    expected = Motion.load(whole / "out.npz")
    random_moment = random.Random(1)
    for number in range(MOMENTS):
        folder = tmp_path / str(number)
        folder.mkdir()
        if number % 2:
            cache.clear()  # every other one finds what it found before
        process = subprocess.Popen(command(demo_clip, folder), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(random_moment.uniform(0.2, length))
        children = psutil.Process(process.pid).children(recursive=True) if process.poll() is None else []
        process.kill()
        process.wait()
        psutil.wait_procs(children, timeout=5)
        assert not [child for child in children if child.is_running()]
        # What is there by its own name is whole.
        if (folder / "out.npz").exists():
            assert len(Motion.load(folder / "out.npz")) == len(expected)
        if (folder / "preview.mp4").exists():
            assert video.probe(folder / "preview.mp4").frames
    # Over what the last one left, and with the cache that all of them left.
    subprocess.run(command(demo_clip, folder), check=True, capture_output=True)
    np.testing.assert_array_equal(Motion.load(folder / "out.npz").world, expected.world)


class Engine:
    """The engine as the add-on starts it."""

    def __init__(self) -> None:
        words = [sys.executable, "-m", "pose3d_engine", "serve"]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
        self.process = subprocess.Popen(words, **pipes)
        assert self.read()["type"] == protocol.HELLO

    def read(self) -> dict:
        assert self.process.stdout is not None
        return json.loads(self.process.stdout.readline())

    def send(self, *messages: dict | bytes) -> None:
        assert self.process.stdin is not None
        for message in messages:
            self.process.stdin.write(message if isinstance(message, bytes) else protocol.encode(message))
        self.process.stdin.flush()

    def answer(self) -> dict:
        while (message := self.read())["type"] == protocol.PROGRESS:
            pass
        return message


@pytest.fixture
def engine(store: Path) -> Iterator[Engine]:
    engine = Engine()
    yield engine
    assert engine.process.stdin is not None
    engine.process.stdin.close()
    assert engine.process.wait(timeout=10) == 0


def test_cancelled_at_any_moment(engine: Engine, demo_clip: Path, detector_model: Path, results: Path) -> None:
    random_moment = random.Random(2)
    outcomes = []
    for number in range(4 * MOMENTS):
        params = {"video": str(demo_clip), "output": str(results / "people.npz"), "end": float(SECONDS)}
        cache.clear()
        engine.send({"type": "request", "id": number, "method": "analyse", "params": params})
        time.sleep(random_moment.uniform(0, 0.8))
        engine.send({"type": "cancel", "id": number})
        answer = engine.answer()
        assert answer["id"] == number
        outcomes.append(answer.get("code", "done"))
        assert outcomes[-1] in (protocol.CANCELLED, "done"), answer
        assert outputs(results) <= {"people.npz"}
    assert protocol.CANCELLED in outcomes
    engine.send({"type": "request", "id": -1, "method": "analyse", "params": params})
    assert engine.answer()["type"] == "result"
    assert len(People.load(results / "people.npz").times)


def test_a_line_of_a_hundred_megabytes_and_messages_out_of_order(engine: Engine, results: Path) -> None:
    process = psutil.Process(engine.process.pid)
    before = process.memory_info().rss
    piece = b"x" * (1 << 20)
    engine.send(*[piece] * 100, b"\n")
    assert engine.read()["code"] == protocol.PROTOCOL
    assert process.memory_info().rss - before < 20 << 20
    engine.send(
        {"type": "cancel", "id": 99},  # of a request that never was
        {"type": "result", "id": 1, "result": {}},
        {"type": "hello", "protocol": 999},
        {"type": "request", "id": 7, "method": "probe", "params": {"video": "/nowhere.mp4"}},
    )
    answers = [engine.answer() for _ in range(3)]
    assert sorted(answer["code"] for answer in answers) == [protocol.BAD_INPUT, protocol.PROTOCOL, protocol.PROTOCOL]


def limited(limit: str, amount: int) -> Callable[[], None]:
    """For a child, before it runs: a limit of its process."""
    import resource

    def set_limit() -> None:
        resource.setrlimit(getattr(resource, limit), (amount, amount))

    return set_limit


@posix
def test_no_room_for_the_result(demo_clip: Path, detector_model: Path, store: Path, results: Path) -> None:
    # As on a full disk, writing fails in the middle: of the cache first, which is only told, then of the result.
    done = subprocess.run(
        command(demo_clip, results),
        capture_output=True,
        text=True,
        preexec_fn=limited("RLIMIT_FSIZE", 4000),
        check=False,
    )
    assert done.returncode == 2, done.stderr
    last = done.stderr.strip().splitlines()[-1]
    assert "cannot write" in last and "out.npz" in last
    assert not outputs(results)
    assert not list(store.glob("**/people.npz"))
    subprocess.run(command(demo_clip, results), check=True, capture_output=True)
    assert outputs(results) == {"out.npz", "preview.mp4"}


@posix
def test_no_memory(demo_clip: Path, detector_model: Path, store: Path, results: Path) -> None:
    done = subprocess.run(
        command(demo_clip, results),
        capture_output=True,
        text=True,
        preexec_fn=limited("RLIMIT_DATA", 300 << 20),
        check=False,
    )
    assert done.returncode != 0
    assert not outputs(results)
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        RuntimeError("[enforce fail at alloc_cpu.cpp:127] DefaultCPUAllocator: can't allocate memory: you tried"),
        RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB"),
        RuntimeError("can't start new thread"),
        OSError(errno.ENOMEM, "Cannot allocate memory"),
    ],
    ids=["Python", "PyTorch", "CUDA", "threading", "system"],
)
def test_no_memory_in_the_midst_of_the_work(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], error: Exception, tmp_path: Path
) -> None:
    """Told alike by the command line, a clip of a batch and the server."""

    def full(*_: object) -> NoReturn:
        raise error

    monkeypatch.setattr("pose3d_engine.commands.doctor.execute", full)
    assert main(["doctor"]) == 1
    assert capsys.readouterr().err == "pose3d doctor: out of memory; close other programs\n"

    (found,) = worker.done_logged(tasks.Task("clip.mp4", (), str(tmp_path / "log")), full, lambda *_: None)
    assert found["error"] == "out of memory; close other programs"

    monkeypatch.setitem(server.METHODS, "probe", full)
    answer = server.Server(io.BytesIO(), io.BytesIO())._answer(server._Job(1, "probe", {}))
    assert (answer["code"], answer["message"]) == (protocol.INTERNAL, "out of memory; close other programs")


def test_a_library_that_cannot_be_loaded(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def broken(_: object) -> None:
        raise ImportError("_C.so: failed to map segment from shared object")

    monkeypatch.setattr("pose3d_engine.commands.doctor.execute", broken)
    assert main(["doctor"]) == 1
    said = capsys.readouterr().err
    assert said.startswith("pose3d doctor: _C.so: failed to map") and "install the engine again" in said
    assert said.count("\n") == 1


@posix
def test_the_video_is_taken_away_while_it_is_read(demo_clip: Path, tmp_path: Path) -> None:
    content = demo_clip.read_bytes()
    for way in ("deleted", "cut", "replaced"):
        path = tmp_path / f"{way}.mp4"
        path.write_bytes(content)
        warnings: list[str] = []
        frames = video.read_frames(path, 0, 1.0, warnings.append)
        count = 0
        try:
            for frame in frames:
                assert frame.image.shape == (994, 1768, 3)
                count += 1
                if count == 3:
                    if way == "deleted":
                        path.unlink()
                    elif way == "cut":
                        os.truncate(path, 20_000)
                    else:
                        path.write_bytes(bytes(1000))
        except UserError as error:
            assert way in str(error)
        assert count >= 3
        assert count == 30 or warnings or way == "replaced"


def test_two_at_once_on_one_clip_and_one_cache(
    demo_clip: Path, detector_model: Path, store: Path, tmp_path: Path
) -> None:
    folders = [tmp_path / name for name in ("one", "two")]
    for folder in folders:
        folder.mkdir()
    processes = [subprocess.Popen(command(demo_clip, folder), stderr=subprocess.DEVNULL) for folder in folders]
    assert [process.wait(timeout=120) for process in processes] == [0, 0]
    first, second = (Motion.load(folder / "out.npz").world for folder in folders)
    np.testing.assert_array_equal(first, second)
    assert len(cache.entries()) == 1


def test_the_clock_jumps(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Backwards and forwards by a year: what is in use stays, what is new is not taken for old."""
    now = time.time()
    for offset in (0, -365 * 86400, 365 * 86400):
        monkeypatch.setattr(time, "time", lambda offset=offset: now + offset)
        path = cache.entry({"clip": offset})
        with cache.making(path) as folder:
            (folder / "people.npz").write_bytes(b"x")
        assert (path / "people.npz").is_file()
    assert len(cache.entries()) == 3


@posix
def test_interrupted_from_the_keyboard(demo_clip: Path, detector_model: Path, store: Path, results: Path) -> None:
    random_moment = random.Random(4)
    for _ in range(MOMENTS):
        cache.clear()
        process = subprocess.Popen(
            command(demo_clip, results), stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True
        )
        time.sleep(random_moment.uniform(1.0, 4.0))  # anywhere from the first import to the preview
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=20)
        assert "Traceback" not in said
        # The last: it found Python leaving, or evaluating text, after which Python itself ends by the signal.
        assert process.returncode in (0, 130, -signal.SIGINT)
        # The motion comes before the preview; what is there by its own name is whole.
        assert outputs(results) <= {"out.npz", "preview.mp4"}
        if "out.npz" in outputs(results):
            assert len(Motion.load(results / "out.npz"))
        else:
            assert process.returncode
        for path in results.iterdir():
            path.unlink()
