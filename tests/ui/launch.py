"""Starts Debian's Blender with a real window on a virtual screen and has a script drive it."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

HERE = Path(__file__).parent


def made_up_engine(folder: Path) -> Path:
    """A "Python" in ``folder`` that runs the add-on tests' engine, which makes people up."""
    path = folder / "python"
    path.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{HERE.parent / "addon" / "fake_engine.py"}"\n')
    path.chmod(0o755)
    return path


def drive(
    script: str,
    arguments: list[object],
    home: Path,
    variables: Mapping[str, str] | None = None,
    size: tuple[int, int] = (1280, 800),
    patience: float = 900.0,
) -> str:
    """Runs one of this folder's scripts in a window of ``size`` pixels; returns what was printed.

    home: an empty folder for the user's. Fails unless the script has come to its end, or if the console shows a
    traceback or an error, Blender's own included.
    """
    for program in ("blender", "xvfb-run"):
        assert shutil.which(program), f"{program} is missing: apt-get install blender xvfb python3-numpy"
    home.mkdir(exist_ok=True)
    width, height = size
    # fmt: off
    command = [
        "xvfb-run", "-a", "-s", f"-screen 0 {width}x{height}x24 +extension GLX",
        "blender", "--factory-startup", "-noaudio", "-p", "0", "0", str(width), str(height),
        "--enable-event-simulate", "-P", str(HERE / script), "--", *map(str, arguments),
    ]
    # fmt: on
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("BLENDER_", "XDG_"))}
    environment |= {"HOME": str(home), "XDG_CACHE_HOME": str(home / "cache"), "LIBGL_ALWAYS_SOFTWARE": "1"}
    with (home / "console").open("w+", encoding="utf-8", errors="replace") as console:
        window = subprocess.Popen(
            command,
            stdout=console,
            stderr=subprocess.STDOUT,
            env=environment | dict(variables or {}),
            start_new_session=True,
        )
        try:
            status = window.wait(timeout=patience)
        finally:
            if window.poll() is None:
                os.killpg(window.pid, signal.SIGKILL)
                window.wait()
        console.seek(0)
        printed = console.read()
    assert status == 0 and "the window did all that was asked" in printed, printed[-5000:]
    assert "Traceback" not in printed and "Error" not in printed, printed[-5000:]
    return printed
