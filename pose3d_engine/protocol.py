"""The language between the engine and the add-on: one JSON object a line, on stdin and stdout.

The add-on has its own copy of these few names (``blender_addon/engine/protocol.py``), because neither side
may import the other; ``tests/addon/test_protocol_agrees.py`` holds them together.

The engine greets first::

    {"type": "hello", "protocol": 1, "engine": "0.1.0", "pid": 4711}

Then the add-on asks, any number of times, with an id of its choosing::

    {"type": "request", "id": 1, "method": "analyse", "params": {"video": "/a.mp4", "output": "/tmp/people.npz"}}
    {"type": "cancel", "id": 1}

and the engine answers every request with any number of ``progress`` and exactly one ``result`` or ``error``::

    {"type": "progress", "id": 1, "stage": "detect", "done": 120, "total": 900}
    {"type": "result", "id": 1, "result": {...}}
    {"type": "error", "id": 1, "code": "bad_input", "message": "one line"}

Requests are worked off one at a time, in order; a cancel is obeyed at once. A line that is not a known
message is answered by an ``error`` with id null and the code ``protocol``. Arrays never travel on the pipe:
they are written to files whose paths are sent. The engine ends when its stdin closes.

Methods (``params`` -> ``result``); paths are absolute strings, options are those of the command line:

``probe``    {video} -> {video: VideoInfo}
``analyse``  {video, output, detector?, max_people?, start?, end?} -> {people: PATH, persons: [...], video}
             writes PEOPLE.npz to ``output``
``capture``  {people, output, person?, lifter?, tds?, height?, fov?, flip?, device?}
             -> {motions: [{person, path, frames, fps, tds, warnings}]} writes OUT.npz (OUT.personN.npz)
``doctor``   {} -> what ``pose3d doctor --json`` prints
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
