"""Writes files atomically: beside the target, then renamed, so that nobody sees a half-written one."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from .errors import UserError, out_of_reach


def require_writable(path: Path) -> None:
    """Raises UserError, before any work is lost, if ``path`` is a folder, or in one that cannot be written."""
    try:
        if Path(path).is_dir():
            raise UserError(f"cannot write {path}: it is a folder; give the name of a file in it")
        folder = Path(path).absolute().parent
        while not folder.exists() and folder != folder.parent:
            folder = folder.parent
        writable = folder.is_dir() and os.access(folder, os.W_OK | os.X_OK)
    except OSError as error:
        raise out_of_reach(error) from error
    if not writable:
        raise UserError(f"cannot write {path}: {folder} is not a writable folder; choose another output folder")


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yields a temporary path beside ``path``; renames it onto ``path`` if the block succeeds, else removes it.

    The temporary name keeps the suffix of ``path``, because encoders choose the container by it. Raises UserError where
    the folder cannot be made or written.
    """
    path = Path(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f".{path.stem}.", suffix=path.suffix, dir=path.parent)
        os.close(handle)
    except OSError as error:
        raise UserError(f"cannot write {path}: {error.strerror or error}; choose another output folder") from error
    temporary = Path(name)
    try:
        yield temporary
        # mkstemp makes private files; results get what any new file would get.
        umask = os.umask(0)
        os.umask(umask)
        temporary.chmod(0o666 & ~umask)
        temporary.replace(path)
    except BaseException as error:
        with suppress(OSError):  # where the folder is out of reach, so is this
            temporary.unlink(missing_ok=True)
        if isinstance(error, OSError) and not _misses_input(error, path.parent):
            # Windows does not replace a file that is open somewhere.
            open_elsewhere = isinstance(error, PermissionError) and path.exists()
            advice = "close the programs that have it open" if open_elsewhere else "free some space"
            text = f"cannot write {path}: {error.strerror or error}; {advice} or choose another folder"
            raise UserError(text) from error
        raise


def _misses_input(error: OSError, folder: Path) -> bool:
    """Whether the missing file lies outside of ``folder``: one that the block was to read, not to write."""
    there = error.filename is None or Path(os.fsdecode(error.filename)).parent == folder
    return isinstance(error, FileNotFoundError) and not there


def sha256(path: Path) -> str:
    """The SHA-256 of a file in hexadecimal digits, read in blocks."""
    digest = hashlib.sha256()
    with Path(path).open("rb") as stream:
        while block := stream.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()
