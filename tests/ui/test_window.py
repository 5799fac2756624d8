"""A real Blender window, on a virtual screen, in which the mouse presses the buttons; see window.py.

Leaves a screenshot of each state in out/ui/.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import psutil

from tests.ui import launch

LONGEST_PAUSE = 4.0
"""Seconds, drawing aside, that tell an interface that waits for the engine from a busy machine: no measurement, the
report in out/ui/report.json has that."""


def test_from_the_first_click_to_the_captured_person(
    root: Path, demo_clip: Path, detector_model: Path, tmp_path: Path
) -> None:
    output = root / "out" / "ui"
    output.mkdir(parents=True, exist_ok=True)
    for old in (*output.glob("*.png"), output / "report.json"):
        old.unlink(missing_ok=True)
    video = tmp_path / "A clip Ü.mp4"
    shutil.copy(demo_clip, video)
    no_video = tmp_path / "text.mp4"
    no_video.write_text("This is no video.\n")

    checkpoints = {"VIDEO_TO_MOCAP_CHECKPOINTS": str(detector_model.parent)}
    launch.drive("window.py", [root, video, no_video, output], tmp_path / "home", checkpoints)
    report = json.loads((output / "report.json").read_text())
    assert not psutil.pid_exists(report["engine"]), "the engine outlives Blender"
    # The virtual screen is drawn by the processor, so that a redraw alone may take as long as a stall would.
    for what, measured in report["pauses"].items():
        assert measured["pause"] < LONGEST_PAUSE + 3 * measured["one redraw"], (what, report)
    assert len(list(output.glob("*.png"))) == 8
