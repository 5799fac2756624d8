"""The zip: what is in it, and that Blender validates it and installs it both ways."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from blenders import BLENDERS, ROOT, fake_python, run

import blender_addon
import pose3d_engine
from blender_addon.engine import builds, installed
from scripts import build_addon

IS_REGISTERED = """
assert bpy.context.preferences.addons[name].preferences.engine_python == ""
assert bpy.types.VIDEO_TO_MOCAP_PT_main.bl_category == "Video to Mocap"
bpy.context.scene.video_to_mocap.video = __file__
assert bpy.ops.video_to_mocap.analyse() == {"FINISHED"}
assert bpy.ops.video_to_mocap.capture() == {"FINISHED"}
assert bpy.context.active_object.type == "ARMATURE"
"""


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_addon.build(tmp_path_factory.mktemp("Ünïcode dist"))


def test_the_command_line(tmp_path: Path) -> None:
    script = ROOT / "scripts" / "build_addon.py"
    done = subprocess.run(
        [sys.executable, str(script), "--output-dir", str(tmp_path / "new")], capture_output=True, text=True, check=True
    )
    assert Path(done.stdout.strip()) == tmp_path / "new" / f"video_to_mocap-{blender_addon.VERSION}.zip"
    assert [path.name for path in (tmp_path / "new").iterdir()] == [Path(done.stdout.strip()).name]


def test_one_version_everywhere() -> None:
    assert build_addon.version() == blender_addon.VERSION == pose3d_engine.__version__
    assert ".".join(map(str, blender_addon.bl_info["version"])) == blender_addon.VERSION


def test_what_is_in_it(archive: Path) -> None:
    with zipfile.ZipFile(archive) as opened:
        names = opened.namelist()
    assert {"blender_addon/__init__.py", "blender_addon/blender_manifest.toml", "blender_addon/LICENSE"} <= set(names)
    assert "blender_addon/blend/armature.py" in names and "blender_addon/blend/export.py" in names
    assert all(name.startswith("blender_addon/") for name in names)
    assert not [name for name in names if "__pycache__" in name or "test" in name or name.endswith((".pyc", ".tmp"))]
    tracked = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard", "blender_addon"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    bundled = {name for name in names if name.startswith("blender_addon/bundle/")}
    assert {name for name in tracked if name.endswith((".py", ".toml", ".json"))} == set(names) - bundled - {
        "blender_addon/LICENSE"
    }


def test_what_the_engine_is_installed_from_travels_inside(archive: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(archive) as opened:
        opened.extractall(tmp_path)
    shipped = installed.bundle(tmp_path / "blender_addon")
    assert shipped and shipped.constraints.read_bytes() == (ROOT / "constraints.txt").read_bytes()
    with zipfile.ZipFile(shipped.wheel) as wheel:
        assert {"pose3d_engine/checkpoint/tcn-cmu.safetensors", "pose3d_engine/checkpoint/register.json"} <= set(
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
    printed = run(
        "bpy",
        tmp_path,
        f"""
import bpy, addon_utils
from bl_pkg.bl_extension_cli import cli_extension_handler as cli
with __import__("zipfile").ZipFile({str(archive)!r}) as opened:
    opened.extractall("unpacked")
assert cli(["validate", {str(archive)!r}]) == 0
assert cli(["validate", "unpacked/blender_addon"]) == 0
""",
    )
    assert "warning" not in printed.lower() and "error" not in printed.lower(), printed


@pytest.mark.parametrize("blender", BLENDERS)
def test_installs_as_a_legacy_add_on(blender: str, archive: Path, tmp_path: Path) -> None:
    run(
        blender,
        tmp_path,
        f"""
import bpy
bpy.ops.preferences.addon_install(filepath={str(archive)!r})
bpy.ops.preferences.addon_enable(module="blender_addon")
name = "blender_addon"
assert str(Path.home()) in sys.modules[name].__file__
"""
        + IS_REGISTERED,
        VIDEO_TO_MOCAP_PYTHON=str(fake_python(tmp_path)),
    )


def test_installs_as_an_extension(archive: Path, tmp_path: Path) -> None:
    run(
        "bpy",
        tmp_path,
        f"""
import bpy
bpy.ops.extensions.package_install_files(filepath={str(archive)!r}, repo="user_default", enable_on_install=True)
name = "bl_ext.user_default.video_to_mocap"
assert str(Path.home()) in sys.modules[name].__file__
"""
        + IS_REGISTERED,
        VIDEO_TO_MOCAP_PYTHON=str(fake_python(tmp_path)),
    )


@pytest.mark.parametrize("blender", BLENDERS)
def test_an_update_replaces_the_running_add_on(blender: str, archive: Path, tmp_path: Path) -> None:
    """Installing over an enabled add-on runs the new code everywhere, without a restart of Blender."""
    newer = tmp_path / "newer.zip"
    with zipfile.ZipFile(archive) as old, zipfile.ZipFile(newer, "w") as new:
        for name in old.namelist():
            content = old.read(name)
            if name.endswith("features/common/words.py"):
                content += b'\nNEW = "yes"\n'
            new.writestr(name, content)
    run(
        blender,
        tmp_path,
        f"""
import bpy
bpy.ops.preferences.addon_install(filepath={str(archive)!r})
bpy.ops.preferences.addon_enable(module="blender_addon")
assert not hasattr(sys.modules["blender_addon.features.common.words"], "NEW")
bpy.ops.preferences.addon_install(filepath={str(newer)!r})
bpy.ops.preferences.addon_enable(module="blender_addon")
from blender_addon.features.capture import ops
assert ops.words.NEW == "yes"
assert bpy.context.scene.video_to_mocap.progress == 0.0
""",
    )
