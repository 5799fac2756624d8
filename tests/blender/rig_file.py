"""Saves a made-up rig of Unreal's names as a .blend. Run by test_batch.py; argument after ``--``: the file."""

from __future__ import annotations

import os
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parents[1]), str(HERE)]

import bpy  # noqa: E402
import rigs  # noqa: E402

bpy.ops.wm.read_factory_settings(use_empty=True)
rigs.plain("hero", "unreal4", 1, plain=True)
bpy.ops.wm.save_as_mainfile(filepath=sys.argv[-1])
sys.stdout.flush()
os._exit(0)  # the module bpy crashes on the way out in some versions
