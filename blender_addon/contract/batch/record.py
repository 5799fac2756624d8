"""What an earlier run has made of a clip, and with which settings: ``CLIP.batch.json`` beside the results."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from .. import atomic


def path_of(folder: Path, clip: Path) -> Path:
    """The record of a clip."""
    return folder / f"{clip.stem}.batch.json"


def finished(
    folder: Path, clip: Path, settings: Mapping[str, Any], sources: Iterable[Path] = ()
) -> list[dict[str, Any]]:
    """The motions that are there: records with person, file, frames and warnings, and ``path``.

    None are there if one is missing, older than the clip or one of the other ``sources``, or if they were made with
    other settings.
    """
    try:
        record = json.loads(path_of(folder, clip).read_text(encoding="utf-8"))
        same = record["settings"] == dict(settings) and record["video"] == str(clip.resolve())
        motions = (
            [{**motion, "path": folder / Path(motion["file"]).name} for motion in record["motions"]] if same else []
        )
        if all(newer(motion["path"], source) for motion in motions for source in (clip, *sources)):
            return motions
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        pass  # there was no earlier run, or its record is damaged
    return []


def note(folder: Path, clip: Path, settings: Mapping[str, Any], motions: Iterable[Mapping[str, Any]]) -> None:
    """Writes the record, once all motions are there. Raises UserError if it cannot be written."""
    text = json.dumps({"settings": dict(settings), "video": str(clip.resolve()), "motions": list(motions)})
    with atomic.replacing(path_of(folder, clip)) as temporary:
        temporary.write_text(text, encoding="utf-8")


def newer(made: Path, source: Path) -> bool:
    """Whether a result is there and not older than what it was made from."""
    return made.is_file() and made.stat().st_mtime >= source.stat().st_mtime
