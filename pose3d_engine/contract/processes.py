"""Child processes: started apart from their parent, ended with all that they have started.

Each gets a process group of its own, so that Ctrl-C in a terminal reaches the parent alone, and no window. Under
Windows a virtual environment's ``python.exe`` only starts the real one, so ending a process means ending its tree.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

NICE = 5
"""How far a background process steps back, in POSIX's nice values: it gets a quarter of a processor that both want."""

CREATE_NEW_PROCESS_GROUP = 0x00000200
BELOW_NORMAL_PRIORITY_CLASS = 0x00004000
CREATE_NO_WINDOW = 0x08000000
"""Flags of Windows' CreateProcess, which the module subprocess has on Windows alone."""

_ONE_PROCESS = 0
"""``os.PRIO_PROCESS``, which Windows' Python does not have."""

_POLL_S = 0.02
"""Seconds between two looks at whether a process has ended."""


@dataclass(frozen=True)
class System:
    """The parts of the operating system that are used here, so that tests can look at other ones.

    windows: whether it is Windows. popen: starts a process. calls: has ``getpriority``, ``setpriority`` and ``killpg``
    where it is not Windows. run: runs a program to its end. processes: where Linux shows processes as files.
    """

    windows: bool = os.name == "nt"
    popen: Callable[..., subprocess.Popen[bytes]] = subprocess.Popen
    calls: Any = os
    run: Callable[..., Any] = subprocess.run
    processes: Path = Path("/proc")


HERE = System()
"""The operating system that this runs on."""


def options(background: bool = False, system: System = HERE) -> dict[str, Any]:
    """Options of ``subprocess.Popen`` for a group of its own and no window.

    Args:
        background: Also a lower priority, under Windows; elsewhere :func:`step_back` lowers it after the start.
        system: The operating system.
    """
    if not system.windows:
        return {"start_new_session": True}
    priority = BELOW_NORMAL_PRIORITY_CLASS if background else 0
    return {"creationflags": CREATE_NO_WINDOW | CREATE_NEW_PROCESS_GROUP | priority}


def start(
    arguments: Sequence[str], folder: Path, environment: Mapping[str, str], system: System = HERE
) -> subprocess.Popen[bytes]:
    """Starts a background program with pipes to its three streams.

    Its priority is low, so that an interface answers while all processors work; what it starts inherits that.

    Args:
        arguments: The program and its arguments, never given to a shell.
        folder: The working directory.
        environment: The environment variables.
        system: The operating system.

    Raises:
        OSError: The program cannot be started.
    """
    # stderr is never inherited: it would hold the pipes of whoever started the parent open.
    child = system.popen(
        arguments,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=folder,
        env=environment,
        **options(background=True, system=system),
    )
    if not system.windows:
        _step_back(child.pid, system)
    return child


def _step_back(pid: int, system: System) -> None:
    """Lowers the priority of a process that has just been started and has no threads yet."""
    # Not in the child before its program starts: that is not safe where there are threads, as in Blender.
    with contextlib.suppress(OSError):  # it has ended already
        system.calls.setpriority(_ONE_PROCESS, pid, min(19, system.calls.getpriority(_ONE_PROCESS, 0) + NICE))
    # Desktop kernels of Linux share the processor among sessions first, and a process is nice in its session alone.
    with contextlib.suppress(OSError):
        (system.processes / str(pid) / "autogroup").write_text(str(NICE))


def end(process: subprocess.Popen[Any], grace: float = 0.0, system: System = HERE) -> None:
    """Ends a process of :func:`options` with all that it has started, and waits for it.

    Args:
        process: The process; one that has ended already is left alone, because its number may be another's by now.
        grace: Seconds between asking it to end and killing it; under Windows it is killed at once.
        system: The operating system.
    """
    if grace > 0 and not system.windows:
        send(process, "SIGTERM", system)
        limit = time.monotonic() + grace
        while process.poll() is None and time.monotonic() < limit:
            time.sleep(_POLL_S)
    send(process, "SIGKILL", system)
    process.wait()


def send(process: subprocess.Popen[Any], name: str, system: System = HERE) -> None:
    """Sends a signal, such as ``SIGTERM``, to a process and its group; under Windows any one kills its tree."""
    if process.poll() is not None:
        return
    with contextlib.suppress(OSError):
        if system.windows:
            taskkill = Path(os.environ.get("SYSTEMROOT", r"C:\Windows")) / "System32" / "taskkill.exe"
            system.run([taskkill, "/F", "/T", "/PID", str(process.pid)], check=False, capture_output=True)
        else:
            system.calls.killpg(process.pid, getattr(signal, name))


def ending(status: int | None) -> str:
    """How a process ended, in plain words, by its ``returncode``."""
    if status is None or status >= 0:
        return f"exit status {status}"
    if -status == getattr(signal, "SIGKILL", 9):
        return "it was killed; the computer may have run out of memory"
    return f"signal {-status}"
