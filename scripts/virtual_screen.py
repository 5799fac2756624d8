"""Debian's Blender with a real window on a virtual screen, driven by a script inside it. Needs blender and xvfb-run."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path


def missing() -> str:
    """What is to be installed first, in one line; empty where nothing is."""
    lacking = [program for program in ("blender", "xvfb-run") if not shutil.which(program)]
    return f"{' and '.join(lacking)} missing: apt-get install blender xvfb python3-numpy" if lacking else ""


def environment(home: Path) -> dict[str, str]:
    """The variables of somebody who starts Blender for the first time, with ``home``, which is made, as their home."""
    home.mkdir(exist_ok=True)
    theirs = ("BLENDER_", "XDG_", "VIDEO_TO_MOCAP_", "PYTHON")
    kept = {key: value for key, value in os.environ.items() if not key.startswith(theirs)}
    return kept | {"HOME": str(home), "LIBGL_ALWAYS_SOFTWARE": "1"}


def run(
    script: Path,
    arguments: Sequence[object],
    variables: Mapping[str, str],
    console: Path,
    size: tuple[int, int] = (1280, 800),
    patience: float = 900.0,
) -> int:
    """Blender runs ``script`` in a window of ``size`` pixels; what it prints goes to ``console``. Returns its status.

    Raises subprocess.TimeoutExpired after ``patience`` seconds; nothing runs on then.
    """
    width, height = size
    # fmt: off
    command = [
        "xvfb-run", "-a", "-s", f"-screen 0 {width}x{height}x24 +extension GLX",
        "blender", "--factory-startup", "-noaudio", "-p", "0", "0", str(width), str(height),
        "--enable-event-simulate", "-P", str(script), "--", *map(str, arguments),
    ]
    # fmt: on
    with console.open("wb") as stream:
        window = subprocess.Popen(
            command, stdout=stream, stderr=subprocess.STDOUT, env=dict(variables), start_new_session=True
        )
        try:
            return window.wait(timeout=patience)
        finally:
            if window.poll() is None:
                os.killpg(window.pid, signal.SIGKILL)
                window.wait()
