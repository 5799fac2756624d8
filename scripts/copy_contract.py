"""Copies pose3d_engine/contract into the add-on, which may not import the engine: run it after a change there.

A test fails where the two differ, and the build of the add-on runs this first.
"""

from __future__ import annotations

import shutil
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SOURCE, COPY = ROOT / "pose3d_engine" / "contract", ROOT / "blender_addon" / "contract"


def modules(folder: Path) -> dict[str, bytes]:
    """Relative path -> bytes of every module in a folder."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*.py"))}


def main() -> None:
    """Makes the copy the same as the source."""
    if modules(SOURCE) != (modules(COPY) if COPY.is_dir() else {}):
        shutil.rmtree(COPY, ignore_errors=True)
        shutil.copytree(SOURCE, COPY, ignore=shutil.ignore_patterns("__pycache__"))


if __name__ == "__main__":
    main()
