"""Where captured motions are kept. What was found in a video is kept by the engine itself."""

from __future__ import annotations

import os
import sys
from pathlib import Path


def folder() -> Path:
    """The user's cache folder for this add-on, by the custom of the system. It may not exist yet."""
    if os.name == "nt":
        base = os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local"
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Caches"
    else:
        base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "video_to_mocap"


def motion_file(people: Path, clip: str) -> Path:
    """The file for the motion that is captured from ``people``; a later capture overwrites it.

    It is called after the ``clip``, as its name becomes that of the character.
    """
    return folder() / "motion" / people.parent.name / f"{clip}.npz"
