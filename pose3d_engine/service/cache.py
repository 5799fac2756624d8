"""What took long to find, kept by what it was found from: an entry is a folder, named after the digest of its key.

Any number of processes may use it at once: an entry appears whole, by a rename, and of two that make the same the
first stays. Nothing in here is needed: what is removed is made again.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path, PurePath
from typing import Any

from ..contract.errors import UserError

FOLDER_VARIABLE = "VIDEO_TO_MOCAP_CACHE"

LIMIT = 1_000_000_000
"""Bytes of all entries; an hour of two people is about 150 MB. What was used longest ago goes first."""

_UNFINISHED = ".new-"
_CHUNKS = ".part-"
_ABANDONED_S = {_UNFINISHED: 24 * 3600.0, _CHUNKS: 14 * 24 * 3600.0}
"""An unfinished entry this old is of a process that was killed; chunks this old, of an analysis that nobody goes on
with."""


def folder() -> Path:
    """Where entries are: VIDEO_TO_MOCAP_CACHE, else the user's cache by the custom of the system. May not exist."""
    given = os.environ.get(FOLDER_VARIABLE)
    if given:
        return Path(given)
    return Path(of_user(sys.platform, os.environ, Path.home())) / "video_to_mocap" / "analyses"


def of_user(platform: str, environment: Mapping[str, str], home: PurePath) -> PurePath:
    """Where a user's caches are on a ``sys.platform``."""
    if platform == "win32":
        given, usual = environment.get("LOCALAPPDATA"), home / "AppData" / "Local"
    elif platform == "darwin":
        given, usual = None, home / "Library" / "Caches"
    else:
        given, usual = environment.get("XDG_CACHE_HOME"), home / ".cache"
    return type(home)(given) if given else usual


def entry(key: dict[str, Any]) -> Path:
    """The folder of the entry for ``key`` (anything that JSON can say), whether it is there or not."""
    digest = hashlib.sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()
    return folder() / digest[:32]


def chunks(path: Path) -> Path:
    """The folder for what is found of the entry ``path`` as it goes; goes away when the entry is made."""
    return path.parent / (_CHUNKS + path.name)


def use(path: Path) -> None:
    """Notes that an entry was used now, so that it is not the next to go."""
    with contextlib.suppress(OSError):
        os.utime(path)


@contextmanager
def making(path: Path) -> Iterator[Path]:
    """Yields an empty folder that becomes the entry ``path`` if the block succeeds; then the cache is trimmed.

    Raises UserError if it cannot be written.
    """
    temporary: Path | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(prefix=_UNFINISHED, dir=path.parent))
        yield temporary
        try:
            temporary.rename(path)
        except OSError:
            # Of two processes that made the same, the other was first.
            if not path.is_dir():
                raise
    except OSError as error:
        raise UserError(
            f"cannot write the cache {path.parent}: {error.strerror or error}; name another folder in {FOLDER_VARIABLE}"
        ) from error
    finally:
        if temporary is not None:
            shutil.rmtree(temporary, ignore_errors=True)
    shutil.rmtree(chunks(path), ignore_errors=True)
    trim(keep=path)


def remove(path: Path) -> None:
    """Takes an entry away, in one step for whoever looks."""
    with contextlib.suppress(OSError):
        gone = Path(tempfile.mkdtemp(prefix=_UNFINISHED, dir=path.parent))
        with contextlib.suppress(OSError):
            path.rename(gone / path.name)
        shutil.rmtree(gone, ignore_errors=True)


def entries() -> list[tuple[Path, int, float]]:
    """Every entry with its bytes and the time of its last use, that used longest ago first."""
    found = []
    with contextlib.suppress(OSError):
        for path in folder().iterdir():
            with contextlib.suppress(OSError):  # another process has just removed it
                if path.is_dir() and not path.name.startswith((_UNFINISHED, _CHUNKS)):
                    size = sum(file.stat().st_size for file in path.rglob("*") if file.is_file())
                    found.append((path, size, path.stat().st_mtime))
    return sorted(found, key=lambda item: item[2])


def trim(keep: Path | None = None, limit: int | None = None) -> None:
    """Removes entries until they fit in ``limit`` bytes (LIMIT), but not ``keep``; and what killed processes left."""
    there = entries()
    over = sum(size for _, size, _ in there) - (LIMIT if limit is None else limit)
    for path, size, _ in there:
        if over <= 0:
            break
        if path != keep:
            remove(path)
            over -= size
    with contextlib.suppress(OSError):
        for prefix, age in _ABANDONED_S.items():
            for path in folder().glob(prefix + "*"):
                if path.stat().st_mtime < time.time() - age:
                    shutil.rmtree(path, ignore_errors=True)


def clear() -> int:
    """Removes every entry, and what was begun; returns how many entries there were."""
    there = entries()
    for path in [*(path for path, _, _ in there), *folder().glob(_CHUNKS + "*")]:
        remove(path)
    return len(there)
