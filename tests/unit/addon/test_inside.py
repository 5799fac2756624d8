"""What runs tests inside Blender tells how each went, and of which nothing is known."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.blenders import ROOT, run_tests

SAMPLE = ROOT / "tests" / "blender" / "sample.py"

NAMES = [
    *("test_passes", "test_fails", "test_comes_after_the_failure", "test_is_skipped", "test_prints_an_error"),
    *("test_ends_blender", "test_is_behind_it"),
]


def test_each_way_of_going_wrong(blender: str, tmp_path: Path) -> None:
    results = run_tests(blender, tmp_path, SAMPLE, NAMES)
    assert list(results) == NAMES[:-1], "what is behind the one that ends Blender is to be run again"
    for name in ("test_passes", "test_comes_after_the_failure"):
        assert results[name].passed and not results[name].failed and not results[name].skipped
    (failure,) = results["test_fails"].failed
    assert "test_fails[2]" in failure and "assert 2 == 1" in failure
    assert results["test_is_skipped"].skipped == ["Skipped: no reason"]
    (failure,) = results["test_prints_an_error"].failed
    assert "most recent call last" in failure
    (failure,) = results["test_ends_blender"].failed
    assert "status 7" in failure


def test_a_file_that_cannot_be_imported(tmp_path: Path) -> None:
    file = tmp_path / "sample.py"
    file.write_text("import nothing_of_this_name\n")
    with pytest.raises(RuntimeError, match="nothing_of_this_name"):
        run_tests("bpy", tmp_path, file, ["test_any"])
