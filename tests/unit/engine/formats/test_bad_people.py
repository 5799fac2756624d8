"""Everything that can be wrong with the 2D of other programs, by the command line: one clear line, nothing left."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest

from pose3d_engine.__main__ import main
from pose3d_engine.contract.motion_file import Motion
from pose3d_engine.contract.people_file import People
from pose3d_engine.formats import detector_command, keypoint_files
from pose3d_engine.service import cache
from tests.support import keypoint_writers as write
from tests.support.filmed import HEIGHT, WIDTH, people, project, walk

FRAMES = 20


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clip of 20 frames without anybody."""
    path = tmp_path_factory.mktemp("clip") / "clip.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=30)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        for _ in range(FRAMES):
            image = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        container.mux(stream.encode())
    return path


def walker(frames: int = FRAMES) -> np.ndarray:
    """(1,frames,17,3)."""
    return people(project(walk(frames))).keypoints2d


def entries(folder: Path, change: Callable[[list[dict]], object] = lambda _: None, frames: int = FRAMES) -> Path:
    """AlphaPose's results of the walker, after ``change``."""
    path = write.alphapose(folder / "results.json", walker(frames))
    content = json.loads(path.read_text())
    change(content)
    return write.dump(path, content)


def set_number(index: int, value: object) -> Callable[[list[dict]], object]:
    return lambda content: content[3]["keypoints"].__setitem__(index, value)


def cut_off(folder: Path) -> Path:
    path = entries(folder)
    path.write_text(path.read_text()[:-500])
    return path


def nothing(folder: Path) -> Path:
    (folder / "empty").mkdir()
    return folder / "empty"


def crowd(content: list[dict]) -> None:
    content += [dict(content[0]) for _ in range(3000)]


BAD: dict[str, tuple[Callable[[Path], Path], str]] = {
    "truncated": (cut_off, "cut off"),
    "too long": (lambda folder: entries(folder, lambda c: c[3]["keypoints"].append(1.0)), "has 52 numbers"),
    "too short": (lambda folder: entries(folder, lambda c: c[3]["keypoints"].pop()), "has 50 numbers"),
    "NaN": (lambda folder: entries(folder, set_number(0, float("nan"))), "not a finite number"),
    "infinite": (lambda folder: entries(folder, set_number(1, float("inf"))), "not a finite number"),
    "negative": (lambda folder: entries(folder, set_number(2, -0.2)), "a score is -0.2"),
    "no name": (lambda folder: entries(folder, lambda c: c[3].update(image_id="walk.jpg")), "no frame number"),
    "no picture": (lambda folder: entries(folder, lambda c: c[3].pop("image_id")), "no frame number"),
    "too many frames": (lambda folder: entries(folder, frames=60), "has frame 59, but the video has 20"),
    "thousands": (lambda folder: entries(folder, crowd), "3001 people in frame 0"),
    "empty folder": (nothing, "no .json in it"),
    "missing": (lambda folder: folder / "none.json", "File not found"),
}


def refused(words: list[str], message: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A command fails with one line that says ``message`` and leaves nothing in ``folder`` or the cache."""
    before, kept = sorted(folder.iterdir()), cache.entries()
    assert main(words) == 2
    said = [line for line in capsys.readouterr().err.splitlines() if line.startswith("pose3d ")]
    assert len(said) == 1 and message in said[0], said
    assert sorted(folder.iterdir()) == before and cache.entries() == kept


@pytest.mark.parametrize("name", BAD)
def test_bad_results_are_one_line_and_leave_nothing(
    name: str, clip: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    make, message = BAD[name]
    words = ["detect", str(clip), "-o", str(tmp_path / "out.npz"), "--keypoints", str(make(tmp_path))]
    refused(words, message, tmp_path, capsys)


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("print('no card'); raise SystemExit(3)", "no card"),
        ("import time; time.sleep(60)", "did nothing for 0.5 s"),
        ("", "wrote nothing"),
        ("import sys; open(sys.argv[1] + '/a.json', 'w').write('[{\"image_id\"')", "cut off"),
    ],
)
def test_a_bad_command_is_one_line_and_leaves_nothing(
    code: str,
    message: str,
    clip: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(
        detector_command.people_of, "__defaults__", (detector_command.silent, 0.5 if "sleep" in code else 60.0)
    )
    program = tmp_path / "program.py"
    program.write_text(code)
    command = f'"{sys.executable}" "{program}" {{output}} {{video}}'
    words = ["detect", str(clip), "-o", str(tmp_path / "out.npz"), "--detector-command", command]
    refused(words, message, tmp_path, capsys)


def test_scores_up_to_six_and_pictures_in_any_order_with_some_missing(clip: Path, tmp_path: Path) -> None:
    def disorder(content: list[dict]) -> None:
        del content[5:8]
        for entry in content:
            entry["keypoints"][2::3] = [6.0 * score for score in entry["keypoints"][2::3]]
        content.reverse()

    output = tmp_path / "motion.npz"
    words = ["run", str(clip), "-o", str(output), "--keypoints", str(entries(tmp_path, disorder)), "--device", "cpu"]
    assert main(words) == 0
    motion = Motion.load(output)
    assert len(motion) == FRAMES and motion.keypoints2d[..., 2].max() == 1
    assert motion.meta["repairs"]["gaps"] == 3 * 17
    assert (motion.confidence[5:8] < motion.confidence[8]).all()


def test_the_true_one_is_found_among_false_ones(clip: Path, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)

    def ghosts(content: list[dict]) -> None:
        shape = np.array(content[0]["keypoints"]).reshape(17, 3)
        for entry in list(content):
            for _ in range(40):
                place = rng.uniform([0, 0], [WIDTH, HEIGHT])
                false = (shape - shape.mean(axis=0)) * [0.3, 0.3, 0] + [*place, 0.2]
                content.append({**entry, "keypoints": false.ravel().tolist()})

    found = keypoint_files.read(entries(tmp_path, ghosts), WIDTH, HEIGHT, 30.0)
    assert isinstance(found, People) and len(found.keypoints2d) == 1
    np.testing.assert_allclose(found.keypoints2d, walker(), rtol=1e-4)
