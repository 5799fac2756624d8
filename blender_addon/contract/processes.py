"""Child processes in groups of their own: Ctrl-C reaches the parent alone, and a child ends with all its children.

Under Windows a virtual environment's ``python.exe`` only starts the real one, so a process is ended with its tree.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

NICE = 5
"""POSIX's nice value of a background process: it gets a quarter of a processor that both want."""

CREATE_NEW_PROCESS_GROUP = 0x00000200
BELOW_NORMAL_PRIORITY_CLASS = 0x00004000
CREATE_NO_WINDOW = 0x08000000
"""Flags of Windows' CreateProcess, which the module subprocess has on Windows alone."""

_ONE_PROCESS = 0  # os.PRIO_PROCESS, which Windows' Python does not have


@dataclass(frozen=True)
class System:
    """The parts of the operating system that are used here, so that tests can replace them.

    ``calls`` has POSIX's functions, and ``processes`` is where Linux shows processes as files.
    """

    windows: bool = os.name == "nt"
    popen: Callable[..., subprocess.Popen[bytes]] = subprocess.Popen
    calls: Any = os
    run: Callable[..., Any] = subprocess.run
    processes: Path = Path("/proc")


HERE = System()


def options(background: bool = False, system: System = HERE) -> dict[str, Any]:
    """Options of ``subprocess.Popen`` for a group of its own, no window and, with ``background``, a lower priority."""
    if not system.windows:
        return {"start_new_session": True}  # start lowers the priority
    priority = BELOW_NORMAL_PRIORITY_CLASS if background else 0
    return {"creationflags": CREATE_NO_WINDOW | CREATE_NEW_PROCESS_GROUP | priority}


def start(
    arguments: Sequence[str], folder: Path, environment: Mapping[str, str], system: System = HERE
) -> subprocess.Popen[bytes]:
    """Starts a background program in ``folder`` with pipes to its three streams. Raises OSError if that fails.

    Its priority is low, so that an interface answers while all processors work; its children inherit that.
    """
    # stderr is never inherited: it would hold the pipes of whoever started the parent open.
    pipes = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
    child = system.popen(arguments, cwd=folder, env=environment, **pipes, **options(background=True, system=system))
    if not system.windows:
        _lower_priority(child.pid, system)
    return child


def _lower_priority(pid: int, system: System) -> None:
    """Lowers the priority of a process that has just been started and has no threads yet."""
    # Not in the child before its program starts: that is not safe where there are threads, as in Blender.
    with contextlib.suppress(OSError):  # it has ended already
        system.calls.setpriority(_ONE_PROCESS, pid, min(19, system.calls.getpriority(_ONE_PROCESS, 0) + NICE))
    # Desktop kernels of Linux share the processor among sessions first, and a process is nice in its session alone.
    with contextlib.suppress(OSError):
        (system.processes / str(pid) / "autogroup").write_text(str(NICE))


def end(process: subprocess.Popen[Any], system: System = HERE) -> None:
    """Kills a process of :func:`options` with all that it has started, and waits for it."""
    send(process, "SIGKILL", system)
    process.wait()


def send(process: subprocess.Popen[Any], name: str, system: System = HERE) -> None:
    """Sends a signal, such as ``SIGTERM``, to a process and its group; under Windows any one kills its tree."""
    if process.poll() is not None:  # its number may be another's by now
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
    return "it was killed; the computer may have run out of memory" if status == -9 else f"signal {-status}"
