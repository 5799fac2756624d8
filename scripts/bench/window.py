"""How long Blender's window stands still while the engine analyses a long clip, and whose doing that is.

    python -m scripts.bench.window [SECONDS]

The demo clip, repeated until it lasts SECONDS (300), is analysed in Debian's Blender on a virtual screen, then
captured. A timer of the window is meant to be called every 50 ms; a pause is the time between two calls. Beside the
pauses stands what of them is the add-on's own: its timers, its panels, what it draws over the viewport, by the
processor's time of Blender's main thread. The virtual screen is drawn by the processor, too, which the engine wants all
of, so the pauses are those of a machine without a graphics card. `make bench` runs it. Needs blender and xvfb-run.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

from scripts import ROOT, demo_clip, virtual_screen
from scripts.bench import speed

CLIP_SECONDS = 230 / 30
"""Of the demo clip."""


def measure(seconds: float) -> dict[str, Any]:
    """What window_inside.py has measured on a clip of about so many seconds."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        clip = folder / "long.mp4"
        speed.looped(demo_clip.fetch(), max(1, round(seconds / CLIP_SECONDS)), clip)
        report = folder / "report.json"
        variables = virtual_screen.environment(folder / "home")
        variables |= {"VIDEO_TO_MOCAP_CHECKPOINTS": str(ROOT / "checkpoint")}
        inside, console = Path(__file__).with_name("window_inside.py"), folder / "console"
        virtual_screen.run(inside, [ROOT, clip, report], variables, console, patience=60 + 10 * seconds)
        if not report.is_file():
            raise RuntimeError(f"Blender did not come to the end:\n{console.read_text(errors='replace')[-3000:]}")
        return json.loads(report.read_text())


def show(measured: dict[str, Any]) -> None:
    """Prints the table."""
    print(f"pauses of the window, milliseconds; {measured['frames']} frames on {os.cpu_count()} cores")
    print(f"  {'':44} {'longest':>8} {'99 %':>8} {'median':>8}")
    for what, row in measured["pauses"].items():
        print(f"  {what:44} {row['longest']:8.0f} {row['99']:8.0f} {row['median']:8.0f}")
    print("of them the add-on's own, milliseconds of the processor (wanted: below 200, the panels below 1)")
    print(f"  {'':44} {'longest':>8} {'median':>8} {'calls':>8}")
    for what, row in measured["own"].items():
        print(f"  {what:44} {row['longest']:8.2f} {row['median']:8.2f} {row['calls']:8}")
    print(f"the viewport was drawn {measured['viewport drawn']} times during the analysis")
    print(
        f"the analysis took {measured['seconds']:.0f} s; of a processor the engine had {measured['engine']:.0%}, "
        f"Blender {measured['blender']:.0%}"
    )


def main(arguments: list[str]) -> int:
    """Exit status 0 whatever the numbers are: a busy machine is no fault of the product."""
    if missing := virtual_screen.missing():
        print(missing, file=sys.stderr)
        return 1
    show(measure(float(arguments[0]) if arguments else 300.0))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
