"""The example that needs Blender."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from tests.support import synthetic

METARIG = """
import bpy, addon_utils, sys
bpy.ops.wm.read_factory_settings(use_empty=True)
addon_utils.enable("rigify", default_set=True)
bpy.ops.object.armature_basic_human_metarig_add()
bpy.context.object.name = "Hero"
bpy.ops.wm.save_as_mainfile(filepath=sys.argv[-1])
"""


def test_a_motion_file_goes_onto_a_rig(root: Path, tmp_path: Path) -> None:
    rig, script = tmp_path / "rig.blend", tmp_path / "rig.py"
    script.write_text(METARIG)
    assert shutil.which("blender"), "the system's Blender is missing: make test-packages"
    subprocess.run(["blender", "-b", "--python-exit-code", "1", "--python", script, "--", rig], check=True)
    motion = synthetic.save_motion(tmp_path / "stroll.npz", *synthetic.stroll(12))
    example = root / "examples" / "motion_onto_rig.py"
    done = subprocess.run(
        [sys.executable, example, motion, f"{rig}:Hero", tmp_path / "results"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    written = [Path(line) for line in done.stdout.splitlines()]
    assert sorted(path.suffix for path in written) == [".blend", ".fbx"]
    assert all(path.is_file() for path in written)
