"""The clips of a batch, each with a command line of its own, and the results of one."""

from __future__ import annotations

import glob
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import UserError
from ..paths import is_video

Result = dict[str, Any]
"""A record of one person of one input: see :func:`result`."""


@dataclass(frozen=True)
class Task:
    """One clip: its path as the user gave it; its options and its path as a command line; the path of its log."""

    source: str
    words: tuple[str, ...]
    log: str


def result(source: str | Path, **facts: Any) -> Result:
    """A result with defaults for the facts that are not given. ``outputs`` are paths, ``error`` None on success."""
    blank: Result = {"input": str(source), "person": None, "outputs": [], "frames": 0, "seconds": 0.0}
    return {**blank, "warnings": [], "error": None, "skipped": False, **facts}


def log_file(folder: Path, source: Path) -> Path:
    """The path of an input's log in the output folder."""
    return folder / "logs" / f"{source.stem}.log"


def expand(words: Iterable[str | Path]) -> list[Path]:
    """The files that inputs stand for: a folder for its videos, a pattern (``takes/**/*.mp4``) for all matches.

    A missing file stays in the list, so that it fails by itself and not the whole batch. Raises UserError for a folder
    without videos, and for a pattern without matches.
    """
    found: dict[Path, None] = {}
    for word in map(str, words):
        path = Path(word)
        if path.is_dir():
            files = [file for file in sorted(path.iterdir()) if is_video(file) and file.is_file()]
            if not files:
                raise UserError(f"{path}: no video in this folder; name the files, or a pattern such as {path}/*.npz")
        elif not path.exists() and glob.has_magic(word):
            files = [Path(file) for file in sorted(glob.glob(word, recursive=True)) if Path(file).is_file()]  # noqa: PTH207
            if not files:
                raise UserError(f"{word}: no file matches this pattern; give another one")
        else:
            files = [path]
        found |= dict.fromkeys(files)
    return list(found)


def require_distinct(clips: Sequence[Path]) -> None:
    """Raises UserError if the results of two clips would have the same name."""
    stems = [path.stem for path in clips]
    twins = sorted({stem for stem in stems if stems.count(stem) > 1})
    if twins:
        names = ", ".join(twins[:5])
        raise UserError(f"several inputs are named {names}, as would be their results; use different output folders")


def require_one_each(clips: Sequence[Path], keypoints: str | None) -> None:
    """Raises UserError if several clips would take their 2D keypoints from one path (see :func:`of_clip`)."""
    if len(clips) > 1 and keypoints is not None and "{name}" not in keypoints:
        raise UserError("keypoints must name a different file for each clip; write {name} in place of the clip's name")


def of_clip(pattern: str, clip: Path) -> str:
    """The path of one clip; ``{name}`` in the pattern stands for the clip's name without its suffix."""
    return pattern.replace("{name}", clip.stem)
