"""The video behind the scene is that of the same moment, whatever rate the scene has."""

from __future__ import annotations

import json
import math
from pathlib import Path

import av
import numpy as np

from tests.ui import launch

RATE, FRAMES, SIZE, BITS = 25, 100, (320, 180), 8


def numbered(path: Path) -> None:
    """A film whose frames say their numbers: a row of fields, white where the bit is set, the lowest on the left."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=RATE, options={"crf": "10", "bf": "2"})
        stream.width, stream.height = SIZE
        stream.pix_fmt = "yuv420p"
        for number in range(FRAMES):
            bits = np.array([255 if number >> bit & 1 else 0 for bit in range(BITS)], np.uint8)
            row = np.repeat(bits, SIZE[0] // BITS)
            picture = np.ascontiguousarray(np.broadcast_to(row[None, :, None], (SIZE[1], SIZE[0], 3)))
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode(None))


def test_the_video_behind_the_scene_is_in_step(root: Path, tmp_path: Path) -> None:
    video, report = tmp_path / "numbers.mp4", tmp_path / "seen.json"
    numbered(video)
    launch.drive("background.py", [root, video, RATE, FRAMES, report], tmp_path / "home", size=(640, 480))
    seen = json.loads(report.read_text())
    assert len(seen) == 1 + 3 * 7 + 1
    for rate, how, frame, number in seen:
        wanted = min(max(math.floor((frame - 1) * RATE / rate + 0.01), 0), FRAMES - 1)
        assert number == wanted, (rate, how, frame)
