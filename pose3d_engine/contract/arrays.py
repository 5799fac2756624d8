"""Arrays in .npz files without pickles: read without executing anything, written atomically."""

from __future__ import annotations

import errno
import json
import struct
import tokenize
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from .atomic import replacing
from .errors import UserError, brief, file_not_found, out_of_reach

MOST_BYTES = 8 << 30
"""Bytes of all arrays in a file; an hour of ten people with all that a detector gives needs less than a quarter."""

DAMAGE = (
    *(OSError, ValueError, TypeError, EOFError, KeyError, NotImplementedError, MemoryError, RuntimeError),
    *(zipfile.BadZipFile, zlib.error, struct.error),
    tokenize.TokenError,  # numpy's reader of headers, from Python 3.12 on
)
"""Exceptions of numpy and zipfile for bytes that are no archive of arrays."""


def save_npz(path: Path, arrays: dict[str, Any]) -> None:
    """Writes arrays, or what ``numpy.asarray`` takes, as a compressed .npz, atomically and without pickles.

    Raises UserError where the file cannot be written, TypeError for arrays of objects, which would be pickled.
    """
    plain = {key: np.asarray(value) for key, value in arrays.items()}
    pickled = [key for key, value in plain.items() if value.dtype.hasobject]
    if pickled:
        raise TypeError(f"{', '.join(pickled)}: object arrays would be pickled")
    # Not numpy's own, which leaves its archive open where writing fails, so that its end complains once more.
    with replacing(path) as temporary, zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED) as archive:
        for key, value in plain.items():
            with archive.open(f"{key}.npy", "w", force_zip64=True) as member:
                np.lib.format.write_array(member, value, allow_pickle=False)


def load_npz(
    path: Path, required: tuple[str, ...], what: str, wanted: Callable[[str], bool] = lambda name: True
) -> dict[str, np.ndarray]:
    """Reads the arrays of an .npz by name, without executing anything from it.

    Args:
        required: Names of arrays that it must have.
        what: The kind of file, for messages: "a motion file".
        wanted: Whether to read the array of a name.

    Raises:
        UserError: The file is missing, damaged or something else, or lacks a required array.
    """
    path = Path(path)
    try:
        if not path.is_file():
            raise file_not_found(path, f"give the path of {what}")
        with zipfile.ZipFile(path) as archive:
            members = {
                member.filename.removesuffix(".npy"): member
                for member in archive.infolist()
                if member.filename.endswith(".npy") and wanted(member.filename.removesuffix(".npy"))
            }
            size = sum(member.file_size for member in members.values())
            if size > MOST_BYTES:
                raise UserError(f"{path}: would fill {size >> 30} GB of memory; not {what} of one clip")
            arrays = {name: _read_array(archive, member) for name, member in members.items()}
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
    """The dictionary of an array from :func:`pack_meta`. Raises ValueError for any other."""
    meta = json.loads(str(array[()]))
    if not isinstance(meta, dict):
        raise ValueError("meta is not a JSON object")
    return meta


def stamp(format_name: str, version: int) -> dict[str, np.ndarray]:
    """The arrays ``format`` and ``version`` of a file."""
    return {"format": np.array(format_name), "version": np.array(version)}


def require_version(path: Path, arrays: dict[str, np.ndarray], format_name: str, version: int) -> None:
    """Takes ``format`` and ``version``, which version 0.1 lacks, out of arrays. Raises UserError for other files."""
    name, found = arrays.pop("format", np.array(format_name)), arrays.pop("version", np.array(1))
    if str(name[()]) != format_name or found.shape != () or found.dtype.kind not in "iu":
        raise UserError(f"{path}: is not a file of {format_name!r}; give the path of one")
    if int(found) > version:
        raise UserError(f"{path}: version {int(found)} is newer than this program, which reads {version}; update it")
