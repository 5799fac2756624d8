"""Exported files back in Blender, as a user imports them: with the importers' default settings."""

from __future__ import annotations

import json
import re
import struct
from pathlib import Path
from typing import Any

import bpy
import numpy as np
import pytest


def load(path: Path, monkeypatch: pytest.MonkeyPatch, **options: Any) -> bpy.types.Object:
    """The armature of a file. options: of the importer, where not the defaults."""
    before = {item.name for item in bpy.data.objects}
    if path.suffix == ".bvh":
        import io_anim_bvh.import_bvh as module

        # Debian's Blender 3.4.1 opens with the mode "rU", which its Python 3.11 no longer knows.
        def opened(name: str, mode: str, **words: Any) -> Any:
            return Path(name).open(mode.replace("U", ""), **words)

        monkeypatch.setattr(module, "open", opened, raising=False)
        bpy.ops.import_anim.bvh(filepath=str(path), **options)
    elif path.suffix == ".fbx":
        bpy.ops.import_scene.fbx(filepath=str(path), **options)
    else:
        # Debian's Blender 3.4.1 asks numpy for a name that Debian's numpy no longer has.
        monkeypatch.setattr(np, "bool", bool, raising=False)
        bpy.ops.import_scene.gltf(filepath=str(path), **options)
    (found,) = (item for item in bpy.data.objects if item.type == "ARMATURE" and item.name not in before)
    return found


def heads(armature: bpy.types.Object, frames: int) -> dict[str, np.ndarray]:
    """World positions (T,3) of the bones' heads, from the first key on, by name in letters, digits and underscores."""
    start = round(armature.animation_data.action.frame_range[0])
    found: dict[str, list[Any]] = {}
    for frame in range(start, start + frames):
        bpy.context.scene.frame_set(frame)
        for bone in armature.pose.bones:
            found.setdefault(bone.name.replace(".", "_"), []).append(armature.matrix_world @ bone.head)
    return {name: np.array(places) for name, places in found.items()}


def gltf_contents(path: Path) -> dict[str, Any]:
    """The JSON of a binary glTF."""
    data = path.read_bytes()
    (length,) = struct.unpack("<I", data[12:16])
    contents: dict[str, Any] = json.loads(data[20 : 20 + length])
    return contents


def fbx_takes(path: Path) -> list[str]:
    """The names of the takes in a binary FBX: strings with their length before them and their class behind."""
    data, kind = path.read_bytes(), b"\x00\x01AnimStack"
    found = []
    for end in (match.start() for match in re.finditer(re.escape(kind), data)):
        starts = (end - length for length in range(200))
        start = next(at for at in starts if data[at - 5 : at] == b"S" + struct.pack("<I", end - at + len(kind)))
        found.append(data[start:end].decode())
    return found
