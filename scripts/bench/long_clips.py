"""What a long clip costs: memory and time at two lengths, and so by slope at any; `--hours 1` measures that length.

The clip is generated, of 60 frames a second and small, or of `--size 1920x1080`. Decoding, chunks, tracking and all
that follows are the real ones; in place of the network stands one that finds two walkers at once, because an hour of
the real one takes hours: `scripts/bench/speed.py` measures its cost a frame. Seconds are those of the processor, which
other programs do not change.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from scripts.bench import speed

RATE = 60
SIZE = "160x90"
LOOP = 600
"""Frames after which the generated picture repeats."""

SHORT_MINUTES = 1.0


class Cost(NamedTuple):
    """Of a stage: seconds of the processor, peak gigabytes of its process."""

    seconds: float
    memory: float


def clip_of(frames: int, size: tuple[int, int], target: Path) -> None:
    """Writes a clip of a moving pattern. size: width and height."""
    import av

    part = target.with_suffix(".part.mp4")
    with av.open(str(part), "w") as container:
        stream = container.add_stream("libx264", rate=RATE, options={"preset": "ultrafast", "bf": "0"})
        stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
        # 160 x 90 squares, whatever the size.
        columns, rows = np.meshgrid(*(np.arange(pixels) * 160 // size[0] for pixels in size))
        for number in range(min(frames, LOOP)):
            image = ((columns + number) ^ rows).astype(np.uint8)
            picture = av.VideoFrame.from_ndarray(np.repeat(image[..., None], 3, axis=-1), format="rgb24")
            container.mux(stream.encode(picture))
        container.mux(stream.encode())
    speed.looped(part, max(1, round(frames / LOOP)), target)
    part.unlink()


class _Walkers:
    """Two walkers without looking: a detector that costs next to nothing."""

    name = "generated"

    def __init__(self, width: int, height: int) -> None:
        from pose3d_engine.contract.skeletons import BLAZEPOSE_ROWS, COCO_ROWS, H36M_ROWS
        from pose3d_engine.detect import mediapipe
        from pose3d_engine.research.data_sets.stand_ins import walker
        from pose3d_engine.take import LEVEL_CAMERA

        self._noise = np.random.default_rng(0)
        joints = (walker(LOOP, RATE, self._noise) + [0.0, 5.0, -1.2]) @ LEVEL_CAMERA
        coco = np.repeat(joints[:, 9:10], 17, axis=1)
        coco[:, COCO_ROWS] = joints[:, H36M_ROWS]
        self._points = coco[..., :2] / coco[..., 2:] * 0.87 * width + [width / 2, height / 2]
        self._beside = np.array([0.45 * width, 0.2 * height])
        # As the detector that ships has them: what is made of these needs memory, too.
        self._coco_rows = mediapipe.COCO_ROWS
        self._world = self._noise.normal(0, 0.1, (LOOP, 33, 3))
        self._world[:, BLAZEPOSE_ROWS] = joints[:, H36M_ROWS] - joints[:, :1]

    def detect(self, image: np.ndarray, time_s: float) -> object:
        """See :class:`pose3d_engine.detect.base.Detector`."""
        from pose3d_engine.detect.base import FrameDetections

        # There and back, so that nobody jumps where the walk repeats.
        row = round(time_s * RATE) % (2 * LOOP)
        row = row if row < LOOP else 2 * LOOP - 1 - row
        both = np.stack([self._points[row], self._points[row] * 0.5 + self._beside])
        both += self._noise.normal(0, 0.3, both.shape)
        keypoints = np.concatenate([both, np.full((2, 17, 1), 0.9)], axis=-1).astype(np.float32)
        boxes = np.concatenate([both.min(axis=1), both.max(axis=1)], axis=-1).astype(np.float32)
        landmarks = np.full((2, 33, 3), 0.9, np.float32)
        landmarks[..., :2] = both.mean(axis=1, keepdims=True)
        landmarks[:, self._coco_rows] = keypoints
        world = np.repeat(self._world[None, row], 2, axis=0).astype(np.float32)
        return FrameDetections(keypoints, boxes, {"blazepose33": landmarks, "blazepose33_world": world})

    def close(self) -> None:
        """See :class:`pose3d_engine.detect.base.Detector`."""


def analysis(clip: Path, people: Path) -> tuple[Cost, tuple[float, float]]:
    """Of decoding, chunks and tracking, into ``people``; and by how much the time left that the panel tells was wrong
    at worst after the first tenth, as a share of the whole detection: by the processor's clock, and by the one on the
    wall, which other programs upset."""
    from blender_addon.engine.pace import Pace
    from pose3d_engine import detect, pipeline
    from pose3d_engine.contract.settings import AnalyseSettings
    from pose3d_engine.media import video

    facts = video.probe(clip)
    detect.create = lambda *_: _Walkers(facts.width, facts.height)  # type: ignore[assignment, return-value]
    clocks = (time.process_time, time.monotonic)
    paces: list[Pace] = []
    told: list[list[tuple[float, float]]] = [[], []]

    def progress(stage: str, done: int, total: int | None) -> None:
        if stage != "detect" or not total:
            return
        if not paces:
            paces.extend(Pace(clock(), done) for clock in clocks)
        for clock, pace, rows in zip(clocks, paces, told, strict=True):
            now = clock()
            pace.take(now, done)
            left = pace.left(now, total)
            if left is not None and (done % RATE == 0 or done == total):
                rows.append((now, left))

    starts = [clock() for clock in clocks]
    pipeline.analyse(clip, AnalyseSettings(), progress, people.parent / "chunks").save(people)
    seconds = time.process_time() - starts[0]

    def worst(rows: list[tuple[float, float]], start: float) -> float:
        end = rows[-1][0]
        return max(abs(now + left - end) / (end - start) for now, left in rows if now > start + (end - start) / 10)

    return Cost(seconds, speed.peak()), (worst(told[0], starts[0]), worst(told[1], starts[1]))


def capture(people: Path, motion: Path, person: str) -> Cost:
    """From PEOPLE.npz to the motion files of one or all."""
    from pose3d_engine import pipeline
    from pose3d_engine.contract.people_file import People
    from pose3d_engine.contract.settings import CaptureSettings

    began = time.process_time()
    pipeline.write(pipeline.capture(People.load(people), CaptureSettings(person=person)), motion)
    return Cost(time.process_time() - began, speed.peak())


def keys(motion: Path) -> Cost:
    """Of the add-on: the motion file read, solved and written as keys; memory is what comes on top of Blender's own."""
    from blender_addon.blend import armature

    bpy = _blender()
    before, began = speed.peak(), time.process_time()
    armature.capture_to_scene(bpy.context, [motion])
    return Cost(time.process_time() - began, speed.peak() - before)


def solving(motion: Path) -> float:
    """Gigabytes on top of Blender's own for reading and solving a motion file, before any key is written."""
    from blender_addon.maths import motion_file, skeleton, solve

    _blender()
    before = speed.peak()
    read = motion_file.load(motion)
    rest = skeleton.rest_pose(read.world, read.contacts)
    solve.solve(read.world, read.contacts, read.fps, rest, read.parts)
    return speed.peak() - before


def bare_keys(frames: int) -> float:
    """Gigabytes that Blender itself takes for as many keys, whoever writes them: once, and once for what it draws."""
    from blender_addon.blend import fcurves
    from blender_addon.maths import skeleton

    bpy = _blender()
    before = speed.peak()
    item = bpy.data.objects.new("bare", None)
    bpy.context.scene.collection.objects.link(item)
    bag = fcurves.channels(item, bpy.data.actions.new("bare"))
    for number in range(4 * len(skeleton.BONES) + 3):
        bag.fcurves.new(f'["{number}"]').keyframe_points.add(frames)
    bpy.context.scene.frame_set(2)
    return speed.peak() - before


def _blender() -> Any:
    """The module, with an empty scene."""
    import bpy

    bpy.ops.wm.read_factory_settings(use_empty=True)
    return bpy


def rows(frames: int, size: tuple[int, int], folder: Path) -> Iterator[tuple[str, Cost, str]]:
    """Every stage's cost on a clip of so many frames, and what else is to say, each as soon as it is measured."""
    clip, people, motion = folder / "long.mp4", folder / "people.npz", folder / "motion.npz"
    speed.alone(clip_of, frames, size, clip)
    found, wrong = speed.alone(analysis, clip, people)
    yield (
        "analysis without the network",
        found,
        "time left wrong at worst by {:.0%}, by the clock on the wall {:.0%}".format(*wrong),
    )
    yield "capture of one person", speed.alone(capture, people, motion, "largest"), ""
    yield "capture of both", speed.alone(capture, people, folder / "all.npz", "all"), ""
    written, kept = speed.alone(keys, motion), speed.alone(bare_keys, frames)
    own = max(speed.alone(solving, motion), written.memory - kept)
    yield (
        "add-on: file to keys",
        Cost(written.seconds, own),
        f"its own, on top of Blender's {kept:.2f} GB for the keys",
    )


def main() -> int:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hours", type=float, help="this length only; without it one minute and two")
    parser.add_argument("--size", default=SIZE, help="of the picture, WIDTHxHEIGHT")
    options = parser.parse_args()
    hours, (width, height) = options.hours, map(int, options.size.split("x"))
    lengths = [hours * 60] if hours else [SHORT_MINUTES, 2 * SHORT_MINUTES]
    for minutes in lengths:
        frames = round(minutes * 60 * RATE)
        with tempfile.TemporaryDirectory() as folder:
            for what, cost, remark in rows(frames, (width, height), Path(folder)):
                each = 1e6 * cost.seconds / frames
                print(
                    f"{frames:7} frames  {what:30} {cost.seconds:8.1f} s ({each:6.0f} us a frame)  "
                    f"{cost.memory:5.2f} GB  {remark}".rstrip(),
                    flush=True,
                )
    return 0


if __name__ == "__main__":
    sys.exit(main())
