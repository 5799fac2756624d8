"""Runs a script in Blender, in a home directory of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FAKE_ENGINE = Path(__file__).with_name("fake_engine.py")

BLENDERS = tuple(os.environ.get("VIDEO_TO_MOCAP_BLENDERS", "bpy blender").split())
"""The ``bpy`` wheel of this environment, and the ``blender`` on PATH (Debian's 3.4.1)."""

BPY_PYTHON = os.environ.get("VIDEO_TO_MOCAP_BPY_PYTHON", sys.executable)
"""The Python whose ``bpy`` wheel is meant; that of another environment tests another version of Blender."""

_PREAMBLE = """
import os, sys, traceback
from pathlib import Path
def main():
{body}
try:
    main()
except BaseException:
    traceback.print_exc()
    sys.stdout.flush(); sys.stderr.flush()
    os._exit(4)
print("ran to its end", flush=True)
import bpy
if not bpy.app.binary_path and bpy.app.version < (5, 0):
    # The wheel of 4.2 crashes at its exit once any class with a draw function was registered, whoever's it is; that of
    # 4.5 may wait for ever for a thread of its own.
    sys.stderr.flush()
    os._exit(0)
"""


def fake_python(folder: Path) -> Path:
    """A "Python" that runs the fake engine whatever module it is asked for."""
    path = folder / "python"
    path.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{FAKE_ENGINE}"\n')
    path.chmod(0o755)
    return path


def run(blender: str, home: Path, script: str, **variables: str) -> str:
    """Runs the body of a function in ``blender``, without a window; returns what it printed.

    Fails if it raises, and if a traceback shows anywhere.
    """
    body = "".join(f"    {line}\n" for line in script.strip("\n").splitlines())
    file = home / "script.py"
    file.write_text(_PREAMBLE.format(body=body), encoding="utf-8")
    command = (
        [BPY_PYTHON, str(file)]
        if blender == "bpy"
        else [blender, "-b", "--factory-startup", "-noaudio", "--python-exit-code", "3", "-P", str(file)]
    )
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("BLENDER_", "XDG_"))}
    environment |= {"HOME": str(home), "XDG_CACHE_HOME": str(home / "cache"), "PYTHONDONTWRITEBYTECODE": "1"}
    # An add-on that was installed from its zip must not find the checkout by accident.
    environment.pop("PYTHONPATH", None)
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        cwd=home,
        timeout=120,
        env=environment | variables,
    )
    printed = done.stdout + done.stderr
    assert done.returncode == 0 and "ran to its end" in printed and "Traceback" not in printed, printed
    return printed
