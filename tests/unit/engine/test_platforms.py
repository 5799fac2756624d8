"""What is done under Windows and macOS, looked at under Linux: see docs/contributor/platforms.md."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path, PureWindowsPath
from types import SimpleNamespace
from typing import Any

import platformdirs
import pytest
from platformdirs.macos import MacOS
from platformdirs.unix import Unix
from platformdirs.windows import Windows

from blender_addon.engine import installed
from pose3d_engine import weights
from pose3d_engine.contract import arrays, processes, protocol
from pose3d_engine.contract.batch import pool, tasks, worker
from pose3d_engine.contract.errors import UserError
from pose3d_engine.detect import onnx
from pose3d_engine.formats import detector_command
from pose3d_engine.pose.lifters import device
from pose3d_engine.service import cache

PLATFORMS = {"win32": Windows, "darwin": MacOS, "linux": Unix}


@pytest.mark.parametrize(
    ("platform", "environment", "caches", "data"),
    [
        ("win32", {"LOCALAPPDATA": "D:/Local"}, "D:/Local", "D:/Local"),
        ("darwin", {"HOME": "/Users/z"}, "/Users/z/Library/Caches", "/Users/z/Library/Application Support"),
        ("linux", {"HOME": "/home/z"}, "/home/z/.cache", "/home/z/.local/share"),
        ("linux", {"HOME": "/home/z", "XDG_CACHE_HOME": "/c", "XDG_DATA_HOME": "/d"}, "/c", "/d"),
    ],
)
def test_the_users_folders(
    platform: str, environment: dict[str, str], caches: str, data: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where version 0.1 had them, so that its caches and weights are found."""
    for name in ("XDG_CACHE_HOME", "XDG_DATA_HOME", "LOCALAPPDATA"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv(cache.FOLDER_VARIABLE, raising=False)
    monkeypatch.setattr(platformdirs, "PlatformDirs", PLATFORMS[platform])
    # As far as Windows' own call can be had elsewhere.
    monkeypatch.setattr(platformdirs.windows, "get_win_folder", platformdirs.windows.get_win_folder_from_env_vars)
    assert cache.folder() == Path(caches, "video_to_mocap", "analyses")
    assert Path(data, "video-to-mocap", "checkpoint") in weights.folders()
    # The add-on's own, which is needed before anything is installed.
    monkeypatch.setattr(installed, "PLATFORM", platform)
    assert installed.data_folder() == Path(data, "video-to-mocap")


def test_names_in_the_cache_leave_room_for_long_homes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Windows without long paths takes 260 letters; a user's name may have 20, and temporary names are longer."""
    monkeypatch.delenv(cache.FOLDER_VARIABLE, raising=False)
    base = PureWindowsPath("C:/Users/" + "n" * 20) / "AppData" / "Local"
    entry = base / "video_to_mocap" / "analyses" / cache.chunks(cache.entry({"clip": "x"})).name
    longest = entry / ".new-12345678" / ".000000.12345678.npz"
    assert len(str(longest)) < 200


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        (
            r'"C:\Program Files\py\python.exe" C:\run.py --in {video} --out={output}',
            [r"C:\Program Files\py\python.exe", r"C:\run.py", "--in", "VIDEO", "--out=OUTPUT"],
        ),
        (
            r"tool.exe '{video}' \\server\share\cfg.json {output}",
            ["tool.exe", "VIDEO", r"\\server\share\cfg.json", "OUTPUT"],
        ),
        ('tool "{video}" "{output}" "" &', ["tool", "VIDEO", "OUTPUT", "", "&"]),
    ],
)
def test_a_detector_command_keeps_its_backslashes(command: str, expected: list[str], tmp_path: Path) -> None:
    video, output = tmp_path / "a b.mp4", tmp_path / "out"
    found = detector_command.arguments_of(command, video, output, windows=True)
    wanted = [part.replace("VIDEO", str(video)).replace("OUTPUT", str(output)) for part in expected]
    assert found == wanted


def test_a_detector_command_is_ended_with_its_tree(monkeypatch: pytest.MonkeyPatch) -> None:
    called: list[tuple[list[Any], dict[str, Any]]] = []
    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setenv("SYSTEMROOT", r"C:\Windows")
    monkeypatch.setattr(subprocess, "run", lambda words, **more: called.append((words, more)))
    waited: list[bool] = []
    detector_command._kill_tree(SimpleNamespace(pid=4711, wait=lambda: waited.append(True)))  # type: ignore[arg-type]
    ((words, more),) = called
    assert [str(word) for word in words[1:]] == ["/F", "/T", "/PID", "4711"]
    assert PureWindowsPath(str(words[0])).name == "taskkill.exe"
    assert not more["check"], "it may have ended by itself"
    assert waited


def test_a_batchs_process_is_not_there_for_control_c() -> None:
    windows, others = processes.System(windows=True), processes.System(windows=False)
    assert processes.options(system=windows) == {"creationflags": 0x08000200}, "nor has it a window"
    assert processes.options(background=True, system=windows) == {"creationflags": 0x08004200}
    assert processes.options(system=others) == {"start_new_session": True}
    # And that is a way in which this system, too, starts one.
    subprocess.run([sys.executable, "-c", ""], check=True, **processes.options())


def test_a_process_is_ended_with_its_tree(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SYSTEMROOT", r"C:\Windows")
    called: list[list[str]] = []
    windows = processes.System(windows=True, run=lambda words, **_: called.append([str(word) for word in words]))
    child = SimpleNamespace(pid=4711, poll=lambda: None, wait=lambda: 1)
    processes.end(child, system=windows)  # type: ignore[arg-type]
    assert [words[1:] for words in called] == [["/F", "/T", "/PID", "4711"]], "once"
    assert PureWindowsPath(called[0][0]).name == "taskkill.exe"
    ended = SimpleNamespace(pid=4711, poll=lambda: 0, wait=lambda: 0)
    processes.end(ended, system=windows)  # type: ignore[arg-type]
    assert len(called) == 1, "its number may be another's by now"


_STARTER = """
import subprocess, sys
child = subprocess.Popen([sys.executable, "-u", "-c", sys.argv[1]])
sys.exit(child.wait())
"""
"""What a virtual environment's python.exe does under Windows, but for the end: there the child may outlive it."""

_REAL = """
import os, sys, json
print(json.dumps({"progress": str(os.getpid())}), flush=True)
sys.stdin.readline()
sys.stdin.read()
"""


def test_what_a_starter_has_started_ends_too(tmp_path: Path) -> None:
    import threading
    import time

    import psutil

    pids: list[int] = []
    one = worker.Worker([sys.executable, "-c", _STARTER, _REAL])
    task = tasks.Task("clip.mp4", (), str(tmp_path / "log"))
    thread = threading.Thread(target=one.work, args=(task, lambda text: pids.append(int(text))))
    thread.start()
    limit = time.monotonic() + 60
    while not pids and time.monotonic() < limit:
        time.sleep(0.05)
    (real,) = (psutil.Process(pid) for pid in pids)
    one.stop()
    psutil.wait_procs([real], timeout=30)
    assert not real.is_running()
    thread.join(30)
    assert not thread.is_alive()


def test_lines_that_end_as_under_windows_are_read() -> None:
    line = protocol.encode({"type": "request", "id": 1, "method": "probe"}).replace(b"\n", b"\r\n")
    assert protocol.decode(line)["method"] == "probe"
    assert b"\r" not in protocol.encode({"type": "hello", "text": "a\r\nb"})
    assert json.loads(b'{"results": []}\r\n') == {"results": []}


def test_a_file_that_is_open_elsewhere_stays_and_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "out.npz"
    target.write_bytes(b"old")

    def refuse(*_: object) -> None:
        raise PermissionError(13, "The process cannot access the file because it is being used by another process")

    monkeypatch.setattr(Path, "replace", refuse)
    with pytest.raises(UserError, match="being used by another process; close the programs that have it open"):
        arrays.save_npz(target, {"x": [1]})
    assert target.read_bytes() == b"old"
    assert [path.name for path in tmp_path.iterdir()] == ["out.npz"]


def test_the_cores_are_those_that_may_be_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {3, 5, 7}, raising=False)
    assert pool._cores() == 3
    monkeypatch.delattr(os, "sched_getaffinity")  # Windows and macOS
    monkeypatch.setattr(os, "cpu_count", lambda: 8)
    assert pool._cores() == 8


def test_metal_is_taken_where_it_works(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of PyTorch's answers only; whether it works is asked of a convolution, which is made up here."""
    monkeypatch.setattr(device, "_present", lambda kind: (kind == "mps", f"no {kind}"))
    monkeypatch.setattr(device, "_failure", lambda kind: None)
    assert device.choose_device("auto")[0].type == "mps"
    monkeypatch.setattr(device, "_failure", lambda kind: "not implemented for MPS")
    chosen, reason = device.choose_device("auto")
    assert chosen.type == "cpu"
    assert reason == "mps does not work here (not implemented for MPS); running on the CPU"
    assert device.choose_device("cuda")[1] == "no cuda; running on the CPU"


def test_any_windows_card_comes_before_the_processor() -> None:
    assert onnx._PROVIDERS.index("DmlExecutionProvider") < onnx._PROVIDERS.index("CPUExecutionProvider")
    assert onnx._PROVIDERS.index("CoreMLExecutionProvider") < onnx._PROVIDERS.index("CPUExecutionProvider")
