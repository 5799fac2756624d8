"""The cache of analyses: what is kept, when it is a stranger, and what becomes of it in a crowd."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pytest

from pose3d_engine import pipeline
from pose3d_engine.__main__ import main
from pose3d_engine.contract import warnings
from pose3d_engine.contract.errors import UserError
from pose3d_engine.contract.people_file import People
from pose3d_engine.pipeline import AnalyseSettings
from pose3d_engine.service import cache, store
from tests.engine.filmed import people, project, walk

FRAMES = 12


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(cache.FOLDER_VARIABLE, str(tmp_path / "Zwischen ß"))
    return tmp_path / "Zwischen ß"


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    path = tmp_path / "clip.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=30)
        stream.width, stream.height, stream.pix_fmt = 128, 72, "yuv420p"
        for _ in range(FRAMES):
            image = np.zeros((72, 128, 3), np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        container.mux(stream.encode())
    return path


@pytest.fixture
def found(monkeypatch: pytest.MonkeyPatch) -> list[AnalyseSettings]:
    """The settings of every analysis that was really made."""
    made: list[AnalyseSettings] = []

    def analyse(video: Path, settings: AnalyseSettings, progress: object, chunks: Path | None = None) -> People:
        made.append(settings)
        result = people(project(walk(FRAMES)) / 10)
        result.meta["video"] |= {"path": str(video), "width": 128, "height": 72}
        return result

    monkeypatch.setattr(pipeline, "analyse", analyse)
    return made


def test_the_same_clip_is_analysed_once(clip: Path, found: list[AnalyseSettings], tmp_path: Path) -> None:
    first = store.people_of(clip, AnalyseSettings())
    moved = clip.rename(tmp_path / "anders.mp4")
    os.utime(moved, (1, 1))
    again = store.people_of(moved, AnalyseSettings())
    assert len(found) == 1, "neither name nor date matter, but what is in the file"
    np.testing.assert_array_equal(first.keypoints2d, again.keypoints2d)
    assert again.meta["video"]["path"] == str(moved)
    kept = store.analysed(moved, AnalyseSettings())
    assert kept.known and People.load(kept.path).meta["video"]["path"] == str(moved)
    store.people_of(moved, AnalyseSettings(), kept=False)
    assert len(found) == 2
    assert not store.analysed(moved, AnalyseSettings(), again=True).known
    assert len(found) == 3


def test_whatever_changes_the_people_is_another_analysis(
    clip: Path, found: list[AnalyseSettings], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keypoints = tmp_path / "keypoints"
    keypoints.mkdir()
    (keypoints / "0.json").write_text("{}")
    other = [{"detector": "mediapipe-heavy"}, {"max_people": 3}, {"start": 0.1}, {"end": 0.2}]
    other += [
        {"keypoints": keypoints},
        {"detector_command": "a {video} {output}"},
        {"detector_command": "b {video} {output}"},
    ]
    for settings in [AnalyseSettings(), *(AnalyseSettings(**values) for values in other)]:
        store.people_of(clip, settings)
    assert len(found) == 8
    (keypoints / "0.json").write_text("{ }")
    store.people_of(clip, AnalyseSettings(keypoints=keypoints))
    assert len(found) == 9
    monkeypatch.setattr(store, "_engine", lambda: "another engine")
    store.people_of(clip, AnalyseSettings())
    with clip.open("ab") as stream:
        stream.write(b"\0")
    store.people_of(clip, AnalyseSettings())
    assert len(found) == 11


@pytest.mark.parametrize("damage", [b"", b"text", None])
def test_a_damaged_entry_is_made_anew(clip: Path, found: list[AnalyseSettings], damage: bytes | None) -> None:
    path = store.analysed(clip, AnalyseSettings()).path
    path.write_bytes(path.read_bytes()[:-100] if damage is None else damage)
    assert len(store.people_of(clip, AnalyseSettings()).keypoints2d) == 1
    assert len(found) == 2
    assert store.analysed(clip, AnalyseSettings()).known
    path.unlink()
    assert not store.analysed(clip, AnalyseSettings()).known


def test_what_was_used_longest_ago_goes_first(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache, "LIMIT", 2500)
    paths = [cache.entry({"number": number}) for number in range(4)]
    for number, path in enumerate(paths[:2]):
        with cache.making(path) as inside:
            (inside / "file").write_bytes(bytes(1000))
        os.utime(path, (number + 1, number + 1))
    cache.use(paths[0])
    with cache.making(paths[2]) as inside:
        (inside / "file").write_bytes(bytes(1000))
    assert [path.is_dir() for path in paths] == [True, False, True, False]
    with cache.making(paths[3]) as inside:
        (inside / "file").write_bytes(bytes(9000))
    assert [path.is_dir() for path in paths] == [False, False, False, True], "what is being made is never taken away"
    assert sorted(folder.iterdir()) == [paths[3]], "nothing unfinished is left"
    assert cache.clear() == 1 and not list(folder.iterdir())


def test_what_a_killed_process_left_goes_in_time(folder: Path) -> None:
    for name, age in ((".new-old", 2 * 86400), (".new-fresh", 10)):
        (folder / name).mkdir(parents=True)
        os.utime(folder / name, (time.time() - age,) * 2)
    cache.trim()
    assert [path.name for path in folder.iterdir()] == [".new-fresh"]
    assert cache.entries() == []


def test_a_failure_leaves_nothing(folder: Path) -> None:
    with pytest.raises(RuntimeError), cache.making(cache.entry({})) as inside:
        (inside / "file").write_bytes(b"half")
        raise RuntimeError
    assert list(folder.iterdir()) == []


def test_a_cache_that_cannot_be_written_loses_no_work(
    clip: Path, found: list[AnalyseSettings], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv(cache.FOLDER_VARIABLE, str(tmp_path / "file"))
    result = store.people_of(clip, AnalyseSettings())
    assert len(result.keypoints2d) == 1
    assert any("VIDEO_TO_MOCAP_CACHE" in text for text in warnings.texts(result.meta))
    with pytest.raises(UserError, match="cannot write"):
        store.analysed(clip, AnalyseSettings())
    assert len(found) == 1, "who needs the file is told before the work"


_PROCESS = """
import sys
from pathlib import Path
from pose3d_engine.service import cache
for number in range(60):
    path = cache.entry({"number": number % 5})
    if not path.is_dir():
        with cache.making(path) as folder:
            (folder / "file").write_bytes(bytes(500))
    elif (path / "file").is_file() and (path / "file").stat().st_size != 500:
        sys.exit("half an entry")
    if number % 7 == 0:
        cache.remove(path)
"""


def test_processes_share_it() -> None:
    started = [subprocess.Popen([sys.executable, "-c", _PROCESS], stderr=subprocess.PIPE) for _ in range(3)]
    for process in started:
        _, said = process.communicate(timeout=60)
        assert process.returncode == 0, said.decode()


def test_two_who_make_the_same_both_have_it(folder: Path) -> None:
    path, together = cache.entry({}), threading.Barrier(2)

    def make(content: bytes) -> None:
        with cache.making(path) as inside:
            (inside / "file").write_bytes(content)
            together.wait()

    threads = [threading.Thread(target=make, args=(content,)) for content in (b"a", b"b")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (path / "file").read_bytes() in (b"a", b"b")
    assert list(folder.iterdir()) == [path]


def test_the_command_says_what_is_there_and_clears_it(
    clip: Path, found: list[AnalyseSettings], folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = clip.parent / "people.npz"
    for _ in range(2):
        assert main(["detect", str(clip), "-o", str(output)]) == 0
    assert len(found) == 1 and found[0] == replace(AnalyseSettings())
    assert main(["detect", str(clip), "-o", str(output), "--no-cache"]) == 0
    assert len(found) == 2
    capsys.readouterr()
    assert main(["cache"]) == 0
    said = capsys.readouterr().out
    assert str(folder) in said and "1 analyses" in said
    assert main(["cache", "--clear"]) == 0
    assert cache.entries() == []


def test_the_folder_is_the_users(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv(cache.FOLDER_VARIABLE)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("LOCALAPPDATA", str(tmp_path))
    assert cache.folder().parts[-2:] == ("video_to_mocap", "analyses")
    if sys.platform != "darwin":
        assert cache.folder().is_relative_to(tmp_path)
