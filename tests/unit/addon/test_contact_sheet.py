"""scripts/contact_sheet.py: the body stands where the person stands in the video."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from blender_addon.maths.motion_file import load
from tests.support import ROOT, synthetic

GAP, WIDTH, HEIGHT = 6, 300, 400
WHITE = 240


def run(*words: str | Path) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, "-m", "scripts.contact_sheet", *map(str, words)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    return done.returncode, done.stderr


@pytest.fixture
def filmed(tmp_path: Path) -> tuple[Path, Path]:
    """A walk towards the right, and a video of it: its joints as white dots on black."""
    world, contacts = synthetic.walk(24)
    world[..., 0] += np.linspace(-0.4, 0.4, 24)[:, None]
    path = synthetic.save_motion(tmp_path / "walk.npz", world, contacts)
    motion = load(path)
    video = tmp_path / "walk.mp4"
    with av.open(str(video), "w") as container:
        stream = container.add_stream("libx264", rate=30)
        stream.width, stream.height, stream.pix_fmt = 1280, 720, "yuv420p"
        for row in range(len(motion)):
            local = (motion.world[row] - motion.camera_t[row]) @ motion.camera_R[row]
            pixels = local[:, :2] / local[:, 2:] * motion.meta["focal_px"] + motion.meta["principal_point"]
            picture = np.zeros((720, 1280, 3), np.uint8)
            for x, y in pixels:
                cv2.circle(picture, (round(x), round(y)), 9, (255, 255, 255), -1)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())
    return video, path


def test_body_covers_the_joints_of_the_video(filmed: tuple[Path, Path], tmp_path: Path) -> None:
    video, motion = filmed
    sheet = tmp_path / "sheets" / "sheet.png"
    status, stderr = run(video, motion, "-o", sheet, "--columns", "2")
    assert status == 0, stderr
    page = cv2.imread(str(sheet), cv2.IMREAD_GRAYSCALE)
    assert page.shape == (2 * HEIGHT + 3 * GAP, 2 * WIDTH + 3 * GAP)
    for column in range(2):
        x = GAP + column * (WIDTH + GAP)
        upper = page[GAP : GAP + HEIGHT, x : x + WIDTH]
        lower = page[2 * GAP + HEIGHT : 2 * (GAP + HEIGHT), x : x + WIDTH].astype(int)
        # The label stands in the lowest corner; the legs end above the floor's front edge.
        joints = np.argwhere(upper[: HEIGHT - 40] > WHITE)
        assert len(joints) > 500
        sky = lower[2, 2]
        # Above the hips there is only sky behind the body.
        above = joints[joints[:, 0] < HEIGHT * 0.45]
        covered = np.abs(lower[above[:, 0], above[:, 1]] - sky) > 6
        assert covered.mean() > 0.9
    assert sorted(path.name for path in sheet.parent.iterdir()) == ["sheet.png"]


def test_bad_input_is_one_line_and_status_2(filmed: tuple[Path, Path], tmp_path: Path) -> None:
    video, motion = filmed
    sheet = tmp_path / "sheet.png"
    for words in ((video, tmp_path / "none.npz"), (tmp_path / "none.mp4", motion), (motion, motion)):
        status, stderr = run(*words, "-o", sheet)
        assert status == 2, stderr
        assert len([line for line in stderr.splitlines() if line]) == 1, stderr
    assert not sheet.exists()
