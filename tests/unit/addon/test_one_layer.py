"""A new layer is one folder and one row: it reaches motion file, panel, armature and export with no other change."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support import one_row
from tests.support.one_row import python

ROW = """    Layer(
        "frame_count", "Frame Count", "Count the frames", frozenset({"body2d"}), (Channel("frame_count", "value"),)
    ),
"""
CODE = """
import numpy as np

def capture(shot, take):
    return {"frame_count": np.arange(len(take.detected), dtype=np.float32)}
"""


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the two packages with the layer, and a motion that was captured there."""
    tree = one_row.make(tmp_path_factory.mktemp("one layer"), "layers.py", '    Layer(\n        "orientations"', ROW)
    folder = tree / "pose3d_engine" / "layers" / "frame_count"
    folder.mkdir()
    (folder / "__init__.py").write_text(CODE, encoding="utf-8")
    keypoints = """
import numpy as np
points = np.random.default_rng(0).uniform([500, 200], [800, 700], (17, 2))
np.savez("clip.npz", keypoints2d=np.repeat(points[None], 12, axis=0), width=1280, height=720, fps=30)
"""
    python(tree, "-c", keypoints)
    python(tree, "-m", "pose3d_engine", "lift", "clip.npz", "-o", "motion.npz", "--device", "cpu")
    return tree


def test_the_motion_file_has_it(tree: Path) -> None:
    script = """
from pathlib import Path
from pose3d_engine.contract.motion_file import Motion
print(Motion.load(Path("motion.npz")).extras["frame_count"].tolist())
"""
    assert json.loads(python(tree, "-c", script)) == list(range(12))


def test_it_can_be_left_out(tree: Path) -> None:
    assert "frame_count" in python(tree, "-m", "pose3d_engine", "lift", "--help").replace("\n", "")
    words = ("clip.npz", "-o", "without.npz", "--device", "cpu", "--layers", "orientations")
    python(tree, "-m", "pose3d_engine", "lift", *words)
    names = python(tree, "-c", 'import numpy; print(*numpy.load("without.npz").files)')
    assert "frame_count" not in names and "world" in names


def test_panel_armature_and_exports_have_it(tree: Path) -> None:
    script = """
import bpy, addon_utils
from pathlib import Path
addon_utils.enable("blender_addon", default_set=True)
items = bpy.context.scene.video_to_mocap.bl_rna.properties["layers"].enum_items
print("panel:", items["frame_count"].name)
from blender_addon.blend import armature, export
(rig,) = armature.capture_to_scene(bpy.context, ["motion.npz"], True)
bpy.context.scene.frame_set(bpy.context.scene.frame_start + 7)
print("armature:", rig["frame_count"])
export.finish(export.fbx(bpy.context, rig, Path("motion.fbx")))
export.save_blend(Path("motion.blend"))
bpy.ops.wm.open_mainfile(filepath="motion.blend")
(rig,) = [item for item in bpy.context.scene.objects if item.type == "ARMATURE"]
bpy.context.scene.frame_set(bpy.context.scene.frame_start + 3)
print("blend:", rig["frame_count"])
bpy.ops.wm.read_factory_settings(use_empty=True)
bpy.ops.import_scene.fbx(filepath="motion.fbx", use_custom_props=True)
(rig,) = [item for item in bpy.context.scene.objects if item.type == "ARMATURE"]
print("fbx:", "frame_count" in rig, "video_to_mocap" in rig)
"""
    lines = [
        line for line in python(tree, "-c", script).splitlines() if line.startswith(("panel", "arm", "blend", "fbx:"))
    ]
    assert lines == ["panel: Frame Count", "armature: 7.0", "blend: 3.0", "fbx: True False"]
