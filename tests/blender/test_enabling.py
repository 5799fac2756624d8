"""Enabling the add-on: it leaves nothing behind, and says what everything is for."""

from __future__ import annotations

import gc
import threading
from typing import Any

import addon_utils
import bpy
import pytest
from inside import classes


def _state() -> tuple[list[str], int, int, bool]:
    names = [name for name in dir(bpy.types) if name.lower().startswith("video_to_mocap")]
    handlers = sum(len(value) for value in bpy.app.handlers if isinstance(value, list))
    return names, handlers, threading.active_count(), hasattr(bpy.types.Scene, "video_to_mocap")


def _objects() -> int:
    gc.collect()
    return len(gc.get_objects())


def test_twenty_times_without_a_trace(capfd: pytest.CaptureFixture[str]) -> None:
    """Types, handlers, threads and Python's objects are as many as before, and nobody complains."""
    addon_utils.enable("blender_addon", default_set=True)
    on = _state()
    assert len(on[0]) >= 10 and on[3], on
    addon_utils.disable("blender_addon")
    off = _state()
    assert not off[0] and not off[3], off
    before = 0
    for round_ in range(20):
        addon_utils.enable("blender_addon")
        assert _state() == on
        addon_utils.disable("blender_addon")
        assert _state() == off
        if round_ == 4:  # what is made once is there
            before = _objects()
    grown = (_objects() - before) / 15
    assert grown < 5, f"{grown} objects more a round"
    printed = "".join(capfd.readouterr())
    assert "warning" not in printed.lower() and "Traceback" not in printed, printed


def test_every_property_and_operator_explains_itself(operators: Any) -> None:
    groups = [*classes(bpy.types.PropertyGroup), *classes(bpy.types.AddonPreferences)]
    assert len(groups) >= 5
    for cls in groups:
        for name in cls.__annotations__:
            item = cls.bl_rna.properties[name]
            assert (item.name and len(item.description) > 10) or item.is_hidden, (cls, name)
            assert not item.description.endswith("."), (cls, name)
    for name in dir(operators):
        kind = getattr(operators, name).get_rna_type()
        assert len(kind.description) > 20 and not kind.description.endswith("."), name
    assert set(dir(operators)) >= {"analyse", "capture", "cancel", "export"}
