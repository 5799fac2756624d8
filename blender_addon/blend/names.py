"""Names as Blender keeps them: of limited length."""

from __future__ import annotations

_LENGTH = 63
"""Bytes of a name in UTF-8: Blender cuts off the rest. (Data has room for 255 from 5.0 on, markers still for these.)"""


def cut(name: str, end: str = "") -> str:
    """``name`` and ``end`` as one name, with as much of ``name`` as there is room for."""
    room = _LENGTH - len(end.encode())
    return name.encode()[:room].decode(errors="ignore") + end
