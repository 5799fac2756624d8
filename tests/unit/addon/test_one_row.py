"""One more row in the table of settings is one more setting everywhere, with no other change."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import one_row
from tests.support.one_row import python

ROW = '    bouncy: bool = _row("bool", False, "Bouncy", "make every step bounce", panel="estimation")\n'
BEFORE = "    person: str = _row("


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the two packages with the row."""
    return one_row.make(tmp_path_factory.mktemp("one row"), "settings.py", BEFORE, ROW)


def test_the_command_lines_have_the_option(tree: Path) -> None:
    for words in (["-m", "pose3d_engine", "run", "--help"], ["-m", "pose3d_engine", "lift", "--help"]):
        assert "--bouncy, --no-bouncy" in python(tree, *words)
    script = "from blender_addon.cli import options; options.parse(['--help'], 'batch.py')"
    assert "make every step bounce" in python(tree, "-c", script)


def test_a_settings_file_holds_it(tree: Path) -> None:
    for package in ("pose3d_engine", "blender_addon"):
        script = f"""
from {package}.contract import settings_file
settings_file.save("s.json", {{"bouncy": True}})
print(settings_file.load("s.json"))
from {package}.contract.settings import CaptureSettings
print(CaptureSettings.of(settings_file.load("s.json")).bouncy)
"""
        assert python(tree, "-c", script).split("\n")[:2] == ["{'bouncy': True}", "True"]


def test_the_engine_checks_it_in_a_request(tree: Path) -> None:
    lines = [
        {"type": "request", "id": 1, "method": "capture", "params": {"people": "p", "output": "o.npz", "bouncy": 1}},
        {"type": "request", "id": 2, "method": "capture", "params": {"people": "p", "output": "o.npz", "bouncy": True}},
    ]
    process = subprocess.Popen(
        [sys.executable, "-m", "pose3d_engine", "serve"],
        cwd=tree,
        env={"PATH": "", "PYTHONPATH": str(tree), "HOME": str(tree)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin and process.stdout
    with process:
        process.stdin.write("".join(json.dumps(line) + "\n" for line in lines))
        process.stdin.flush()
        wrong, right = answers(process.stdout)
        process.stdin.close()
    assert (wrong["code"], wrong["message"]) == ("bad_input", "bouncy is 1; give true or false")
    assert (right["code"], "bouncy" in right["message"]) == ("bad_input", False)  # there is no file of people


def answers(stream: Iterator[str]) -> Iterator[dict]:
    """The two answers in a stream of messages."""
    found = (json.loads(line) for line in stream)
    errors = (message for message in found if message["type"] in ("result", "error"))
    for _ in range(2):
        yield next(errors)


def test_the_documentation_has_it(tree: Path) -> None:
    page = (tree / "docs" / "technical-director" / "settings.md").read_text(encoding="utf-8")
    assert "| `bouncy` | `--bouncy`, `--no-bouncy` | true or false | `false` | make every step bounce |" in page


def test_the_panel_has_it(tree: Path) -> None:
    script = """
import bpy, addon_utils
addon_utils.enable("blender_addon", default_set=True)
settings = bpy.context.scene.video_to_mocap
print(settings.bouncy, settings.bl_rna.properties["bouncy"].name)
settings.bouncy = True
from blender_addon.features.common import table
print(table.values(settings, table.shown("estimation")).get("bouncy"))
"""
    assert [line for line in python(tree, "-c", script).splitlines() if "ouncy" in line or line == "True"] == [
        "False Bouncy",
        "True",
    ]
