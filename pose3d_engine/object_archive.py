"""Reads the .npz files of the papers' programs, which hold pickled dictionaries, without executing anything from them.

``numpy.load(allow_pickle=True)`` runs any code that a file asks for. The reader here knows only numbers, strings,
lists, tuples, dictionaries and numpy arrays, which it rebuilds from their bytes. It refuses every other name.
"""

from __future__ import annotations

import pickle
import re
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from .contract.errors import UserError, brief, file_not_found

_TYPES = re.compile(r"[fiu][1248]|b1|U\d+|S\d+|O8")


class _Type:
    """Stands in for numpy.dtype: the type of an array's numbers, and their byte order."""

    def __init__(self, code: str, align: bool = False, copy: bool = True) -> None:
        if not (isinstance(code, str) and _TYPES.fullmatch(code)):
            raise pickle.UnpicklingError(f"an array of type {code!r}")
        self.plain = np.dtype(code)

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        if state[1] in ("<", ">"):
            self.plain = self.plain.newbyteorder(state[1])


class _Array:
    """Stands in for numpy.ndarray while the pickle is read; ``value`` is the array afterwards."""

    value: Any = None

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        _, shape, kind, fortran, data = state
        if not kind.plain.hasobject:
            # A copy, because the bytes of a pickle cannot be written to.
            self.value = np.frombuffer(data, kind.plain).reshape(shape, order="F" if fortran else "C").copy()
        elif len(shape) > 1:
            raise pickle.UnpicklingError(f"an array of objects with {len(shape)} axes")
        else:
            self.value = list(data) if shape else data[0]


_KNOWN: dict[tuple[str, str], Any] = {
    ("numpy", "ndarray"): _Array,
    ("numpy", "dtype"): _Type,
    # How protocol 2, which old numpy wrote, stores bytes, and those of an array without elements.
    ("_codecs", "encode"): lambda text, encoding: text.encode("latin1"),
    ("__builtin__", "bytes"): lambda: b"",
}
for _module in ("numpy.core.multiarray", "numpy._core.multiarray"):
    _KNOWN[_module, "_reconstruct"] = lambda kind, shape, code: _Array()
    _KNOWN[_module, "scalar"] = lambda kind, data: np.frombuffer(data, kind.plain)[0]


class _Reader(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        try:
            return _KNOWN[module, name]
        except KeyError:
            raise pickle.UnpicklingError(f"it asks for {module}.{name}, which no data file needs") from None


def load(path: Path, keys: tuple[str, ...], what: str) -> dict[str, Any]:
    """The objects of an .npz: dictionaries, lists, numbers, strings and arrays.

    Raises:
        UserError: For a file that is missing, damaged, not ``what`` it should be, or asks for anything beyond data.
    """
    if not path.is_file():
        raise file_not_found(path, f"put {what} there or give its folder with --data")
    try:
        with zipfile.ZipFile(path) as archive:
            missing = [key for key in keys if f"{key}.npy" not in archive.namelist()]
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
        header = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        _, _, kind = header(stream)  # type: ignore[arg-type]
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
    if isinstance(value, (list, tuple)):
        return type(value)(map(_unwrapped, value))
    return value
