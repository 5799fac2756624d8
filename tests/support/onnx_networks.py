"""Tiny ONNX networks with known answers, written as protocol buffers by hand: the format is onnx.proto's."""

from __future__ import annotations

from pathlib import Path

import numpy as np

_FLOAT, _INT64 = 1, 7


def _varint(number: int) -> bytes:
    number &= (1 << 64) - 1
    result = b""
    while number > 127:
        result, number = result + bytes([number & 127 | 128]), number >> 7
    return result + bytes([number])


def _number(field: int, value: int) -> bytes:
    return _varint(field << 3) + _varint(value)


def _block(field: int, content: bytes | str) -> bytes:
    content = content.encode() if isinstance(content, str) else content
    return _varint(field << 3 | 2) + _varint(len(content)) + content


def tensor(name: str, values: np.ndarray) -> bytes:
    """A TensorProto."""
    kind = _INT64 if values.dtype == np.int64 else _FLOAT
    values = values if kind == _INT64 else values.astype(np.float32)
    dims = b"".join(_number(1, length) for length in values.shape)
    return dims + _number(2, kind) + _block(8, name) + _block(9, values.tobytes())


def node(kind: str, inputs: list[str], outputs: list[str], **attributes: list[int] | int) -> bytes:
    """A NodeProto; attributes are whole numbers or lists of them."""
    content = b"".join(_block(1, name) for name in inputs) + b"".join(_block(2, name) for name in outputs)
    content += _block(4, kind)
    for name, value in attributes.items():
        if isinstance(value, list):
            attribute = _block(1, name) + b"".join(_number(8, item) for item in value) + _number(20, 7)
        else:
            attribute = _block(1, name) + _number(3, value) + _number(20, 2)
        content += _block(5, attribute)
    return content


def _value(name: str, shape: tuple[int, ...] | None, kind: int = _FLOAT) -> bytes:
    dims = b"".join(_block(1, _number(1, length)) for length in shape or ())
    content = _number(1, kind) + (_block(2, dims) if shape is not None else b"")
    return _block(1, name) + _block(2, _block(1, content))


def write(
    path: Path,
    size: tuple[int, int],
    nodes: list[bytes],
    constants: dict[str, np.ndarray],
    outputs: dict[str, int],
) -> Path:
    """A model that takes ``image`` (1,3,height,width); outputs: name and type."""
    graph = b"".join(_block(1, item) for item in nodes) + _block(2, "graph")
    graph += b"".join(_block(5, tensor(name, values)) for name, values in constants.items())
    graph += _block(11, _value("image", (1, 3, size[1], size[0])))
    graph += b"".join(_block(12, _value(name, None, kind)) for name, kind in outputs.items())
    opset = _block(1, "") + _number(2, 13)
    path.write_bytes(_number(1, 8) + _block(7, graph) + _block(8, opset))
    return path


def fixed(path: Path, size: tuple[int, int], **answers: np.ndarray) -> Path:
    """A network that always gives the same."""
    nodes = [node("Identity", [f"the_{name}"], [name]) for name in answers]
    kinds = {name: _INT64 if values.dtype == np.int64 else _FLOAT for name, values in answers.items()}
    return write(path, size, nodes, {f"the_{name}": values for name, values in answers.items()}, kinds)


def colours(points: int) -> np.ndarray:
    """(K,3,1,1): keypoint k sees red where k is even, green where it is odd."""
    weight = np.zeros((points, 3, 1, 1), np.float32)
    weight[0::2, 0], weight[1::2, 1] = 1, 1
    return weight


def heat_maps(path: Path, size: tuple[int, int], points: int) -> Path:
    """Heat maps a quarter of the picture's size: mean red or green."""
    nodes = [
        node("AveragePool", ["image"], ["small"], kernel_shape=[4, 4], strides=[4, 4]),
        node("Conv", ["small", "weight"], ["maps"]),
    ]
    return write(path, size, nodes, {"weight": colours(points)}, {"maps": _FLOAT})


def simcc(path: Path, size: tuple[int, int], points: int) -> Path:
    """Rows with a bin a pixel: the reddest or greenest column and row."""
    nodes = [
        node("Conv", ["image", "weight"], ["maps"]),
        node("ReduceMax", ["maps"], ["x"], axes=[2], keepdims=0),
        node("ReduceMax", ["maps"], ["y"], axes=[3], keepdims=0),
    ]
    return write(path, size, nodes, {"weight": colours(points)}, {"x": _FLOAT, "y": _FLOAT})


def of_means(path: Path, size: tuple[int, int]) -> Path:
    """The mean of each channel of what it is given, as (1,3)."""
    return write(path, size, [node("ReduceMean", ["image"], ["mean"], axes=[2, 3], keepdims=0)], {}, {"mean": _FLOAT})
