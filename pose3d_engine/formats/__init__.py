"""2D keypoints that other programs wrote, recognised by their content. See docs/technical-director/keypoints.md.

The reader of each family of formats says who is where in which frame, or raises UserError for content that is damaged
or makes no sense; :mod:`.detections` makes people of that.
"""

from __future__ import annotations

import zipfile
from pathlib import Path

from ..contract import arrays as npz
from ..contract.errors import UserError, file_not_found
from ..contract.people_file import People
from . import alphapose, lighttrack, mmpose, openpose, videopose3d
from .detections import FileDetections, to_people
from .json_files import load


def read(path: Path, width: float | None = None, height: float | None = None, fps: float | None = None) -> People:
    """The people in the results of another program: a file, or a folder with one file for each frame.

    ``width``, ``height`` (pixels) and ``fps`` are those of the video, which most formats do not say.

    Raises:
        UserError: For files of an unknown format, or whose content is damaged or makes no sense.
    """
    return to_people(path, _detections(path), width, height, fps)


def is_archive_of_others(path: Path) -> bool:
    """Whether an .npz is another program's."""
    return videopose3d.is_videopose3d(_arrays(path))


def _arrays(path: Path) -> set[str]:
    """Names of the arrays of an .npz; none for any other file."""
    try:
        with zipfile.ZipFile(path) as archive:
            return {name.removesuffix(".npy") for name in archive.namelist()}
    except npz.DAMAGE:
        return set()


def _detections(path: Path) -> FileDetections:
    if path.is_dir():
        result = _result_in(path)
        return openpose.read(result) if result.is_dir() else _detections(result)
    if not path.is_file():
        raise file_not_found(path, "give the results of a pose program")
    arrays = _arrays(path)
    if videopose3d.is_videopose3d(arrays):
        return videopose3d.read(path, arrays)
    if arrays:
        raise UserError(f"{path}: an .npz without positions_2d or keypoints2d; give keypoints")
    content = load(path)
    for recognise, reader in (
        (lighttrack.is_lighttrack, lighttrack.read),
        (mmpose.is_mmpose, mmpose.read),
        (alphapose.is_list, alphapose.read_list),
        (alphapose.is_pictures, alphapose.read_pictures),
        (alphapose.is_poseflow, alphapose.read_poseflow),
    ):
        if recognise(content):
            return reader(path, content)
    if openpose.is_frame(content):
        raise UserError(f"{path}: only one frame; give the folder {path.parent} with the files of all frames")
    if not content:
        raise UserError(f"{path}: no people in it; check the program that wrote it")
    raise UserError(f"{path}: unknown format; docs/technical-director/keypoints.md lists the formats that are read")


def _result_in(folder: Path) -> Path:
    """The file of results in a program's output folder, or the folder with one file for each frame."""
    for pattern in ("alphapose-results.json", "*.json", "*.npz"):
        found = sorted(folder.glob(pattern))
        if len(found) == 1 and not (found[0].suffix == ".json" and openpose.is_frame(load(found[0]))):
            return found[0]
        if found:
            return folder
    inner = sorted(path for path in folder.iterdir() if path.is_dir() and any(path.rglob("*.json")))
    if len(inner) > 1:
        names = ", ".join(path.name for path in inner[:3])
        raise UserError(f"{folder}: several folders in it have results ({names}); give one of them")
    return _result_in(inner[0]) if inner else folder
