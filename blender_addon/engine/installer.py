"""The program that installs and removes the engine: a separate process, run by the Python that it is made from.

It speaks the engine's protocol (``hello``, then one ``request``, ``progress``, ``result`` or ``error``), so that the
add-on starts, watches, cancels and survives it as it does the engine. Methods:

``install`` {build, wheels, index} makes an environment, tests it, and puts it into use in place of the last one.
It continues an interrupted installation of the same. ``build``: of :mod:`.builds`. ``wheels``: a folder to
take all packages from, without a network; empty for pip's own settings (its configuration files and ``PIP_*``
variables are respected, so mirrors and proxies work). ``index``: PyTorch's index for builds that pip does not find.

``remove`` {} takes the engine away.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
import threading
import time
import venv
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any

from ..contract import atomic, protocol
from ..contract.errors import UserError
from . import installed
from .builds import Build, find, size
from .pip_output import UNPACK, Reading, explain

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


class CancelledError(Exception):
    """The user, or the end of Blender, stopped the installation."""


Progress = Callable[[str, float], None]
"""``progress(stage, done)``; ``done`` is in the units of :func:`_total`."""


class Commands:
    """Runs programs one at a time, logs their output, and kills the running one when cancelled."""

    def __init__(self, log: IO[str], environment: dict[str, str]) -> None:
        self._log, self.environment = log, environment
        self._running: subprocess.Popen[str] | None = None
        self._lock = threading.Lock()
        self._cancelled = False

    def run(self, arguments: list[str], on_line: Callable[[str], None] = lambda line: None) -> tuple[int, list[str]]:
        """The exit status and the last lines of a program. Raises CancelledError after :meth:`cancel`."""
        self.note(f"\n> {' '.join(arguments)}")
        with self._lock:
            self.check()
            process = self._running = subprocess.Popen(
                arguments,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                encoding="utf-8",
                errors="replace",
                env=self.environment,
                cwd=installed.folder(),
            )
        tail: deque[str] = deque(maxlen=1000)
        assert process.stdout
        for line in process.stdout:
            on_line(line)
            if not line.startswith("Progress "):
                self.note(line.rstrip())
                tail.append(line.rstrip())
        status = process.wait()
        self.check()
        return status, list(tail)

    def note(self, line: str) -> None:
        """Writes into the log; failures to do so are ignored."""
        with contextlib.suppress(OSError, ValueError):
            self._log.write(f"{line}\n")
            self._log.flush()

    def check(self) -> None:
        """Raises CancelledError after :meth:`cancel`."""
        if self._cancelled:
            raise CancelledError

    def cancel(self) -> None:
        """Kills the running program, and prevents others from starting. For any thread."""
        with self._lock:
            self._cancelled = True
            if self._running and self._running.poll() is None:
                self._running.kill()


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
        progress("model", _total(self.build) - _TRIAL - _MODEL)
        status, tail = self._engine("weights", "fetch", MODEL)
        if status:
            raise InstallError(_last(tail, "The detector's model could not be fetched."))

    def _test(self, progress: Progress) -> installed.Installed:
        progress("trial", _total(self.build) - _TRIAL)
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
    progress("trial", _total(build))
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


def _total(build: Build) -> int:
    return _ENVIRONMENT + 2 * build.download + _MODEL + _TRIAL


def _last(tail: list[str], otherwise: str) -> str:
    return next((line.strip() for line in reversed(tail) if line.strip()), otherwise)


def _why_not_imported(tail: list[str]) -> str:
    said = _last(tail, "no reason was given")
    for library, package in LIBRARIES.items():
        if library in said:
            return f"The system lacks {library}. On Debian: sudo apt install {package}; then press Install again."
    return f"The engine's packages do not load: {said}"


@contextlib.contextmanager
def _alone() -> Iterator[None]:
    """Allows one installation at a time; the lock ends with the process. Raises InstallError if another one runs."""
    with (installed.folder() / "lock").open("a") as file:
        try:
            if os.name == "nt":
                import msvcrt

                msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined]
            else:
                import fcntl

                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise InstallError("Another Blender is installing the engine. Wait until it has finished.") from None
        yield


def _pip_environment(wheels: str, temporary: Path) -> dict[str, str]:
    """The user's variables, pip's settings included, except those that lead out of the engine's folder."""
    elsewhere = {"PIP_TARGET", "PIP_PREFIX", "PIP_ROOT", "PIP_REQUIREMENT", "PIP_BREAK_SYSTEM_PACKAGES"}
    environment = {
        key: value for key, value in os.environ.items() if key not in elsewhere and not key.upper().startswith("PYTHON")
    }
    environment |= {"PIP_USER": "0", "PIP_NO_INPUT": "1", "PIP_DISABLE_PIP_VERSION_CHECK": "1", "PYTHONUTF8": "1"}
    environment |= {"PYTHONUNBUFFERED": "1", "PYTHONSAFEPATH": "1"}
    # /tmp is often a small one in memory.
    environment |= dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(temporary))
    if wheels:
        environment |= {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": Path(wheels).as_uri()}
    return environment


METHODS = {"install": install, "remove": remove}


class _Channel:
    """The answers to one request. From any thread."""

    def __init__(self, sink: IO[bytes]) -> None:
        self._sink = sink
        self._lock = threading.Lock()
        self._furthest = 0.0
        self.request: int | None = None
        """The id of the request."""

    def send(self, kind: str, **facts: Any) -> None:
        """Sends a message; ends the process if Blender does not listen any more."""
        with self._lock:
            try:
                self._sink.write(protocol.encode({"type": kind, "id": self.request, **facts}))
                self._sink.flush()
            except (OSError, ValueError):
                os._exit(0)

    def progress(self, stage: str, done: float, total: int) -> None:
        """Sends how far the installation is. Sizes are estimates; the bar never goes back."""
        self._furthest = max(self._furthest, min(done, total))
        self.send(protocol.PROGRESS, stage=stage, done=round(self._furthest), total=total)

    def fail(self, code: str, message: str) -> None:
        """Ends the request with an error."""
        self.send(protocol.ERROR, code=code, message=message)


def serve(source: IO[bytes], sink: IO[bytes]) -> None:
    """Answers the one request that comes on ``source``. Does not return while it is open."""
    channel = _Channel(sink)
    channel.send(protocol.HELLO, protocol=protocol.VERSION, engine="installer", pid=os.getpid())
    line = source.readline()
    if not line:
        return
    request = protocol.decode(line)
    channel.request = request["id"]
    channel.send(protocol.PROGRESS, stage="start", done=0, total=None)
    try:
        result = _execute(request["method"], request.get("params") or {}, source, channel)
        channel.send(protocol.RESULT, result=result)
    except CancelledError:
        channel.fail(protocol.CANCELLED, "cancelled")
    except UserError as error:
        channel.fail(protocol.BAD_INPUT, str(error))
    except OSError as error:
        where = error.filename or installed.folder()
        channel.fail(protocol.BAD_INPUT, f"{where}: {error.strerror or error}. Solve that and press Install again.")


def _execute(method: str, params: dict[str, Any], source: IO[bytes], channel: _Channel) -> dict[str, Any]:
    """Carries out a method alone, with a log, and cancels it when ``source`` says so or ends."""
    folder = installed.folder()
    temporary = folder / "tmp"
    folder.mkdir(parents=True, exist_ok=True)
    with _alone(), installed.log_file().open("w", encoding="utf-8") as log:
        shutil.rmtree(temporary, ignore_errors=True)
        temporary.mkdir()
        commands = Commands(log, _pip_environment(str(params.get("wheels") or ""), temporary))
        commands.note(f"{time.strftime('%Y-%m-%d %H:%M')} {method} {params}, Python {sys.version}")
        total = _total(find(str(params.get("build") or "")))

        def listen() -> None:
            while line := source.readline():
                with contextlib.suppress(protocol.ProtocolError):
                    if protocol.decode(line)["type"] == protocol.CANCEL:
                        commands.cancel()
            commands.cancel()  # Blender has ended

        threading.Thread(target=listen, daemon=True).start()
        try:
            return METHODS[method](params, commands, lambda stage, done: channel.progress(stage, done, total))
        except UserError as error:
            commands.note(f"failed: {error}")
            raise
        finally:
            shutil.rmtree(temporary, ignore_errors=True)


def main() -> None:
    """Serves stdin and stdout."""
    channel = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)
    serve(sys.stdin.buffer, channel)


if __name__ == "__main__":
    main()
