"""An export in a real window: the file browser, progress, and Esc; see export.py."""

from __future__ import annotations

from pathlib import Path

from tests.support import synthetic
from tests.ui import launch


def test_an_export_shows_its_progress_and_can_be_cancelled(root: Path, tmp_path: Path) -> None:
    motion = synthetic.save_motion(tmp_path / "stroll.npz", *synthetic.stroll(120))
    (tmp_path / "out").mkdir()
    launch.drive("export.py", [root, motion, tmp_path / "out"], tmp_path / "home")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["rig.bvh", "rig.fbx"]
