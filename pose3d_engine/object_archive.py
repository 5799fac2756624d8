"""Reads the .npz files of the papers' programs, which hold pickled dictionaries, without executing anything from them.

``numpy.load(allow_pickle=True)`` runs any code that a file asks for. The reader here knows only numbers, strings,
lists, tuples, dictionaries and numpy arrays, which it rebuilds from their bytes. It refuses every other name.
"""

from __future__ import annotations

import pickle
import re
import zipfile
from pathlib import Path
from typing import Any, Literal

import numpy as np

from .contract.errors import UserError, brief, file_not_found

_PLAIN = re.compile(r"[fiu][1248]|b1|U\d+|S\d+")


class _Type:
    """Stands in for numpy.dtype: the type of an array's numbers, and their byte order."""

    def __init__(self, code: str, align: bool = False, copy: bool = True) -> None:
        if code != "O8" and not (isinstance(code, str) and _PLAIN.fullmatch(code)):
            raise pickle.UnpicklingError(f"an array of type {code!r}")
        self.code = code
        self.order: Literal["<", ">", "="] = "="

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        self.order = state[1] if state[1] in ("<", ">") else "="

    @property
    def plain(self) -> np.dtype:
        return np.dtype(self.code).newbyteorder(self.order)


class _Array:
    """Stands in for numpy.ndarray while the pickle is read; ``value`` is the array afterwards."""

    value: Any = None

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        _, shape, kind, fortran, data = state
        if kind.code != "O8":
            # A copy, because the bytes of a pickle cannot be written to.
            self.value = np.frombuffer(data, kind.plain).reshape(shape, order="F" if fortran else "C").copy()
        elif len(shape) > 1:
            raise pickle.UnpicklingError(f"an array of objects with {len(shape)} axes")
        else:
            self.value = list(data) if shape else data[0]


def _reconstruct(kind: type, shape: tuple[int, ...], code: bytes) -> _Array:
    return _Array()


def _scalar(kind: _Type, data: bytes) -> Any:
    return np.frombuffer(data, kind.plain)[0]


def _latin1(text: str, encoding: str) -> bytes:
    # How protocol 2, which old numpy wrote, stores bytes.
    return text.encode("latin1")


def _no_bytes() -> bytes:
    # And how it stores those of an array without elements.
    return b""


_KNOWN: dict[tuple[str, str], Any] = {
    ("numpy", "ndarray"): _Array,
    ("numpy", "dtype"): _Type,
    ("_codecs", "encode"): _latin1,
    ("__builtin__", "bytes"): _no_bytes,
}
for _module in ("numpy.core.multiarray", "numpy._core.multiarray"):
    _KNOWN[_module, "_reconstruct"] = _reconstruct
    _KNOWN[_module, "scalar"] = _scalar


class _Reader(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        try:
            return _KNOWN[module, name]
        except KeyError:
            raise pickle.UnpicklingError(f"it asks for {module}.{name}, which no data file needs") from None


def load(path: Path, keys: tuple[str, ...], what: str) -> dict[str, Any]:
    """Reads the objects of an .npz: dictionaries, lists, numbers, strings and arrays.

    Args:
        path: The file.
        keys: Names of the objects.
        what: What the file should be, for messages.

    Returns:
        The objects by name.

    Raises:
        UserError: The file is missing, damaged or something else, or asks for anything beyond data.
    """
    path = Path(path)
    if not path.is_file():
        raise file_not_found(path, f"put {what} there or give its folder with --data")
    try:
        with zipfile.ZipFile(path) as archive:
            present = {name.removesuffix(".npy") for name in archive.namelist()}
            missing = [key for key in keys if key not in present]
            if missing:
                raise UserError(f"{path}: not {what} (no {', '.join(missing)}); get the file again")
            return {key: _read(archive, key) for key in keys}
    except UserError:
        raise
    # A damaged pickle can fail in any way that its instructions can.
    except Exception as error:
        raise UserError(f"{path}: not {what} ({brief(error)}); get the file again") from error


def _read(archive: zipfile.ZipFile, key: str) -> Any:
    with archive.open(f"{key}.npy") as stream:
        version = np.lib.format.read_magic(stream)  # type: ignore[arg-type]
        if version == (1, 0):
            _, _, kind = np.lib.format.read_array_header_1_0(stream)  # type: ignore[arg-type]
        else:
            _, _, kind = np.lib.format.read_array_header_2_0(stream)  # type: ignore[arg-type]
        if kind.hasobject:
            return _unwrapped(_Reader(stream).load())
    with archive.open(f"{key}.npy") as stream:
        return np.lib.format.read_array(stream, allow_pickle=False)  # type: ignore[arg-type]


def _unwrapped(value: Any) -> Any:
    """Replaces stand-ins by their arrays; an array of one object becomes the object, of several their list."""
    if isinstance(value, _Array):
        return _unwrapped(value.value)
    if isinstance(value, dict):
        return {_unwrapped(key): _unwrapped(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_unwrapped(item) for item in value]
    if isinstance(value, tuple):
        return tuple(_unwrapped(item) for item in value)
    return value
