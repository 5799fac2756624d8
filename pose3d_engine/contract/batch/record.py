"""The results of an earlier run of a clip, and its settings: ``CLIP.batch.json`` beside them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from .. import atomic


def path_of(folder: Path, clip: Path) -> Path:
    """The path of a clip's record."""
    return folder / f"{clip.stem}.batch.json"


def finished(
    folder: Path, clip: Path, settings: Mapping[str, Any], sources: Iterable[Path] = ()
) -> list[dict[str, Any]]:
    """The motions of an earlier run: a record each with person, file, frames, warnings, and its ``path``.

    Empty if the run had other ``settings`` (those that differ from the defaults, as JSON can say them), or if a motion
    is missing or older than the clip or one of the ``sources``, further files that it depends on.
    """
    try:
        record = json.loads(path_of(folder, clip).read_text(encoding="utf-8"))
        motions = [{**motion, "path": folder / Path(motion["file"]).name} for motion in record["motions"]]
        same = record["settings"] == dict(settings) and record["video"] == str(clip.resolve())
        if same and all(newer(motion["path"], source) for motion in motions for source in (clip, *sources)):
            return motions
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        pass  # there was no earlier run, or its record is damaged
    return []


def note(folder: Path, clip: Path, settings: Mapping[str, Any], motions: Iterable[Mapping[str, Any]]) -> None:
    """Writes the record, once all motions are made. Raises UserError if it cannot be written."""
    text = json.dumps({"settings": dict(settings), "video": str(clip.resolve()), "motions": list(motions)})
    with atomic.replacing(path_of(folder, clip)) as temporary:
        temporary.write_text(text, encoding="utf-8")


def newer(made: Path, source: Path) -> bool:
    """Whether a result exists and is not older than its source."""
    return made.is_file() and made.stat().st_mtime >= source.stat().st_mtime
