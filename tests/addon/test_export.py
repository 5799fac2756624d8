"""What is exported comes back joint for joint, in the module bpy and in an installed Blender."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import bpy
import pytest
import synthetic

from blender_addon.blend import armature as apply
from blender_addon.blend import export

SCRIPT = Path(__file__).with_name("inside_roundtrip.py")
HOSTS = {
    "module": [sys.executable, str(SCRIPT)],
    "blender": ["blender", "-b", "--factory-startup", "--python-exit-code", "1", "--python", str(SCRIPT)],
}


@pytest.mark.parametrize("host", HOSTS)
def test_round_trip(host: str, tmp_path: Path) -> None:
    motion = synthetic.save_motion(tmp_path / "walk ü 1.npz", *synthetic.walk(45), rate=25.0)
    folder = tmp_path / "results"
    folder.mkdir()
    done = subprocess.run(
        [*HOSTS[host], "--", str(motion), str(folder)], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    measured = json.loads((folder / "measured.json").read_text(encoding="utf-8"))
    print(measured)
    assert measured["frames"] == measured["bvh_frames"] == 45
    assert measured["rate"] == 25.0
    assert measured["scene"] < 1e-3
    assert measured["blend"] < 1e-3
    assert measured["bvh"] < 1e-2
    assert measured["fbx"] < 1e-2
    assert measured["fbx_has_body"]
    assert measured["camera_pixels"] < 0.1
    assert measured["blend_camera"]
    assert measured["untouched"]
    assert measured["left_over"] == []


@pytest.fixture
def armature(tmp_path: Path) -> bpy.types.Object:
    bpy.ops.wm.read_factory_settings(use_empty=True)
    path = synthetic.save_motion(tmp_path / "walk.npz", *synthetic.walk(5))
    return apply.capture_to_scene(bpy.context, [path], set_scene=True)[0]


Exporter = Callable[[bpy.types.Object, Path], None]
EXPORTERS: dict[str, Exporter] = {
    "fbx": lambda item, path: export.export_fbx(bpy.context, item, path),
    "bvh": lambda item, path: export.export_bvh(bpy.context, item, path),
    "glb": lambda item, path: export.export_gltf(bpy.context, item, path),
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


@pytest.mark.parametrize("kind", ["fbx", "bvh", "glb"])
def test_an_exporter_that_is_off_is_said(kind: str, armature: bpy.types.Object, tmp_path: Path) -> None:
    import addon_utils

    addon_utils.disable({"fbx": "io_scene_fbx", "bvh": "io_anim_bvh", "glb": "io_scene_gltf2"}[kind])
    try:
        with pytest.raises(export.ExportError, match="enable it"):
            EXPORTERS[kind](armature, tmp_path / f"x.{kind}")
    finally:
        bpy.ops.wm.read_factory_settings(use_empty=True)


def test_only_the_chosen_character_is_exported(armature: bpy.types.Object, tmp_path: Path) -> None:
    apply.capture_to_scene(bpy.context, [tmp_path / "walk.npz"])
    bpy.ops.mesh.primitive_cube_add()
    EXPORTERS["fbx"](armature, tmp_path / "x.fbx")
    bpy.ops.wm.read_factory_settings(use_empty=True)
    bpy.ops.import_scene.fbx(filepath=str(tmp_path / "x.fbx"))
    assert sorted(item.type for item in bpy.data.objects) == ["ARMATURE", "MESH"]


@pytest.mark.parametrize("name", [*export.PROGRAMS, "glTF"])
def test_every_preset_brings_the_joints_back(name: str, armature: bpy.types.Object, tmp_path: Path) -> None:
    """As Blender reads it; a program's own importer is not at hand."""
    scene = bpy.context.scene
    scene.frame_set(5)
    wanted = {bone.name: armature.matrix_world @ bone.head for bone in armature.pose.bones}
    called, path = armature.name, tmp_path / f"x.{'glb' if name == 'glTF' else 'fbx'}"
    if name == "glTF":
        export.export_gltf(bpy.context, armature, path)
    else:
        bpy.data.objects.new("Armature", None)
        export.export_fbx(bpy.context, armature, path, export.PROGRAMS[name])
        assert armature.name == called and "Armature" in bpy.data.objects
    bpy.ops.wm.read_factory_settings(use_empty=True)
    if name == "glTF":
        bpy.context.scene.render.fps = 30
        bpy.ops.import_scene.gltf(filepath=str(path))
    else:
        bpy.ops.import_scene.fbx(filepath=str(path), anim_offset=0.0)
    (back,) = (item for item in bpy.data.objects if item.type == "ARMATURE")
    action = back.animation_data.action
    bpy.context.scene.frame_set(round(action.frame_range[1]))
    for bone, head in wanted.items():
        assert (back.matrix_world @ back.pose.bones[bone].head - head).length < 1e-3, bone
    assert name != "UNREAL" or back.name == "Armature"
