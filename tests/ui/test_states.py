"""Screenshots of each state of the sidebar on two themes, for a person to look at in out/ui-states; see states.py."""

from __future__ import annotations

from pathlib import Path

from tests.ui import launch

STATES = (
    *("first-start", "engine-missing", "installing", "error", "analysing"),
    *("people", "people-below", "captured", "captured-below"),
)


def test_each_state_is_drawn(root: Path, tmp_path: Path) -> None:
    engine = launch.made_up_engine(tmp_path)
    video, no_video = tmp_path / "A clip Ü.mp4", tmp_path / "text.mp4"
    video.write_bytes(b"any")
    no_video.write_bytes(b"no video")
    output = root / "out" / "ui-states"
    output.mkdir(parents=True, exist_ok=True)
    for old in output.glob("*.png"):
        old.unlink()
    arguments = [root, video, no_video, output]
    launch.drive("states.py", arguments, tmp_path / "home", {"VIDEO_TO_MOCAP_PYTHON": str(engine)})
    pictures = {path.stem: path.read_bytes() for path in output.glob("*.png")}
    assert set(pictures) == {f"{state}-{theme}" for state in STATES for theme in ("dark", "light")}
    assert len(set(pictures.values())) == len(pictures), "two states look the same"
