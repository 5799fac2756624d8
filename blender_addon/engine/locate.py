"""Finds the Python that runs the engine, and says how to start it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

VARIABLE = "VIDEO_TO_MOCAP_PYTHON"
"""Environment variable that names the engine's Python."""


class EngineNotFoundError(Exception):
    """There is no engine to start. The message says, in an animator's words, what to do."""


@dataclass(frozen=True)
class EngineCommand:
    """How to start the engine.

    arguments: the program and its arguments, never given to a shell.
    python: the Python that runs it. origin: where that was found, for the preferences.
    checkout: the folder of the source code to run the engine from, None where it is installed.
    """

    arguments: tuple[str, ...]
    python: Path
    origin: str
    checkout: Path | None = None

    @property
    def folder(self) -> Path:
        """The folder to start in: one in which no stranger's file can be imported by accident."""
        return self.checkout or self.python.parent

    def environment(self, base: Mapping[str, str] | None = None) -> dict[str, str]:
        """The engine's environment: ``base`` (that of this process) without what Blender tells its own Python."""
        inherited = os.environ if base is None else base
        # PYTHONHOME and its kin describe Blender's Python; another interpreter does not even start with them.
        clean = {key: value for key, value in inherited.items() if not key.upper().startswith("PYTHON")}
        clean["PYTHONUTF8"] = "1"
        clean["PYTHONSAFEPATH"] = "1"
        if self.checkout:
            clean["PYTHONPATH"] = str(self.checkout)
        return clean


def find_engine(preference: str = "") -> EngineCommand:
    """The engine's command.

    Looked for in this order: ``preference`` (a Python chosen in the add-on's preferences), the environment
    variable ``VIDEO_TO_MOCAP_PYTHON``, the ``.venv`` of the source checkout that holds the add-on.

    Raises EngineNotFoundError if there is none, or if the chosen one does not exist: a choice is never
    silently replaced by another one.
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
                    f"The engine's Python in {origin} does not exist: {python}. Correct it, or leave it empty."
                )
            return _command(python, origin, checkout)
    if checkout:
        python = checkout / ".venv" / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
        if python.is_file():
            return _command(python, "the .venv of the source folder", checkout)
        raise EngineNotFoundError(f"The engine is not set up. Run `make setup` in {checkout}, then try again.")
    raise EngineNotFoundError(
        "The engine was not found. Set up the project as its README says, then choose the engine's Python "
        "(.venv/bin/python of that folder) in the add-on's preferences."
    )


def _command(python: Path, origin: str, checkout: Path | None) -> EngineCommand:
    return EngineCommand((str(python), "-m", "pose3d_engine", "serve"), python, origin, checkout)


def _absolute(path: str) -> Path:
    # Not resolved: the python of a virtual environment is a link that must not be followed out of it.
    return Path(os.path.abspath(Path(path).expanduser()))  # noqa: PTH100


def _checkout() -> Path | None:
    """The source folder that holds this add-on beside the engine (also where the add-on is a link to it)."""
    folder = Path(__file__).resolve().parents[2]
    return folder if (folder / "pose3d_engine" / "__init__.py").is_file() else None
