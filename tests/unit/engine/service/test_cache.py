"""The cache of analyses: what is kept, when it is a stranger, and what becomes of it in a crowd."""

from __future__ import annotations

import ast
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

from pose3d_engine import detect, pipeline, user_folders
from pose3d_engine.__main__ import main
from pose3d_engine.contract import warnings
from pose3d_engine.contract.errors import UserError
from pose3d_engine.contract.people_file import People
from pose3d_engine.pipeline import AnalyseSettings
from pose3d_engine.service import cache, store
from tests.support.filmed import people, project, walk

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
    monkeypatch.setattr(store, "_digest", lambda kind, networks=(): "another engine")
    store.people_of(clip, AnalyseSettings())
    with clip.open("ab") as stream:
        stream.write(b"\0")
    store.people_of(clip, AnalyseSettings())
    assert len(found) == 11


def test_an_alias_of_a_detector_is_the_same_analysis(clip: Path, found: list[AnalyseSettings]) -> None:
    for name in ("mediapipe", "mediapipe-full"):
        store.people_of(clip, AnalyseSettings(detector=name))
    assert len(found) == 1


def test_another_spelling_of_the_path_writes_no_analysis_again(
    clip: Path, found: list[AnalyseSettings], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of an hour with four people that takes 16 to 19 seconds."""
    kept = store.analysed(clip, AnalyseSettings())
    before = kept.path.stat()
    monkeypatch.chdir(clip.parent)
    again = store.analysed(Path("clip.mp4"), AnalyseSettings())
    after = again.path.stat()
    assert again.known and again.people.meta["video"]["path"] == "clip.mp4"
    assert (before.st_ino, before.st_mtime_ns) == (after.st_ino, after.st_mtime_ns)
    assert People.load(again.path).meta["video"]["path"] == "clip.mp4", "for readers of the file, too"
    assert store.analysed(clip, AnalyseSettings()).people.meta["video"]["path"] == str(clip)
    assert People.load(again.path).meta["video"]["path"] == str(clip)


def test_a_clip_that_was_moved_is_known_to_edited_people(
    clip: Path, found: list[AnalyseSettings], tmp_path: Path
) -> None:
    kept = store.analysed(clip, AnalyseSettings())
    store.derived(kept.path, kept.people, {"split": "1@0.2"})
    moved = clip.rename(tmp_path / "moved.mp4")
    kept = store.analysed(moved, AnalyseSettings())
    edited = store.derived(kept.path, kept.people, {"split": "1@0.2"})
    assert People.load(edited.path).meta["video"]["path"] == str(moved)


@pytest.mark.parametrize("note", [b"", b"[]", b"{}", b'{"path": 1}', b"\xff"])
def test_a_damaged_note_of_the_clips_place_is_as_none(clip: Path, found: list[AnalyseSettings], note: bytes) -> None:
    kept = store.analysed(clip, AnalyseSettings())
    kept.path.with_suffix(".clip.json").write_bytes(note)
    assert People.load(kept.path).meta["video"]["path"] == str(clip)


INFRASTRUCTURE = {"__init__.py", "extras.py", "interrupts.py", "progress.py", "weights/__init__.py"}
INFRASTRUCTURE |= {
    f"contract/{name}.py" for name in ("__init__", "arrays", "atomic", "errors", "paths", "people_file", "warnings")
}
"""Modules that an analysis imports and that do not decide its result."""

ROOTS = {
    "detector": ["detect/__init__.py", "detect/chunks.py", "detect/camera_motion_2d.py", "media/video.py"],
    "keypoints": ["formats/keypoint_files.py", "media/video.py"],
    "command": ["formats/detector_command.py", "media/video.py"],
    "edit": ["track/edits.py"],
}
"""Modules that ``pipeline.analyse`` and an edit call."""


def imported(module: Path) -> set[Path]:
    """The engine's modules that a module imports, relative to the engine; a name of a package by where it is made."""
    root = Path(store.__file__).parents[1]
    result = set()
    for node in ast.walk(ast.parse((root / module).read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.level:
            base = (root / module).parents[node.level - 1] / (node.module or "").replace(".", "/")
            for alias in node.names:
                named = base / alias.name
                for path in (named.with_suffix(".py"), named / "__init__.py", base.with_suffix(".py")):
                    if path.is_file():
                        result.add(path.relative_to(root))
                        break
                else:
                    result.add(origin(base, alias.name).relative_to(root))
    return result


def origin(package: Path, name: str) -> Path:
    """The module that a package's name comes from."""
    for node in ast.walk(ast.parse((package / "__init__.py").read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module and name in {alias.name for alias in node.names}:
            return package / f"{node.module}.py"
    return package / "__init__.py"


@pytest.mark.parametrize("kind", ROOTS)
def test_the_key_covers_the_code_that_decides_and_no_more(kind: str) -> None:
    needed: set[Path] = set()
    waiting = {Path(root) for root in ROOTS[kind]} | ({Path("track/tracker.py")} if kind == "detector" else set())
    while waiting:
        module = waiting.pop()
        if module.as_posix() not in INFRASTRUCTURE and module not in needed:
            needed.add(module)
            waiting |= imported(module)
    listed = set(store.code_files(kind))
    # Files of a folder that is listed whole, though the walk above reaches them by another way than an import.
    whole = {path for path in listed if path.parts[0] in store.CODE[kind]}
    assert needed <= listed
    assert listed - whole <= needed


def test_only_what_capture_uses_makes_no_analysis_obsolete() -> None:
    analysis = {path.as_posix() for kind in ("detector", "keypoints", "command") for path in store.code_files(kind)}
    assert not analysis & {"track/selection.py", "track/edits.py"}
    assert "contract/skeletons.py" in analysis


def test_a_new_version_of_a_library_is_another_analysis_where_it_decides(monkeypatch: pytest.MonkeyPatch) -> None:
    def digests() -> dict[str, str]:
        store._digest.cache_clear()
        networks = store.NETWORK_PACKAGES
        return {
            "mediapipe": store._digest("detector", networks[None]),
            "rtmpose": store._digest("detector", networks["onnxruntime"]),
            "keypoints": store._digest("keypoints"),
        }

    before, version = digests(), store._version
    changes = {"onnxruntime": {"rtmpose"}, "mediapipe": {"mediapipe"}, "av": {"mediapipe", "rtmpose", "keypoints"}}
    changes |= {"opencv-contrib-python": {"mediapipe", "rtmpose"}}
    for package, expected in changes.items():
        monkeypatch.setattr(store, "_version", lambda name, package=package: "9" if name == package else version(name))
        after = digests()
        assert {name for name in after if after[name] != before[name]} == expected
    store._digest.cache_clear()


def test_every_detector_has_its_packages() -> None:
    for name in detect.NAMES:
        assert detect.source(name).module in store.NETWORK_PACKAGES


def test_a_later_motion_is_a_file_of_its_own(clip: Path, found: list[AnalyseSettings], folder: Path) -> None:
    people = store.analysed(clip, AnalyseSettings()).path
    first, second = (store.motion_output(people, "Ü 1") for _ in range(2))
    assert first != second and first.name == second.name == "Ü 1.npz"
    assert first.is_relative_to(folder), "where VIDEO_TO_MOCAP_CACHE says"
    assert store.motion_output(people, "../../x").is_relative_to(folder)


def test_motions_are_trimmed_and_cleared(
    clip: Path, found: list[AnalyseSettings], monkeypatch: pytest.MonkeyPatch
) -> None:
    people = store.analysed(clip, AnalyseSettings()).path
    monkeypatch.setattr(cache, "LIMIT", 100_000)
    motions = []
    for number in range(4):
        motion = store.motion_output(people, "clip")
        motion.parent.mkdir()
        motion.write_bytes(bytes(40_000))
        os.utime(motion.parent, (number + 1, number + 1))
        motions.append(motion)
    store.motion_output(people, "clip")
    assert [motion.is_file() for motion in motions] == [False, False, True, True]
    assert people.is_file(), "it has just been captured from"
    assert cache.clear() == 3
    assert not any(motion.exists() for motion in motions)


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


def test_motions_of_the_first_version_are_cleared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(user_folders, "cache_folder", lambda: tmp_path)
    motion = tmp_path / "motion" / "0123" / "walk.npz"
    motion.parent.mkdir(parents=True)
    motion.touch()
    cache.clear()
    assert motion.is_file(), "the folder of another cache"
    monkeypatch.delenv(cache.FOLDER_VARIABLE)
    cache.clear()
    assert list(tmp_path.iterdir()) == []


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
    assert str(folder) in said and "1 entries" in said
    assert main(["cache", "--clear"]) == 0
    assert cache.entries() == []


def test_the_folder_is_the_users(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv(cache.FOLDER_VARIABLE)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("LOCALAPPDATA", str(tmp_path))
    assert cache.folder().parts[-2:] == ("video_to_mocap", "analyses")
    if sys.platform != "darwin":
        assert cache.folder().is_relative_to(tmp_path)
