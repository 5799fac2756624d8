"""Reads the pickled data of other programs (.npz, .npy, .pkl, .pt) without executing anything from it.

``numpy.load(allow_pickle=True)``, ``joblib.load`` and ``pickle.load`` run any code that a file asks for. The reader
here knows only numbers, strings, lists, tuples, dictionaries, numpy arrays and PyTorch tensors, which it rebuilds from
their bytes. It refuses every other name. Files of ``torch.save`` are read by PyTorch's own restricted reader.
"""

from __future__ import annotations

import io
import pickle
import re
import warnings
import zipfile
import zlib
from pathlib import Path
from typing import IO, Any

import numpy as np

from .contract.errors import UserError, brief, file_not_found

_TYPES = re.compile(r"[fiu][1248]|b1|U\d+|S\d+|O8")

MOST_BYTES = 1 << 30
"""Bytes that the reader keeps of one file: ten hours of one person's rotations. The vertices of meshes, which are
nearly all of the largest files, are passed over."""

_MESH = 4000  #: Points on an axis, from which on they are the vertices of a mesh, not the joints of a person.

_BLOCK = 1 << 20


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
        if isinstance(state, dict):
            self._read_joblib(state)
            return
        _, shape, kind, fortran, data = state
        if isinstance(data, str):
            data = data.encode("latin1")
        if not kind.plain.hasobject:
            # A copy, because the bytes of a pickle cannot be written to.
            self.value = np.frombuffer(data, kind.plain).reshape(shape, order="F" if fortran else "C").copy()
        elif len(shape) > 1:
            raise pickle.UnpicklingError(f"an array of objects with {len(shape)} axes")
        else:
            self.value = list(data) if shape else data[0]

    _stream: Any = None  #: In joblib's files, where the bytes of an array follow the pickled description of it.

    def _read_joblib(self, state: dict[str, Any]) -> None:
        """state: joblib's NumpyArrayWrapper: shape, order, dtype, numpy_array_alignment_bytes."""
        shape, kind, stream = tuple(map(int, state["shape"])), state["dtype"].plain, self._stream
        if kind.hasobject:
            self.value = _Reader(stream).load()
            return
        if state.get("numpy_array_alignment_bytes") is not None:
            stream.read(stream.read(1)[0])
        size = int(np.prod(shape, dtype=object)) * kind.itemsize
        if len(shape) > 1 and max(shape[1:]) > _MESH:
            stream.skip(size)
        else:
            self.value = np.frombuffer(stream.read(size), kind).reshape(shape, order=state["order"]).copy()


class _Stream:
    """A file of which only the pickle's own part is kept; counts that."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream, self._kept = stream, 0

    def read(self, size: int = -1) -> bytes:
        if size < 0 or (size > _BLOCK and self._kept + size > MOST_BYTES):
            raise pickle.UnpicklingError(f"it holds more than {MOST_BYTES >> 30} GB beside meshes")
        found = self._stream.read(size)
        self._count(len(found))
        if len(found) < size:
            raise EOFError("the file is cut off")
        return found

    def readline(self) -> bytes:
        found = self._stream.readline(_BLOCK)
        self._count(len(found))
        return found

    def skip(self, size: int) -> None:
        """Passes over bytes."""
        self._stream.seek(size, io.SEEK_CUR)

    def _count(self, size: int) -> None:
        self._kept += size
        if self._kept > MOST_BYTES:
            raise pickle.UnpicklingError(f"it holds more than {MOST_BYTES >> 30} GB beside meshes")


def _storage(data: bytes) -> np.ndarray:
    """The numbers of a PyTorch storage that was pickled by itself."""
    import torch

    storage = torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
    return np.asarray(torch.tensor([], dtype=storage.dtype).set_(storage).numpy())


def _tensor(storage: np.ndarray, offset: int, size: tuple[int, ...], stride: tuple[int, ...], *_: Any) -> np.ndarray:
    """The array of a pickled PyTorch tensor."""
    last = offset + sum((count - 1) * step for count, step in zip(size, stride, strict=True))
    if min((offset, *size, *stride)) < 0 or (0 not in size and last >= len(storage)):
        raise pickle.UnpicklingError("a tensor beyond its own numbers")
    if np.prod(size, dtype=object) * storage.itemsize > MOST_BYTES:
        raise pickle.UnpicklingError(f"a tensor of more than {MOST_BYTES >> 30} GB")
    steps = [step * storage.itemsize for step in stride]
    return np.lib.stride_tricks.as_strided(storage[offset:], size, steps, writeable=False)


_KNOWN: dict[tuple[str, str], Any] = {
    ("numpy", "ndarray"): _Array,
    ("numpy", "dtype"): _Type,
    # How protocol 2, which old numpy wrote, stores bytes, and those of an array without elements.
    ("_codecs", "encode"): lambda text, encoding: text.encode("latin1"),
    ("__builtin__", "bytes"): lambda: b"",
    ("collections", "OrderedDict"): dict,
    ("torch.storage", "_load_from_bytes"): _storage,
    ("torch._utils", "_rebuild_tensor_v2"): _tensor,
}
for _module in ("numpy.core.multiarray", "numpy._core.multiarray"):
    _KNOWN[_module, "_reconstruct"] = lambda kind, shape, code: _Array()
    _KNOWN[_module, "scalar"] = lambda kind, data: np.frombuffer(data, kind.plain)[0]


class _Reader(pickle.Unpickler):
    def __init__(self, stream: Any) -> None:
        super().__init__(stream, encoding="latin1")  # for bytes of Python 2
        self._joblib = type("_Joblib", (_Array,), {"_stream": stream})

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == ("joblib.numpy_pickle", "NumpyArrayWrapper"):
            return self._joblib
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
        if _npy_header(stream)[1].hasobject:
            return _unwrapped(_Reader(stream).load())
    with archive.open(f"{key}.npy") as stream:
        return np.lib.format.read_array(stream, allow_pickle=False)  # type: ignore[arg-type]


def _npy_header(stream: IO[bytes]) -> tuple[tuple[int, ...], np.dtype]:
    """The shape and type of the array of an .npy, whose numbers, or pickle, follow."""
    version = np.lib.format.read_magic(stream)  # type: ignore[arg-type]
    header = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, _, kind = header(stream)  # type: ignore[arg-type]
    return shape, kind


def _read_npy(stream: IO[bytes], most: int = MOST_BYTES) -> Any:
    """The array or the objects of an .npy; None for the vertices of a mesh."""
    shape, kind = _npy_header(stream)
    if kind.hasobject:
        return _unwrapped(_Reader(_Stream(stream)).load())
    if len(shape) > 1 and max(shape[1:]) > _MESH:
        return None
    if np.prod(shape, dtype=object) * kind.itemsize > most:
        raise ValueError(f"it holds more than {MOST_BYTES >> 30} GB beside meshes")
    stream.seek(0)
    return np.lib.format.read_array(stream, allow_pickle=False)  # type: ignore[arg-type]


def load_any(path: Path, what: str) -> Any:
    """The content of an .npz, .npy or pickle, also joblib's, or of a file of ``torch.save``, recognised by its bytes.

    The arrays of an .npz are a dictionary. Tensors become arrays; the vertices of meshes None.

    Raises:
        UserError: The file is missing, damaged, not ``what`` it should be, or asks for anything beyond data.
    """
    if not path.is_file():
        raise file_not_found(path, f"give the path of {what}")
    try:
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                names = [name.removesuffix(".npy") for name in archive.namelist() if name.endswith(".npy")]
                arrays: dict[str, Any] = {}
                for name in names:
                    kept = sum(value.nbytes for value in arrays.values() if isinstance(value, np.ndarray))
                    with archive.open(f"{name}.npy") as member:
                        arrays[name] = _read_npy(member, MOST_BYTES - kept)
                if names:
                    return arrays
            return _numpy(load_torch(path, what))
        with path.open("rb") as stream:
            return _read_stream(stream)
    except UserError:
        raise
    except Exception as error:  # a damaged pickle can fail in any way that its instructions can
        raise UserError(f"{path}: not {what} ({brief(error)}); get the file again") from error


def load_torch(path: Path, what: str, allowed: tuple[Any, ...] = ()) -> Any:
    """The tensors and plain containers of a file of ``torch.save``; executes nothing of it.

    Args:
        what: The kind of file, for messages.
        allowed: Further classes that the file may name.

    Raises:
        UserError: The file is missing or damaged, or needs more than data.
    """
    import torch

    if not path.is_file():
        raise file_not_found(path, "`pose3d weights list` shows where checkpoints lie")
    try:
        with torch.serialization.safe_globals(list(allowed)), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # old files announce their old storage classes
            lazily = zipfile.is_zipfile(path)
            return torch.load(path, map_location="cpu", weights_only=True, mmap=lazily)
    except Exception as error:  # damaged bytes make the reader raise nearly anything
        said = str(error).lower() if isinstance(error, pickle.UnpicklingError) else ""
        if "unsupported global" in said or "unrecognized function" in said:
            raise UserError(f"{path}: refused, because it asks to run code; get it from its authors") from error
        raise UserError(f"{path}: damaged or not {what}; get the file again") from error


def _read_stream(stream: IO[bytes]) -> Any:
    """The content of an .npy or of a pickle, perhaps compressed."""
    magic = stream.peek(8)[:8]  # type: ignore[attr-defined]
    if magic.startswith(b"\x93NUMPY"):
        return _read_npy(stream)
    if magic.startswith(b"\x78"):  # of zlib, with which joblib writes for ``compress=3``
        inflated = zlib.decompressobj().decompress(stream.read(MOST_BYTES), MOST_BYTES)
        stream = io.BytesIO(inflated)
    elif not magic.startswith((b"\x80", b"(", b"]", b"}")):
        raise ValueError("unknown format")
    return _unwrapped(_Reader(_Stream(stream)).load())


def _numpy(value: Any) -> Any:
    """Arrays in place of tensors; None in place of meshes, which are not even loaded."""
    if isinstance(value, dict):
        return {key: _numpy(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_numpy(item) for item in value]
    if hasattr(value, "detach"):
        large = value.numel() * value.element_size() > MOST_BYTES
        mesh = value.ndim > 1 and max(value.shape[1:]) > _MESH
        numbers = value.detach() if value.dtype.itemsize > 2 else value.detach().float()
        return None if large or mesh else numbers.numpy()
    return value


def _unwrapped(value: Any) -> Any:
    """Replaces stand-ins by their arrays; an array of one object becomes the object, of several their list."""
    if isinstance(value, _Array):
        return _unwrapped(value.value)
    if isinstance(value, dict):
        return {_unwrapped(key): _unwrapped(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(map(_unwrapped, value))
    return value
