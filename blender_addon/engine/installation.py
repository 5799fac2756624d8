"""Installs the engine: makes an environment, tests it, and puts it into use in place of the last one."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import sys
import threading
import venv
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from ..contract import atomic
from ..contract.errors import UserError
from . import installed
from .builds import Build, find, size
from .pip_output import UNPACK, Reading, explain
from .programs import Commands

PYTHONS = (3, 10), (3, 13)
"""The oldest and the newest Python with packages for the engine."""

LARGE = {"opencv-contrib-python": 70, "av": 36, "scipy": 36}
"""Packages that are installed one at a time, between PyTorch and the engine with all others, and their MB. An
interrupted installation continues after the last one that was complete."""

REST = 100
"""MB of all packages that come with the engine itself."""

MODEL = "mediapipe-full"
"""The weights of the default detector; the engine's wheel has those of the lifter."""

IMPORTS = "import av, cv2, mediapipe, numpy, safetensors, scipy.optimize, torch; print('imported')"

LIBRARIES = {
    "libGL.so": "libgl1",
    "libEGL.so": "libegl1",
    "libGLESv2.so": "libgles2",
    "libglib-2.0.so": "libglib2.0-0",
    "libgthread-2.0.so": "libglib2.0-0",
}
"""Debian's package by library of a Linux desktop that the engine's packages load."""

_ENVIRONMENT, _MODEL, _TRIAL = 10, 40, 20
"""Units of progress of the other stages; a MB counts 1 when it is downloaded, and 1 more when it is unpacked."""


class InstallError(UserError):
    """The user can solve it: one line of what happened and what to do."""


Progress = Callable[[str, float], None]
"""``progress(stage, done)``; ``done`` is in the units of :func:`total`."""


class Installation:
    """Makes one environment, step by step; see :func:`install`."""

    def __init__(self, shipped: installed.Bundle, build: Build, params: dict[str, Any], commands: Commands) -> None:
        self.shipped, self.build, self.commands = shipped, build, commands
        self.wheels, self.index = str(params.get("wheels") or ""), str(params.get("index") or "")
        # An interrupted installation with the same values can be continued.
        self.identity = {"digest": shipped.digest, "build": build.name, "base": str(_base()), "wheels": self.wheels}
        self.environment = self._unfinished() or _free_folder()
        self.python = installed.python_of(self.environment)
        self.done: list[str] = []

    def run(self, progress: Progress) -> installed.Installed:
        """Installs and tests the engine. Raises InstallError and CancelledError; finished steps stay."""
        progress("environment", 0)
        self._make_environment()
        start = _ENVIRONMENT
        for name, requirement, megabytes in self._steps():
            if name not in self.done:
                self._install(name, requirement, start, megabytes, progress)
            start += 2 * megabytes
        self._fetch_model(progress)
        return self._test(progress)

    def _steps(self) -> Iterator[tuple[str, str, int]]:
        """Name, requirement for pip, and MB of each step."""
        yield "torch", self.build.requirement, self.build.download - sum(LARGE.values()) - REST
        for package, megabytes in LARGE.items():
            yield package, package, megabytes
        yield "engine", str(self.shipped.wheel), REST

    def _make_environment(self) -> None:
        if self._unfinished() == self.environment:
            record = json.loads(self._record().read_text(encoding="utf-8"))
            self.done = record["done"]
            self.commands.note(f"continuing in {self.environment} after {', '.join(self.done) or 'its start'}")
            # A package that was being unpacked at the interruption is unpacked again.
            for broken in set(self._packages()) - set(record["packages"]):
                shutil.rmtree(self._site() / broken)
            return
        venv.create(self.environment, with_pip=False, symlinks=os.name != "nt")
        arguments = [str(self.python), str(self.shipped.pip / "pip"), "install", "--no-index", str(self.shipped.pip)]
        self._must(*self.commands.run(arguments))
        self._save_record()

    def _install(self, name: str, requirement: str, start: int, megabytes: int, progress: Progress) -> None:
        reading, before = Reading(), len(self._packages())
        whole = threading.Event()

        def say() -> None:
            if reading.stage == UNPACK:
                unpacked = min(1.0, (len(self._packages()) - before) / reading.packages)
                progress(UNPACK, start + megabytes * (1 + unpacked))
            else:
                progress(reading.stage, start + min(reading.megabytes, megabytes))

        def watch() -> None:  # pip is silent while it unpacks
            while not whole.wait(0.5):
                say()

        reporter = threading.Thread(target=watch, daemon=True)
        reporter.start()
        try:
            status, tail = self._pip(requirement, reading)
            if status and self._is_elsewhere(tail):
                self.commands.note(f"pip does not find it; looking in {self.index}/{self.build.index}")
                status, tail = self._pip(requirement, reading, f"{self.index.rstrip('/')}/{self.build.index}")
        finally:
            whole.set()
            reporter.join()
        self._must(status, tail)
        self.done.append(name)
        self._save_record()
        progress(UNPACK, start + 2 * megabytes)

    def _pip(self, requirement: str, reading: Reading, index: str = "") -> tuple[int, list[str]]:
        arguments = [str(self.python), "-m", "pip", "install", "--progress-bar", "raw", "--only-binary", ":all:"]
        arguments += ["--constraint", str(self.shipped.constraints), requirement]
        return self.commands.run(arguments + (["--extra-index-url", index] if index else []), reading.take)

    def _is_elsewhere(self, tail: list[str]) -> bool:
        """Whether pip failed because only PyTorch's own index has the build."""
        wanted = f"No matching distribution found for {self.build.requirement}"
        return bool(self.build.index and self.index and not self.wheels) and any(wanted in line for line in tail)

    def _fetch_model(self, progress: Progress) -> None:
        progress("model", total(self.build) - _TRIAL - _MODEL)
        status, tail = self._engine("weights", "fetch", MODEL)
        if status:
            raise InstallError(_last(tail, "The detector's model could not be fetched."))

    def _test(self, progress: Progress) -> installed.Installed:
        progress("trial", total(self.build) - _TRIAL)
        status, tail = self.commands.run([str(self.python), "-c", IMPORTS])
        if status:
            raise InstallError(_why_not_imported(tail))
        status, tail = self._engine("doctor", "--json")
        try:
            printed = "\n".join(tail)
            report, _ = json.JSONDecoder().raw_decode(printed, printed.index("{\n"))
        except ValueError:
            raise InstallError(_last(tail, "The engine does not start.")) from None
        if report["problems"]:
            raise InstallError(f"The engine does not work: {report['problems'][0]['what']}. Press Install again.")
        megabytes = round(sum(path.lstat().st_size for path in self.environment.rglob("*")) / 1e6)
        return installed.Installed(self.python, _base(), self.build.name, self.shipped.digest, megabytes, report)

    def _engine(self, *arguments: str) -> tuple[int, list[str]]:
        return self.commands.run([str(self.python), "-m", "pose3d_engine", *arguments])

    def _must(self, status: int, tail: list[str]) -> None:
        if status:
            raise InstallError(explain(tail, installed.folder(), self.wheels))

    def _unfinished(self) -> Path | None:
        """The environment of an interrupted installation with the same values, if there is one."""
        used = installed.read()
        for path in _environments():
            with contextlib.suppress(OSError, ValueError):
                record = json.loads((path / "unfinished.json").read_text(encoding="utf-8"))
                if record["identity"] == self.identity and not (used and used.environment == path):
                    return path
        return None

    def _record(self) -> Path:
        return self.environment / "unfinished.json"

    def _save_record(self) -> None:
        """Writes down the finished steps of the environment."""
        record = {"identity": self.identity, "done": self.done, "packages": self._packages()}
        with atomic.replacing(self._record()) as temporary:
            temporary.write_text(json.dumps(record), encoding="utf-8")

    def _site(self) -> Path:
        if os.name == "nt":
            return self.environment / "Lib" / "site-packages"
        return self.environment / "lib" / f"python{sys.version_info[0]}.{sys.version_info[1]}" / "site-packages"

    def _packages(self) -> list[str]:
        return [path.name for path in self._site().glob("*.dist-info")]


def install(params: dict[str, Any], commands: Commands, progress: Progress) -> dict[str, Any]:
    """Installs the engine.

    Returns:
        The report of its ``doctor``.

    Raises:
        InstallError: The installation failed; finished steps stay.
        CancelledError: The user cancelled, or Blender has ended.
    """
    shipped, build = _bundle(), find(str(params.get("build") or ""))
    _check_python()
    installation = Installation(shipped, build, params, commands)
    used = installed.read()
    for path in _environments():
        if path != installation.environment and not (used and used.environment == path):
            shutil.rmtree(path, ignore_errors=True)  # left by an installation with other values
    _check_disk_space(build, installation.environment)
    done = installation.run(progress)
    commands.check()
    installed.write(done)
    installation._record().unlink()
    for path in _environments():
        if path != done.environment:
            shutil.rmtree(path, ignore_errors=True)
    progress("trial", total(build))
    return done.report


def remove(params: dict[str, Any], commands: Commands, progress: Progress) -> dict[str, Any]:
    """Removes the engine, complete or not, but not the user's weights. Raises InstallError if files are left."""
    installed.forget()
    paths = _environments()
    for path in paths:
        shutil.rmtree(path, ignore_errors=True)
    if left := _environments():
        raise InstallError(
            f"{left[0]} could not be removed completely: a file is in use. Close other instances of Blender and try "
            "again."
        )
    return {}


def _bundle() -> installed.Bundle:
    shipped = installed.bundle()
    if shipped is None:
        raise InstallError("This add-on runs from its source folder, without a bundled engine: run `make setup` there.")
    return shipped


def _base() -> Path:
    """The Python for new environments: not a link inside of an environment that may be removed."""
    return Path(getattr(sys, "_base_executable", sys.executable))


def _check_python() -> None:
    oldest, newest = PYTHONS
    if not oldest <= sys.version_info[:2] <= newest or sys.maxsize < 2**32:
        bits = "" if sys.maxsize > 2**32 else " for 32 bit"
        raise InstallError(
            f"{sys.executable} is Python {sys.version_info[0]}.{sys.version_info[1]}{bits}; the engine needs 3.10 to "
            "3.13 for 64 bit. Choose another Python under Advanced."
        )


def _check_disk_space(build: Build, environment: Path) -> None:
    there = sum(path.lstat().st_size for path in environment.rglob("*")) if environment.is_dir() else 0
    free = round((shutil.disk_usage(installed.folder()).free + there) / 1e6)
    if free < build.room:
        raise InstallError(
            f"Not enough disk space in {installed.folder()}: {size(free)} are free, {size(build.room)} are needed. "
            "Free some space and press Install again."
        )


def _environments() -> list[Path]:
    return [path for path in installed.folder().glob("env*") if path.is_dir()]


def _free_folder() -> Path:
    return next(path for n in range(1, 10**6) if not (path := installed.folder() / f"env{n}").exists())


def total(build: Build) -> int:
    """Units of progress of a whole installation."""
    return _ENVIRONMENT + 2 * build.download + _MODEL + _TRIAL


def _last(tail: list[str], otherwise: str) -> str:
    return next((line.strip() for line in reversed(tail) if line.strip()), otherwise)


def _why_not_imported(tail: list[str]) -> str:
    said = _last(tail, "no reason was given")
    for library, package in LIBRARIES.items():
        if library in said:
            return f"The system lacks {library}. On Debian: sudo apt install {package}; then press Install again."
    return f"The engine's packages do not load: {said}"
