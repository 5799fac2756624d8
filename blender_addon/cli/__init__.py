"""The add-on without a window: ``scripts/batch.py``, and from Blender 4.2 on ``blender -c video_to_mocap``.

Importing this package needs neither numpy nor the rest of the add-on, because Blender imports it at every start.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from .registered import handles

COMMAND = "video_to_mocap"
"""The name of the command of Blender."""


def main(words: Sequence[str], worker: Sequence[str], program: str) -> int:
    """Works on the inputs that a command line names.

    Args:
        words: The arguments. :data:`.run.WORKER` alone makes this process one that gets its clips on stdin.
        worker: The command line of such a process, for ``--jobs``.
        program: The name of the program in messages.

    Returns:
        The exit status.
    """
    from . import run

    return run.run(words, worker, program)


def command(words: Sequence[str]) -> int:
    """``blender -c video_to_mocap VIDEO... --output-dir DIR``: the same as ``scripts/batch.py``.

    Args:
        words: The arguments after the command's name.

    Returns:
        The exit status.
    """
    import bpy

    from .run import WORKER

    # What was said before the command (--factory-startup, --addons) is also for the other processes.
    before = sys.argv[1 : len(sys.argv) - len(words)]
    return main(words, (bpy.app.binary_path, *before, WORKER), f"blender -c {COMMAND}")


def register() -> None:
    """Registers the command where Blender has commands, from 4.2 on."""
    import bpy

    if hasattr(bpy.utils, "register_cli_command"):
        handles.append(bpy.utils.register_cli_command(COMMAND, command))


def unregister() -> None:
    """Takes the command away."""
    import bpy

    while handles:
        bpy.utils.unregister_cli_command(handles.pop())
