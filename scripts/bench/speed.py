"""Speed and memory of the product on this machine, as a table with what is wanted: `make bench`.

Every row is measured in a process of its own, so that neither memory nor warm caches of one reach another. What is
wanted is meant for two cores without a graphics card.
"""

from __future__ import annotations

import multiprocessing
import os
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from scripts import ROOT, demo_clip

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # as the engine does, for the processes that are started here

HD = ROOT / ".cache" / "demo-1080p.mp4"
LOOPS = 8
"""Times that the long clip repeats the short one."""

MINUTE = 1800  #: Frames of a minute at 30 a second.
HEAVY = {"av", "cv2", "mediapipe", "pose3d_engine", "scipy", "torch"}
"""What an add-on may not import when Blender starts."""


class Row(NamedTuple):
    """One line of the table: what, how much, and how much is wanted."""

    what: str
    measured: str
    wanted: str


def hd_clip() -> Path:
    """The demo clip at 1920 x 1080, H.264, kept in .cache."""
    import av

    if not HD.is_file():
        source = demo_clip.fetch()
        temporary = HD.with_suffix(".tmp.mp4")
        with av.open(str(source)) as reading, av.open(str(temporary), "w") as writing:
            stream = writing.add_stream("libx264", rate=30, options={"preset": "veryfast", "crf": "20"})
            stream.width, stream.height, stream.pix_fmt = 1920, 1080, "yuv420p"
            for frame in reading.decode(video=0):
                writing.mux(stream.encode(frame.reformat(1920, 1080, "yuv420p")))
            writing.mux(stream.encode())
        temporary.replace(HD)
    return HD


def looped(clip: Path, loops: int, target: Path) -> None:
    """Writes ``clip`` several times in a row, without encoding it again."""
    import av

    with av.open(str(target), "w") as writing:
        stream, shift = None, 0
        for _ in range(loops):
            with av.open(str(clip)) as reading:
                source = reading.streams.video[0]
                stream = stream or writing.add_stream_from_template(source)
                for packet in reading.demux(source):
                    if packet.dts is None:  # the end
                        continue
                    packet.pts, packet.dts, packet.stream = (packet.pts or 0) + shift, packet.dts + shift, stream
                    writing.mux(packet)
                shift += source.duration or 0


def peak() -> float:
    """Gigabytes of memory that this process had at most."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024) / 1e9


def detection(clip: Path, people: int) -> float:
    """Frames a second from the first to the last frame of a clip: decoding, detecting, tracking."""
    from pose3d_engine.contract.settings import AnalyseSettings
    from pose3d_engine.pipeline import analyse

    moments: list[float] = []
    analyse(clip, AnalyseSettings(max_people=people), lambda *_: moments.append(time.perf_counter()))
    return (len(moments) - 1) / (moments[-1] - moments[0])


def memory(clip: Path) -> float:
    """Peak gigabytes of the whole engine on a clip."""
    from pose3d_engine import pipeline
    from pose3d_engine.contract.settings import AnalyseSettings, CaptureSettings

    people = pipeline.analyse(clip, AnalyseSettings())
    pipeline.capture(people, CaptureSettings())
    return peak()


def capturing(frames: int) -> tuple[float, dict[str, float]]:
    """Seconds of a capture of one person by the clock, and of CPU time by stage; the demo clip's woman, there and back.

    The 3D model is loaded in that time; modules are imported before.
    """
    from dataclasses import replace

    import numpy as np

    from pose3d_engine import pipeline
    from pose3d_engine.contract.settings import CaptureSettings
    from scripts.bench import views

    people = views.analysed("demo")
    clip = np.arange(*np.flatnonzero(np.isfinite(people.keypoints2d[1, :, 0, 0]))[[0, -1]])
    rows = np.resize(np.concatenate([clip, clip[-2:0:-1]]), frames)
    long = replace(
        people,
        keypoints2d=people.keypoints2d[1:2, rows],
        boxes=people.boxes[1:2, rows],
        frames=np.arange(frames, dtype=np.int32),
        times=np.arange(frames) / 30.0,
        extras={name: values[1:2, rows] for name, values in people.extras.items()},
        background=None if people.background is None else people.background[rows],
    )
    spent: dict[str, float] = {}
    pipeline.capture(people, CaptureSettings())
    last, began = time.process_time(), time.perf_counter()

    def observe(stage: str, _: float) -> None:
        nonlocal last
        now = time.process_time()
        spent[stage], last = spent.get(stage, 0.0) + now - last, now

    pipeline.capture(long, CaptureSettings(), observe=observe)
    return time.perf_counter() - began, spent


def lifting(lifter: str, frames: int) -> float:
    """Frames a second of a lifter with its mirrored second pass, on keypoints of noise."""
    import numpy as np

    from pose3d_engine.pose import lifters
    from pose3d_engine.progress import silent

    keypoints = np.random.default_rng(0).uniform(0.2, 0.8, (frames, 17, 3)).astype(np.float32)
    keypoints[..., :2] *= 1000
    track = lifters.Track2D(keypoints, 1000, 1000, 30.0, 1000.0)
    loaded, _ = lifters.load(lifter, None, "cpu")
    loaded.lift(track, 1, True, silent)
    return frames / median(lambda: loaded.lift(track, 1, True, silent))


def median(call: Callable[[], Any], repeats: int = 3) -> float:
    """Median seconds of a call."""
    seconds = []
    for _ in range(repeats):
        start = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds)


def long_motion(source: Path, frames: int, target: Path) -> None:
    """Writes the motion of a clip, repeated until it has ``frames`` rows."""
    import numpy as np

    from pose3d_engine import pipeline
    from pose3d_engine.contract.motion_file import ARRAYS
    from pose3d_engine.contract.settings import AnalyseSettings, CaptureSettings

    people = pipeline.analyse(source, AnalyseSettings(max_people=1))
    (motion,) = pipeline.capture(people, CaptureSettings())
    rows = np.arange(frames) % len(motion)
    for key in ARRAYS:
        setattr(motion, key, getattr(motion, key)[rows])
    motion.frames, motion.times = np.arange(frames, dtype=np.int32), np.arange(frames) / motion.meta["fps"]
    motion.extras = {}
    motion.save(target)


def writing(motion: Path) -> tuple[float, float]:
    """Seconds until a motion file is an armature with a body and keys, and of writing the keys alone."""
    import bpy
    import numpy as np

    from blender_addon.blend import armature, fcurves
    from blender_addon.maths import skeleton

    bpy.ops.wm.read_factory_settings(use_empty=True)
    whole = median(lambda: armature.capture_to_scene(bpy.context, [motion]))

    times = np.arange(3000.0)
    values = np.random.default_rng(0).uniform(-1, 1, (3000, 4))

    def keys() -> None:
        item = bpy.data.objects.new("bench", None)
        bag = fcurves.channels(item, bpy.data.actions.new("bench"))
        fcurves.write(bag, "location", times, values[:, :3], "hips")
        for bone in skeleton.NAMES[:20]:
            fcurves.write(bag, f'pose.bones["{bone}"].rotation_quaternion', times, values, bone)

    return whole, median(keys)


def registering() -> tuple[float, list[str]]:
    """Seconds until the add-on is imported and registered, and what it imported that is heavy."""
    import bpy  # noqa: F401 - Blender itself is there already when add-ons are registered

    before = set(sys.modules)
    start = time.perf_counter()
    import blender_addon

    blender_addon.register()
    seconds = time.perf_counter() - start
    blender_addon.unregister()
    return seconds, sorted(HEAVY & (set(sys.modules) - before))


def alone(measure: Callable[..., Any], *arguments: Any) -> Any:
    """Runs one measurement in a fresh process. Its end is forced: some versions of bpy hang on theirs."""
    context = multiprocessing.get_context("spawn")
    receiving, sending = context.Pipe(duplex=False)
    process = context.Process(target=_send, args=(sending, measure, arguments))
    process.start()
    sending.close()
    try:
        return receiving.recv()
    except EOFError:
        raise RuntimeError(f"{measure.__name__}{arguments} failed; its message is above") from None
    finally:
        process.join()


def _send(sending: Any, measure: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
    # Results go through the pipe, and the chatter of libraries does not belong into the table.
    os.dup2(2, 1)
    sending.send(measure(*arguments))
    sys.stderr.flush()
    os._exit(0)


def rows(folder: Path) -> list[Row]:
    """All measurements; ``folder`` is for what they write."""
    clip = hd_clip()
    long = folder / "long.mp4"
    looped(clip, LOOPS, long)
    motion = folder / "motion.npz"
    alone(long_motion, clip, 3000, motion)
    whole, keys = alone(writing, motion)
    seconds, heavy = alone(registering)
    taken, spent = alone(capturing, MINUTE)
    slowest = sorted(spent, key=spent.__getitem__, reverse=True)[:5]
    parts = ", ".join(f"{stage} {spent[stage]:.1f}" for stage in slowest)
    return [
        Row("engine, 1080p, one person", f"{alone(detection, clip, 1):.1f} frames/s", "20 frames/s"),
        Row("engine, 1080p, two people", f"{alone(detection, clip, 2):.1f} frames/s", "12 frames/s"),
        Row("lifting, tcn-mocap", f"{alone(lifting, 'tcn-mocap', 6000):.0f} frames/s", "2000 frames/s"),
        Row("capture of a minute, one person", f"{taken:.1f} s", "4 s"),
        Row("its CPU time", f"{sum(spent.values()):.1f} s: {parts}", ""),
        Row("engine's memory, 230 frames of 1080p", f"{alone(memory, clip):.2f} GB", "below 1 GB"),
        Row(f"engine's memory, {LOOPS} times as long", f"{alone(memory, long):.2f} GB", "below 1 GB"),
        Row("keys, 3,000 frames of 20 bones", f"{keys:.2f} s", "below 0.5 s"),
        Row("motion file to armature, 3,000 frames", f"{whole:.2f} s", ""),
        Row("add-on's registration", f"{1000 * seconds:.0f} ms", "below 100 ms"),
        Row("heavy modules it imports", ", ".join(heavy) or "none", "none"),
    ]


def main() -> int:
    """Prints the table. Exit status 0 whatever the numbers are: a busy machine is no fault of the product."""
    with tempfile.TemporaryDirectory() as folder:
        table = [Row("what", "measured", "wanted"), *rows(Path(folder))]
    widths = [max(len(row[column]) for row in table) for column in range(3)]
    for row in table:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
    return 0


if __name__ == "__main__":
    sys.exit(main())
