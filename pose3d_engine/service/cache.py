"""Results that take long, kept by the digest of what they depend on: an entry is a folder named after it.

Any number of processes may use the cache at once: an entry appears whole, by a rename, and of two that make the same
one the first stays. Nothing in the cache is needed: what is removed is made again.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from .. import user_folders
from ..contract.errors import UserError

FOLDER_VARIABLE = "VIDEO_TO_MOCAP_CACHE"

LIMIT = 1_000_000_000
"""Bytes of all entries; an hour of two people is about 150 MB. Those used longest ago are removed first."""

_UNFINISHED, _CHUNKS = ".new-", ".part-"
_ABANDONED_S = {_UNFINISHED: 24 * 3600.0, _CHUNKS: 14 * 24 * 3600.0}
"""Seconds after which an unfinished entry is one of a killed process, and nobody continues the analysis of chunks."""


def folder() -> Path:
    """The folder of all entries: VIDEO_TO_MOCAP_CACHE, else in the user's cache folder. It may not exist."""
    chosen = os.environ.get(FOLDER_VARIABLE)
    return Path(chosen) if chosen else user_folders.cache_folder() / "analyses"


def entry(key: dict[str, Any]) -> Path:
    """The folder of the entry for ``key`` (anything that JSON can say), whether it exists or not."""
    digest = hashlib.sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()
    return folder() / digest[:32]


def chunks(path: Path) -> Path:
    """The folder for finished parts of the entry ``path`` while it is made; removed with the making."""
    return path.parent / (_CHUNKS + path.name)


def use(path: Path) -> None:
    """Notes that an entry was used now, so that it is not the next to be removed; no other folder is touched."""
    with contextlib.suppress(OSError):
        if path.parent == folder():
            os.utime(path)


@contextmanager
def making(path: Path) -> Iterator[Path]:
    """Yields an empty folder that becomes the entry ``path`` if the block succeeds; then the cache is trimmed.

    Raises UserError if the cache cannot be written.
    """
    temporary: Path | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(prefix=_UNFINISHED, dir=path.parent))
        yield temporary
        try:
            temporary.rename(path)
        except OSError:
            if not path.is_dir():  # else another process that made the same entry was first
                raise
    except OSError as error:
        reason = error.strerror or error
        raise UserError(f"cannot write the cache {path.parent}: {reason}; set {FOLDER_VARIABLE} to another") from error
    finally:
        if temporary is not None:
            shutil.rmtree(temporary, ignore_errors=True)
    shutil.rmtree(chunks(path), ignore_errors=True)
    trim(keep=path)


def remove(path: Path) -> None:
    """Removes an entry; other processes see all of it or nothing."""
    with contextlib.suppress(OSError):
        removed = Path(tempfile.mkdtemp(prefix=_UNFINISHED, dir=path.parent))
        with contextlib.suppress(OSError):
            path.rename(removed / path.name)
        shutil.rmtree(removed, ignore_errors=True)


def entries() -> list[tuple[Path, int, float]]:
    """Every entry with its bytes and the time of its last use, the one used longest ago first."""
    found = []
    with contextlib.suppress(OSError):
        for path in folder().iterdir():
            with contextlib.suppress(OSError):  # another process has just removed it
                if path.is_dir() and not path.name.startswith((_UNFINISHED, _CHUNKS)):
                    size = sum(file.stat().st_size for file in path.rglob("*") if file.is_file())
                    found.append((path, size, path.stat().st_mtime))
    return sorted(found, key=lambda item: item[2])


def trim(keep: Path | None = None) -> None:
    """Removes entries, but not ``keep``, until the rest fits, and what killed processes left behind."""
    existing = entries()
    excess = sum(size for _, size, _ in existing) - LIMIT
    for path, size, _ in existing:
        if excess <= 0:
            break
        if path != keep:
            remove(path)
            excess -= size
    with contextlib.suppress(OSError):
        for prefix, age in _ABANDONED_S.items():
            for path in folder().glob(prefix + "*"):
                if path.stat().st_mtime < time.time() - age:
                    shutil.rmtree(path, ignore_errors=True)


def clear() -> int:
    """Removes every entry and all unfinished ones; returns how many entries there were."""
    existing = entries()
    for path in [*(path for path, _, _ in existing), *folder().glob(_CHUNKS + "*")]:
        remove(path)
    if not os.environ.get(FOLDER_VARIABLE):
        shutil.rmtree(user_folders.cache_folder() / "motion", ignore_errors=True)  # version 0.1 kept motions there
    return len(existing)
