"""Exports: what is said where one cannot be, whom it holds, and that each program's preset brings the joints back."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import bpy
import numpy as np
import pytest

from blender_addon.blend import armature as apply
from blender_addon.blend import export
from tests.support import synthetic

pytestmark = pytest.mark.usefixtures("empty_scene")


@pytest.fixture
def armature(tmp_path: Path) -> bpy.types.Object:
    path = synthetic.save_motion(tmp_path / "walk.npz", *synthetic.walk(5))
    return apply.capture_to_scene(bpy.context, [path], set_scene=True)[0]


Exporter = Callable[[bpy.types.Object, Path], None]
EXPORTERS: dict[str, Exporter] = {
    "fbx": lambda item, path: export.finish(export.fbx(bpy.context, item, path)),
    "bvh": lambda item, path: export.finish(export.bvh(bpy.context, item, path)),
    "glb": lambda item, path: export.finish(export.gltf(bpy.context, item, path)),
    "blend": lambda item, path: export.save_blend(path),
}


@pytest.mark.parametrize("kind", EXPORTERS)
def test_an_unwritable_folder_is_said(kind: str, armature: bpy.types.Object, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(export.ExportError, match="cannot write") as caught:
        EXPORTERS[kind](armature, tmp_path / "file" / f"x.{kind}")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("kind", EXPORTERS)
def test_folders_are_made_and_older_results_replaced(kind: str, armature: bpy.types.Object, tmp_path: Path) -> None:
    path = tmp_path / "new" / "folder" / f"x.{kind}"
    EXPORTERS[kind](armature, path)
    size = path.stat().st_size
    path.write_text("old")
    EXPORTERS[kind](armature, path)
    assert path.stat().st_size == pytest.approx(size, rel=0.01)
    assert list(path.parent.iterdir()) == [path]
    assert os.access(path, os.R_OK)


@pytest.mark.parametrize("kind", ["fbx", "bvh", "glb"])
def test_nothing_to_export_is_said(kind: str, armature: bpy.types.Object, tmp_path: Path) -> None:
    armature.animation_data_clear()
    with pytest.raises(export.ExportError, match="no animation"):
        EXPORTERS[kind](armature, tmp_path / f"x.{kind}")
    assert list(tmp_path.glob(f"*.{kind}")) == []


@pytest.mark.parametrize("kind", ["fbx", "glb"])
def test_an_exporter_that_is_off_is_said(kind: str, armature: bpy.types.Object, tmp_path: Path) -> None:
    import addon_utils

    addon_utils.disable({"fbx": "io_scene_fbx", "glb": "io_scene_gltf2"}[kind])
    with pytest.raises(export.ExportError, match="enable"):
        EXPORTERS[kind](armature, tmp_path / f"x.{kind}")


def test_only_the_chosen_character_is_exported(armature: bpy.types.Object, tmp_path: Path) -> None:
    apply.capture_to_scene(bpy.context, [tmp_path / "walk.npz"])
    bpy.ops.mesh.primitive_cube_add()
    EXPORTERS["fbx"](armature, tmp_path / "x.fbx")
    bpy.ops.wm.read_factory_settings(use_empty=True)
    bpy.ops.import_scene.fbx(filepath=str(tmp_path / "x.fbx"))
    assert sorted(item.type for item in bpy.data.objects) == ["ARMATURE", "MESH"]


@pytest.mark.parametrize("name", [*export.PROGRAMS, "glTF"])
def test_every_preset_brings_the_joints_back(
    name: str, armature: bpy.types.Object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As Blender reads it; a program's own importer is not at hand."""
    scene = bpy.context.scene
    scene.frame_set(5)
    wanted = {bone.name: armature.matrix_world @ bone.head for bone in armature.pose.bones}
    called, path = armature.name, tmp_path / f"x.{'glb' if name == 'glTF' else 'fbx'}"
    if name == "glTF":
        export.finish(export.gltf(bpy.context, armature, path))
    else:
        bpy.data.objects.new("Armature", None)
        export.finish(export.fbx(bpy.context, armature, path, export.PROGRAMS[name]))
        assert armature.name == called and "Armature" in bpy.data.objects
    bpy.ops.wm.read_factory_settings(use_empty=True)
    if name == "glTF":
        bpy.context.scene.render.fps = 30
        # Debian's Blender 3.4.1 asks numpy for a name that Debian's numpy no longer has.
        monkeypatch.setattr(np, "bool", bool, raising=False)
        bpy.ops.import_scene.gltf(filepath=str(path))
    else:
        bpy.ops.import_scene.fbx(filepath=str(path), anim_offset=0.0)
    (back,) = (item for item in bpy.data.objects if item.type == "ARMATURE")
    action = back.animation_data.action
    bpy.context.scene.frame_set(round(action.frame_range[1]))
    for bone, head in wanted.items():
        assert (back.matrix_world @ back.pose.bones[bone].head - head).length < 1e-3, bone
    assert name != "UNREAL" or back.name == "Armature"
