"""Starts the Blenders that tests run in: each in a process and a home directory of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.support import ROOT, fake_engine

INSIDE = ROOT / "tests" / "blender" / "run_inside.py"
"""The script that runs a file of tests in a Blender."""


BLENDERS = tuple(os.environ.get("VIDEO_TO_MOCAP_BLENDERS", "bpy blender").split())
"""The ``bpy`` wheel of this environment, and the ``blender`` on PATH (Debian's 3.4.1)."""

BPY_PYTHON = os.environ.get("VIDEO_TO_MOCAP_BPY_PYTHON", sys.executable)
"""The Python whose ``bpy`` wheel is meant; that of another environment tests another version of Blender."""

PATIENCE = 600.0
"""Seconds after which a Blender that runs a file of tests is ended."""


def fake_python(folder: Path) -> Path:
    """A "Python" that runs the fake engine whatever module it is asked for."""
    path = folder / "python"
    path.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{fake_engine.__file__}"\n')
    path.chmod(0o755)
    return path


def command(blender: str, script: Path) -> list[str]:
    """How ``blender`` runs a script without a window; the script's arguments are to follow."""
    if blender == "bpy":
        return [BPY_PYTHON, str(script), "--"]
    return [blender, "-b", "--factory-startup", "-noaudio", "--python-exit-code", "3", "-P", str(script), "--"]


def environment(home: Path) -> dict[str, str]:
    """The variables of a user whose home is ``home``. Blender does not find the checkout by them."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("BLENDER_", "XDG_"))}
    kept.pop("PYTHONPATH", None)
    # bpy tells its process where its colour profiles are, and an older Blender started from it dies of them.
    kept.pop("OCIO", None)
    kept.pop("VIDEO_TO_MOCAP_PYTHON", None)
    return kept | {"HOME": str(home), "XDG_CACHE_HOME": str(home / "cache"), "PYTHONDONTWRITEBYTECODE": "1"}


@dataclass
class Result:
    """How a function of tests went inside Blender: the texts of what failed, and of what was skipped."""

    failed: list[str] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)
    passed: bool = False


def run_script(blender: str, home: Path, script: Path, *words: object, **variables: str) -> str:
    """Runs a script in ``blender``; returns what it printed. Fails unless it ends well and without a traceback."""
    done = subprocess.run(
        [*command(blender, script), *map(str, words)],
        capture_output=True,
        text=True,
        cwd=home,
        timeout=120,
        env=environment(home) | variables,
        check=False,
    )
    printed = done.stdout + done.stderr
    assert done.returncode == 0 and "Traceback" not in printed, printed
    return printed


def run_tests(blender: str, home: Path, file: Path, names: list[str], **variables: str) -> dict[str, Result]:
    """Runs functions of a file of tests in one process of ``blender``. Returns what is known of them.

    That is nothing of those behind one that has ended Blender. The fake engine's Python is in ``FAKE_ENGINE_PYTHON``
    there. Raises RuntimeError where not even the first could begin.
    """
    reports = home / "reports.jsonl"
    words = [str(reports), str(Path(pytest.__file__).resolve().parents[1]), str(file), *names]
    variables = {"FAKE_ENGINE_PYTHON": str(fake_python(home)), **variables}
    console = home / "console"
    ended = ""
    with console.open("wb") as stream:
        process = subprocess.Popen(
            [*command(blender, INSIDE), *words],
            stdout=stream,
            stderr=subprocess.STDOUT,
            cwd=home,
            env=environment(home) | variables,
        )
        try:
            ended = f"{blender} ended with status {process.wait(PATIENCE)}"
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            ended = f"{blender} did not end within {PATIENCE:.0f} s"
    lines = reports.read_text(encoding="utf-8").splitlines() if reports.is_file() else []
    records = [json.loads(line) for line in lines]
    printed = console.read_text(encoding="utf-8", errors="replace")[-10_000:]
    results: dict[str, Result] = {}
    name = ""
    for record in records:
        if record["name"] is None and record["outcome"] == "failed":
            raise RuntimeError(record["text"])
        if record["name"] is None:
            continue
        name = record["name"]
        result = results.setdefault(name, Result())
        if record["outcome"] in ("failed", "skipped"):
            getattr(result, record["outcome"]).append(record["text"])
        result.passed |= record["outcome"] == "passed"
    if not name:
        raise RuntimeError(f"{ended} before the first test\n{printed}")
    if not any(record["outcome"] == "finished" for record in records):
        results[name].failed.append(f"{ended} in {name}\n{printed}")
    return results


def passes(blender: str, home: Path, file: Path, name: str, **variables: str) -> None:
    """Runs one function of a file of tests in ``blender``. Fails if it does."""
    result = run_tests(blender, home, file, [name], **variables)[name]
    assert not result.failed, "\n".join(result.failed)
    assert result.passed
