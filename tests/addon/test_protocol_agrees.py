"""The two copies of the protocol are one."""

from __future__ import annotations

import inspect
from types import ModuleType

import pytest

from blender_addon.engine import protocol as ours
from pose3d_engine.contract import protocol as theirs


def names(module: ModuleType) -> dict[str, object]:
    return {name: value for name, value in vars(module).items() if name.isupper()}


def test_same_names_and_values() -> None:
    assert names(ours) == names(theirs)
    assert "MAX_LINE" in names(ours)


@pytest.mark.parametrize("function", ["encode", "decode", "ProtocolError"])
def test_same_behaviour(function: str) -> None:
    # Python 3.13 counts the empty lines above it in.
    one, other = (inspect.getsource(getattr(module, function)).strip() for module in (ours, theirs))
    assert one == other


@pytest.mark.parametrize("line", [b"", b"\n", b"[]", b"{}", b'{"type": 1}', b"\xff", b"[" * 100_000, b" " * (1 << 21)])
def test_what_is_no_message_is_refused(line: bytes) -> None:
    with pytest.raises(ours.ProtocolError):
        ours.decode(line)


def test_a_message_survives() -> None:
    message = {"type": ours.REQUEST, "id": 1, "params": {"video": "/Ü/動画.mp4"}}
    assert ours.decode(theirs.encode(message)) == message
