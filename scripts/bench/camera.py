"""How well a moving camera is taken out of the path: real clips seen by a camera that pans and shakes before them.

The picture of a still camera is seen again by a virtual one at the same place that turns (a homography K R K^-1), which
is what a real one would have seen. The path through it is compared with that of a virtual camera that stands still, as
is the path if the camera is taken for still; in the frames in which both see the same person.
"""

from __future__ import annotations

import math
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import numpy as np

from scripts import demo_clip
from scripts.bench import speed

SHARE = np.array([0.7, 0.94])
"""Of the picture that the virtual camera sees, in width and height: nobody's head or feet are cut off."""

FOV = 60.0
"""Degrees along the longer side of the picture, as the real clips are taken to have."""

MOVES = ("still", "pan", "hand-held")

SAME = 0.25
"""Share of a person's height by which two Hips are apart at most, in the whole picture, to be one person's."""


class Found(NamedTuple):
    """What is found through one virtual camera: its turns and the field of view that they tell (NaN: none), degrees;
    Hip (T,3) metres; seen (T,); the Hip (T,2) and the height (T,) in pixels of the whole picture; milliseconds that a
    frame of the background costs."""

    turns: float
    told_fov: float
    path: np.ndarray
    seen: np.ndarray
    place: np.ndarray
    size: np.ndarray
    cost: float


def view(source: Path, move: str) -> tuple[list[np.ndarray], tuple[int, int], float, float]:
    """For each frame of a clip, pixels of the virtual camera -> pixels of the clip (3,3); the size of the virtual
    picture, its field of view, degrees, and the clip's rate."""
    import av
    import cv2

    with av.open(str(source)) as reading:
        stream = reading.streams.video[0]
        whole, rate = np.array([stream.width, stream.height]), float(stream.average_rate or 30)
        frames = sum(1 for _ in reading.decode(video=0))
    size = (whole * SHARE).astype(int) // 2 * 2
    focal = max(whole) / 2 / math.tan(math.radians(FOV) / 2)
    lens, own = (np.array([[focal, 0, x / 2], [0, focal, y / 2], [0, 0, 1]]) for x, y in (whole, size))
    room = np.arctan((whole - size) / 2 / focal)
    t = np.arange(frames) / rate
    share = {
        "still": np.zeros((frames, 2)),
        "pan": np.stack([np.sin(1.5 * t), 0.5 * np.sin(2 * t)], axis=-1),
        "hand-held": np.stack([0.15 * (np.sin(7 * t) + np.sin(17 * t)), np.sin(9 * t) + np.sin(23 * t)], axis=-1) / 2,
    }[move]
    turns = [cv2.Rodrigues(np.array([-up, right, 0.0]))[0] for right, up in 0.8 * share * room]
    fov = 2 * math.degrees(math.atan(max(size) / 2 / focal))
    return [lens @ turn @ np.linalg.inv(own) for turn in turns], (int(size[0]), int(size[1])), fov, rate


def film(source: Path, move: str, target: Path) -> None:
    """Writes what the virtual camera sees."""
    import av
    import cv2

    homographies, size, _, rate = view(source, move)
    with av.open(str(source)) as reading, av.open(str(target), "w") as writing:
        encoding = writing.add_stream("libx264", rate=round(rate), options={"preset": "veryfast", "crf": "18"})
        (encoding.width, encoding.height), encoding.pix_fmt = size, "yuv420p"
        for frame, homography in zip(reading.decode(video=0), homographies, strict=True):
            image = cv2.warpPerspective(
                frame.to_ndarray(format="rgb24"), homography, size, flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
            )
            writing.mux(encoding.encode(av.VideoFrame.from_ndarray(image.astype(np.uint8), format="rgb24")))
        writing.mux(encoding.encode())


def path(source: Path, move: str, clip: Path, camera: str) -> Found:
    """What is captured of the virtual camera's clip."""
    from pose3d_engine import pipeline
    from pose3d_engine.contract.settings import AnalyseSettings, CaptureSettings
    from pose3d_engine.detect import camera_motion_2d
    from pose3d_engine.solve import camera_motion

    spent, frames = 0.0, 0
    step = camera_motion_2d.CameraMotionEstimator.estimate

    def timed(
        self: camera_motion_2d.CameraMotionEstimator, *arguments: object
    ) -> camera_motion_2d.InterFrameHomography:
        nonlocal spent, frames
        began = time.thread_time()
        result = step(self, *arguments)  # type: ignore[arg-type]
        spent, frames = spent + time.thread_time() - began, frames + 1
        return result

    camera_motion_2d.CameraMotionEstimator.estimate = timed  # type: ignore[method-assign, assignment]
    people = pipeline.analyse(clip, AnalyseSettings(max_people=1))
    homographies, _, fov, _ = view(source, move)
    settings = CaptureSettings(fov=fov, camera=camera, tilt=0.0, roll=0.0, device="cpu")
    (motion,) = pipeline.capture(people, settings)
    points = np.concatenate([motion.keypoints2d[..., :2], np.ones((len(motion), 17, 1))], axis=-1)
    whole = np.einsum("tij,tkj->tki", np.array(homographies), points)
    whole = whole[..., :2] / whole[..., 2:]
    hips = whole[:, 11:13].mean(axis=1)
    seen, size = motion.confidence[:, 0] > 0, np.ptp(whole[..., 1], axis=1)
    focal = camera_motion.focal_from_rotation(people.background)
    told = math.nan if focal is None else 2 * math.degrees(math.atan(0.5 / focal))
    turns, cost = motion.meta["camera"]["turns_deg"], 1000 * spent / max(frames, 1)
    return Found(turns, told, motion.world[:, 0], seen, hips, size, cost)


def apart(one: Found, other: Found) -> tuple[float, int]:
    """Millimetres between two paths across the view, median after the best shift, and the frames that tell it."""
    both = one.seen & other.seen & (np.linalg.norm(one.place - other.place, axis=-1) < SAME * other.size)
    # Along the line of sight both are as uncertain; across it the camera's turns go straight into the path.
    off = (one.path - other.path)[both][:, [0, 2]]
    return 1000 * float(np.median(np.linalg.norm(off - np.median(off, axis=0), axis=-1))), int(both.sum())


def main() -> int:
    """Prints a line for each clip and movement."""
    for clip in sys.argv[1:] or [str(demo_clip.fetch()), str(demo_clip.fetch("single-cam03"))]:
        source = Path(clip)
        with tempfile.TemporaryDirectory() as folder:
            truth = None
            for move in MOVES:
                target = Path(folder) / f"{move}.mp4"
                speed.alone(film, source, move, target)
                found = speed.alone(path, source, move, target, "auto")
                ignored = found if move == "still" else speed.alone(path, source, move, target, "still")
                truth = found if truth is None else truth
                (off, frames), (without, _) = apart(found, truth), apart(ignored, truth)
                print(
                    f"{source.stem:14} {move:10} turns {found.turns:5.2f} degrees; path off by {off:4.0f} mm across "
                    f"the view (taken for still: {without:4.0f}) in {frames} frames; field of view "
                    f"{found.told_fov:.0f} (true: {view(source, move)[2]:.0f}); {found.cost:.1f} ms a frame",
                    flush=True,
                )
    return 0


if __name__ == "__main__":
    sys.exit(main())
