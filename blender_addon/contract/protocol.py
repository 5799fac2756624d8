"""The messages between the engine and the add-on: one JSON object a line, on stdin and stdout.

The engine greets first::

    {"type": "hello", "protocol": 2, "engine": "0.2.0", "pid": 4711}

Then the add-on sends requests, any number of them, each with an id of its choosing::

    {"type": "request", "id": 1, "method": "analyse", "params": {"video": "/a.mp4", "output": "/tmp/people.npz"}}
    {"type": "cancel", "id": 1}

and the engine answers every request with any number of ``progress`` and exactly one ``result`` or ``error``::

    {"type": "progress", "id": 1, "stage": "detect", "done": 120, "total": 900}
    {"type": "result", "id": 1, "result": {...}}
    {"type": "error", "id": 1, "code": "bad_input", "message": "one line"}

The engine works on one request at a time, in order; it obeys a cancel at once. It answers a line that is no known
message with an ``error`` whose id is null and whose code is ``protocol``. Arrays are in files. The engine ends when its
stdin closes.

Methods (``params`` -> ``result``). Paths are absolute strings. SETTINGS are the settings of the request's step by name,
in their plain form: see :mod:`.settings`. NOTICE is {code, text, span}: see :mod:`.warnings`.

``probe``    {video} -> {video: VideoInfo}
``analyse``  {video, output?, thumbnails?, again?, previous?, SETTINGS}
             -> {people: PATH, persons: [PERSON], video: VideoInfo, detector, warnings: [NOTICE], known}
             The cache answers where the same clip was analysed with the same settings, unless ``again`` is true.
             ``people`` is the PEOPLE.npz in the cache, or a copy at ``output``. ``known``: it was in the cache.
             PERSON: {person, first, last, first_s, last_s, coverage, score, complete, height_px, thumbnail, from}: the
             number; first and last frame and their seconds; the share of frames in which the person is visible; mean
             score; of these frames, the share with the full body; median height in pixels; a PNG if ``thumbnails`` is
             true, else null; the numbers of the same person in ``previous``, an earlier PEOPLE.npz (``edit``: in
             ``people``). Boxes and keypoints are in PEOPLE.npz, row = person - 1.
``edit``     {people: PATH, split? or merge?, output?, thumbnails?} -> the same as ``analyse``
             ``split``: "2@3.5", person 2 is another one from second 3.5 on. ``merge``: "1,3", both are one person. All
             people get new numbers by size; the old file stays, so that going back to its path undoes the edit.
``capture``  {people, output?, picture?, SETTINGS}
             -> {motions: [{person, path, frames, fps, tds, repairs, warnings: [NOTICE]}]}
             writes OUT.npz (OUT.personN.npz), without ``output`` in the cache. ``people`` may be any file that
             ``lift`` takes; picture: {width, height, fps} of the video where the file lacks them. repairs: a count for
             each repair step.
``doctor``   {} -> what ``pose3d doctor --json`` prints
``fetch``    {name} -> {path}: downloads weights of the register
``add``      {path} -> {path}: copies a user's file of weights to the folder of weights
``clear``    {} -> {removed}: empties the cache; the number of entries that it had
"""

from __future__ import annotations

import json
from typing import Any

VERSION = 2
"""Of the messages. 2: warnings have a code and a span; in 1 they were texts."""

HELLO, REQUEST, CANCEL, PROGRESS, RESULT, ERROR = "hello", "request", "cancel", "progress", "result", "error"

BAD_INPUT, CANCELLED, INTERNAL, PROTOCOL = "bad_input", "cancelled", "internal", "protocol"
"""Codes of an error: the user's input; cancelled; a fault of the engine; a message that is not understood."""

MAX_LINE = 1 << 20
"""Bytes of the longest line that either side accepts."""


class ProtocolError(ValueError):
    """A line that is not a message of this protocol."""


def mismatch(version: Any) -> str:
    """Why the add-on cannot use an engine, by the ``protocol`` of its greeting; empty where it can."""
    if version == VERSION:
        return ""
    newer = type(version) is int and version > VERSION
    todo = "Update the add-on" if newer else "Install the engine again from the add-on's preferences"
    return f"The engine is {'newer' if newer else 'older'} than the add-on (protocol {version}, not {VERSION}). {todo}."


def encode(message: dict[str, Any]) -> bytes:
    """A message as one line of UTF-8 that ends in a newline."""
    return json.dumps(message, separators=(",", ":"), allow_nan=False).encode() + b"\n"


def decode(line: bytes) -> dict[str, Any]:
    """The message of one line. Raises ProtocolError if it is too long, or no JSON object with a ``type`` string."""
    if len(line) > MAX_LINE:
        raise ProtocolError(f"line of more than {MAX_LINE} bytes")
    try:
        message = json.loads(line.decode())
    except (ValueError, RecursionError) as error:
        raise ProtocolError(f"not JSON: {error}") from error
    if not isinstance(message, dict) or not isinstance(message.get("type"), str):
        raise ProtocolError("not an object with a type")
    return message
