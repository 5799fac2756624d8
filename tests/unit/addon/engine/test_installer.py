"""The installer as a process of its own, in real virtual environments, with a pip and an engine that are made up.

With the real ones: tests/slow/test_install.py.
"""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from collections import namedtuple
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from blender_addon.engine import builds, installation, installed, locate
from blender_addon.engine.job import Job, Runner
from blender_addon.engine.pip_output import DOWNLOAD, UNPACK, Reading, explain
from tests.support.blenders import ROOT

FAKE_PIP = """
import json, os, sys, time, zipfile
from pathlib import Path
arguments = sys.argv[1:]
plain = ("av", "scipy", "opencv-contrib-python")
wanted = next(a for a in arguments[1:] if a.endswith(".whl") or "==" in a or a in plain)
name = Path(wanted).name.split("==")[0].split("-")[0]
folder = Path(os.environ["FAKE_PIP"])
with (folder / "calls").open("a") as calls:
    calls.write(json.dumps([name, arguments, {k: v for k, v in os.environ.items() if k.startswith("PIP_")}]) + "\\n")
def told(what):
    file = folder / f"{what}-{name}"
    return file.read_text() if file.exists() else None
site = next(Path(p) for p in sys.path if p.endswith("site-packages"))
print("Collecting", name)
print("  Downloading it (5.0 MB)")
print("Progress 2500000 of 5000000", flush=True)
if told("fail") and not ("--extra-index-url" in arguments and told("fail").startswith("elsewhere")):
    sys.exit(told("fail").removeprefix("elsewhere "))
print("Installing collected packages: one, two", flush=True)
(site / f"{name}-1.dist-info").mkdir()
if told("hang") is not None:
    time.sleep(60)
if wanted.endswith(".whl"):
    zipfile.ZipFile(wanted).extractall(site)
"""

FAKE_ENGINE = """
import json, os, sys
from pathlib import Path
if sys.argv[1] == "weights":
    (Path(os.environ["FAKE_PIP"]) / "fetched").write_text(" ".join(sys.argv[2:]))
else:
    trouble = Path(os.environ["FAKE_PIP"]) / "trouble"
    problems = [{"what": trouble.read_text(), "install_hint": ""}] if trouble.exists() else []
    print("chatter")
    print(json.dumps({"engine": "1", "python": "3", "device": "cpu", "problems": problems}, indent=1))
"""

MODULES = ("av", "cv2", "mediapipe", "numpy", "safetensors", "scipy/__init__", "scipy/optimize", "torch")


@pytest.fixture
def told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder whose files tell the fake pip what to do, in an empty home."""
    folder = tmp_path / "told"
    folder.mkdir()
    monkeypatch.setenv("FAKE_PIP", str(folder))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "däta folder"))
    monkeypatch.setattr(installed, "PLATFORM", "linux")  # where the names of folders below come from
    return folder


@pytest.fixture
def addon(tmp_path: Path) -> Path:
    """An add-on that was installed from a zip."""
    package = tmp_path / "add ons" / "addon"
    for room in ("contract", "engine"):
        shutil.copytree(ROOT / "blender_addon" / room, package / room)
    shutil.copy(ROOT / "blender_addon" / "__init__.py", package)
    inside = package / "bundle"
    inside.mkdir()
    with zipfile.ZipFile(inside / "pip-0-py3-none-any.whl", "w") as wheel:
        wheel.writestr("pip/__init__.py", "")
        wheel.writestr("pip/__main__.py", FAKE_PIP)
    with zipfile.ZipFile(inside / "pose3d_engine-0-py3-none-any.whl", "w") as wheel:
        wheel.writestr("pose3d_engine/__init__.py", "")
        wheel.writestr("pose3d_engine/__main__.py", FAKE_ENGINE)
        for module in MODULES:
            wheel.writestr(f"{module}.py", "")
    (inside / "constraints.txt").touch()
    release(package, "first")
    return package


def release(addon: Path, digest: str) -> None:
    wheels = {path.name.partition("-")[0]: path.name for path in addon.glob("bundle/*.whl")}
    record = {"wheel": wheels["pose3d_engine"], "pip": wheels["pip"], "digest": digest}
    (addon / "bundle" / "bundle.json").write_text(json.dumps(record))


@pytest.fixture
def start(addon: Path) -> Callable[..., tuple[Runner, Job]]:
    runners = []

    def start(method: str = "install", **params: Any) -> tuple[Runner, Job]:
        command = locate.installer_command()
        arguments = (*command.arguments[:3], str(addon.parent), "addon.engine.installer")
        runner = Runner()
        runners.append(runner)
        return runner, runner.start(dataclasses.replace(command, arguments=arguments), method, params)

    yield start
    for runner in runners:
        runner.stop(grace=0.0)


def wait(runner: Runner, until: Callable[[], bool] = lambda: False) -> list[int]:
    """Ticks until the job has ended or ``until`` is true; returns how far it was, tick by tick."""
    seen, deadline = [], time.monotonic() + 60
    job = runner.job
    while job and not job.ended and not until():
        assert time.monotonic() < deadline, job
        runner.tick()
        seen.append(job.done)
        time.sleep(0.01)
    return seen


def calls(told: Path) -> list[str]:
    return [json.loads(line)[0] for line in (told / "calls").read_text().splitlines()]


ALL = ["pip", "torch", "opencv", "av", "scipy", "pose3d_engine"]


def test_install_update_remove(start: Callable[..., Any], told: Path, addon: Path) -> None:
    shipped = installed.bundle(addon)
    assert installed.state(shipped, installed.read()) == installed.MISSING
    runner, job = start()
    seen = wait(runner)
    assert job.state == "done", job.message
    assert job.result["engine"] == "1" and calls(told) == ALL
    assert seen == sorted(seen) and job.done == job.total and len(set(seen)) > 5
    here = installed.read()
    assert here and here.environment == installed.folder() / "env1" and here.report == job.result
    assert installed.state(shipped, installed.read()) == installed.READY
    assert (told / "fetched").read_text() == "fetch mediapipe-full"
    assert "Installing collected packages" in installed.log_file().read_text()

    release(addon, "second")
    assert installed.state(installed.bundle(addon), installed.read()) == installed.OUTDATED
    runner, job = start()
    wait(runner)
    assert job.state == "done", job.message
    assert installed.state(installed.bundle(addon), installed.read()) == installed.READY
    assert sorted(path.name for path in installed.folder().iterdir()) == [
        "env2", "install.log", "installed.json", "lock",
    ]  # fmt: skip

    runner, job = start("remove")
    wait(runner)
    assert job.state == "done" and installed.state(shipped, installed.read()) == installed.MISSING
    assert sorted(path.name for path in installed.folder().iterdir()) == ["install.log", "lock"]


@pytest.mark.parametrize("how", ["cancelled", "killed", "Blender died"])
def test_an_interrupted_one_goes_on(how: str, start: Callable[..., Any], told: Path) -> None:
    (told / "hang-scipy").touch()
    runner, job = start()
    half = installed.folder() / "env1" / "lib"
    wait(runner, lambda: job.stage == UNPACK and any(half.glob("*/site-packages/scipy-1.dist-info")))
    process = runner._client._process._popen
    if how == "cancelled":
        runner.cancel()
        wait(runner)
        assert job.state == "cancelled"
    elif how == "killed":
        os.killpg(process.pid, signal.SIGKILL)
        wait(runner)
        assert job.state == "failed"
    else:
        process.stdin.close()
        process.wait(10)
        runner.stop()
    assert installed.read() is None and calls(told) == ALL[:5]

    (told / "hang-scipy").unlink()
    runner, job = start()
    wait(runner)
    assert job.state == "done", job.message
    assert calls(told) == [*ALL[:5], "scipy", "pose3d_engine"], "what was whole is not installed again, what was not is"
    assert installed.read() and installed.read().environment.name == "env1"


def test_another_build_starts_afresh(start: Callable[..., Any], told: Path) -> None:
    (told / "fail-av").write_text("ERROR: because")
    runner, job = start(build="cpu")
    wait(runner)
    assert job.state == "failed" and job.message == "pip failed: ERROR: because"
    (told / "fail-av").unlink()
    runner, job = start(build="cuda")
    wait(runner)
    assert job.state == "done" and calls(told)[4:] == ALL
    assert [path.name for path in installed.folder().glob("env*")] == [installed.read().environment.name]


@pytest.mark.parametrize("trouble", ["pip", "engine"])
def test_a_failed_one_leaves_the_engine_that_works(
    trouble: str, start: Callable[..., Any], told: Path, addon: Path
) -> None:
    wait(start()[0])
    before = installed.read()
    if trouble == "pip":
        (told / "fail-scipy").write_text("ERROR: No space left on device")
    else:
        (told / "trouble").write_text("nothing works")
    runner, job = start()
    wait(runner)
    assert job.state == "failed"
    assert ("The disk is full" if trouble == "pip" else "nothing works") in job.message
    assert installed.read() == before and before.python.is_file()
    assert job.message in installed.log_file().read_text()


def test_pytorchs_own_index_comes_last(start: Callable[..., Any], told: Path) -> None:
    wanted = builds.find("cpu").requirement
    (told / "fail-torch").write_text(f"elsewhere ERROR: No matching distribution found for {wanted}")
    runner, job = start(build="cpu", index="https://example.org/whl/")
    wait(runner)
    assert job.state == "done", job.message
    found = [json.loads(line)[1] for line in (told / "calls").read_text().splitlines()]
    indices = [call[call.index("--extra-index-url") + 1] for call in found if "--extra-index-url" in call]
    assert indices == ["https://example.org/whl/cpu"]

    runner, job = start("remove")
    wait(runner)
    runner, job = start(build="cpu", index="")
    wait(runner)
    assert job.state == "failed" and f"finds no {wanted}" in job.message


def test_pips_own_settings_are_respected(
    start: Callable[..., Any], told: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wheels = tmp_path / "my wheels"
    monkeypatch.setenv("PIP_PROXY", "http://proxy:1")
    monkeypatch.setenv("PIP_TARGET", "/usr/lib")
    runner, job = start(wheels=str(wheels))
    wait(runner)
    assert job.state == "done", job.message
    for line in (told / "calls").read_text().splitlines():
        variables = json.loads(line)[2]
        assert variables["PIP_PROXY"] == "http://proxy:1" and "PIP_TARGET" not in variables
        assert variables["PIP_NO_INDEX"] == "1" and variables["PIP_FIND_LINKS"] == wheels.as_uri()
        assert variables["PIP_USER"] == "0"


def test_only_one_at_a_time(start: Callable[..., Any], told: Path) -> None:
    (told / "hang-torch").touch()
    first, job = start()
    wait(first, lambda: job.stage == UNPACK)
    second, other = start()
    wait(second)
    assert other.state == "failed" and "Another Blender" in other.message
    assert job.state == "running"


def test_too_little_room(told: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    installed.folder().mkdir(parents=True)
    usage = namedtuple("usage", "free")
    build = builds.find("cpu")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(1_000_000_000))
    with pytest.raises(
        installation.InstallError, match=r"Not enough disk space in .*: 1\.0 GB are free, 2\.\d GB are needed"
    ):
        installation._check_disk_space(build, tmp_path / "env1")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(build.room * 10**6))
    installation._check_disk_space(build, tmp_path / "env1")


@pytest.mark.parametrize("version", [(3, 9), (3, 14)])
def test_a_python_of_another_version(version: tuple[int, int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "version_info", (*version, 0))
    with pytest.raises(installation.InstallError, match=f"is Python 3.{version[1]}; the engine needs 3.10 to 3.13"):
        installation._check_python()


def test_what_the_build_numbers_mean() -> None:
    for platform in ("linux", "win32", "darwin"):
        choices = builds.builds(platform)
        assert len({build.name for build in choices}) == len(choices)
        assert all(build.room > build.disk > 2 * build.download for build in choices)
    assert [build.name for build in builds.builds("darwin")] == ["metal"]
    assert builds.size(440) == "440 MB" and builds.size(2900) == "2.9 GB"


def test_damage_is_seen(start: Callable[..., Any], told: Path, addon: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(locate, "_checkout", lambda: None)
    monkeypatch.delenv(locate.VARIABLE, raising=False)
    wait(start()[0])
    assert locate.find_engine().python == installed.read().python and locate.find_engine().origin == locate.OWN
    shipped = installed.bundle(addon)
    installed.write(dataclasses.replace(installed.read(), base=addon / "gone"))
    assert installed.state(shipped, installed.read()) == installed.BROKEN
    installed.read().python.unlink()
    with pytest.raises(locate.EngineNotFoundError, match="Press Repair"):
        locate.find_engine()
    (installed.folder() / "installed.json").write_text("{}")
    assert installed.state(shipped, installed.read()) == installed.MISSING


def test_the_interpreter_is_not_what_the_path_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shim = tmp_path / "python3"
    shim.touch()
    monkeypatch.setattr(sys, "executable", str(shim))
    python = locate.blenders_python()
    done = subprocess.run([python, "-c", "import sys; print(sys.prefix)"], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == sys.prefix
    with pytest.raises(locate.EngineNotFoundError, match="File not found: /nowhere"):
        locate.installer_command("/nowhere/python")


class TestPipsWords:
    def test_progress(self) -> None:
        reading = Reading()
        for line in ("Collecting a", "  Downloading a.whl (9.0 MB)", "Progress 4000000 of 9000000"):
            reading.take(line + "\n")
        assert (reading.stage, reading.megabytes) == (DOWNLOAD, 4.0)
        for line in ("Progress 9000000 of 9000000", "Collecting b", "  Using cached b.whl (500 kB)"):
            reading.take(line + "\n")
        assert reading.megabytes == 9.5
        reading.take("Installing collected packages: a, b\n")
        assert (reading.stage, reading.packages, reading.megabytes) == (UNPACK, 2, 9.5)

    @pytest.mark.parametrize(
        ("said", "wheels", "words"),
        [
            ("ERROR: [Errno 28] No space left on device", "", "The disk is full: /data."),
            ("No matching distribution found for av==18 (from x)", "/wheels", "/wheels, has no av==18"),
            ("SSLError(CERTIFICATE_VERIFY_FAILED)\nNo matching distribution found for av", "", "PIP_CERT"),
            ("NewConnectionError\nNo matching distribution found for av", "", "Check the internet connection"),
            ("ERROR: No matching distribution found for av", "", "finds no av for this Python"),
            ("ERROR: Could not install: [Errno 13] Permission denied", "", "A file in /data cannot be written"),
            ("first\nERROR: something new\nhint", "", "pip failed: ERROR: something new"),
            ("", "", "pip failed: no reason given"),
        ],
    )
    def test_why_it_failed(self, said: str, wheels: str, words: str) -> None:
        told = explain(said.splitlines(), Path("/data"), wheels)
        assert words in told and "\n" not in told

    def test_a_library_of_the_system(self) -> None:
        told = installation._why_not_imported(["Traceback", "ImportError: libGL.so.1: cannot open shared object file"])
        assert "sudo apt install libgl1" in told
