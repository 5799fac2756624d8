"""How much faster several processes are than one: the same clips through ``pose3d batch`` with one job and with more.

``python scripts/bench_batch.py [--jobs 2] [--clips 6] [--seconds 5]``. The clips are the demo clip under several names,
their people found anew each time. Of use only on a machine that does nothing else meanwhile: what is running beside it
(the load that is printed) takes from both, and from several processes more.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
WANTED = 1.6
"""Times one process, for two on two cores."""


def measured(clips: Path, jobs: int, seconds: float) -> float:
    """Seconds that the batch takes, the start of its processes included."""
    with tempfile.TemporaryDirectory() as folder:
        words = ["batch", str(clips), "--output-dir", folder, "--jobs", str(jobs), "--end", str(seconds), "--no-cache"]
        began = time.monotonic()
        subprocess.run(
            [sys.executable, "-m", "pose3d_engine", *words],
            check=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        return time.monotonic() - began


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
    print(f"{'1 process':<14}{one:8.1f} s")
    print(
        f"{options.jobs} processes   {several:8.1f} s   {one / several:.2f} times as fast (wanted for 2 on 2: {WANTED})"
    )


if __name__ == "__main__":
    main()
