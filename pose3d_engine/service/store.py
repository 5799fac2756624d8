"""The people of a clip, found once: whoever asks again for the same clip and settings gets what was found then.

An analysis that was stopped goes on where it was. Command line and server come here;
:func:`pose3d_engine.pipeline.analyse` does the finding, :mod:`.cache` the keeping.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import importlib.metadata
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .. import __version__, detect, pipeline, weights
from ..contract import atomic, warnings
from ..contract.errors import OutOfReachError, UserError
from ..contract.people_file import People
from ..pipeline import AnalyseSettings
from ..progress import Progress, silent
from ..show.thumbnails import thumbnail_paths, write_thumbnails
from . import cache

_PEOPLE = "people.npz"

_CODE = (
    "media",
    "detect",
    "track",
    "formats",
)
"""What decides, beside the clip and the settings, who is found: a change of it makes every entry a stranger."""


@dataclass(frozen=True)
class Kept:
    """An analysis that is in the cache: the people, their file, and whether they were there before."""

    people: People
    path: Path
    known: bool = False

    def thumbnails(self, video: Path, progress: Progress = silent) -> dict[int, Path]:
        """A picture of each person, by number; made where one is not there yet. Raises UserError if they cannot be."""
        paths = thumbnail_paths(self.people, self.path.parent)
        if not all(path.is_file() for path in paths.values()):
            write_thumbnails(video, self.people, self.path.parent, progress)
        return paths


def people_of(video: Path, settings: AnalyseSettings, progress: Progress = silent, kept: bool = True) -> People:
    """The people of a video, from the cache or into it; without ``kept`` found anew and not kept.

    Raises UserError as ``pipeline.analyse`` does. A cache that cannot be written is only told, among the warnings.
    """
    if not kept:
        return pipeline.analyse(video, settings, progress)
    path = cache.entry(_key(video, settings))
    people = _there(path, video)
    if people is None:
        people = pipeline.analyse(video, settings, progress, cache.chunks(path))
        try:
            _keep(path, people)
        except UserError as error:
            warnings.add(people.meta, warnings.Notice(warnings.NOT_CACHED, str(error)))
    return people


def analysed(video: Path, settings: AnalyseSettings, progress: Progress = silent, again: bool = False) -> Kept:
    """The same as a file in the cache, for who wants to come back to it. again: found anew, whatever is there.

    Raises UserError also if the cache cannot be written.
    """
    path = cache.entry(_key(video, settings))
    people = None if again else _there(path, video)
    if people is not None:
        return Kept(people, path / _PEOPLE, known=True)
    atomic.require_writable(path / _PEOPLE)
    people = pipeline.analyse(video, settings, progress, cache.chunks(path))
    cache.remove(path)
    _keep(path, people)
    return Kept(people, path / _PEOPLE)


def derived(source: Path, people: People, how: dict[str, Any]) -> Kept:
    """People that were made of the file ``source`` by what ``how`` says, kept in an entry of their own."""
    path = cache.entry({"of": atomic.sha256(source), "how": how, "engine": _engine()})
    if not (path / _PEOPLE).is_file():
        cache.remove(path)
        _keep(path, people)
    cache.use(path)
    return Kept(people, path / _PEOPLE)


def _keep(path: Path, people: People) -> None:
    with cache.making(path) as folder:
        people.save(folder / _PEOPLE)


def _there(path: Path, video: Path) -> People | None:
    """The people of an entry, None if there is none, or none within reach. One that is damaged is removed."""
    try:
        if not (path / _PEOPLE).is_file():
            return None
        people = People.load(path / _PEOPLE)
        # The clip may have been moved since. Who reads the file instead of asking gets its last place.
        if people.meta["video"]["path"] != str(video):
            people.meta["video"]["path"] = str(video)
            people.save(path / _PEOPLE)
    except (OSError, OutOfReachError):
        return None
    except UserError:
        cache.remove(path)
        return None
    cache.use(path)
    return people


def _key(video: Path, settings: AnalyseSettings) -> dict[str, Any]:
    """All that an analysis depends on. Raises UserError if the video or the keypoints cannot be read."""
    source: dict[str, Any]
    if settings.detector_command is not None:
        source = {"command": settings.detector_command}
    elif settings.keypoints is not None:
        source = {"keypoints": _content(settings.keypoints)}
    else:
        source = {"detector": settings.detector, "max_people": settings.max_people, "model": _model(settings.detector)}
    span = {"start": settings.start or 0.0, "end": settings.end}
    return {"clip": _content(video), "engine": _engine(), **source, **span}


def _content(path: Path) -> str:
    """The digest of a file, or of the names and contents of a folder's files."""
    try:
        if not path.is_dir():
            return atomic.sha256(path)
        digest = hashlib.sha256()
        for file in sorted(path.rglob("*")):
            if file.is_file():
                digest.update(f"{file.relative_to(path).as_posix()}\0{atomic.sha256(file)}\0".encode())
        return digest.hexdigest()
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror or error}); give another file") from error


def _model(detector: str) -> list[str | None]:
    """The digests of a detector's weights, None for those that are missing."""
    paths = [weights.present(name) for name in detect.source(detector).networks]
    return [atomic.sha256(path) if path else None for path in paths]


@functools.cache
def _engine() -> str:
    """What stands for the code that finds people: its own text, so that no number has to be remembered."""
    digest = hashlib.sha256(__version__.encode())
    root = Path(__file__).parents[1]
    for name in _CODE:
        for path in sorted((root / name).rglob("*.py")) if (root / name).is_dir() else [root / name]:
            digest.update(path.read_bytes())
    with contextlib.suppress(importlib.metadata.PackageNotFoundError):
        digest.update(importlib.metadata.version("mediapipe").encode())
    return digest.hexdigest()
