"""A real Blender window, on a virtual screen, in which the mouse presses the buttons; see window.py.

Leaves a screenshot of each state in out/ui/.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
from pathlib import Path

import psutil

SCRIPT = Path(__file__).with_name("window.py")

LONGEST_PAUSE = 4.0
"""Seconds, drawing aside, that tell an interface that waits for the engine from a busy machine: no measurement, the
report in out/ui/report.json has that."""


def test_from_the_first_click_to_the_captured_person(
    root: Path, demo_clip: Path, detector_model: Path, tmp_path: Path
) -> None:
    for program in ("blender", "xvfb-run"):
        assert shutil.which(program), f"{program} is missing: apt-get install blender xvfb python3-numpy"
    output = root / "out" / "ui"
    output.mkdir(parents=True, exist_ok=True)
    for old in (*output.glob("*.png"), output / "report.json"):
        old.unlink(missing_ok=True)
    home = tmp_path / "home"
    home.mkdir()
    video = tmp_path / "A clip Ü.mp4"
    shutil.copy(demo_clip, video)
    no_video = tmp_path / "text.mp4"
    no_video.write_text("This is no video.\n")

    # fmt: off
    command = [
        "xvfb-run", "-a", "-s", "-screen 0 1280x800x24 +extension GLX",
        "blender", "--factory-startup", "-noaudio", "-p", "0", "0", "1280", "800", "--enable-event-simulate",
        "-P", str(SCRIPT), "--", str(root), str(video), str(no_video), str(output),
    ]
    # fmt: on
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("BLENDER_", "XDG_"))}
    environment |= {
        "HOME": str(home),
        "XDG_CACHE_HOME": str(home / "cache"),
        "LIBGL_ALWAYS_SOFTWARE": "1",
        "VIDEO_TO_MOCAP_CHECKPOINTS": str(detector_model.parent),
    }
    with (tmp_path / "console").open("w+", encoding="utf-8", errors="replace") as console:
        window = subprocess.Popen(
            command, stdout=console, stderr=subprocess.STDOUT, env=environment, start_new_session=True
        )
        try:
            status = window.wait(timeout=900)
        finally:
            if window.poll() is None:
                os.killpg(window.pid, signal.SIGKILL)
                window.wait()
        console.seek(0)
        printed = console.read()
    assert status == 0 and "the window did all that was asked" in printed, printed[-5000:]
    assert "Traceback" not in printed and "Error" not in printed, printed[-5000:]
    report = json.loads((output / "report.json").read_text())
    assert not psutil.pid_exists(report["engine"]), "the engine outlives Blender"
    # The virtual screen is drawn by the processor, so that a redraw alone may take as long as a stall would.
    for what, measured in report["pauses"].items():
        assert measured["pause"] < LONGEST_PAUSE + 3 * measured["one redraw"], (what, report)
    assert len(list(output.glob("*.png"))) == 8
