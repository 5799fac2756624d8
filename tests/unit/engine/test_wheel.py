"""The engine's wheel, which travels in the add-on's zip: the product without the research."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from scripts import build_addon


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_addon.engine_wheel(tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the wheel's files, as after an installation."""
    folder = tmp_path_factory.mktemp("site-packages")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    return folder


def pose3d(installed: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Runs the installed engine in a folder that is not the checkout."""
    return subprocess.run(
        [sys.executable, "-m", "pose3d_engine", *arguments],
        cwd=installed.parent,
        env=os.environ | {"PYTHONPATH": str(installed)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_wheel_has_the_product_and_no_research(wheel: Path, root: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if name.startswith("pose3d_engine/")}
    code = (path.relative_to(root).as_posix() for path in (root / "pose3d_engine").rglob("*.py"))
    assert {name for name in code if not name.startswith("pose3d_engine/research/")} == {
        name for name in names if name.endswith(".py")
    }
    assert {name for name in names if name.startswith("pose3d_engine/checkpoint/")} == {
        f"pose3d_engine/checkpoint/{name}"
        for name in (
            "pstmo-s-cmu.md",
            "pstmo-s-cmu.safetensors",
            "register.json",
            "tcn-mocap.md",
            "tcn-mocap.safetensors",
        )
    }


@pytest.mark.parametrize("command", [("train", "prepare", "cmu"), ("evaluate", "mocap")])
def test_commands_of_research_say_in_one_line_where_they_are(installed: Path, command: tuple[str, ...]) -> None:
    done = pose3d(installed, *command)
    assert (done.returncode, done.stdout) == (2, "")
    assert (
        done.stderr == f"pose3d {command[0]}: not part of the installed engine; run it in a checkout of the project\n"
    )


def test_the_installed_engine_works_without_research(installed: Path) -> None:
    shown = pose3d(installed, "--help")
    assert shown.returncode == 0 and " run " in shown.stdout
    assert "train" not in shown.stdout and "evaluate" not in shown.stdout
    listed = pose3d(installed, "weights", "list")
    assert listed.returncode == 0 and "tcn-mocap" in listed.stdout, listed.stderr
