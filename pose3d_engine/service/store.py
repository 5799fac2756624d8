"""Analyses of clips, each made once: the same clip with the same settings is answered from the cache.

An interrupted analysis continues where it stopped. The command line and the server come here;
:func:`pose3d_engine.pipeline.analyse` makes the analysis, :mod:`.cache` keeps it.
"""

from __future__ import annotations

import functools
import hashlib
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .. import detect, pipeline, weights
from ..contract import atomic, paths, warnings
from ..contract.errors import OutOfReachError, UserError, file_not_found
from ..contract.people_file import People
from ..contract.settings import AnalyseSettings
from ..progress import Progress, silent
from ..show.thumbnails import thumbnail_paths, write_thumbnails
from . import cache
from .diagnosis import installed_version as _version

_PEOPLE = "people.npz"

_BASIS = (
    *("contract/keypoint_orders.py", "contract/skeletons.py", "media"),
    *(f"track/{module}.py" for module in ("absorption", "completeness", "records", "tracker", "tracklets")),
)
_IMPORTED = (*_BASIS, "detect/base.py", "formats", "object_archive.py")

CODE = {
    "detector": (*_BASIS, "detect"),
    "keypoints": _IMPORTED,
    "command": _IMPORTED,
    "edit": ("contract/skeletons.py", "track"),
}
"""Files and folders of the engine that decide the result of an analysis, by its source of 2D, and of an edit.

A change of one makes the entries of that kind obsolete, so no number has to be kept up."""

PACKAGES = {"detector": ("av", "opencv-contrib-python"), "keypoints": ("av",), "command": ("av",), "edit": ()}
"""Packages that decide it, too, beside those of :data:`NETWORK_PACKAGES`."""

NETWORK_PACKAGES = {None: ("mediapipe",), "onnxruntime": ("onnxruntime", "onnxruntime-gpu", "onnxruntime-directml")}
"""Packages that run a detector's networks, by ``detect.Source.module``; those that are installed count."""


@dataclass(frozen=True)
class Kept:
    """An analysis in the cache: its people, their file, and whether it was there before."""

    people: People
    path: Path
    known: bool = False

    def thumbnails(self, video: Path, progress: Progress = silent) -> dict[int, Path]:
        """The PNG of each person by number, made where it is missing. Raises UserError if that fails."""
        pictures = thumbnail_paths(self.people, self.path.parent)
        if not all(path.is_file() for path in pictures.values()):
            write_thumbnails(video, self.people, self.path.parent, progress)
        return pictures


def people_of(video: Path, settings: AnalyseSettings, progress: Progress = silent, kept: bool = True) -> People:
    """The people of a video, from the cache or into it; where ``kept`` is false, analysed anew and not kept.

    A cache that cannot be written costs no work: a warning among the people's says so. Raises UserError as
    ``pipeline.analyse``.
    """
    if not kept:
        return pipeline.analyse(video, settings, progress)
    path = cache.entry(_key(video, settings))
    people = _load(path, video)
    if people is None:
        people = pipeline.analyse(video, settings, progress, cache.chunks(path))
        try:
            _keep(path, people)
        except UserError as error:
            warnings.add(people.meta, warnings.Notice(warnings.NOT_CACHED, str(error)))
    return people


def analysed(video: Path, settings: AnalyseSettings, progress: Progress = silent, again: bool = False) -> Kept:
    """The same as a file in the cache; with ``again`` analysed anew, whatever the cache has.

    Raises UserError as ``pipeline.analyse``, and if the cache cannot be written.
    """
    path = cache.entry(_key(video, settings))
    people = None if again else _load(path, video)
    if people is not None:
        return Kept(people, path / _PEOPLE, known=True)
    atomic.require_writable(path / _PEOPLE)
    people = pipeline.analyse(video, settings, progress, cache.chunks(path))
    cache.remove(path)
    _keep(path, people)
    return Kept(people, path / _PEOPLE)


def derived(source: Path, people: People, edit: dict[str, Any]) -> Kept:
    """Edited people in a cache entry of their own: the ``source``, a file, after an ``edit``, said as JSON can."""
    path = cache.entry({"of": atomic.sha256(source), "how": edit, "engine": _digest("edit")})
    if not (path / _PEOPLE).is_file():
        cache.remove(path)
        _keep(path, people)
    paths.note_clip(path / _PEOPLE, people.meta["video"]["path"])
    cache.use(path)
    return Kept(people, path / _PEOPLE)


def motion_output(people: Path, clip: str) -> Path:
    """The path for a motion that is captured from an analysis: an .npz in a new entry of the cache.

    Every capture gets an entry of its own, because a scene may still use that of an earlier one. The name of the
    ``clip``, without its suffix, becomes that of the character. The entry of ``people`` counts as used now.
    """
    cache.use(people.parent)
    path = cache.folder() / f"motion-{uuid.uuid4().hex[:16]}"
    cache.trim(keep=people.parent)
    return path / f"{Path(clip).name or 'motion'}.npz"


def _keep(path: Path, people: People) -> None:
    with cache.making(path) as folder:
        people.save(folder / _PEOPLE)


def _load(path: Path, video: Path) -> People | None:
    """The people of an entry, None if there is none, or none within reach. A damaged one is removed."""
    try:
        if not (path / _PEOPLE).is_file():
            return None
        people = People.load(path / _PEOPLE)
    except (OSError, OutOfReachError):
        return None
    except UserError:
        cache.remove(path)
        return None
    if people.meta["video"]["path"] != str(video):
        people.meta["video"]["path"] = str(video)
        paths.note_clip(path / _PEOPLE, str(video))
    cache.use(path)
    return people


def _key(video: Path, settings: AnalyseSettings) -> dict[str, Any]:
    """All that an analysis depends on. Raises UserError if the video or the keypoints cannot be read."""
    if settings.detector_command is not None:
        source: dict[str, Any] = {"command": settings.detector_command, "engine": _digest("command")}
    elif settings.keypoints is not None:
        source = {"keypoints": _content(settings.keypoints), "engine": _digest("keypoints")}
    else:
        detector = detect.source(settings.detector)  # by its own name: an alias finds the same people
        source = {
            "detector": detector.name,
            "max_people": settings.max_people,
            "model": [atomic.sha256(path) if path else None for path in map(weights.locate, detector.networks)],
            "engine": _digest("detector", NETWORK_PACKAGES[detector.module]),
        }
    return {"clip": _content(video), "start": settings.start or 0.0, "end": settings.end, **source}


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
    except FileNotFoundError as error:
        raise file_not_found(path, "give the path of a file that is there") from error
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror or error}); give another file") from error


def code_files(kind: str) -> list[Path]:
    """The engine's files of a kind of :data:`CODE`, relative to the engine, in order."""
    root = Path(__file__).parents[1]
    files: set[Path] = set()
    for name in CODE[kind]:
        files |= {root / name} if name.endswith(".py") else set((root / name).rglob("*.py"))
    return sorted(path.relative_to(root) for path in files)


@functools.cache
def _digest(kind: str, networks: tuple[str, ...] = ()) -> str:
    """Stands for the code and the packages that decide the result of a kind of :data:`CODE`."""
    digest = hashlib.sha256()
    for path in code_files(kind):
        digest.update(path.as_posix().encode() + (Path(__file__).parents[1] / path).read_bytes())
    for package in (*PACKAGES[kind], *networks):
        digest.update(f"\0{package} {_version(package)}".encode())
    return digest.hexdigest()
