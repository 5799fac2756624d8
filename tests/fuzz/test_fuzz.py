"""Every reader on thousands of changed files, the same ones each time; and on what fuzzing has found before.

``python -m tests.fuzz.run`` goes on for as long as you like, guided by what the code does.
"""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from tests.fuzz.targets import CASES, TARGETS, Target

CHANGED = 100
"""Files a target."""


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
def test_valid_files_are_read(tmp_path: Path, target: Target) -> None:
    for number, path in enumerate(target.seeds(tmp_path)):
        folder = tmp_path / str(number)
        folder.mkdir()
        copy = folder / f"input{target.suffix}"
        copy.write_bytes(path.read_bytes())
        target.read(copy)


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
def test_changed_files_are_a_value_or_one_clear_line(tmp_path: Path, target: Target) -> None:
    seeds = [path.read_bytes() for path in target.seeds(tmp_path)]
    for number in range(CHANGED):
        rng = random.Random(number)
        content = rng.choice(seeds)
        for _ in range(rng.randint(1, 3)):
            content = target.mutate(content, rng)
        try:
            target.check(content)
        except Exception as error:
            kept = tmp_path / f"{target.name}-{number}{target.suffix}"
            kept.write_bytes(content)
            raise AssertionError(f"{target.name} {number}: {type(error).__name__}: {error}; see {kept}") from error


@pytest.mark.parametrize(
    ("target", "case"),
    [(target, case) for target in TARGETS for case in sorted((CASES / target.name).glob("*"))],
    ids=lambda value: getattr(value, "name", str(value)),
)
def test_fixed_crashes_stay_fixed(target: Target, case: Path) -> None:
    target.check(case.read_bytes())
