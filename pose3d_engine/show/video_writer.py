"""Writes pictures as a video: H.264 in an .mp4."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

_TIME_BASE = Fraction(1, 90_000)
"""Seconds: the unit of time stamps."""


@contextmanager
def writing(path: Path, width: int, height: int, fps: float) -> Iterator[Callable[[np.ndarray, float], None]]:
    """A function that appends a picture (H,W,3) uint8 RGB, shown from a time in seconds on, to a video.

    The file is complete after the block. Width and height are even, and ``fps`` is only about right.
    """
    with av.open(str(path), "w", format="mp4") as container:
        rate = Fraction(fps).limit_denominator(1001)
        stream = container.add_stream("h264", rate=rate, options={"crf": "20", "preset": "veryfast"})
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.codec_context.time_base = _TIME_BASE

        def write(picture: np.ndarray, seconds: float) -> None:
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts, frame.time_base = round(seconds / _TIME_BASE), _TIME_BASE
            container.mux(stream.encode(frame))

        yield write
        container.mux(stream.encode(None))  # the pictures that the encoder still holds
