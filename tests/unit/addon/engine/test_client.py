"""The client against real child processes: an engine that misbehaves on demand, and the engine itself."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psutil
import pytest

from blender_addon.contract import processes, protocol
from blender_addon.engine import locate
from blender_addon.engine.client import EngineClient, Event
from blender_addon.engine.locate import EngineCommand, EngineNotFoundError
from tests.support import ROOT, fake_engine

FAKE = Path(fake_engine.__file__)
PATIENCE = 30.0

Start = Callable[..., EngineClient]


def fake_command(behaviour: str = "") -> EngineCommand:
    python = Path(sys.executable)
    return EngineCommand((str(python), str(FAKE), behaviour), python, "the tests")


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts clients of the fake engine and ends them after the test."""
    clients = []

    def make(behaviour: str = "", start_timeout: float = PATIENCE) -> EngineClient:
        client = EngineClient(fake_command(behaviour), start_timeout)
        client.start()
        clients.append(client)
        return client

    yield make
    for client in clients:
        client.stop()


def ask(client: EngineClient, method: str, **params: object) -> Event:
    return client.wait(client.request(method, params), timeout=PATIENCE)


def process_of(client: EngineClient) -> psutil.Process:
    assert client._process
    return psutil.Process(client._process._popen.pid)


def test_a_request_is_answered_with_its_progress(start: Start) -> None:
    client = start()
    seen: list[Event] = []
    final = client.wait(client.request("steps", {"steps": 3}), seen.append, PATIENCE)
    assert final["type"] == protocol.RESULT and final["result"] == {"steps": 3}
    assert [event["done"] for event in seen] == [0, 1, 2]
    assert client.hello and client.hello["engine"] == "0.0.0"


def test_text_of_all_languages_arrives(start: Start) -> None:
    assert ask(start(), "echo", video="/Ünïcödé ü/動画 1.mp4")["result"]["video"] == "/Ünïcödé ü/動画 1.mp4"


def test_poll_never_blocks_and_sees_everything(start: Start) -> None:
    client = start()
    number = client.request("steps", {"steps": 20, "pause": 0.01})
    events: list[Event] = []
    longest, deadline = 0.0, time.monotonic() + PATIENCE
    while not (events and events[-1]["type"] == protocol.RESULT) and time.monotonic() < deadline:
        before = time.perf_counter()
        events += client.poll()
        longest = max(longest, time.perf_counter() - before)
        time.sleep(0.005)
    assert [event["id"] for event in events] == [number] * 21
    assert longest < 2.0  # it would be the whole job; not a measurement, machines are busy


def test_two_requests_are_told_apart(start: Start) -> None:
    client = start()
    first, second = client.request("steps", {"steps": 2}), client.request("echo", {"a": 1})
    assert client.wait(second, timeout=PATIENCE)["result"] == {"a": 1}
    assert [event["type"] for event in client.poll()] == ["progress", "progress", "result"]
    with pytest.raises(ValueError, match=str(first)):
        client.wait(first, timeout=PATIENCE)


def test_a_cancel_is_obeyed_and_the_next_request_works(start: Start) -> None:
    client = start()
    number = client.request("steps", {"steps": 100_000, "pause": 0.01})
    final = client.wait(number, lambda event: client.cancel(number), PATIENCE)
    assert (final["type"], final["code"]) == (protocol.ERROR, protocol.CANCELLED)
    assert ask(client, "echo", a=1)["result"] == {"a": 1}
    client.cancel(number)  # long over


def test_a_cancel_before_the_greeting(start: Start) -> None:
    client = start("silent")
    number = client.request("echo", {})
    client.cancel(number)
    assert client.poll() == [{"type": "error", "id": number, "code": "cancelled", "message": "Cancelled."}]


@pytest.mark.parametrize("method", ["garbage", "huge", "chatter"])
def test_noise_is_survived(start: Start, method: str) -> None:
    client = start()
    assert ask(client, method, a=1)["result"] == {"a": 1}
    assert ask(client, "echo", a=2)["result"] == {"a": 2}


def test_a_flood_waits_in_the_pipe_and_not_in_memory(start: Start) -> None:
    client = start()
    number = client.request("flood", {"lines": 5000})
    deadline = time.monotonic() + PATIENCE
    while not client.hello and time.monotonic() < deadline:
        assert not client.poll()
    time.sleep(0.5)
    assert len(client.poll()) <= 1000
    seen: list[Event] = []
    assert client.wait(number, seen.append, PATIENCE)["type"] == protocol.RESULT


def test_stop_with_a_full_queue(start: Start) -> None:
    client = start()
    client.request("flood", {"lines": 100_000})
    while not client.hello:
        client.poll()
    time.sleep(0.3)
    process = process_of(client)
    client.stop()
    assert not process.is_running()


@pytest.mark.parametrize(
    ("method", "words"),
    [
        ("exit", ["unexpectedly (exit status 3)", "first line\nlast line"]),
        ("killed", ["unexpectedly (it was killed"]),
        ("truncated", ["unexpectedly (exit status 0)", '"resu']),
        ("not_understood", ["did not understand", "what?"]),
    ],
)
def test_a_broken_engine_says_why_and_can_be_started_again(start: Start, method: str, words: list[str]) -> None:
    client = start()
    final = ask(client, method)
    assert (final["type"], final["code"]) == (protocol.ERROR, protocol.INTERNAL)
    for part in words:
        assert part in final["message"]
    assert not client.running
    client.start()
    assert ask(client, "echo", a=1)["result"] == {"a": 1}


def test_every_request_of_a_dead_engine_ends(start: Start) -> None:
    client = start()
    numbers = [client.request("exit", {}), client.request("echo", {}), client.request("echo", {})]
    events: list[Event] = []
    deadline = time.monotonic() + PATIENCE
    while len(events) < 3 and time.monotonic() < deadline:
        events += client.poll()
    assert [(event["id"], event["code"]) for event in events] == [(n, protocol.INTERNAL) for n in numbers]
    with pytest.raises(RuntimeError, match="not started"):
        client.request("echo", {})


def test_an_engine_that_dies_at_its_start(start: Start) -> None:
    final = ask(start("dies_at_start"), "echo")
    assert final["code"] == protocol.INTERNAL
    assert "exit status 1" in final["message"] and "no module named pose3d_engine" in final["message"]


def test_an_engine_of_another_version(start: Start) -> None:
    client = start("wrong_version")
    assert "The engine is newer than the add-on (protocol 99, not 2)" in ask(client, "echo")["message"]
    assert not client.running


def test_an_engine_that_never_greets(start: Start) -> None:
    client = start("silent", start_timeout=0.5)
    process = process_of(client)
    assert "did not answer within 0.5 seconds" in ask(client, "echo")["message"]
    assert not process.is_running()


def test_wait_gives_up_after_its_timeout(start: Start) -> None:
    client = start()
    number = client.request("steps", {"steps": 100_000, "pause": 0.01})
    final = client.wait(number, timeout=1.0)
    assert final["code"] == protocol.INTERNAL and "within 1 seconds" in final["message"]
    assert ask(client, "echo", a=1)["result"] == {"a": 1}  # it was cancelled, not left to run


def test_a_deaf_engine_is_killed(start: Start) -> None:
    client = start()
    number = client.request("deaf", {})
    while not client.poll():
        time.sleep(0.01)
    client.cancel(number)
    process, before = process_of(client), time.monotonic()
    client.stop(grace=0.2)
    client.stop()
    assert not process.is_running()
    assert time.monotonic() - before < 5.0


def test_an_idle_engine_ends_with_its_stdin(start: Start) -> None:
    client = start()
    ask(client, "echo")
    before = time.monotonic()
    client.stop(grace=10.0)
    assert time.monotonic() - before < 5.0


def test_no_threads_are_left(start: Start) -> None:
    before = threading.active_count()
    for _ in range(3):
        client = start()
        ask(client, "echo")
        client.stop()
    assert threading.active_count() == before


@pytest.mark.parametrize("end", ["", "os._exit(0)", "os.kill(os.getpid(), 9)"])
def test_the_engine_ends_with_its_owner(end: str) -> None:
    """Also where the owner is killed, and without holding the owner's pipes open."""
    script = (
        "import os, sys; from pathlib import Path\n"
        "from blender_addon.engine.client import EngineClient\n"
        "from blender_addon.engine.locate import EngineCommand\n"
        f"c = EngineClient(EngineCommand((sys.executable, {str(FAKE)!r}), Path(sys.executable), ''))\n"
        "c.start(); c.wait(c.request('echo', {}), timeout=30); print(c.hello['pid'], flush=True)\n" + end
    )
    owner = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, timeout=60)
    number = int(owner.stdout)
    deadline = time.monotonic() + 10.0
    while psutil.pid_exists(number) and psutil.Process(number).status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < deadline, "the engine outlives its owner"
        time.sleep(0.05)


def test_the_engine_stands_behind_blender_in_the_queue_for_the_processor(start: Start) -> None:
    """Here: also among sessions, where Linux shares the processor out by them."""
    client = start()
    ask(client, "echo")
    process = process_of(client)
    assert process.nice() == min(19, psutil.Process().nice() + processes.NICE)
    session = Path(f"/proc/{process.pid}/autogroup")
    assert not session.is_file() or session.read_text().split()[-2:] == ["nice", str(processes.NICE)]


def test_on_windows_it_stands_behind_blender_too(tmp_path: Path) -> None:
    started: list[dict[str, Any]] = []

    def popen(arguments: Sequence[str], **options: Any) -> Any:
        started.append({"arguments": arguments, **options})
        return SimpleNamespace(pid=4711)

    windows = processes.System(windows=True, popen=popen, calls=SimpleNamespace(), processes=tmp_path)
    processes.start(["python.exe", "-m", "engine"], tmp_path, {"A": "b"}, windows)
    (options,) = started
    assert options["arguments"] == ["python.exe", "-m", "engine"] and options["env"] == {"A": "b"}
    # CREATE_NO_WINDOW, BELOW_NORMAL_PRIORITY_CLASS and CREATE_NEW_PROCESS_GROUP, as Microsoft numbers them.
    assert options["creationflags"] == 0x08004200 and "start_new_session" not in options
    assert not list(tmp_path.iterdir())


def test_a_child_that_has_ended_at_once_is_no_trouble(tmp_path: Path) -> None:
    def gone(*_: int) -> None:
        raise ProcessLookupError

    child: Any = SimpleNamespace(pid=1)
    calls = SimpleNamespace(getpriority=lambda *_: 0, setpriority=gone)
    system = processes.System(False, lambda *_, **__: child, calls, tmp_path / "proc")
    assert processes.start(["x"], tmp_path, {}, system) is child


def test_the_environment_is_not_that_of_blenders_python(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONHOME", "/opt/blender/3.4/python")
    monkeypatch.setenv("PYTHONPATH", "/opt/blender/scripts")
    variables = ask(start(), "environment")["result"]["variables"]
    assert "PYTHONHOME" not in variables and "PYTHONPATH" not in variables
    assert variables["PYTHONUTF8"] == "1"
    assert "PATH" in variables


def test_a_python_that_cannot_be_started(tmp_path: Path) -> None:
    file = tmp_path / "python"
    file.write_text("no program")
    with pytest.raises(EngineNotFoundError, match=r"cannot be started.*Choose another"):
        EngineClient(EngineCommand((str(file),), file, "the tests")).start()


class TestFindEngine:
    """The order in which the engine's Python is looked for."""

    @pytest.fixture(autouse=True)
    def _nothing_of_this_computer(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv(locate.VARIABLE, raising=False)
        monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))

    @pytest.fixture
    def python(self, tmp_path: Path) -> Path:
        path = tmp_path / "my python"
        path.touch()
        return path

    def test_preference_first(self, python: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv(locate.VARIABLE, "/elsewhere/python")
        command = locate.find_engine(f" {python} ")
        assert command.arguments == (str(python), "-m", "pose3d_engine", "serve")
        assert "preferences" in command.origin

    def test_variable_second(self, python: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv(locate.VARIABLE, str(python))
        assert locate.find_engine("").python == python

    def test_checkout_third(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(locate, "_checkout", lambda: tmp_path)
        with pytest.raises(EngineNotFoundError, match="make setup"):
            locate.find_engine()
        for name in ("bin/python", "Scripts/python.exe"):
            (tmp_path / ".venv" / name).parent.mkdir(parents=True)
            (tmp_path / ".venv" / name).touch()
        command = locate.find_engine()
        assert command.python.is_relative_to(tmp_path / ".venv")
        assert command.environment({"PYTHONPATH": "/x"})["PYTHONPATH"] == str(tmp_path)
        assert command.folder == tmp_path

    def test_this_checkout_is_found(self) -> None:
        assert locate._checkout() == ROOT

    def test_a_wrong_choice_is_told_and_not_replaced(self, monkeypatch: pytest.MonkeyPatch) -> None:
        with pytest.raises(EngineNotFoundError, match=r"File not found: .*nowhere.*preferences"):
            locate.find_engine("/nowhere/python")
        monkeypatch.setenv(locate.VARIABLE, "/nowhere/python")
        with pytest.raises(EngineNotFoundError, match=locate.VARIABLE):
            locate.find_engine()

    def test_nothing_found(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(locate, "_checkout", lambda: None)
        with pytest.raises(EngineNotFoundError, match=r"is not installed yet\. Press Install"):
            locate.find_engine()

    def test_a_virtual_environments_link_is_not_followed(self, python: Path, tmp_path: Path) -> None:
        link = tmp_path / "link"
        link.symlink_to(python)
        assert locate.find_engine(str(link)).python == link


@pytest.fixture(scope="module")
def engine() -> Iterator[EngineClient]:
    client = EngineClient(locate.find_engine(sys.executable))
    client.start()
    yield client
    client.stop()


class TestRealEngine:
    """The engine itself, as the add-on starts it."""

    def test_it_greets_and_looks_at_a_video(self, engine: EngineClient, demo_clip: Path) -> None:
        final = ask(engine, "probe", video=str(demo_clip))
        assert final["type"] == protocol.RESULT, final
        assert (final["result"]["video"]["width"], final["result"]["video"]["height"]) == (1768, 994)
        assert engine.hello and engine.hello["pid"] == process_of(engine).pid

    def test_bad_input_is_the_users_and_the_next_request_works(
        self, engine: EngineClient, demo_clip: Path, tmp_path: Path
    ) -> None:
        text = tmp_path / "Ü 1.mp4"
        text.write_text("no video")
        for path in (text, tmp_path / "missing.mp4"):
            final = ask(engine, "probe", video=str(path))
            assert final.get("code") == protocol.BAD_INPUT and path.name in final["message"], final
        final = ask(engine, "no such method")
        assert final["code"] == protocol.PROTOCOL
        assert ask(engine, "probe", video=str(demo_clip))["type"] == protocol.RESULT

    def test_a_cancelled_analysis_leaves_nothing(
        self, engine: EngineClient, demo_clip: Path, detector_model: Path, tmp_path: Path
    ) -> None:
        output = tmp_path / "people.npz"
        number = engine.request("analyse", {"video": str(demo_clip), "output": str(output)})

        def cancel_at_work(event: Event) -> None:
            if event["stage"] == "detect":
                engine.cancel(number)

        final = engine.wait(number, cancel_at_work, 120.0)
        assert final.get("code") == protocol.CANCELLED, final
        assert not list(tmp_path.iterdir())

    def test_it_ends_in_the_middle_of_a_job(self, demo_clip: Path, detector_model: Path, tmp_path: Path) -> None:
        client = EngineClient(locate.find_engine(sys.executable))
        client.start()
        client.request("analyse", {"video": str(demo_clip), "output": str(tmp_path / "people.npz")})
        while not client.poll():
            time.sleep(0.02)
        process, before = process_of(client), time.monotonic()
        client.stop()
        assert not process.is_running() and time.monotonic() - before < 4.0
        assert not list(tmp_path.iterdir())
