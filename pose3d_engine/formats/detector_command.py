"""Another program as the source of 2D: it is run in its own environment, and its results are read.

The program is the user's: AlphaPose, OpenPose or a script of their own, as they would start it themselves. It sees the
video and an empty folder for its results; nothing else is agreed with it. No shell is involved.
"""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from ..contract.errors import UserError
from ..contract.people_file import People, VideoInfo
from ..progress import Progress, silent
from . import keypoint_files

PATIENCE_S = 1800.0
"""A program that neither says nor writes anything for so long hangs. Models are downloaded and compiled in silence."""

_POLL_S = 0.1
_LOOK_S = 2.0
_GRACE_S = 3.0
_TAIL = 4000

if sys.platform == "win32":
    _NEW_GROUP = subprocess.CREATE_NEW_PROCESS_GROUP
else:
    _NEW_GROUP = 0


def people_of(command: str, info: VideoInfo, progress: Progress = silent, patience: float = PATIENCE_S) -> People:
    """Runs ``command`` on a video and reads what it wrote.

    command: words with ``{video}`` and ``{output}``, an empty folder that is removed afterwards. What the program says
    goes to our stderr. progress is called all the time, with the seconds that have passed: by raising it cancels.
    Raises UserError for a command that cannot be run, fails, hangs or writes nothing that can be read.
    """
    with tempfile.TemporaryDirectory(prefix="pose3d-", ignore_cleanup_errors=True) as folder:
        output = Path(folder)
        run(words(command, Path(info.path), output), output, progress, patience)
        if not any(output.iterdir()):
            raise UserError(f"the detector command wrote nothing into {{output}}; check its options: {command}")
        found = keypoint_files.read(output, info.width, info.height, info.fps)
        return keypoint_files.on_video(found, info, output)


def words(command: str, video: Path, output: Path, windows: bool = os.name == "nt") -> list[str]:
    """The command as an argument list. Raises UserError if it lacks a placeholder or its quotes do not match."""
    for placeholder in ("{video}", "{output}"):
        if placeholder not in command:
            raise UserError(f"the detector command lacks {placeholder}; write it where the program takes that path")
    try:
        parts = shlex.split(command, posix=not windows)
    except ValueError as error:
        raise UserError(f"the detector command cannot be split into words ({error}); check its quotes") from error
    if windows:
        # Without posix rules, which would eat the backslashes of paths, quotes stay where they are.
        parts = [part[1:-1] if len(part) > 1 and part[0] == part[-1] and part[0] in "\"'" else part for part in parts]
    places = {"{video}": str(Path(video).absolute()), "{output}": str(output)}
    for placeholder, path in places.items():
        parts = [part.replace(placeholder, path) for part in parts]
    return parts


def run(arguments: list[str], output: Path, progress: Progress, patience: float) -> None:
    """Runs a program to its end; kills it with all its children if anything else happens. Raises UserError."""
    try:
        # A group of its own, so that its children can be found when they must end.
        process = subprocess.Popen(
            arguments,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=sys.platform != "win32",
            creationflags=_NEW_GROUP,
        )
    except OSError as error:
        raise UserError(
            f"the detector command cannot be started ({error.strerror or error}: {arguments[0]}); give its full path"
        ) from error
    listener = _Listener(process)
    finished = False
    try:
        _wait(process, listener, output, progress, patience)
        finished = process.returncode == 0
    finally:
        if not finished:
            _kill_tree(process)
        listener.join()
    if not finished:
        raise UserError(f"the detector command failed with status {process.returncode}: {listener.last_line}")


class _Listener:
    """Passes on what a program says, and remembers when it last did and how it ended."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self.heard = time.monotonic()
        self._tail = ""
        self._stream = process.stdout
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    def _listen(self) -> None:
        assert self._stream is not None
        with self._stream:
            # What there is, at once: progress bars are rewritten without ever ending their line.
            while block := os.read(self._stream.fileno(), 4096):
                self.heard = time.monotonic()
                text = block.decode("utf-8", errors="replace")
                self._tail = (self._tail + text)[-_TAIL:]
                sys.stderr.write(text)
                sys.stderr.flush()

    def join(self) -> None:
        """Waits for the last words; not for those of a child that outlives the program."""
        self._thread.join(_GRACE_S)

    @property
    def last_line(self) -> str:
        lines = [line.strip() for line in self._tail.replace("\r", "\n").splitlines() if line.strip()]
        return lines[-1][-300:] if lines else "it said nothing"


def _wait(
    process: subprocess.Popen[bytes], listener: _Listener, output: Path, progress: Progress, patience: float
) -> None:
    began = changed = looked = time.monotonic()
    before: object = None
    while process.poll() is None:
        time.sleep(_POLL_S)
        now = time.monotonic()
        progress("detect", int(now - began), None)
        if now - looked > min(_LOOK_S, patience / 4):
            looked = now
            state = _state(output)
            if state != before:
                before, changed = state, now
        if now - max(changed, listener.heard) > patience:
            raise UserError(f"the detector command did nothing for {patience:g} s and was ended; try it by itself")


def _state(output: Path) -> object:
    """Something that differs when a program has written to its folder."""
    state = []
    for path in output.rglob("*"):
        try:
            facts = path.stat()
        except OSError:
            continue
        state.append((facts.st_mtime_ns, facts.st_size))
    return len(state), max(state, default=None)


def _kill_tree(process: subprocess.Popen[bytes]) -> None:
    """Ends a program and all that it started: asked first, then forced."""
    if sys.platform == "win32":
        taskkill = Path(os.environ.get("SYSTEMROOT", r"C:\Windows")) / "System32" / "taskkill.exe"
        subprocess.run([taskkill, "/F", "/T", "/PID", str(process.pid)], check=False, capture_output=True)
    else:
        _signal(process.pid, signal.SIGTERM)
        limit = time.monotonic() + _GRACE_S
        while _alive(process) and time.monotonic() < limit:
            time.sleep(0.05)
        _signal(process.pid, signal.SIGKILL)
    process.wait()


if sys.platform != "win32":

    def _signal(group: int, number: int) -> bool:
        """Whether the group was there to take the signal."""
        try:
            os.killpg(group, number)
        except (ProcessLookupError, PermissionError):  # macOS: a group of zombies may not be signalled
            return False
        return True

    def _alive(process: subprocess.Popen[bytes]) -> bool:
        process.poll()
        return _signal(process.pid, 0)
