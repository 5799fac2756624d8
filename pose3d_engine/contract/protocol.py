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
``analyse``  {video, output?, detector?, max_people?, keypoints?, detector_command?, start?, end?, thumbnails?, again?,
             previous?}
             -> {people: PATH, persons: [PERSON], video: VideoInfo, detector, warnings: [NOTICE], known}
             Answered from the cache where the same clip was analysed with the same settings; ``again`` finds its
             people anew. ``people`` is the PEOPLE.npz in the cache, or a copy at ``output``. ``keypoints`` is a path,
             ``detector_command`` a command line, each in place of the detector. ``known``: it was in the cache.
             PERSON: {person, first, last, first_s, last_s, coverage, score, complete, height_px, thumbnail, from}: the
             number; first and last frame in the file and their seconds; the share of frames in which they are seen
             and, of these, in which they are whole; mean score; median height in pixels; the path of a PNG, made
             only where ``thumbnails`` is true, else null; the numbers of the same person in the file ``previous``, or
             for ``edit`` in ``people``. Boxes and keypoints are in PEOPLE.npz, row = person - 1.
             NOTICE: {code, text, span}: see :mod:`.warnings`.
``edit``     {people: PATH, split? or merge?, output?, thumbnails?} -> the same as ``analyse``
             ``split``: "2@3.5", from that second on person 2 is another one. ``merge``: "1,3", they are one. All are
             numbered anew by size; the old file stays, so that an edit is undone by going back to its path.
``capture``  {people, output, person? or person_at?, repair?, lifter?, checkpoint?, tds?, height?, fov?, flip?, device?,
             raw?, picture?, motion?, feet?, tilt?, roll?, camera?}
             -> {motions: [{person, path, frames, fps, tds, repairs, warnings: [NOTICE]}]}
             writes OUT.npz (OUT.personN.npz). ``people`` may be any file that ``lift`` takes; picture: {width, height,
             fps} of the video where it does not say. person: "largest", "all", "1,3"; person_at: "X,Y,SECONDS";
             repair: "all", "none", "swaps,outliers,..."; repairs: what each step did, a count by its name.
``doctor``   {} -> what ``pose3d doctor --json`` prints
``fetch``    {name} -> {path}: weights of the register, downloaded
``add``      {path} -> {path}: a user's file of weights, copied to where weights lie
``clear``    {} -> {removed}: the cache of what was found in videos is emptied; how many entries it had
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
