"""What goes wrong around Blender while it captures: killed at any moment, no room for what it writes.

Each time: the engine ends with it, nothing half-written has the name of a result, and the next run works.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.support import synthetic
from tests.unit.addon.cli.test_batch import HOSTS

MOMENTS = int(os.environ.get("FAULT_MOMENTS", "3"))
"""At how many moments Blender is killed; docs/contributor/quality.md says how many were tried."""

FORMATS = ("fbx", "bvh", "blend")

posix = pytest.mark.skipif(os.name == "nt", reason="limits of a process are POSIX's")


def command(host: str, source: Path, folder: Path, formats: tuple[str, ...] = FORMATS) -> list[str]:
    words = [*HOSTS[host], str(source), "--output-dir", str(folder)]
    if source.suffix != ".npz":
        words += ["--end", "0.3"]
    return [*words, *(word for name in formats for word in ("--format", name))]


def results(words: list[str], **options: Any) -> list[dict[str, Any]]:
    done = subprocess.run(words, capture_output=True, text=True, encoding="utf-8", timeout=240, check=False, **options)
    lines = [line for line in done.stdout.splitlines() if line.startswith("{")]
    assert lines, done.stderr
    return [json.loads(line) for line in lines]


def test_blender_is_killed_at_any_moment(
    demo_clip: Path, detector_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    host = "blender"
    monkeypatch.setenv("VIDEO_TO_MOCAP_CACHE", str(tmp_path / "cache"))
    began = time.monotonic()
    (whole,) = results(command(host, demo_clip, tmp_path / "whole"))
    length = time.monotonic() - began
    assert whole["error"] is None
    sizes = {Path(path).name: Path(path).stat().st_size for path in whole["outputs"]}
    random_moment = random.Random(3)
    folder = tmp_path / "killed"
    for _ in range(MOMENTS):
        process = subprocess.Popen(
            command(host, demo_clip, folder), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        time.sleep(random_moment.uniform(0.2, length))
        children = psutil.Process(process.pid).children(recursive=True) if process.poll() is None else []
        process.kill()
        process.wait()
        _, alive = psutil.wait_procs(children, timeout=5)
        assert not alive, [child.cmdline() for child in alive]
        for path in folder.glob("*") if folder.exists() else ():
            # What has the name of a result is the whole result; Blender's own writing differs by a few bytes of dates.
            if path.name in sizes:
                assert abs(path.stat().st_size - sizes[path.name]) < 2000, path.name
    (after,) = results(command(host, demo_clip, folder))
    assert after["error"] is None
    assert {Path(path).name for path in after["outputs"]} == set(sizes)


@posix
@pytest.mark.parametrize("host", HOSTS)
@pytest.mark.parametrize("name", FORMATS)
def test_no_room_for_a_format(host: str, name: str, tmp_path: Path) -> None:
    motion = synthetic.save_motion(tmp_path / "clip.npz", *synthetic.walk(60))
    folder = tmp_path / "out"
    folder.mkdir()
    # Writing is to fail as on a full disk, not to end in a signal, which Python ignores and hands on only if asked to.
    full = {"preexec_fn": _little_room(4000), "restore_signals": False}
    (result,) = results(command(host, motion, folder, (name,)), **full)
    assert result["error"] is not None and result["outputs"] == [], result
    assert "\n" not in result["error"]
    assert [path.name for path in folder.iterdir()] == ["logs"]
    (result,) = results(command(host, motion, folder, (name,)))
    assert result["error"] is None
    assert {path.name for path in folder.iterdir()} == {f"clip.{name}", "logs"}


def _little_room(size: int) -> Callable[[], None]:
    """For a child, before it runs: no file of it may grow beyond so many bytes, as on a full disk."""
    import resource

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))

    return limit
