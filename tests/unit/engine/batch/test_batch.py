"""Many clips: which are meant, what is done already, processes that die, and the command as a whole."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from pose3d_engine import contract
from pose3d_engine.contract import arrays
from pose3d_engine.contract.batch import pool, record, tasks
from pose3d_engine.contract.batch.summary import Summary
from pose3d_engine.contract.batch.tasks import Task
from pose3d_engine.contract.errors import UserError
from pose3d_engine.contract.paths import VIDEO_SUFFIXES


def test_what_is_meant_by_files_folders_and_patterns(tmp_path: Path) -> None:
    for name in ("b.MP4", "a.mov", "notes.txt", "deep/c.mp4", "odd[1].mp4"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    found = tasks.expand([tmp_path / "a.mov", tmp_path, f"{tmp_path}/**/c.*", tmp_path / "odd[1].mp4", "gone.mp4"])
    assert [path.name for path in found] == ["a.mov", "b.MP4", "odd[1].mp4", "c.mp4", "gone.mp4"]
    with pytest.raises(UserError, match="no file matches"):
        tasks.expand([f"{tmp_path}/*.webm"])
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match="no video in this folder"):
        tasks.expand([tmp_path / "empty"])
    with pytest.raises(UserError, match="several inputs are named a"):
        tasks.require_distinct([Path("x/a.mp4"), Path("y/a.mov")])


def test_there_is_one_list_of_videos(tmp_path: Path) -> None:
    for suffix in VIDEO_SUFFIXES:
        (tmp_path / f"clip{suffix}").touch()
    assert len(tasks.expand([tmp_path])) == len(VIDEO_SUFFIXES)
    assert {".ts", ".gif", ".mts"} <= set(VIDEO_SUFFIXES), "those of the panel and of the batch"


def test_a_record_counts_only_for_the_same_clip_and_settings(tmp_path: Path) -> None:
    clip, made = tmp_path / "a.mp4", tmp_path / "a.npz"
    clip.touch()
    made.touch()
    motions = [{"person": 1, "file": "a.npz", "frames": 5, "warnings": []}]
    record.note(tmp_path, clip, {"fov": 50}, motions)
    assert record.finished(tmp_path, clip, {"fov": 50}) == [{**motions[0], "path": made}]
    assert record.finished(tmp_path, clip, {}) == []
    other = tmp_path / "sub" / "a.mp4"
    assert record.finished(tmp_path, other, {"fov": 50}) == []
    for damage in ("", "[]", '{"settings": {"fov": 50}}', "[" * 100_000):
        record.path_of(tmp_path, clip).write_text(damage)
        assert record.finished(tmp_path, clip, {"fov": 50}) == []


WORKER = """
import os, signal, sys, time
from pathlib import Path
sys.path.insert(0, {root!r})
from pose3d_engine.contract.batch.tasks import result
from pose3d_engine.contract.batch.worker import serve
def work(task, report):
    report("at it")
    print("chatter on stdout")
    os.write(1, b"chatter of a library\\n")
    before = Path(task.log).read_text().count("at it")
    if "killed" in task.source and ("always" in task.source or before < 2):
        os.kill(os.getpid(), signal.SIGKILL)
    if "fault" in task.source:
        raise ZeroDivisionError("a bug")
    yield result(task.source, frames=7, warnings=[str(os.getpid())])
serve(work)
"""


def test_processes_that_die_or_fail_break_no_other_clip(tmp_path: Path) -> None:
    script = tmp_path / "worker.py"
    script.write_text(WORKER.format(root=str(Path(contract.__file__).parents[2])))
    names = ["a", "fault", "b", "killed once", "c", "killed always", "d"]
    todo = [Task(name, (), str(tmp_path / "logs" / f"{name}.log")) for name in names]
    found = {result["input"]: result for result in pool.results(todo, [sys.executable, str(script)], 2)}
    assert set(found) == set(names)
    assert [name for name in names if found[name]["error"]] == ["fault", "killed always"]
    assert "ZeroDivisionError: a bug" in found["fault"]["error"]
    assert "killed" in found["killed always"]["error"] and str(tmp_path) in found["killed always"]["error"]
    log = (tmp_path / "logs" / "fault.log").read_text()
    assert "chatter of a library" in log and "Traceback" in log
    # Warm: fewer processes than clips.
    assert len({found[name]["warnings"][0] for name in "abcd"}) <= 4
    summary = Summary(len(names))
    for result in found.values():
        summary.add(result)
    assert summary.failed
    assert "2 failed, 5 warned; 35 new frames" in summary.table().splitlines()[-1]


def test_keypoints_of_many_clips_become_motion_once(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    for name in ("a", "b"):
        keypoints = rng.uniform(100, 300, (4, 17, 3)).astype(np.float32)
        keypoints[..., 2] = 1
        arrays.save_npz(tmp_path / f"{name}.npz", {"keypoints2d": keypoints, "width": 640, "height": 480, "fps": 30.0})
    (tmp_path / "c.npz").write_text("no")
    words = ["run", f"{tmp_path}/*.npz", "--output-dir", str(tmp_path / "out"), "--motion", "none", "--jobs", "1"]

    def run() -> tuple[int, dict[str, dict], str]:
        done = subprocess.run(
            [sys.executable, "-m", "pose3d_engine", *words], capture_output=True, text=True, check=False
        )
        results = [json.loads(line) for line in done.stdout.splitlines()]
        return done.returncode, {Path(result["input"]).stem: result for result in results}, done.stderr

    status, results, said = run()
    assert status == 1, said
    assert [results[name]["error"] is None for name in "abc"] == [True, True, False], said
    assert "c.npz" in results["c"]["error"]
    assert results["a"]["frames"] == 4 and results["a"]["outputs"] == [str(tmp_path / "out" / "a.npz")]
    assert "1 failed, 2 " in said.splitlines()[-1]
    assert [run()[1][name]["skipped"] for name in "ab"] == [True, True]
