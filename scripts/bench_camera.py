"""How well a moving camera is taken out of the path: real clips seen through a window that pans and shakes over them.

A window that moves over the picture of a still camera sees about what a camera sees that turns. The path through it is
compared with that of a window as large that stands still, as is the path if the camera is taken for still.
"""

from __future__ import annotations

import math
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import bench
import demo_clip
import numpy as np

SHARE = 0.7
"""Of the picture that the window shows, in width and height."""

MOVES = ("still", "pan", "hand-held")


class Found(NamedTuple):
    """A path through one window: turns in degrees, Hip (T,3) metres from where it starts, and what a frame costs."""

    turns: float
    path: np.ndarray
    cost: float


def window(source: Path, move: str, target: Path) -> None:
    """Writes what the window sees."""
    import av

    with av.open(str(source)) as reading, av.open(str(target), "w") as writing:
        stream = reading.streams.video[0]
        width, height = (int(side * SHARE) // 2 * 2 for side in (stream.width, stream.height))
        rate = stream.average_rate or 30
        encoding = writing.add_stream("libx264", rate=rate, options={"preset": "veryfast", "crf": "18"})
        encoding.width, encoding.height, encoding.pix_fmt = width, height, "yuv420p"
        room = np.array([stream.width - width, stream.height - height]) / 2
        for number, frame in enumerate(reading.decode(video=0)):
            t = number / float(rate)
            shift = {
                "still": np.zeros(2),
                "pan": np.array([np.sin(1.5 * t), 0.2 * np.sin(2 * t)]),
                "hand-held": 0.15 * np.array([np.sin(7 * t) + np.sin(17 * t), np.sin(9 * t) + np.sin(23 * t)]) / 2,
            }[move]
            x, y = np.round(room * (1 + 0.9 * shift)).astype(int)
            image = frame.to_ndarray(format="rgb24")[y : y + height, x : x + width]
            writing.mux(encoding.encode(av.VideoFrame.from_ndarray(np.ascontiguousarray(image), format="rgb24")))
        writing.mux(encoding.encode())


def path(clip: Path, camera: str) -> Found:
    """The path that is captured through a window, and milliseconds of the processor that the background costs."""
    from pose3d_engine import background, pipeline

    spent, frames = 0.0, 0
    step = background.Background.step

    def timed(self: background.Background, *arguments: object) -> background.Step:
        nonlocal spent, frames
        began = time.thread_time()
        result = step(self, *arguments)  # type: ignore[arg-type]
        spent, frames = spent + time.thread_time() - began, frames + 1
        return result

    background.Background.step = timed  # type: ignore[method-assign, assignment]
    people = pipeline.analyse(clip, pipeline.AnalyseSettings(max_people=1))
    fov = math.degrees(2 * math.atan(SHARE * math.tan(math.radians(30))))
    settings = pipeline.CaptureSettings(fov=fov, camera=camera, tilt=0.0, roll=0.0, device="cpu")
    (motion,) = pipeline.capture(people, settings)
    moved = motion.world[:, 0] - motion.world[:1, 0]
    return Found(motion.meta["camera"]["turns_deg"], moved, 1000 * spent / max(frames, 1))


def main() -> int:
    """Prints a line for each clip and movement."""
    for clip in sys.argv[1:] or [str(demo_clip.fetch())]:
        with tempfile.TemporaryDirectory() as folder:
            truth = None
            for move in MOVES:
                target = Path(folder) / f"{move}.mp4"
                bench.alone(window, Path(clip), move, target)
                found = bench.alone(path, target, "auto")
                ignored = found if move == "still" else bench.alone(path, target, "still")
                truth = found.path if truth is None else truth
                # Along the line of sight both are as uncertain; across it the camera's turns go straight into the path.
                off, without = (
                    np.median(np.linalg.norm((one.path - truth)[:, [0, 2]], axis=-1)) for one in (found, ignored)
                )
                print(
                    f"{Path(clip).stem:14} {move:10} turns {found.turns:5.2f} degrees; path off by {1000 * off:4.0f} "
                    f"mm across the view (taken for still: {1000 * without:4.0f}); {found.cost:.1f} ms a frame",
                    flush=True,
                )
    return 0


if __name__ == "__main__":
    sys.exit(main())
