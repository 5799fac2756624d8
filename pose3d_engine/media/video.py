"""Video files: their facts, and their frames one after the other as they are displayed.

Frames are streamed: at most a few decoded pictures exist at a time, whatever the length of the clip.
"""

from __future__ import annotations

import errno
import logging
import math
import queue
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import av
import cv2
import numpy as np

from .. import interrupts
from ..contract.errors import UserError, out_of_reach
from ..contract.people_file import VideoInfo

Item = TypeVar("Item")

_log = logging.getLogger(__name__)

_FALLBACK_RATE = 30.0
_PREFETCHED = 2
"""Decoded frames that wait for the consumer: enough to overlap the two, little enough for 8K pictures."""

_PARTING_S = 2.0
"""Seconds for which a reader that is not wanted any more is waited for."""

_OPTIONS = {"protocol_whitelist": "file"}
"""A playlist that calls itself a video must not make FFmpeg fetch anything from elsewhere."""

_NO_PICTURE = np.zeros((0, 0, 3), np.uint8)

cv2.setNumThreads(1)
"""For the whole engine: a frame's pictures are small, and OpenCV's threads wait for the next one by spinning, which
keeps a core busy all along (docs/technical-director/batch.md)."""

_TURNS = {90: cv2.ROTATE_90_CLOCKWISE, 180: cv2.ROTATE_180, 270: cv2.ROTATE_90_COUNTERCLOCKWISE}


@dataclass(frozen=True)
class Frame:
    """One displayed picture.

    index: 0 is the first frame of the file, also when only a part of it is read. time: seconds of presentation
    since that frame. image: (height, width, 3) uint8 RGB, contiguous, turned as the rotation tag says; (0, 0, 3) of a
    frame that was to be skipped.
    """

    index: int
    time: float
    image: np.ndarray


def probe(path: Path) -> VideoInfo:
    """The facts of a video; decodes one frame, because only decoding tells whether and how it can be shown.

    Raises UserError if the file is missing or no video can be read from it.
    """
    with _opened(path) as (container, stream):
        frame = next(_decoded(container, stream, damaged=lambda: None), None)
        if frame is None:
            raise _unreadable(path, "no frame in it can be decoded")
        rotation = _clockwise(frame)
        width, height = _displayed_size(frame, stream)
        if rotation in (90, 270):
            width, height = height, width
        duration = _duration(container, stream)
        rate = stream.average_rate or stream.guessed_rate
        fps = float(rate) if rate else (stream.frames / duration if duration else 0.0)
        fps = fps or _FALLBACK_RATE
        return VideoInfo(
            path=str(path),
            width=width,
            height=height,
            fps=fps,
            duration=duration,
            frames=stream.frames or round(duration * fps),
            rotation=rotation,
        )


def require_range(start: float | None, end: float | None) -> None:
    """Raises UserError unless [start, end) is a range of seconds; None is the video's own start or end."""
    if start is not None and not 0 <= start < math.inf:
        raise UserError(f"start is {start:g} s; give 0 or more")
    if end is not None and not end > (start or 0.0):
        raise UserError(f"end is {end:g} s, not after the start at {start or 0:g} s; give a later end")


def read_frames(
    path: Path,
    start: float | None = None,
    end: float | None = None,
    warn: Callable[[str], None] = _log.warning,
    skip: int = 0,
) -> Iterator[Frame]:
    """Frames whose time lies in [start, end) seconds, in the order of presentation.

    Times come from the file's timestamps (the rate may vary); they strictly increase. The next frames are
    decoded in a thread while the caller works on one. A damaged file gives what can be read of it, and ``warn``
    gets one line about it. Raises UserError if the file is missing, is no video, has no frame that can be decoded,
    has none in the wanted range, or is cut off within it: before the first frame, so that nobody waits in vain.
    skip: so many frames of the range come first without their pictures, for who goes on in the middle: decoded all the
    same, because only counting from the beginning gives every frame of every file its right number.
    """
    require_range(start, end)
    # Not a generator itself, so that a wrong path is reported by the call and not by the first frame.
    _require_whole(path, end)
    return _prefetched(_frames(path, start or 0.0, end, warn, skip), _PREFETCHED)


def _frames(path: Path, start: float, end: float | None, warn: Callable[[str], None], skip: int) -> Iterator[Frame]:
    faults = 0

    def damaged() -> None:
        nonlocal faults
        faults += 1

    with _opened(path) as (container, stream):
        rate = stream.average_rate or stream.guessed_rate
        step = 1.0 / float(rate) if rate else 1.0 / _FALLBACK_RATE
        origin: float | None = None
        time, index, given, ended = -step, -1, 0, False
        size: tuple[int, int] | None = None
        for index, decoded in enumerate(_decoded(container, stream, damaged)):
            # One picture for the whole clip: places in it are counted in its pixels, whatever a stream does later on.
            size = size or _displayed_size(decoded, stream)
            if decoded.pts is None or decoded.time_base is None:
                time += step
            else:
                stamp = float(decoded.pts * decoded.time_base)
                if origin is None:
                    origin = stamp - max(time + step, 0.0)
                # Equal or backward stamps occur in files that were cut or concatenated carelessly.
                time = max(stamp - origin, time + min(1e-3, step) if index else 0.0)
            if end is not None and time >= end:
                ended = True
                break
            if time < start:
                continue
            try:
                image = _NO_PICTURE if given < skip else _picture(decoded, size)
            except av.FFmpegError:
                damaged()  # it claims to be of a kind that does not exist
                continue
            given += 1
            yield Frame(index, time, image)
        duration = _duration(container, stream)
        if index < 0 or (faults and not given and time >= start):
            raise _unreadable(path, "no frame in it can be decoded")
        # Containers round durations, and sound may outlast the picture a little.
        short = not ended and time + step < duration - max(1.0, 0.02 * duration)
        if faults or short:
            warn(
                f"{path}: the file is damaged or cut off; used the {index + 1} frames ({time + step:.2f} s) "
                f"that can be read" + (f" of about {duration:.2f} s" if short else "")
            )
        if not given:
            raise UserError(
                f"{path}: no frame at or after {start:g} s; the video ends at {time + step:.2f} s, "
                "choose an earlier start"
            )


def _decoded(
    container: av.container.InputContainer, stream: av.VideoStream, damaged: Callable[[], None]
) -> Iterator[av.VideoFrame]:
    """All frames that can be decoded; calls ``damaged`` for each piece that cannot."""
    packets = container.demux(stream)
    while True:
        try:
            packet = next(packets, None)
        except av.FFmpegError:
            # The container itself breaks off; the decoder may still hold frames.
            damaged()
            packet = None
        try:
            frames = packet.decode() if packet is not None else stream.codec_context.decode(None)
        except EOFError:
            return  # flushed before
        except av.FFmpegError:
            damaged()
            frames = []
        yield from frames
        if packet is None:
            return


def _picture(frame: av.VideoFrame, size: tuple[int, int]) -> np.ndarray:
    image = frame.to_ndarray(format="rgb24", width=size[0], height=size[1])
    turn = _TURNS.get(_clockwise(frame))
    if turn is not None:
        return cv2.rotate(image, turn)
    # FFmpeg pads rows; MediaPipe ignores strides and would then see nobody.
    return np.ascontiguousarray(image)


def _clockwise(frame: av.VideoFrame) -> int:
    """Clockwise degrees by which the stored picture is turned for display; the tag counts the other way."""
    return round(-frame.rotation / 90) * 90 % 360


def _displayed_size(frame: av.VideoFrame, stream: av.VideoStream) -> tuple[int, int]:
    """Width and height before the rotation, with square pixels (HDV and DV store narrower ones)."""
    ratio = stream.sample_aspect_ratio
    if not ratio or ratio == 1 or not 0.25 <= ratio <= 4:
        return frame.width, frame.height
    return round(frame.width * ratio), frame.height


def _duration(container: av.container.InputContainer, stream: av.VideoStream) -> float:
    if stream.duration and stream.time_base:
        return float(stream.duration * stream.time_base)
    if not container.duration:
        return 0.0
    # Matroska's length is the time at which it ends, wherever it begins.
    skipped = max(0, container.start_time or 0) if "matroska" in container.format.name else 0
    return (container.duration - skipped) / av.time_base


def _require_file(path: Path) -> None:
    path = Path(path)
    try:
        if path.is_dir():
            raise UserError(f"{path}: is a folder; give the path of a video file")
        if not path.is_file():
            raise UserError(f"{path}: no such file; give the path of a video")
    except OSError as error:
        raise out_of_reach(error) from error


def _require_whole(path: Path, end: float | None) -> None:
    """Looks at the end of the wanted range; raises UserError if the file breaks off a second or more before it."""
    with _opened(path) as (container, stream):
        duration = _duration(container, stream)
        if stream.time_base is None or duration < 2.0:
            return
        first = stream.start_time or 0
        wanted = duration if end is None else min(end, duration)
        try:
            container.seek(first + int((wanted - 1.0) / stream.time_base), stream=stream)
            last = _last_time(container, stream, first)
            if last is None or last < wanted - 1.0:
                # Some containers seek beyond what is there; only reading from the beginning is certain then.
                container.seek(first, stream=stream)
                last = _last_time(container, stream, first)
        except av.FFmpegError:
            return  # a stream that cannot be searched; what is damaged shows in reading
    # Containers round durations, and sound may outlast the picture a little.
    if last is not None and last < wanted - max(1.0, 0.02 * duration):
        raise UserError(
            f"{path}: cut off after {last:.2f} s of {duration:.2f} s; copy it again, or capture what is there with an "
            f"end of {last:.1f} s"
        )


def _last_time(container: av.container.InputContainer, stream: av.VideoStream, first: int) -> float | None:
    """Seconds at which the last packet from here on ends; None if there is none. Decodes nothing."""
    latest = None
    try:
        for packet in container.demux(stream):
            if packet.pts is not None and packet.size and stream.time_base is not None:
                ends = float((packet.pts - first + (packet.duration or 0)) * stream.time_base)
                latest = ends if latest is None else max(latest, ends)
    except av.FFmpegError:
        pass  # it ends here
    return latest


def _unreadable(path: Path, why: str) -> UserError:
    return UserError(f"{path}: {why}; give a video file that plays, for instance an .mp4 or .mov")


class _Source:
    """The bytes of a file, for FFmpeg, which would take a drive that goes away for the end of the file: what was read
    until then would pass for all that there is. Here it is remembered that reading failed."""

    def __init__(self, path: Path) -> None:
        # Absolute, so that a colon in a name is not taken for a protocol. FFmpeg has a buffer of its own.
        self.name = str(Path(path).resolve())
        self._stream = Path(self.name).open("rb", buffering=0)  # noqa: SIM115 - closed by close
        self.fault: OSError | None = None

    @interrupts.holds
    def read(self, size: int) -> bytes:
        """So many bytes at most; none at the end, and from the first fault or interrupt on."""
        try:
            return b"" if self.fault or interrupts.held() else self._stream.read(size) or b""
        except OSError as error:
            self._failed(error)
            return b""

    @interrupts.holds
    def seek(self, offset: int, whence: int = 0) -> int:
        """As of a file; also beyond its end."""
        try:
            return self._stream.seek(offset, whence)
        except OSError as error:
            # Before the beginning is no fault of the drive: damaged files point there.
            if error.errno != errno.EINVAL:
                self._failed(error)
            return -1

    @interrupts.holds
    def tell(self) -> int:
        """As of a file."""
        return self._stream.tell()

    def close(self) -> None:
        with suppress(OSError):
            self._stream.close()

    def _failed(self, error: OSError) -> None:
        self.fault = OSError(error.errno, error.strerror, self.name)


@contextmanager
def _opened(path: Path) -> Iterator[tuple[av.container.InputContainer, av.VideoStream]]:
    _require_file(path)
    try:
        source = _Source(path)
    except OSError as error:
        raise out_of_reach(error) from error
    try:
        with _container(path, source) as container:
            # A picture of the cover is a video stream too.
            cover = av.stream.Disposition.attached_pic
            streams = [stream for stream in container.streams.video if not stream.disposition & cover]
            if not streams:
                raise _unreadable(path, "there is no picture in it")
            stream = streams[0]
            if stream.codec_context is None:
                raise _unreadable(path, "the way its picture is stored is not known here")
            stream.thread_type = "AUTO"
            yield container, stream
    except UserError as error:
        if source.fault:
            raise out_of_reach(source.fault) from error
        raise
    finally:
        source.close()
        interrupts.raise_held()
    if source.fault:
        raise out_of_reach(source.fault)


def _container(path: Path, source: _Source) -> av.container.InputContainer:
    try:
        return av.open(source, "r", options=_OPTIONS, metadata_errors="replace")
    except (av.FFmpegError, OSError) as error:
        reason = "not a video, or cut off before its index" if isinstance(error, ValueError) else str(error)
        raise _unreadable(path, reason) from error


def _prefetched(items: Iterator[Item], depth: int) -> Iterator[Item]:
    """The same items, made in a thread up to ``depth`` ahead of the consumer; errors arrive in their place."""
    ready: queue.Queue[tuple[Item | None, BaseException | None]] = queue.Queue(depth)
    stop = threading.Event()

    def put(item: Item | None, error: BaseException | None = None) -> None:
        while not stop.is_set():
            with suppress(queue.Full):
                ready.put((item, error), timeout=0.1)
                return

    def work() -> None:
        try:
            for item in items:
                put(item)
                if stop.is_set():
                    return
            put(None)
        except BaseException as error:  # noqa: BLE001 - handed over to the consumer, whatever it is
            put(None, error)
        finally:
            items.close()  # type: ignore[attr-defined]

    thread = threading.Thread(target=work, name="video", daemon=True)
    thread.start()
    try:
        while True:
            item, error = ready.get()
            if error is not None:
                raise error
            if item is None:
                return
            yield item
    finally:
        stop.set()
        # Who stops half way must not wait for a network share that does not answer.
        thread.join(_PARTING_S)
