"""Changes of valid files that keep enough of their form to get past the first check: what random bytes never do."""

from __future__ import annotations

import io
import json
import random
from typing import Any

import numpy as np

ODD: tuple[Any, ...] = (
    None,
    True,
    0,
    -1,
    1,
    0.5,
    6.0,
    -3.0,
    1e-300,
    1e9,
    1e308,
    10**30,
    float("nan"),
    float("inf"),
    "",
    "x",
    "12",
    "\x00\n\ud83d",
    "../../etc/passwd",
    [],
    [[]],
    {},
    [None],
    [0, 0, 0],
)
"""Values that a reader may not expect at a place."""


def of_bytes(content: bytes, rng: random.Random) -> bytes:
    """A few bytes are changed, dropped or repeated."""
    data = bytearray(content)
    for _ in range(rng.randint(1, 8)):
        at = rng.randrange(len(data) + 1)
        length = 1 << rng.randrange(6)
        way = rng.randrange(4)
        if way == 0:
            data[at : at + 1] = bytes([rng.randrange(256)])
        elif way == 1:
            del data[at : at + length]
        elif way == 2:
            data[at:at] = data[at : at + length]
        else:
            data[at : at + length] = rng.choice((b"\x00", b"\xff", b"9", b'"', b"[", b"{")) * length
    return bytes(data)


def of_json(content: bytes, rng: random.Random) -> bytes:
    """Values of a JSON document are replaced, dropped, repeated or moved."""
    try:
        document = json.loads(content)
    except ValueError:
        return of_bytes(content, rng)
    for _ in range(rng.randint(1, 3)):
        document = _changed(document, rng)
    return json.dumps(document).encode("utf-8", "surrogatepass")


def _changed(value: Any, rng: random.Random) -> Any:
    """A copy of ``value`` in which one place is another."""
    if not isinstance(value, (dict, list)) or not value or rng.random() < 0.1:
        return rng.choice(ODD)
    way = rng.random()
    if isinstance(value, dict):
        items = dict(value)
        key = rng.choice(list(items))
        if way < 0.1:
            del items[key]
        elif way < 0.15:
            items[rng.choice(("", "0", "keypoints", "people", "idx"))] = items.pop(key)
        else:
            items[key] = _changed(items[key], rng)
        return items
    entries = list(value)
    at = rng.randrange(len(entries))
    if way < 0.1:
        del entries[at]
    elif way < 0.15:
        entries.insert(at, entries[rng.randrange(len(entries))])
    elif way < 0.2:
        rng.shuffle(entries)
    else:
        entries[at] = _changed(entries[at], rng)
    return entries


def of_lines(content: bytes, rng: random.Random) -> bytes:
    """Words and lines of a text are replaced, dropped or repeated."""
    lines = content.decode("utf-8", "replace").split("\n")
    for _ in range(rng.randint(1, 4)):
        if not lines:
            break
        at, way = rng.randrange(len(lines)), rng.randrange(4)
        if way == 0:
            del lines[at]
        elif way == 1:
            lines.insert(at, lines[rng.randrange(len(lines))])
        else:
            words = lines[at].split(" ")
            words[rng.randrange(len(words))] = rng.choice(
                ("", "nan", "inf", "-1", "0", "1e308", "9" * 25, "{", "}", "x")
            )
            lines[at] = " ".join(words)
    return "\n".join(lines).encode("utf-8", "replace")


def of_arrays(content: bytes, rng: random.Random) -> bytes:
    """Arrays of an .npz change their shape, type or values; or its bytes are damaged."""
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as archive:
            arrays = {key: archive[key] for key in archive.files}
    except Exception:  # noqa: BLE001 - whatever it is, it can still be damaged further
        return of_bytes(content, rng)
    if not arrays or rng.random() < 0.25:
        return of_bytes(content, rng)
    key = rng.choice(sorted(arrays))
    array = arrays[key]
    way = rng.randrange(7)
    if way == 0:
        del arrays[key]
    elif way == 1:
        arrays[rng.choice(("", "meta", "times", "keypoints2d", "x"))] = arrays.pop(key)
    elif way == 2 and array.dtype.kind == "U" and array.ndim == 0:
        arrays[key] = np.array(of_json(str(array).encode(), rng).decode("utf-8", "replace"))
    elif way == 3:
        arrays[key] = array[..., None] if rng.random() < 0.5 else array.ravel()[: rng.randrange(array.size + 1)]
    elif way == 4:
        kinds = ("U3", "S2", "c8", "bool", "M8[s]", "i8", "f2", "f8")
        with np.errstate(all="ignore"):
            arrays[key] = np.zeros(array.shape, rng.choice(kinds))
    elif array.size and array.dtype.kind in "fiu":
        changed = array.copy()
        value = rng.choice((np.nan, np.inf, -1.0, 0.0, 1e30, 2.0**31))
        with np.errstate(all="ignore"):
            np.put(changed, [rng.randrange(changed.size) for _ in range(4)], np.float64(value).astype(changed.dtype))
        arrays[key] = changed
    stream = io.BytesIO()
    np.savez(stream, **{name or "_": value for name, value in arrays.items()})
    return stream.getvalue()
