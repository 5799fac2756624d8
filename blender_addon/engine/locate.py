"""Locates the Python that runs the engine, and the one that the engine is made from."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from . import installed
from .installed import Installed

VARIABLE = "VIDEO_TO_MOCAP_PYTHON"
"""Environment variable that names the engine's Python."""


OWN = "the add-on's own installation"
"""Origin of an engine that the add-on has installed, and can update, repair and remove."""


class EngineNotFoundError(Exception):
    """There is no engine to start. The message says in an animator's words what to do."""


@dataclass(frozen=True)
class EngineCommand:
    """How to start the engine.

    arguments: the program and its arguments, never given to a shell.
    python: the Python that runs it. origin: the place that named it, for the preferences.
    checkout: the folder of source code that the engine runs from, None if it is installed.
    """

    arguments: tuple[str, ...]
    python: Path
    origin: str
    checkout: Path | None = None

    @property
    def folder(self) -> Path:
        """The working directory: one without foreign files that Python could import by accident."""
        return self.checkout or self.python.parent

    def environment(self, base: Mapping[str, str] | None = None) -> dict[str, str]:
        """The engine's variables: ``base`` (by default of this process) without those for Blender's own Python."""
        inherited = os.environ if base is None else base
        # PYTHONHOME and its kin describe Blender's Python; another interpreter does not even start with them.
        clean = {key: value for key, value in inherited.items() if not key.upper().startswith("PYTHON")}
        clean["PYTHONUTF8"] = "1"
        clean["PYTHONSAFEPATH"] = "1"
        if self.checkout:
            clean["PYTHONPATH"] = str(self.checkout)
        return clean


def find_engine(preference: str = "", read: Callable[[], Installed | None] = installed.read) -> EngineCommand:
    """The engine's command.

    The first of: the Python ``preference``, the environment variable ``VIDEO_TO_MOCAP_PYTHON``, the ``.venv`` of the
    source checkout around the add-on, the engine that the add-on has installed.

    Args:
        preference: A Python chosen in the add-on's preferences; empty for none.
        read: Returns the record of the installed engine.

    Raises:
        EngineNotFoundError: There is none, or the chosen one does not exist: a choice is never silently replaced.
    """
    checkout = _checkout()
    for chosen, origin in (
        (preference, "the add-on's preferences"),
        (os.environ.get(VARIABLE, ""), f"the environment variable {VARIABLE}"),
    ):
        if chosen.strip():
            python = _absolute(chosen.strip())
            if not python.is_file():
                raise EngineNotFoundError(
                    f"File not found: {python}. It is the engine's Python in {origin}; correct it, or leave it empty."
                )
            return _command(python, origin, checkout)
    if checkout:
        python = checkout / ".venv" / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
        if python.is_file():
            return _command(python, "the .venv of the source folder", checkout)
    here = read()
    if here and here.python.is_file():
        return _command(here.python, OWN, None)
    if here:
        raise EngineNotFoundError(
            "The engine is damaged: its Python is gone. Press Repair in the add-on's preferences."
        )
    if checkout:
        raise EngineNotFoundError(f"The engine is not set up. Run `make setup` in {checkout}, then try again.")
    raise EngineNotFoundError("The engine is not installed yet. Press Install in the add-on's preferences.")


_START_INSTALLER = "import runpy, sys; sys.path.append(sys.argv[1]); runpy.run_module(sys.argv[2], run_name='__main__')"
"""The add-on's folder comes last, so that no other add-on in it can replace a module of Python."""


def installer_command(chosen: str = "") -> EngineCommand:
    """The command of the installer, which makes the engine's environment from the Python that runs it.

    Args:
        chosen: That Python; empty for Blender's.

    Raises:
        EngineNotFoundError: The chosen Python does not exist.
    """
    python = _absolute(chosen.strip()) if chosen.strip() else blenders_python()
    if not python.is_file():
        raise EngineNotFoundError(f"File not found: {python}. Correct the Python under Advanced, or leave it empty.")
    package = Path(__file__).resolve().parents[1]
    module = f"{package.name}.engine.installer"
    return EngineCommand((str(python), "-c", _START_INSTALLER, str(package.parent), module), python, "the installer")


def blenders_python() -> Path:
    """The interpreter of the running Python.

    ``sys.executable`` is not reliable: in a Linux distribution's Blender it is the first python3 on the PATH, which may
    be a script.
    """
    name = f"python{sys.version_info[0]}.{sys.version_info[1]}"
    beside = (
        ("python.exe", "bin/python.exe", "Scripts/python.exe") if os.name == "nt" else (f"bin/{name}", "bin/python3")
    )
    for name in beside:
        python = Path(sys.prefix) / name
        if python.is_file():
            return python
    return Path(sys.executable)


def _command(python: Path, origin: str, checkout: Path | None) -> EngineCommand:
    return EngineCommand((str(python), "-m", "pose3d_engine", "serve"), python, origin, checkout)


def _absolute(path: str) -> Path:
    # Not resolved: the python of a virtual environment is a link that must not be followed out of it.
    return Path(os.path.abspath(Path(path).expanduser()))  # noqa: PTH100


def _checkout() -> Path | None:
    """The source folder with this add-on and the engine (also if the add-on is a link into it)."""
    folder = Path(__file__).resolve().parents[2]
    return folder if (folder / "pose3d_engine" / "__init__.py").is_file() else None
