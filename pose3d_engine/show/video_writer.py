"""Writes pictures as a video: H.264 in an .mp4."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.container import OutputContainer

_TIME_BASE = Fraction(1, 90_000)
"""Seconds: the unit of time stamps."""


@contextmanager
def writing(path: Path, width: int, height: int, fps: float) -> Iterator[VideoWriter]:
    """A video writer; the file is complete after the block.

    Args:
        path: The file.
        width: Of the pictures, pixels, even.
        height: Of the pictures, pixels, even.
        fps: Pictures a second, about: each has its own time.
    """
    with av.open(str(path), "w", format="mp4") as container:
        writer = VideoWriter(container, width, height, fps)
        yield writer
        writer.close()


class VideoWriter:
    """Encodes pictures into a container; see :func:`writing`."""

    def __init__(self, container: OutputContainer, width: int, height: int, fps: float) -> None:
        rate = Fraction(fps).limit_denominator(1001)
        self._container = container
        self._stream = container.add_stream("h264", rate=rate, options={"crf": "20", "preset": "veryfast"})
        self._stream.width, self._stream.height, self._stream.pix_fmt = width, height, "yuv420p"
        self._stream.codec_context.time_base = _TIME_BASE

    def write(self, picture: np.ndarray, seconds: float) -> None:
        """Appends a picture (H,W,3) uint8 RGB, shown from that time on."""
        frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
        frame.pts, frame.time_base = round(seconds / _TIME_BASE), _TIME_BASE
        self._container.mux(self._stream.encode(frame))

    def close(self) -> None:
        """Writes the pictures that the encoder still holds."""
        self._container.mux(self._stream.encode(None))
