"""Runs the programs of an installation: pip and the new environment's Python."""

from __future__ import annotations

import contextlib
import os
import subprocess
import threading
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import IO

from . import installed


class CancelledError(Exception):
    """The user, or the end of Blender, stopped the installation."""


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


def pip_environment(wheels: str, temporary: Path) -> dict[str, str]:
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
