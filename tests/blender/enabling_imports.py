"""Fails if enabling the add-on imports what takes long. A script of its own: pytest has imported most of it already.

How long enabling takes is measured by `make bench`; this is what keeps it short.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import bpy  # what it imports is not the add-on's

before = set(sys.modules)
import blender_addon  # noqa: E402

blender_addon.register()
heavy = {name.partition(".")[0] for name in set(sys.modules) - before} & {
    *("numpy", "torch", "cv2", "scipy", "asyncio", "urllib", "http", "ssl", "ctypes", "multiprocessing", "zipfile"),
    "subprocess",
}
blender_addon.unregister()
assert not heavy, heavy
if not bpy.app.binary_path and bpy.app.version < (5, 0):
    os._exit(0)  # the wheel of 4.2 crashes at its exit once any class with a draw function was registered
