"""The zip: what is in it, and that Blender validates it and installs it both ways."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import blender_addon
import pose3d_engine
from blender_addon.engine import builds, installed
from scripts import build_addon
from tests.support.blenders import BLENDERS, ROOT, passes, run_script

INSTALLED = ROOT / "tests" / "blender" / "installed.py"


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_addon.build(tmp_path_factory.mktemp("Ünïcode dist"))


def test_the_command_line(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "scripts.build_addon", "--output-dir", str(tmp_path / "new")],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert Path(done.stdout.strip()) == tmp_path / "new" / f"video_to_mocap-{pose3d_engine.__version__}.zip"
    assert [path.name for path in (tmp_path / "new").iterdir()] == [Path(done.stdout.strip()).name]


def test_one_version_everywhere() -> None:
    assert build_addon.version() == pose3d_engine.__version__
    assert ".".join(map(str, blender_addon.bl_info["version"])) == pose3d_engine.__version__


def test_what_is_in_it(archive: Path) -> None:
    with zipfile.ZipFile(archive) as opened:
        names = opened.namelist()
    assert {f"video_to_mocap/{name}" for name in ("__init__.py", "blender_manifest.toml", "LICENSE")} <= set(names)
    assert "video_to_mocap/blend/armature.py" in names and "video_to_mocap/blend/export.py" in names
    assert all(name.startswith("video_to_mocap/") for name in names)
    assert not [name for name in names if "__pycache__" in name or "test" in name or name.endswith((".pyc", ".tmp"))]
    tracked = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard", "blender_addon"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    bundled = {name for name in names if name.startswith("video_to_mocap/bundle/")}
    sources = {name for name in tracked if name.endswith((".py", ".toml", ".json"))}
    packed = {name.replace("blender_addon/", "video_to_mocap/", 1) for name in sources}
    assert packed == set(names) - bundled - {"video_to_mocap/LICENSE"}


def test_what_the_engine_is_installed_from_travels_inside(archive: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(archive) as opened:
        opened.extractall(tmp_path)
    shipped = installed.bundle(tmp_path / "video_to_mocap")
    assert shipped and shipped.constraints.read_bytes() == (ROOT / "constraints.txt").read_bytes()
    with zipfile.ZipFile(shipped.wheel) as wheel:
        assert {"pose3d_engine/checkpoint/tcn-mocap.safetensors", "pose3d_engine/checkpoint/register.json"} <= set(
            wheel.namelist()
        )
    pip = [sys.executable, str(shipped.pip / "pip"), "--version"]
    assert f"pip {build_addon.PIP} " in subprocess.run(pip, capture_output=True, text=True, check=True).stdout
    pins = shipped.constraints.read_text()
    assert f"\ntorch=={builds.TORCH}\n" in pins and f"\npip=={build_addon.PIP}\n" in pins
    assert installed.bundle(ROOT / "blender_addon") is None


def test_the_same_source_gives_the_same_bytes(archive: Path, tmp_path: Path) -> None:
    assert build_addon.build(tmp_path).read_bytes() == archive.read_bytes()


def test_blenders_own_tool_finds_nothing_wrong(archive: Path, tmp_path: Path) -> None:
    passes("bpy", tmp_path, INSTALLED, "test_blenders_own_tool_finds_nothing_wrong", ADDON_ZIP=str(archive))


@pytest.mark.parametrize("blender", BLENDERS)
def test_installs_as_a_legacy_add_on(blender: str, archive: Path, tmp_path: Path) -> None:
    passes(blender, tmp_path, INSTALLED, "test_legacy_add_on", ADDON_ZIP=str(archive))


@pytest.mark.parametrize("blender", BLENDERS)
def test_it_takes_the_place_of_the_former_module(blender: str, archive: Path, tmp_path: Path) -> None:
    passes(blender, tmp_path, INSTALLED, "test_the_former_module_is_disabled", ADDON_ZIP=str(archive))


def test_installs_as_an_extension(archive: Path, tmp_path: Path) -> None:
    passes("bpy", tmp_path, INSTALLED, "test_extension", ADDON_ZIP=str(archive))


@pytest.mark.parametrize("blender", BLENDERS)
def test_an_update_replaces_the_running_add_on(blender: str, archive: Path, tmp_path: Path) -> None:
    passes(blender, tmp_path, INSTALLED, "test_an_update_runs_the_new_code_everywhere", ADDON_ZIP=str(archive))


def test_enabling_imports_nothing_heavy(blender: str, tmp_path: Path) -> None:
    run_script(blender, tmp_path, ROOT / "tests" / "blender" / "enabling_imports.py")
