"""The people in every frame of a video, and the camera motion, in chunks that are kept as they are finished.

An analysis that was stopped goes on behind its last finished chunk. Each chunk has a detector of its own, which begins
some frames before it. So a chunk depends on nothing but the video, and a resumed analysis finds the same as any other.
"""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Callable, Generator, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .. import interrupts
from ..contract import arrays as npz
from ..contract.errors import UserError
from ..media import video
from ..progress import Progress
from .base import Detector, FrameDetections
from .camera_motion_2d import CameraMotionEstimator, InterFrameHomography

CHUNK = 3000
"""Frames of a chunk: at most a minute or two of work are lost."""

WARM_UP = 40
"""Frames before its chunk in which a detector finds people: as many as a search of the whole picture takes."""

_PER_FRAME = {"index": (), "times": (), "keyframes": (), "homographies": (3, 3), "counts": ()}
"""The arrays of a chunk's file with a row a frame, and the shape of a row; the others have a row a detected person."""

_EXTRA = "extra_"
"""Prefix of the names of the detector's own arrays in a chunk's file."""


@dataclass(frozen=True)
class AnalysedFrame:
    """The detections in one frame, and its camera motion."""

    index: int  # in the file
    time: float  # seconds
    people: FrameDetections
    camera: InterFrameHomography


class _FrameAnalyser:
    """A detector and the estimator of camera motion, for one chunk."""

    def __init__(self, detector: Detector) -> None:
        self._detector, self._camera = detector, CameraMotionEstimator()

    def analyse(self, row: int, frame: video.Frame) -> AnalysedFrame:
        people = self._detector.detect(frame.image, frame.time)
        return AnalysedFrame(frame.index, frame.time, people, self._camera.estimate(row, frame.image, people.boxes))

    def close(self) -> None:
        with interrupts.deferred():
            self._detector.close()


def detections(
    path: Path,
    span: tuple[float | None, float | None],
    make_detector: Callable[[], Detector],
    folder: Path | None,
    expected_frames: int,
    on_damage: Callable[[str], None],
    progress: Progress,
) -> Iterator[AnalysedFrame]:
    """Every frame of a part of a video, analysed, in order. Raises UserError as :func:`.video.read_frames` does.

    Args:
        span: [start, end) in seconds, None for the video's own.
        folder: Where chunks are kept: read first, written as the analysis goes on; None to keep none. A chunk that
            cannot be read is analysed again, one that cannot be written is not kept.
        expected_frames: For the progress, 0 where unknown.
        on_damage: Gets one line about a damaged video.
        progress: Stages ``resume``, ``seek`` and ``detect``.
    """
    known = 0
    last_indices: deque[int] = deque(maxlen=WARM_UP)
    for known, frame in enumerate(_kept_frames(folder), 1):
        yield frame
        last_indices.append(frame.index)
        progress("resume", known, None)
    # By the index in the file: frames that cannot be converted to pictures have one, but no row.
    pictures_from, first_row = next(iter(last_indices), 0), known - len(last_indices)
    frames = video.read_frames(path, *span, on_damage, pictures_from)
    pictures = _after_seek(frames, pictures_from, first_row, progress)
    with closing(_analysed(pictures, first_row, make_detector, folder)) as rows:
        for row, analysed in rows:
            yield analysed
            progress("detect", row + 1, max(expected_frames, row + 1) if expected_frames else None)


def _after_seek(frames: Iterator[video.Frame], first: int, total: int, progress: Progress) -> Iterator[video.Frame]:
    """The frames from an index on; the others only count for the progress."""
    for number, frame in enumerate(frames, 1):
        if frame.index >= first:
            yield frame
        else:
            progress("seek", min(number, total), total)


def _analysed(
    frames: Iterator[video.Frame], first_row: int, make_detector: Callable[[], Detector], folder: Path | None
) -> Generator[tuple[int, AnalysedFrame], None, None]:
    """Rows and analysed frames from the next chunk on, for which the frames before warm up; keeps finished chunks."""
    chunk: list[AnalysedFrame] = []
    current: _FrameAnalyser | None = None
    warming_up: _FrameAnalyser | None = None
    try:
        for row, frame in enumerate(frames, first_row):
            if row % CHUNK == 0:
                if current is not None:
                    current.close()
                current, warming_up = warming_up or _FrameAnalyser(make_detector()), None
            if row % CHUNK >= CHUNK - WARM_UP:
                warming_up = warming_up or _FrameAnalyser(make_detector())
                warming_up.analyse(row, frame)
            if current is None:
                continue
            chunk.append(current.analyse(row, frame))
            yield row, chunk[-1]
            if len(chunk) == CHUNK:
                if folder is not None:
                    _write(_file(folder, row // CHUNK), chunk)
                chunk = []
    finally:
        for analyser in (current, warming_up):
            if analyser is not None:
                analyser.close()


def _file(folder: Path, number: int) -> Path:
    return folder / f"{number:06d}.npz"


def _write(path: Path, chunk: list[AnalysedFrame]) -> None:
    people = [frame.people for frame in chunk]
    arrays = {
        "index": np.array([frame.index for frame in chunk], np.int32),
        "times": np.array([frame.time for frame in chunk], np.float64),
        "keyframes": np.array([frame.camera.keyframe for frame in chunk], np.int32),
        "homographies": np.array([frame.camera.matrix for frame in chunk], np.float64),
        "counts": np.array([len(one.boxes) for one in people], np.int32),
        "keypoints": np.concatenate([one.keypoints for one in people]),
        "boxes": np.concatenate([one.boxes for one in people]),
    }
    for name in {name for one in people for name in one.extras}:
        # In frames without people a detector may leave its extras out.
        arrays[_EXTRA + name] = np.concatenate([one.extras[name] for one in people if name in one.extras])
    with suppress(UserError):  # the analysis does not need it
        npz.save_npz(path, arrays)


def _kept_frames(folder: Path | None) -> Iterator[AnalysedFrame]:
    """The frames of all chunks up to the first that is missing or damaged."""
    for number in itertools.count():
        chunk = None if folder is None else _read(_file(folder, number))
        if chunk is None:
            return
        yield from chunk


def _read(path: Path) -> list[AnalysedFrame] | None:
    """A kept chunk; None if it is missing or damaged."""
    try:
        arrays = npz.load_npz(path, (*_PER_FRAME, "keypoints", "boxes"), "a part of an analysis")
    except UserError:
        return None
    people = {name: values for name, values in arrays.items() if name not in _PER_FRAME}
    count = int(arrays["counts"].sum())
    is_whole = all(arrays[name].shape == (CHUNK, *shape) for name, shape in _PER_FRAME.items())
    if not is_whole or any(len(values) != count for values in people.values()):
        return None
    ends = np.cumsum(arrays["counts"])
    result = []
    for row, (first, last) in enumerate(zip(ends - arrays["counts"], ends, strict=True)):
        extras = {name[len(_EXTRA) :]: values[first:last] for name, values in people.items() if _EXTRA in name}
        detected = FrameDetections(people["keypoints"][first:last], people["boxes"][first:last], extras)
        camera = InterFrameHomography(int(arrays["keyframes"][row]), arrays["homographies"][row])
        result.append(AnalysedFrame(int(arrays["index"][row]), float(arrays["times"][row]), detected, camera))
    return result
