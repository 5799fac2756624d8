"""Writing files so that a half-written one can never be seen: beside the target, then renamed."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import struct
import tempfile
import tokenize
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np

from .errors import UserError, brief, out_of_reach

MOST_BYTES = 8 << 30
"""Of all arrays in a file: an hour of ten people with everything that a detector gives needs less than a quarter."""

DAMAGE = (
    OSError,
    ValueError,
    TypeError,
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    KeyError,
    NotImplementedError,
    MemoryError,
    RuntimeError,
    struct.error,
    tokenize.TokenError,  # numpy's reader of headers, from Python 3.12 on
)
"""What numpy and zipfile raise on bytes that are no archive of arrays."""


def require_writable(path: Path) -> None:
    """Raises UserError if ``path`` could not be written later: asked before the work, so that none is lost."""
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
        raise UserError(
            f"cannot write {path}: {folder} is no folder that you may write to; choose another output folder"
        )


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yields a temporary path beside ``path``; renames it onto ``path`` if the block succeeds, else removes it.

    The temporary name keeps the suffix of ``path``, because encoders choose the container by it.
    Raises UserError if the folder cannot be made or written.
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
        if isinstance(error, OSError) and not _of_another(error, path.parent):
            # Windows does not replace a file that is open somewhere.
            open_elsewhere = isinstance(error, PermissionError) and path.exists()
            mend = "close the programs that have it open" if open_elsewhere else "free some space"
            raise UserError(
                f"cannot write {path}: {error.strerror or error}; {mend} or choose another folder"
            ) from error
        raise


def _of_another(error: OSError, folder: Path) -> bool:
    """Whether a file is missing that is none of ``folder``: what was to be read while another one was written."""
    there = error.filename is None or Path(os.fsdecode(error.filename)).parent == folder
    return isinstance(error, FileNotFoundError) and not there


def save_npz(path: Path, arrays: dict[str, Any]) -> None:
    """Writes arrays as a compressed .npz, atomically, without pickles. Raises UserError if it cannot be written."""
    plain = {key: np.asarray(value) for key, value in arrays.items()}
    pickled = [key for key, value in plain.items() if value.dtype.hasobject]
    if pickled:
        raise TypeError(f"{', '.join(pickled)}: object arrays would be pickled")
    # Not numpy's own, which leaves its archive open where writing fails, so that its end complains once more.
    with replacing(path) as temporary, zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED) as archive:
        for key, value in plain.items():
            with archive.open(f"{key}.npy", "w", force_zip64=True) as member:
                np.lib.format.write_array(member, value, allow_pickle=False)


def load_npz(path: Path, required: tuple[str, ...], what: str) -> dict[str, np.ndarray]:
    """The arrays of an .npz by name, read without executing anything from it.

    Raises UserError if it is not ``what`` it should be, or lacks one of the ``required``.
    """
    path = Path(path)
    try:
        if not path.is_file():
            raise UserError(f"{path}: no such file; give the path of {what}")
        with zipfile.ZipFile(path) as archive:
            members = [member for member in archive.infolist() if member.filename.endswith(".npy")]
            size = sum(member.file_size for member in members)
            if size > MOST_BYTES:
                raise UserError(f"{path}: would fill {size >> 30} GB of memory; not {what} of one clip")
            arrays = {member.filename.removesuffix(".npy"): _read_array(archive, member) for member in members}
    except DAMAGE as error:
        # Damaged archives point before their own beginning, which is an invalid argument.
        if isinstance(error, OSError) and error.errno not in (None, errno.EINVAL):
            raise out_of_reach(OSError(error.errno, error.strerror, str(path))) from error
        raise UserError(f"{path}: not {what} ({brief(error)}); make it again") from error
    missing = [key for key in required if key not in arrays]
    if missing:
        raise UserError(f"{path}: not {what} (no {', '.join(missing)}); make it again")
    return arrays


def _read_array(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> np.ndarray:
    with archive.open(member) as stream:
        return np.lib.format.read_array(stream, allow_pickle=False)


def pack_meta(meta: dict[str, Any]) -> np.ndarray:
    """A dictionary as a zero-dimensional string array (JSON), so that an .npz needs no pickle."""
    return np.array(json.dumps(meta, sort_keys=True))


def unpack_meta(array: np.ndarray) -> dict[str, Any]:
    """The dictionary of a zero-dimensional string array, as :func:`pack_meta` makes it. Raises ValueError on anything
    else."""
    meta = json.loads(str(array[()]))
    if not isinstance(meta, dict):
        raise ValueError("meta is not a JSON object")
    return meta


def sha256(path: Path) -> str:
    """The SHA-256 of a file, read in pieces."""
    digest = hashlib.sha256()
    with Path(path).open("rb") as stream:
        while block := stream.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()
