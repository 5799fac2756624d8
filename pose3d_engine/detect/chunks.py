"""The people in every frame of a video, and how the picture behind them moves.

In chunks that are kept as they are finished, so that who was stopped goes on. Each chunk is the work of a detector of
its own, which begins some frames before, to know who is there. So it depends on nothing but the video, and an analysis
that was stopped half way finds what one finds that was not.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .. import interrupts
from ..contract import arrays as npz
from ..contract.errors import UserError
from ..detect.base import FrameDetections
from ..media import video
from ..progress import Progress
from . import Detector
from .camera_motion_2d import Background, Step

CHUNK = 3000
"""Frames of a chunk: at most a minute or two of work are lost."""

WARM_UP = 40
"""Frames before its chunk in which a detector finds who is there: as many as a search of the whole picture takes."""

_OF_FRAMES: dict[str, tuple[int, ...]] = {"index": (), "times": (), "keys": (), "homographies": (3, 3), "counts": ()}
"""The arrays of a chunk's file that have a row a frame, and the shape of one; the others have a row a person seen."""

_EXTRA = "extra_"
"""Before the names of the detector's own arrays in a chunk's file."""


@dataclass(frozen=True)
class Seen:
    """One frame: its index in the file, its seconds, what the detector saw, and how the picture behind has moved."""

    index: int
    time: float
    people: FrameDetections
    behind: Step


class _Eyes:
    """A detector and who watches the background, on one chunk."""

    def __init__(self, detector: Detector) -> None:
        self._detector, self._background = detector, Background()

    def look(self, row: int, frame: video.Frame) -> Seen:
        people = self._detector.detect(frame.image, frame.time)
        return Seen(frame.index, frame.time, people, self._background.step(row, frame.image, people.boxes))

    def close(self) -> None:
        with interrupts.deferred():
            self._detector.close()


def seen(
    path: Path,
    span: tuple[float | None, float | None],
    detector: Callable[[], Detector],
    chunks: Path | None,
    total: int,
    damaged: Callable[[str], None],
    progress: Progress,
) -> Iterator[Seen]:
    """The people of every frame in ``span`` ([start, end) seconds), in order.

    detector: makes a new one. chunks: the folder of finished chunks, read first and written as it goes; None to keep
    none. One that cannot be read is found anew, one that cannot be written is left out. total: frames that are
    expected, 0 where unknown. Raises UserError as :func:`.video.read_frames` does.
    """
    known = 0
    for number in itertools.count():
        found = None if chunks is None else _read(_file(chunks, number))
        if found is None:
            break
        for one in found:
            yield one
            known += 1
            progress("resume", known, None)
    current: list[Seen] = []
    here: _Eyes | None = None
    coming: _Eyes | None = None
    try:
        frames = video.read_frames(path, *span, damaged, skip=max(0, known - WARM_UP))
        for row, frame in enumerate(frames):
            if row < known - WARM_UP:
                progress("seek", row + 1, known - WARM_UP)
                continue
            if row % CHUNK == 0:
                if here is not None:
                    here.close()
                here, coming = coming or _Eyes(detector()), None
            if row % CHUNK >= CHUNK - WARM_UP:
                coming = coming or _Eyes(detector())
                coming.look(row, frame)
            if here is None:
                continue
            current.append(here.look(row, frame))
            yield current[-1]
            progress("detect", row + 1, max(total, row + 1) if total else None)
            if len(current) == CHUNK:
                if chunks is not None:
                    with suppress(UserError):  # what is found does not need it
                        _write(_file(chunks, row // CHUNK), current)
                current = []
    finally:
        for used in (here, coming):
            if used is not None:
                used.close()


def _file(folder: Path, number: int) -> Path:
    return folder / f"{number:06d}.npz"


def _write(path: Path, chunk: list[Seen]) -> None:
    names = {name for one in chunk for name in one.people.extras}
    arrays = {
        "index": np.array([one.index for one in chunk], np.int32),
        "times": np.array([one.time for one in chunk], np.float64),
        "keys": np.array([one.behind.key for one in chunk], np.int32),
        "homographies": np.array([one.behind.homography for one in chunk], np.float64),
        "counts": np.array([len(one.people.boxes) for one in chunk], np.int32),
        "keypoints": np.concatenate([one.people.keypoints for one in chunk]),
        "boxes": np.concatenate([one.people.boxes for one in chunk]),
        # Where nobody is, a detector may leave them out.
        **{
            _EXTRA + name: np.concatenate([one.people.extras[name] for one in chunk if name in one.people.extras])
            for name in names
        },
    }
    npz.save_npz(path, arrays)


def _read(path: Path) -> list[Seen] | None:
    """None where there is no chunk, or one that is not whole."""
    try:
        arrays = npz.load_npz(path, (*_OF_FRAMES, "keypoints", "boxes"), "a part of an analysis")
    except UserError:
        return None
    people = {name: values for name, values in arrays.items() if name not in _OF_FRAMES}
    count = int(arrays["counts"].sum())
    whole = all(arrays[name].shape == (CHUNK, *shape) for name, shape in _OF_FRAMES.items())
    if not whole or any(len(values) != count for values in people.values()):
        return None
    ends = np.cumsum(arrays["counts"])
    result = []
    for row, (first, last) in enumerate(zip(ends - arrays["counts"], ends, strict=True)):
        extras = {name[len(_EXTRA) :]: values[first:last] for name, values in people.items() if _EXTRA in name}
        there = FrameDetections(people["keypoints"][first:last], people["boxes"][first:last], extras)
        behind = Step(int(arrays["keys"][row]), arrays["homographies"][row])
        result.append(Seen(int(arrays["index"][row]), float(arrays["times"][row]), there, behind))
    return result
