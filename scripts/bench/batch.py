"""How much faster several processes are than one: the same clips through ``pose3d batch`` with one job and with more.

``python -m scripts.bench.batch [--jobs 2] [--clips 6] [--seconds 5]``. The clips are the demo clip under several names,
their people found anew each time.

What the clock says is of use only on a machine that does nothing else meanwhile (the load is printed). Seconds of the
processor are true on any, and tell what an idle machine would do: a process cannot be faster than its work that goes
one step after the other, which is all but the decoding; N processes cannot be faster than N cores that are busy all the
time. The ratio of these two is printed, too.
"""

from __future__ import annotations

import argparse
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from scripts import ROOT
from scripts.bench import speed

WANTED = 1.6
"""Times one process, for two on two cores."""


class Cost(NamedTuple):
    """Of a batch: seconds by the clock and of the processor, the start of its processes included."""

    clock: float
    processor: float


def measured(clips: Path, jobs: int, seconds: float) -> Cost:
    """What a batch takes with so many jobs."""
    with tempfile.TemporaryDirectory() as folder:
        words = ["batch", str(clips), "--output-dir", folder, "--jobs", str(jobs), "--end", str(seconds), "--no-cache"]
        before, began = _children(), time.monotonic()
        subprocess.run(
            [sys.executable, "-m", "pose3d_engine", *words],
            check=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        return Cost(time.monotonic() - began, _children() - before)


def _children() -> float:
    """Seconds of the processor of all processes that were started and have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def steps(clip: Path, seconds: float) -> tuple[float, float]:
    """Seconds of the processor that a clip takes in a process that is warm, and of these the ones that decode, which go
    on beside the others (Linux alone tells threads apart)."""
    import torch

    from pose3d_engine import pipeline
    from pose3d_engine.contract.settings import AnalyseSettings, CaptureSettings

    torch.set_num_threads(1)
    decoding: dict[int, float] = {}

    def progress(stage: str, done: int, total: int | None) -> None:
        if done % 10:
            return
        readers = {thread.native_id for thread in threading.enumerate() if thread.name == "video"}
        for task in Path("/proc/self/task").iterdir():
            with suppress(OSError):  # it has just ended
                if int(task.name) in readers or (task / "comm").read_text().startswith("av:"):
                    decoding[int(task.name)] = int((task / "schedstat").read_text().split()[0]) / 1e9

    pipeline.analyse(clip, AnalyseSettings(end=0.5))
    began = time.process_time()
    people = pipeline.analyse(clip, AnalyseSettings(end=seconds), progress)
    pipeline.capture(people, CaptureSettings())
    return time.process_time() - began, sum(decoding.values())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--jobs", type=int, default=2, metavar="N")
    parser.add_argument("--clips", type=int, default=6, metavar="N")
    parser.add_argument("--seconds", type=float, default=5.0, metavar="S", help="of each clip")
    options = parser.parse_args()
    demo = ROOT / ".cache" / "demo.mp4"
    with tempfile.TemporaryDirectory() as folder:
        for number in range(options.clips):
            shutil.copy(demo, Path(folder) / f"clip{number}{demo.suffix}")
        load = f"{os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else "unknown"
        one, several = (measured(Path(folder), jobs, options.seconds) for jobs in (1, options.jobs))
    print(f"{options.clips} clips of {options.seconds:g} s on {os.cpu_count()} cores; load before: {load}")
    for jobs, cost in ((1, one), (options.jobs, several)):
        print(
            f"{jobs} process{'es' if jobs > 1 else '':<4}{cost.clock:8.1f} s, of the processor {cost.processor:.1f} s"
        )
    print(f"by the clock {one.clock / several.clock:.2f} times as fast (wanted for 2 on 2: {WANTED})")
    if sys.platform == "linux":
        whole, decoding = speed.alone(steps, demo, options.seconds)
        print(
            f"a clip in a warm process: {whole:.2f} s of the processor, {decoding:.2f} of them decode beside it;\n"
            f"on {options.jobs} idle cores one process so takes {whole - decoding:.2f} s a clip at least, "
            f"{options.jobs} take {whole / options.jobs:.2f}: {options.jobs * (whole - decoding) / whole:.2f} times"
        )


if __name__ == "__main__":
    main()
