"""The engine that the add-on has installed: its folder, its facts, and whether it is intact.

``engine/`` in the user's data folder holds the environments (``env1``, ``env2``, ...), the log of the last
installation, and ``installed.json``, which names the environment in use. It is written last, once an environment has
been tested, so that a half-made or half-removed one is never used.
"""

from __future__ import annotations

import json
import os
import sys
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from ..contract import atomic

PLATFORM = sys.platform
"""A ``sys.platform``; a constant, so that tests can look at those of other systems."""

MISSING, READY, OUTDATED, BROKEN = "missing", "ready", "outdated", "broken"


def data_folder() -> Path:
    """The user's own folder for this project's data, by the custom of the operating system. It may not exist yet.

    One for all versions of Blender, because an environment serves them all and is large; outside of Blender's and
    the add-on's folders, so that updates of either leave it alone; and short, because Windows allows 260 letters
    for a path, of which PyTorch needs half. The engine keeps the user's weights in it, too, and asks the package
    ``platformdirs`` for it (``pose3d_engine/user_folders.py``), which is not there before the installation.
    """
    if PLATFORM == "win32":
        base = os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local"
    elif PLATFORM == "darwin":
        base = Path.home() / "Library" / "Application Support"
    else:
        base = os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share"
    return Path(base) / "video-to-mocap"


def folder() -> Path:
    """The folder of installed engines. It may not exist yet."""
    return data_folder() / "engine"


def log_file() -> Path:
    """The log of the last installation. It may not exist."""
    return folder() / "install.log"


def python_of(environment: Path) -> Path:
    """The Python of a virtual environment."""
    return environment / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


@dataclass(frozen=True)
class Bundle:
    """The files for an installation, shipped inside the add-on's zip.

    wheel: the engine with its weights. pip: the package installer, for a Python without one. constraints: the versions
    of all packages. digest: of the wheel and the constraints.
    """

    wheel: Path
    pip: Path
    constraints: Path
    digest: str


def bundle(package: Path | None = None) -> Bundle | None:
    """The bundle inside ``package`` (by default this add-on); None if it runs from its source."""
    inside = (package or Path(__file__).resolve().parents[1]) / "bundle"
    try:
        contents = json.loads((inside / "bundle.json").read_text(encoding="utf-8"))
        return Bundle(
            inside / contents["wheel"], inside / contents["pip"], inside / "constraints.txt", contents["digest"]
        )
    except FileNotFoundError:
        return None


@dataclass(frozen=True)
class Installed:
    """The environment in use.

    python: of the environment. base: the Python that it was made from, and needs to start. build: of PyTorch. digest:
    of the bundle that it was made from. megabytes: its size on disk. report: of ``doctor``, after the installation.
    """

    python: Path
    base: Path
    build: str
    digest: str
    megabytes: int = 0
    report: dict[str, Any] = field(default_factory=dict)

    @property
    def environment(self) -> Path:
        """Its folder."""
        return self.python.parents[1]


def read() -> Installed | None:
    """The environment in use; None without one, and if its record is damaged."""
    try:
        record = json.loads(_stamp().read_text(encoding="utf-8"))
        record |= {"python": Path(record["python"]), "base": Path(record["base"])}
        return Installed(**record)
    except (OSError, ValueError, KeyError, TypeError):
        return None


def write(installed: Installed) -> None:
    """Puts an environment into use, in place of another one.

    Raises:
        UserError: The record cannot be written.
    """
    record = asdict(installed) | {"python": str(installed.python), "base": str(installed.base)}
    with atomic.replacing(_stamp()) as temporary:
        temporary.write_text(json.dumps(record, indent=1), encoding="utf-8")


def forget() -> None:
    """Takes the environment out of use."""
    _stamp().unlink(missing_ok=True)


class EngineFiles:
    """The add-on's bundle and the record of the installed engine, as they were when last read: drawing reads no file.

    A part of the session.
    """

    def __init__(self) -> None:
        self.read()

    def read(self) -> None:
        """Reads them again: the engine was installed, repaired or removed."""
        self.bundle, self.installed = bundle(), read()

    def close(self) -> None:
        pass


def state(shipped: Bundle | None, here: Installed | None) -> str:
    """Whether the engine is there, by its files alone.

    Args:
        shipped: The bundle of the add-on, None without one.
        here: The record of the installed engine, None without one.

    Returns:
        MISSING, READY, OUTDATED (another version than ``shipped``) or BROKEN.
    """
    if here is None:
        return MISSING
    if not here.python.is_file() or not here.base.is_file():
        return BROKEN
    return OUTDATED if shipped and shipped.digest != here.digest else READY


def _stamp() -> Path:
    return folder() / "installed.json"
