"""The language between the add-on and the engine: one JSON object a line.

The add-on's own copy of the names in ``pose3d_engine/protocol.py``, where the messages are described;
``tests/addon/test_protocol_agrees.py`` holds the two together.
"""

from __future__ import annotations

import json
from typing import Any

VERSION = 1

HELLO, REQUEST, CANCEL, PROGRESS, RESULT, ERROR = "hello", "request", "cancel", "progress", "result", "error"

BAD_INPUT, CANCELLED, INTERNAL, PROTOCOL = "bad_input", "cancelled", "internal", "protocol"
"""Codes of an error: the user's input; cancelled; a fault of the engine; a message that was not understood."""

MAX_LINE = 1 << 20
"""Bytes of the longest line that either side accepts."""


class ProtocolError(ValueError):
    """A line that is not a message of this protocol."""


def encode(message: dict[str, Any]) -> bytes:
    """A message as one line of UTF-8 that ends in a newline."""
    return json.dumps(message, separators=(",", ":"), allow_nan=False).encode() + b"\n"


def decode(line: bytes) -> dict[str, Any]:
    """The message of one line. Raises ProtocolError unless it is a JSON object with a ``type`` string."""
    if len(line) > MAX_LINE:
        raise ProtocolError(f"line of more than {MAX_LINE} bytes")
    try:
        message = json.loads(line.decode())
    except (ValueError, RecursionError) as error:
        raise ProtocolError(f"not JSON: {error}") from error
    if not isinstance(message, dict) or not isinstance(message.get("type"), str):
        raise ProtocolError("not an object with a type")
    return message
