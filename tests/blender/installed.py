"""The add-on, installed from its zip into a user's folder. Run by test_build.py, each in a Blender of its own.

The zip is in ADDON_ZIP. The checkout is not to be found here.
"""

from __future__ import annotations

import os
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import bpy
import pytest

ARCHIVE = os.environ["ADDON_ZIP"]

pytestmark = pytest.mark.usefixtures("without_the_checkout", "fake_engine")


@pytest.fixture
def without_the_checkout(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    checkout = str(Path(__file__).resolve().parents[2])
    monkeypatch.setattr(sys, "path", [path for path in sys.path if path != checkout])
    yield
    # Blender would go on enabling it in its factory settings.
    for name in list(bpy.context.preferences.addons.keys()):
        if "video_to_mocap" in name or name == "blender_addon":
            bpy.ops.preferences.addon_disable(module=name)


def _works(name: str) -> None:
    """It is enabled, runs from the user's folder, and captures."""
    assert str(Path.home()) in str(sys.modules[name].__file__)
    assert bpy.context.preferences.addons[name].preferences.engine_python == ""
    assert bpy.types.VIDEO_TO_MOCAP_PT_main.bl_category == "Video to Mocap"
    bpy.context.scene.video_to_mocap.video = __file__
    assert bpy.ops.video_to_mocap.analyse() == {"FINISHED"}
    assert bpy.ops.video_to_mocap.capture() == {"FINISHED"}
    assert any(item.type == "ARMATURE" for item in bpy.context.scene.objects)


def _install(archive: str) -> None:
    bpy.ops.preferences.addon_install(filepath=archive)
    bpy.ops.preferences.addon_enable(module="video_to_mocap")


def test_legacy_add_on() -> None:
    _install(ARCHIVE)
    _works("video_to_mocap")


def test_the_former_module_is_disabled(tmp_path: Path) -> None:
    """Until 0.1 the legacy add-on was called blender_addon; both at once would be in each other's way."""
    former = tmp_path / "former.zip"
    with zipfile.ZipFile(ARCHIVE) as new, zipfile.ZipFile(former, "w") as old:
        for name in new.namelist():
            old.writestr(name.replace("video_to_mocap/", "blender_addon/", 1), new.read(name))
    bpy.ops.preferences.addon_install(filepath=str(former))
    bpy.ops.preferences.addon_enable(module="blender_addon")
    _install(ARCHIVE)
    assert "blender_addon" not in bpy.context.preferences.addons
    _works("video_to_mocap")


def test_extension() -> None:
    bpy.ops.extensions.package_install_files(filepath=ARCHIVE, repo="user_default", enable_on_install=True)
    _works("bl_ext.user_default.video_to_mocap")


def test_an_update_runs_the_new_code_everywhere(tmp_path: Path) -> None:
    """Without a restart of Blender."""
    newer = tmp_path / "newer.zip"
    with zipfile.ZipFile(ARCHIVE) as old, zipfile.ZipFile(newer, "w") as new:
        for name in old.namelist():
            content = old.read(name)
            if name.endswith(".py") and "/bundle/" not in name:
                content += b'\nNEW = "yes"\n'
            new.writestr(name, content)

    def modules() -> list[object]:
        return [module for name, module in sys.modules.items() if name.startswith("video_to_mocap.")]

    _install(ARCHIVE)
    assert len(modules()) > 20 and not any(hasattr(module, "NEW") for module in modules())
    _install(str(newer))
    assert len(modules()) > 20 and all(hasattr(module, "NEW") for module in modules())
    assert bpy.context.scene.video_to_mocap.progress == 0.0
    _works("video_to_mocap")


def test_blenders_own_tool_finds_nothing_wrong(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    from bl_pkg.bl_extension_cli import cli_extension_handler as command_line

    with zipfile.ZipFile(ARCHIVE) as opened:
        opened.extractall(tmp_path / "unpacked")
    assert command_line(["validate", ARCHIVE]) == 0
    assert command_line(["validate", str(tmp_path / "unpacked" / "video_to_mocap")]) == 0
    printed = "".join(capfd.readouterr()).lower()
    assert "warning" not in printed and "error" not in printed, printed
