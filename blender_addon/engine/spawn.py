"""Starts child processes that stay out of Blender's way: in a group of their own, and behind it for the processor."""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

NICE = 5
"""By how much a child steps back behind Blender, in POSIX's terms: it gets a quarter of a processor that both want."""

CREATE_NEW_PROCESS_GROUP = 0x00000200
BELOW_NORMAL_PRIORITY_CLASS = 0x00004000
CREATE_NO_WINDOW = 0x08000000
"""Flags of Windows' CreateProcess; the module subprocess has them on Windows alone."""

_ONE_PROCESS = 0
"""``os.PRIO_PROCESS``, which Windows' Python does not have."""


@dataclass(frozen=True)
class System:
    """What of the operating system is used here, so that another one can be looked at than the one at hand.

    calls: has ``getpriority`` and ``setpriority`` where it is not Windows. processes: where Linux shows them as files.
    """

    windows: bool = os.name == "nt"
    popen: Callable[..., subprocess.Popen[bytes]] = subprocess.Popen
    calls: Any = os
    processes: Path = Path("/proc")


def start(
    arguments: Sequence[str], folder: Path, environment: Mapping[str, str], system: System = System()
) -> subprocess.Popen[bytes]:
    """Starts a program, with pipes to its three streams. Raises OSError.

    A group of its own: Ctrl-C in Blender's terminal is Blender's to handle, and what the program starts can be ended
    with it. Behind Blender, so that the interface answers while all processors are at work; what the program starts
    inherits that.
    """
    group: dict[str, Any] = {"start_new_session": True}
    if system.windows:
        group = {"creationflags": CREATE_NO_WINDOW | CREATE_NEW_PROCESS_GROUP | BELOW_NORMAL_PRIORITY_CLASS}
    # stderr is never inherited: it would hold the pipes of whoever started Blender open.
    child = system.popen(
        arguments,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=folder,
        env=environment,
        **group,
    )
    if not system.windows:
        _step_back(child.pid, system)
    return child


def _step_back(pid: int, system: System) -> None:
    """Lets a process that has just been started, and has no threads yet, wait for those that are not nice."""
    # Not in the child before its program starts: that is not safe where there are threads, as in Blender.
    with contextlib.suppress(OSError):  # it has ended already
        system.calls.setpriority(_ONE_PROCESS, pid, min(19, system.calls.getpriority(_ONE_PROCESS, 0) + NICE))
    # Desktop kernels of Linux share the processor among sessions first, and a process is nice in its session alone.
    with contextlib.suppress(OSError):
        (system.processes / str(pid) / "autogroup").write_text(str(NICE))
