"""The language of code and documents: no misspellings, and none of the home-made terms of .codespell/terms.txt."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path


def codespell(root: Path, *words: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "codespell_lib", *map(str, words)], cwd=root, capture_output=True, text=True, check=False
    )


def test_the_field_s_terms_are_used(root: Path) -> None:
    done = codespell(root)
    assert done.returncode == 0, done.stdout + done.stderr


def test_home_made_terms_are_found_inside_of_identifiers(root: Path, tmp_path: Path) -> None:
    term = (root / ".codespell" / "terms.txt").read_text(encoding="utf-8").split("->")[0]
    path = tmp_path / "example.py"
    path.write_text(f"first_{term} = Best{term.title()}()\n")
    done = codespell(root, path)
    assert done.returncode != 0 and done.stdout.count(f"{path}:1:") == 2, done.stdout + done.stderr
