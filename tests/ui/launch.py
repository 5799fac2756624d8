"""Starts Debian's Blender with a real window on a virtual screen and has a script drive it."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parents[1] / "scripts"))

import virtual_screen  # noqa: E402


def made_up_engine(folder: Path) -> Path:
    """A "Python" in ``folder`` that runs the add-on tests' engine, which makes people up."""
    path = folder / "python"
    path.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{HERE.parent / "support" / "fake_engine.py"}"\n')
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
    missing = virtual_screen.missing()
    assert not missing, missing
    environment = virtual_screen.environment(home) | {"XDG_CACHE_HOME": str(home / "cache")} | dict(variables or {})
    console = home / "console"
    status = virtual_screen.run(HERE / script, arguments, environment, console, size, patience)
    printed = console.read_text(encoding="utf-8", errors="replace")
    assert status == 0 and "the window did all that was asked" in printed, printed[-5000:]
    assert "Traceback" not in printed and "Error" not in printed, printed[-5000:]
    return printed
