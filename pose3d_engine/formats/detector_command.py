"""Another program (AlphaPose, OpenPose, a script) as the source of 2D: it runs as the user would start it.

It gets the path of the video and of an empty folder for its results, nothing else. No shell is involved.
"""

from __future__ import annotations

import contextlib
import os
import shlex
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO

from ..contract.errors import UserError
from ..contract.people_file import People, VideoInfo
from ..progress import Progress, silent
from . import keypoint_files

WHAT = "detector command"

PATIENCE_S = 1800.0
"""Seconds: a program that prints and writes nothing for so long hangs. Many silently download and compile models."""

_POLL_S, _FOLDER_POLL_S = 0.1, 2.0
"""Seconds from one check whether the program has ended to the next, and from one look into its folder to the next."""

_GRACE_S = 3.0
"""Seconds in which a program may end by itself before it is killed, and in which its last output may arrive."""

_TAIL = 4000
"""Letters of its last output that are kept for an error."""


def people_of(command: str, info: VideoInfo, progress: Progress = silent, patience: float = PATIENCE_S) -> People:
    """Runs a command on a video and reads its results. The program's output goes to our stderr.

    Args:
        command: Words with ``{video}`` and ``{output}``, an empty folder that is removed afterwards.
        progress: Gets the seconds that have passed; cancels by raising.
        patience: Seconds in which the program must print or write something.

    Raises:
        UserError: If the command cannot be run, fails, hangs or writes nothing that can be read.
    """
    with tempfile.TemporaryDirectory(prefix="pose3d-", ignore_cleanup_errors=True) as folder:
        output = Path(folder)
        run(arguments_of(command, Path(info.path), output), output, progress, patience)
        if not any(output.iterdir()):
            raise UserError(f"the detector command wrote nothing into {{output}}; check its options: {command}")
        found = keypoint_files.read(output, info.width, info.height, info.fps)
        return keypoint_files.on_video(found, info, output)


def arguments_of(
    command: str, video: Path, output: Path, windows: bool = os.name == "nt", what: str = WHAT
) -> list[str]:
    """The command as an argument list; raises UserError if it lacks a placeholder or its quotes do not match."""
    for placeholder in ("{video}", "{output}"):
        if placeholder not in command:
            raise UserError(f"the {what} lacks {placeholder}; write it where the program takes that path")
    try:
        parts = shlex.split(command, posix=not windows)
    except ValueError as error:
        raise UserError(f"the {what} cannot be split into words ({error}); check its quotes") from error
    if windows:
        # POSIX rules would remove the backslashes of paths; without them quotes are kept, and removed here.
        parts = [part[1:-1] if len(part) > 1 and part[0] == part[-1] and part[0] in "\"'" else part for part in parts]
    return [part.replace("{video}", str(video.absolute())).replace("{output}", str(output)) for part in parts]


def run(
    arguments: list[str], output: Path, progress: Progress, patience: float, what: str = WHAT, stage: str = "detect"
) -> None:
    """Runs a program to its end; kills it with all its children if it fails, hangs (UserError) or is cancelled.

    ``what`` it is called in messages, and ``stage`` in the progress.
    """
    try:
        # A process group of its own, so that its children can be killed with it.
        process = subprocess.Popen(
            arguments,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=sys.platform != "win32",
            creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),  # only Windows has it
        )
    except OSError as error:
        reason = f"{error.strerror or error}: {arguments[0]}"
        raise UserError(f"the {what} cannot be started ({reason}); give its full path") from error
    assert process.stdout is not None
    reader = _OutputReader(process.stdout)
    try:
        _wait(process, reader, output, lambda seconds: progress(stage, seconds, None), patience)
    except UserError as error:
        raise UserError(f"the {what} {error}") from None
    finally:
        if process.returncode != 0:
            _kill_tree(process)
        reader.join()
    if process.returncode != 0:
        raise UserError(f"the {what} failed with status {process.returncode}: {reader.last_line}")


class _OutputReader:
    """Passes a program's output on to stderr, and remembers the time and the end of it."""

    def __init__(self, stream: IO[bytes]) -> None:
        self.last_output = time.monotonic()
        self._tail = ""
        self._thread = threading.Thread(target=self._listen, args=[stream], daemon=True)
        self._thread.start()

    def _listen(self, stream: IO[bytes]) -> None:
        with stream:
            # Blocks and not lines: progress bars never end their line.
            while block := os.read(stream.fileno(), 4096):
                self.last_output = time.monotonic()
                text = block.decode("utf-8", errors="replace")
                self._tail = (self._tail + text)[-_TAIL:]
                sys.stderr.write(text)
                sys.stderr.flush()

    def join(self) -> None:
        """Waits for the last output; not for that of a child that outlives the program."""
        self._thread.join(_GRACE_S)

    @property
    def last_line(self) -> str:
        lines = [line.strip() for line in self._tail.replace("\r", "\n").splitlines() if line.strip()]
        return lines[-1][-300:] if lines else "it printed nothing"


def _wait(
    process: subprocess.Popen[bytes],
    reader: _OutputReader,
    output: Path,
    progress: Callable[[int], None],
    patience: float,
) -> None:
    began = changed = polled = time.monotonic()
    before: object = None
    while process.poll() is None:
        time.sleep(_POLL_S)
        now = time.monotonic()
        progress(int(now - began))
        if now - polled > min(_FOLDER_POLL_S, patience / 4):
            polled, state = now, _state(output)
            if state != before:
                before, changed = state, now
        if now - max(changed, reader.last_output) > patience:
            raise UserError(f"did nothing for {patience:g} s and was ended; try it by itself")


def _state(output: Path) -> object:
    """A value that changes when a program writes to its folder."""
    state = []
    for path in output.rglob("*"):
        with contextlib.suppress(OSError):
            facts = path.stat()
            state.append((facts.st_mtime_ns, facts.st_size))
    return len(state), max(state, default=None)


def _kill_tree(process: subprocess.Popen[bytes]) -> None:
    """Ends a program and all its children: by a request first, then by force."""
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
        """Sends a signal to a process group; returns whether the group exists."""
        try:
            os.killpg(group, number)
        except (ProcessLookupError, PermissionError):  # macOS: a group of zombies may not be signalled
            return False
        return True

    def _alive(process: subprocess.Popen[bytes]) -> bool:
        process.poll()
        return _signal(process.pid, 0)
