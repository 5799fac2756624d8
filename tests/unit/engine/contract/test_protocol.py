"""The messages between the engine and the add-on, of which both have the same module."""

from __future__ import annotations

import pytest

from pose3d_engine.contract import protocol


@pytest.mark.parametrize("line", [b"", b"\n", b"[]", b"{}", b'{"type": 1}', b"\xff", b"[" * 100_000, b" " * (1 << 21)])
def test_what_is_no_message_is_refused(line: bytes) -> None:
    with pytest.raises(protocol.ProtocolError):
        protocol.decode(line)


def test_a_message_survives() -> None:
    message = {"type": protocol.REQUEST, "id": 1, "params": {"video": "/Ü/動画.mp4"}}
    assert protocol.decode(protocol.encode(message)) == message


@pytest.mark.parametrize(
    ("version", "said"),
    [(protocol.VERSION + 1, "newer than the add-on"), (1, "older than the add-on"), (None, "older"), ("2", "older")],
)
def test_an_engine_of_another_version_is_told_in_one_line(version: object, said: str) -> None:
    assert said in protocol.mismatch(version) and "\n" not in protocol.mismatch(version)
    assert protocol.mismatch(protocol.VERSION) == ""
