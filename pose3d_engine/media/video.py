"""Video files: their facts, and their frames as displayed, one after the other: a few pictures exist at a time."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import av
import cv2
import numpy as np
from av.container import InputContainer

from ..contract.errors import UserError
from ..contract.people_file import VideoInfo
from .container import duration_of, opened, unreadable
from .prefetch import prefetched

_log = logging.getLogger(__name__)

_FALLBACK_RATE = 30.0
"""Frames per second of a file that does not say its rate."""

cv2.setNumThreads(1)
"""For the whole engine: pictures are small, and OpenCV's threads wait for the next one by spinning, which keeps a core
busy (docs/technical-director/batch.md)."""

_ROTATIONS = {90: cv2.ROTATE_90_CLOCKWISE, 180: cv2.ROTATE_180, 270: cv2.ROTATE_90_COUNTERCLOCKWISE}


@dataclass(frozen=True)
class Frame:
    """One displayed picture."""

    index: int  # in the file, from 0, also when only a part of it is read
    time: float  # seconds of presentation since frame 0
    image: np.ndarray  # (H,W,3) uint8 RGB, contiguous, rotated for display; (0,0,3) where no picture was wanted


def probe(path: Path) -> VideoInfo:
    """The facts of a video. Raises UserError if no frame can be decoded: only that shows how it is displayed."""
    with opened(path) as (container, stream):
        frame = next(_decoded(container, stream, []), None)
        if frame is None:
            raise unreadable(path, "no frame in it can be decoded")
        rotation = _clockwise(frame)
        size = _displayed_size(frame, stream)
        width, height = size[::-1] if rotation in (90, 270) else size
        duration = duration_of(container, stream)
        rate = stream.average_rate or stream.guessed_rate
        fps = float(rate or (stream.frames / duration if duration else 0)) or _FALLBACK_RATE
        return VideoInfo(str(path), width, height, fps, duration, stream.frames or round(duration * fps), rotation)


def require_range(start: float | None, end: float | None) -> None:
    """Raises UserError if seconds are no range [start, end); None is the video's own start or end."""
    if start is not None and not 0 <= start < math.inf:
        raise UserError(f"start is {start:g} s; give 0 or more")
    if end is not None and not end > (start or 0.0):
        raise UserError(f"end is {end:g} s, not after the start at {start or 0:g} s; give a later end")


def read_frames(
    path: Path,
    start: float | None = None,
    end: float | None = None,
    warn: Callable[[str], None] = _log.warning,
    pictures_from: int = 0,
) -> Iterator[Frame]:
    """Frames in the order of presentation, decoded ahead in a thread. Their times strictly increase.

    A frame that decodes but cannot be converted to a picture is left out.

    Args:
        start: Seconds, None for the video's own start.
        end: Seconds before which the last frame lies, None for the video's own end.
        warn: Gets one line about a damaged file, of which as much is read as can be.
        pictures_from: Frames with a lower index come without their pictures, for callers that resume an analysis. They
            are decoded all the same: only counting from the beginning gives every frame of every file its right index.

    Raises:
        UserError: If the file is missing, is no video, has no frame that can be decoded, has none in the range, or is
            cut off within it; by this call and not by the first frame where that is possible.
    """
    require_range(start, end)
    _require_whole(path, end)
    # Two frames that wait overlap decoding with the caller's work, and are little enough for 8K pictures.
    return prefetched(_frames(path, start or 0.0, end, warn, pictures_from), depth=2)


class _Clock:
    """Presentation times of the decoded frames of a stream, in seconds since the first; they strictly increase."""

    def __init__(self, stream: av.VideoStream) -> None:
        self.step = 1.0 / float(stream.average_rate or stream.guessed_rate or _FALLBACK_RATE)
        self.time = -self.step
        self._origin: float | None = None

    @property
    def end(self) -> float:
        """Seconds at which the last frame ends."""
        return self.time + self.step

    def advance(self, frame: av.VideoFrame) -> float:
        """The time of the next frame."""
        if frame.pts is None or frame.time_base is None:
            self.time = self.end
            return self.time
        stamp = float(frame.pts * frame.time_base)
        if self._origin is None:
            self._origin = stamp - max(self.end, 0.0)
        # Equal or backward stamps occur in files that were cut or concatenated carelessly: a millisecond at least.
        earliest = 0.0 if self.time < 0 else self.time + min(1e-3, self.step)
        self.time = max(stamp - self._origin, earliest)
        return self.time


def _frames(
    path: Path, start: float, end: float | None, warn: Callable[[str], None], pictures_from: int
) -> Iterator[Frame]:
    faults: list[Exception] = []
    with opened(path) as (container, stream):
        clock = _Clock(stream)
        index, given, reached_end = -1, 0, False
        size: tuple[int, int] | None = None
        for index, decoded in enumerate(_decoded(container, stream, faults)):
            # One size for the whole clip: coordinates are in its pixels, even if a stream changes its size later.
            size = size or _displayed_size(decoded, stream)
            time = clock.advance(decoded)
            if end is not None and time >= end:
                reached_end = True
                break
            if time < start:
                continue
            try:
                image = _picture(decoded, size) if index >= pictures_from else np.zeros((0, 0, 3), np.uint8)
            except av.FFmpegError as error:
                faults.append(error)  # the frame claims a pixel format that does not exist
                continue
            given += 1
            yield Frame(index, time, image)
        if index < 0 or (faults and not given and clock.time >= start):
            raise unreadable(path, "no frame in it can be decoded")
        duration = duration_of(container, stream)
        is_short = not reached_end and clock.end < duration - _slack(duration)
        if faults or is_short:
            used = f"used the {index + 1} frames ({clock.end:.2f} s) that can be read"
            of = f" of about {duration:.2f} s" if is_short else ""
            warn(f"{path}: the file is damaged or cut off; {used}{of}")
        if not given:
            ends = f"the video ends at {clock.end:.2f} s, choose an earlier start"
            raise UserError(f"{path}: no frame at or after {start:g} s; {ends}")


def _decoded(container: InputContainer, stream: av.VideoStream, faults: list[Exception]) -> Iterator[av.VideoFrame]:
    """All frames that can be decoded; adds the errors of packets that cannot."""
    packets = container.demux(stream)
    packet: av.Packet | None
    while True:
        try:
            packet = next(packets, None)
        except av.FFmpegError as error:
            faults.append(error)
            packet = None  # the container itself breaks off; the decoder may still hold frames
        try:
            yield from packet.decode() if packet is not None else stream.codec_context.decode(None)
        except EOFError:
            return  # flushed before
        except av.FFmpegError as error:
            faults.append(error)
        if packet is None:
            return


def _picture(frame: av.VideoFrame, size: tuple[int, int]) -> np.ndarray:
    """(H,W,3) uint8 RGB of a decoded frame as it is displayed; ``size`` is its width and height before rotation."""
    image = frame.to_ndarray(format="rgb24", width=size[0], height=size[1])
    if rotation := _clockwise(frame):
        return cv2.rotate(image, _ROTATIONS[rotation])
    # FFmpeg pads rows; MediaPipe ignores strides and would then detect nobody.
    return np.ascontiguousarray(image)


def _clockwise(frame: av.VideoFrame) -> int:
    """Clockwise degrees by which the stored picture is rotated for display; the tag counts the other way."""
    return round(-frame.rotation / 90) * 90 % 360


def _displayed_size(frame: av.VideoFrame, stream: av.VideoStream) -> tuple[int, int]:
    """Width and height before the rotation, with square pixels (HDV and DV store narrower ones)."""
    ratio = stream.sample_aspect_ratio
    return round(frame.width * ratio) if ratio and 0.25 <= ratio <= 4 else frame.width, frame.height


def _slack(duration: float) -> float:
    """Seconds by which a stream may be shorter than its file says: durations are rounded, and sound outlasts it."""
    return max(1.0, 0.02 * duration)


def _require_whole(path: Path, end: float | None) -> None:
    """Raises UserError if the file breaks off a second or more before the end of the wanted range."""
    with opened(path) as (container, stream):
        duration = duration_of(container, stream)
        if stream.time_base is None or duration < 2.0:
            return
        first = stream.start_time or 0
        wanted = duration if end is None else min(end, duration)
        try:
            # Some containers seek beyond their last packet; only reading from the beginning is certain then.
            for place in (first + int((wanted - 1.0) / stream.time_base), first):
                container.seek(place, stream=stream)
                last = _last_time(container, stream, first)
                if last >= wanted - 1.0:
                    return
        except av.FFmpegError:
            return  # a stream that cannot be searched; damage shows in reading
    if -math.inf < last < wanted - _slack(duration):
        remedy = f"copy it again, or capture the part before with an end of {last:.1f} s"
        raise UserError(f"{path}: cut off after {last:.2f} s of {duration:.2f} s; {remedy}")


def _last_time(container: InputContainer, stream: av.VideoStream, first: int) -> float:
    """Seconds at which the last packet from here on ends; -inf if there is none. Decodes nothing."""
    latest = -math.inf
    with suppress(av.FFmpegError):  # the container breaks off
        for packet in container.demux(stream):
            if packet.pts is not None and packet.size and stream.time_base is not None:
                latest = max(latest, float((packet.pts - first + (packet.duration or 0)) * stream.time_base))
    return latest
