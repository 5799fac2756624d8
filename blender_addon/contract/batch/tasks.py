"""Which clips there are to do, each as a command line of its own, and what came of one."""

from __future__ import annotations

import glob
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import UserError

VIDEOS = {".mp4", ".mov", ".mkv", ".avi", ".webm", ".m4v", ".mpg", ".mpeg", ".mts", ".m2ts", ".wmv", ".ogv", ".gif"}
"""Suffixes of the files that a folder is searched for."""

Result = dict[str, Any]
"""What is told of one person of one input: see :func:`result`."""


@dataclass(frozen=True)
class Task:
    """One clip. words: the options for it and its path, as a command line. log: the file for all that is said."""

    source: str
    words: tuple[str, ...]
    log: str


def result(source: str | Path, **facts: Any) -> Result:
    """A result: input, person, outputs, frames, seconds, warnings, error (None if all went well), skipped."""
    blank: Result = {"input": str(source), "person": None, "outputs": [], "frames": 0, "seconds": 0.0}
    return {**blank, "warnings": [], "error": None, "skipped": False, **facts}


def log_file(folder: Path, source: Path) -> Path:
    """Where what is said about an input goes."""
    return folder / "logs" / f"{source.stem}.log"


def expand(words: Iterable[str | Path]) -> list[Path]:
    """The files that are meant: a file is itself, a folder its videos, a pattern (``takes/**/*.mp4``) what fits it.

    A path that is not there stays, to fail by itself. Raises UserError for a folder without videos and for a pattern
    that nothing fits.
    """
    found: dict[Path, None] = {}
    for word in map(str, words):
        path = Path(word)
        if path.is_dir():
            files = [file for file in sorted(path.iterdir()) if file.suffix.lower() in VIDEOS and file.is_file()]
            if not files:
                raise UserError(f"{path}: no video in this folder; name the files, or a pattern such as {path}/*.npz")
        elif not path.exists() and glob.has_magic(word):
            files = [Path(file) for file in sorted(glob.glob(word, recursive=True)) if Path(file).is_file()]  # noqa: PTH207
            if not files:
                raise UserError(f"{word}: no file fits this pattern; give another one")
        else:
            files = [path]
        found |= dict.fromkeys(files)
    return list(found)


def require_distinct(clips: Sequence[Path]) -> None:
    """Raises UserError if the results of two clips would have one name."""
    stems = [path.stem for path in clips]
    twins = sorted({stem for stem in stems if stems.count(stem) > 1})
    if twins:
        raise UserError(
            f"several inputs are named {', '.join(twins[:5])}: their results would overwrite each other; "
            "give them apart, with other output folders"
        )


def require_one_each(clips: Sequence[Path], keypoints: str | None) -> None:
    """Raises UserError if several clips would take their 2D from one path (see :func:`of_clip`)."""
    if len(clips) > 1 and keypoints is not None and "{name}" not in keypoints:
        raise UserError("keypoints has to name another file for each clip; put {name} where the clip's name stands")


def of_clip(pattern: str, clip: Path) -> str:
    """A path for every clip, of which ``{name}`` is the clip's name without its suffix."""
    return pattern.replace("{name}", clip.stem)
