"""Video files as FFmpeg opens them: their bytes, their picture stream, and how long they are."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import av

from .. import interrupts
from ..contract.errors import UserError, out_of_reach


class ByteSource:
    """The bytes of a file, for FFmpeg, which takes a failed read for the end of the file: the part that was read until
    a drive went away would pass for the whole. This class remembers the first ``fault``.
    """

    def __init__(self, path: Path) -> None:
        # Absolute, so that a colon in a name is not taken for a protocol. FFmpeg has a buffer of its own.
        self.name = str(path.resolve())
        self._stream = Path(self.name).open("rb", buffering=0)  # noqa: SIM115 - closed by close
        self.fault: OSError | None = None

    def read(self, size: int) -> bytes:
        """At most ``size`` bytes; none at the end, and none from the first fault or interrupt on."""
        try:
            return b"" if self.fault or interrupts.pending() else self._stream.read(size) or b""
        except OSError as error:
            self.fault = OSError(error.errno, error.strerror, self.name)
            return b""

    def seek(self, offset: int, whence: int = 0) -> int:
        """Moves as a file does; also beyond its end."""
        try:
            return self._stream.seek(offset, whence)
        except OSError as error:
            # Before the beginning is no fault of the drive: damaged files point there.
            if error.errno != errno.EINVAL:
                self.fault = OSError(error.errno, error.strerror, self.name)
            return -1

    def tell(self) -> int:
        """The position in the file."""
        return self._stream.tell()

    def close(self) -> None:
        """Closes the file."""
        with suppress(OSError):
            self._stream.close()


@contextmanager
def opened(path: Path) -> Iterator[tuple[av.container.InputContainer, av.VideoStream]]:
    """A video's container and its picture stream, closed after the block.

    Raises UserError if the file is missing, is no video, or its drive goes away, also within the block.
    """
    path = Path(path)
    try:
        if path.is_dir():
            raise UserError(f"{path}: is a folder; give the path of a video file")
        if not path.is_file():
            raise UserError(f"File not found: {path}; give the path of a video")
        source = ByteSource(path)
    except OSError as error:
        raise out_of_reach(error) from error
    try:
        # PyAV prints exceptions that are raised while it asks for bytes, and takes the file for ended.
        with interrupts.deferred(), _container(path, source) as container:
            # A picture of the cover is a video stream too.
            cover = av.stream.Disposition.attached_pic
            streams = [stream for stream in container.streams.video if not stream.disposition & cover]
            if not streams:
                raise unreadable(path, "there is no picture in it")
            stream = streams[0]
            if stream.codec_context is None:
                raise unreadable(path, "the way its picture is stored is not known here")
            stream.thread_type = "AUTO"
            yield container, stream
    except UserError as error:
        if source.fault:
            raise out_of_reach(source.fault) from error
        raise
    finally:
        source.close()
    if source.fault:
        raise out_of_reach(source.fault)


def _container(path: Path, source: ByteSource) -> av.container.InputContainer:
    # A playlist that calls itself a video must not make FFmpeg fetch anything from elsewhere.
    options = {"protocol_whitelist": "file"}
    try:
        return av.open(source, "r", options=options, metadata_errors="replace")
    except (av.FFmpegError, OSError) as error:
        reason = "not a video, or cut off before its index" if isinstance(error, ValueError) else str(error)
        raise unreadable(path, reason) from error


def duration_of(container: av.container.InputContainer, stream: av.VideoStream) -> float:
    """Seconds, as the file says; 0 where it does not."""
    if stream.duration and stream.time_base:
        return float(stream.duration * stream.time_base)
    if not container.duration:
        return 0.0
    # Matroska's length is the time at which it ends, wherever it begins.
    skipped = max(0, container.start_time or 0) if "matroska" in container.format.name else 0
    return (container.duration - skipped) / av.time_base


def unreadable(path: Path, why: str) -> UserError:
    """The error of a file that is not a video, or not one that can be read."""
    return UserError(f"{path}: {why}; give a video file that plays, for instance an .mp4 or .mov")
