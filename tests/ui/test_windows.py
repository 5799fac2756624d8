"""Several windows on several scenes, with an engine that makes people up; see windows.py."""

from __future__ import annotations

from pathlib import Path

from tests.ui import launch


def test_each_window_works_for_its_own_scene(root: Path, tmp_path: Path) -> None:
    engine = launch.made_up_engine(tmp_path)
    video = tmp_path / "held.mp4"
    video.write_bytes(b"any")
    output = root / "out" / "ui-windows"
    output.mkdir(parents=True, exist_ok=True)
    arguments = [root, video, output]
    launch.drive("windows.py", arguments, tmp_path / "home", {"VIDEO_TO_MOCAP_PYTHON": str(engine)}, (800, 600))
