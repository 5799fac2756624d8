"""Writes pictures as a film: H.264 in an .mp4 or, where its name says so, a .gif."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.container import OutputContainer

_TIME_BASE = Fraction(1, 90_000)
_GIF_TIME_BASE = Fraction(1, 100)
"""What the format counts in."""


@contextmanager
def writing(path: Path, width: int, height: int, fps: float) -> Iterator[Mp4 | Gif]:
    """Takes pictures of that size (even, pixels), about ``fps`` a second; the file is whole after the block."""
    gif = path.suffix.lower() == ".gif"
    with av.open(str(path), "w", format="gif" if gif else "mp4") as container:
        film = (Gif if gif else Mp4)(container, width, height, fps)
        yield film
        film.close()


class Mp4:
    """Pictures as H.264."""

    def __init__(self, container: OutputContainer, width: int, height: int, fps: float) -> None:
        rate = Fraction(fps).limit_denominator(1001)
        self._container = container
        self._stream = container.add_stream("h264", rate=rate, options={"crf": "20", "preset": "veryfast"})
        self._stream.width, self._stream.height, self._stream.pix_fmt = width, height, "yuv420p"
        self._stream.codec_context.time_base = _TIME_BASE

    def write(self, picture: np.ndarray, seconds: float) -> None:
        """(H,W,3) uint8 RGB, shown from that time on."""
        self._container.mux(self._stream.encode(_frame(picture, seconds, _TIME_BASE)))

    def close(self) -> None:
        """Writes what is still held back."""
        self._container.mux(self._stream.encode(None))


class Gif:
    """Pictures of 256 colours, a palette of its own for each."""

    def __init__(self, container: OutputContainer, width: int, height: int, fps: float) -> None:
        self._container = container
        self._stream = container.add_stream("gif", rate=Fraction(fps).limit_denominator(1001))
        self._stream.width, self._stream.height, self._stream.pix_fmt = width, height, "pal8"
        self._stream.codec_context.time_base = _GIF_TIME_BASE
        self._graph = av.filter.Graph()
        source = self._graph.add_buffer(
            width=width, height=height, format=av.VideoFormat("rgb24"), time_base=_GIF_TIME_BASE
        )
        split = self._graph.add("split")
        palette = self._graph.add("palettegen", "stats_mode=single")
        reduce = self._graph.add("paletteuse", "new=1:dither=bayer:bayer_scale=4")
        source.link_to(split)
        split.link_to(reduce, 0, 0)
        split.link_to(palette, 1, 0)
        palette.link_to(reduce, 0, 1)
        reduce.link_to(self._graph.add("buffersink"))
        self._graph.configure()

    def write(self, picture: np.ndarray, seconds: float) -> None:
        """(H,W,3) uint8 RGB, shown from that time on."""
        self._graph.vpush(_frame(picture, seconds, _GIF_TIME_BASE))
        while True:
            try:
                reduced = self._graph.vpull()
            except (BlockingIOError, av.error.EOFError):
                return  # until the next picture
            self._container.mux(self._stream.encode(reduced))

    def close(self) -> None:
        """See :class:`Mp4`."""
        self._container.mux(self._stream.encode(None))


def _frame(picture: np.ndarray, seconds: float, time_base: Fraction) -> av.VideoFrame:
    frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
    frame.pts, frame.time_base = round(seconds / time_base), time_base
    return frame
