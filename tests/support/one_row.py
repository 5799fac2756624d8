"""A copy of the two packages with one more row in a table, for tests of what one row is enough for."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from tests.support import ROOT


def make(folder: Path, table: str, before: str, row: str) -> Path:
    """Copies the packages into ``folder``, with ``row`` before the text ``before`` in a table of the contract, copies
    the contract to the add-on."""
    for package in ("pose3d_engine", "blender_addon"):
        shutil.copytree(ROOT / package, folder / package, ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "scripts").mkdir()
    shutil.copy(ROOT / "scripts" / "copy_contract.py", folder / "scripts")
    (folder / "checkpoint").symlink_to(ROOT / "checkpoint", target_is_directory=True)
    path = folder / "pose3d_engine" / "contract" / table
    text = path.read_text(encoding="utf-8")
    assert text.count(before) == 1
    path.write_text(text.replace(before, row + before), encoding="utf-8")
    python(folder, "scripts/copy_contract.py")
    return folder


def python(folder: Path, *words: str) -> str:
    """What Python prints in the copy."""
    done = subprocess.run(
        [sys.executable, *words],
        cwd=folder,
        env={"PATH": "", "PYTHONPATH": str(folder), "HOME": str(folder)},
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
