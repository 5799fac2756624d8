"""Names of files that engine and add-on agree on: which files are videos, and where an analysed clip lies."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path

from . import atomic
from .errors import UserError

_NOTE = ".clip.json"
_CONTAINERS = "mp4 mov mkv avi webm m4v mpg mpeg mts m2ts ts wmv ogv gif"
VIDEO_SUFFIXES = tuple(f".{name}" for name in _CONTAINERS.split())
"""Suffixes, in lower case, of the files that are taken for videos: in a folder, and in a file browser."""


def is_video(path: Path) -> bool:
    """Whether a file has the suffix of a video, in whatever case."""
    return path.suffix.lower() in VIDEO_SUFFIXES


def note_clip(people: Path, clip: str) -> None:
    """Notes beside a PEOPLE.npz where its clip lies now; a note that cannot be written is left out.

    PEOPLE.npz itself stays as it is, because writing the analysis of a long clip takes many seconds.
    """
    with contextlib.suppress(UserError), atomic.replacing(people.with_suffix(_NOTE)) as temporary:
        temporary.write_text(json.dumps({"path": clip}), encoding="utf-8")


def noted_clip(people: Path) -> str | None:
    """The path of the clip from :func:`note_clip`, None without one."""
    try:
        path = json.loads(Path(people).with_suffix(_NOTE).read_text(encoding="utf-8"))["path"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None
    return path if isinstance(path, str) else None
