"""Where the engine's results are kept, so that what was found in a video is never looked for twice."""

from __future__ import annotations

import hashlib
import json
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Person:
    """One of the people of a video. Times in seconds of the video, ``coverage`` 0..1 of the analysed range."""

    number: int
    first: float
    last: float
    seen: float
    coverage: float


def folder() -> Path:
    """The user's cache folder for this add-on, by the custom of the system. It may not exist yet."""
    if os.name == "nt":
        base = os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local"
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Caches"
    else:
        base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "video_to_mocap"


def people_file(video: Path, settings: Mapping[str, Any], version: str) -> Path:
    """The file of the people found in ``video``: one for every content of the file, settings and version.

    Raises OSError if the video cannot be looked at.
    """
    video = video.resolve()
    state = video.stat()
    key = json.dumps([str(video), state.st_size, state.st_mtime_ns, dict(settings), version], sort_keys=True)
    return folder() / "people" / f"{hashlib.sha256(key.encode()).hexdigest()[:32]}.npz"


def motion_file(people: Path, clip: str) -> Path:
    """The file for the motion that is captured from ``people``; a later capture overwrites it.

    It is called after the ``clip``, as its name becomes that of the character.
    """
    return people.parent.parent / "motion" / people.stem / f"{clip}.npz"


def read_people(path: Path) -> list[Person]:
    """The people of a PEOPLE.npz, largest first. Raises ValueError if it is none."""
    import zipfile  # not at the top, like numpy: enabling the add-on must not wait for them

    import numpy as np

    try:
        with np.load(path, allow_pickle=False) as archive:
            times, meta = archive["times"].astype(float), json.loads(str(archive["meta"][()]))
            frames = [int(frame) for frame in archive["frames"]]
        rows = {frame: row for row, frame in enumerate(frames)}
        span = float(times[-1] - times[0]) * len(times) / max(len(times) - 1, 1) if len(times) else 0.0
        return [
            Person(
                number=int(person["person"]),
                first=float(times[rows[int(person["first"])]]),
                last=float(times[rows[int(person["last"])]]),
                seen=float(person["coverage"]) * span,
                coverage=float(person["coverage"]),
            )
            for person in meta["people"]
        ]
    except (OSError, EOFError, LookupError, TypeError, ValueError, zipfile.BadZipFile) as error:
        raise ValueError(f"{path} is not a file of people: {error}") from error
