"""The settings table in the panel: properties, drawing, requests, presets and files come from its rows alone."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import addon_utils
import bpy
import pytest
from inside import now


@pytest.fixture
def one_more_row(_as_just_started: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The add-on is enabled with one more row in its table."""
    import blender_addon
    from blender_addon.contract import settings as contract
    from blender_addon.contract.setting import Setting

    row = Setting("waltz", "capture", "bool", False, "Waltz", "turn to the beat of a waltz", panel="estimation")
    monkeypatch.setattr(contract, "SETTINGS", (*contract.SETTINGS, row))
    monkeypatch.setitem(contract.BY_NAME, "waltz", row)
    blender_addon.__time__ = Path(blender_addon.__file__).stat().st_mtime  # else enabling imports it anew
    yield from _enabled_anew()


def _enabled_anew() -> Iterator[None]:
    """Enables the add-on with features that are imported anew, as the table is read when they are."""
    import blender_addon

    kept = {name: sys.modules.pop(name) for name in list(sys.modules) if name.startswith("blender_addon.features")}
    package = blender_addon.__dict__.pop("features", None)
    assert addon_utils.enable("blender_addon", default_set=True)
    yield
    addon_utils.disable("blender_addon", default_set=True)
    for name in [name for name in sys.modules if name.startswith("blender_addon.features")]:
        del sys.modules[name]
    sys.modules.update(kept)
    if package is not None:
        blender_addon.features = package


class Layout:
    """What a section is drawn on: notes the names of properties."""

    active = True

    def __init__(self) -> None:
        self.drawn: list[str] = []

    def prop(self, settings: Any, name: str, **_: Any) -> None:
        self.drawn.append(name)

    def label(self, **_: Any) -> None:
        pass

    def column(self, **_: Any) -> Layout:
        return self

    row = column


def _drawn(panel: str) -> list[str]:
    from blender_addon.features.common import table

    layout = Layout()
    table.draw(layout, now(), panel)
    return layout.drawn


def _preset() -> Path:
    [path] = Path(bpy.utils.user_resource("SCRIPTS"), "presets", "video_to_mocap", "capture").glob("*.py")
    return path


def _load_preset() -> None:
    bpy.ops.script.execute_preset(filepath=str(_preset()), menu_idname="VIDEO_TO_MOCAP_MT_presets")
    _preset().unlink()


def test_a_row_reaches_the_panel(one_more_row: None, tmp_path: Path) -> None:
    from blender_addon.features.common import requests

    settings, operators = now(), bpy.ops.video_to_mocap
    item = settings.bl_rna.properties["waltz"]
    assert (item.name, item.description) == ("Waltz", "Turn to the beat of a waltz")
    assert {"waltz", "flip", "checkpoint", "lifter", "repair"} <= set(_drawn("estimation"))
    settings.waltz = True
    assert requests.capture(settings, tmp_path / "people.npz", [1])["waltz"] is True
    assert operators.add_preset(name="round") == {"FINISHED"}
    assert operators.export_settings(filepath=str(tmp_path / "s.json")) == {"FINISHED"}
    settings.waltz = False
    _load_preset()
    assert settings.waltz
    settings.waltz = False
    assert operators.import_settings(filepath=str(tmp_path / "s.json")) == {"FINISHED"} and settings.waltz


def test_sections_are_drawn_in_the_order_of_the_table(settings: Any) -> None:
    assert _drawn("floor") == ["feet", "use_tilt", "tilt", "use_roll", "roll", "camera"]


def test_properties_are_those_of_the_table(settings: Any) -> None:
    """B4: a default is written once."""
    from blender_addon.contract import settings as contract
    from blender_addon.features.common import table

    for row in table.shown():
        item = settings.bl_rna.properties[row.name]
        if item.type == "ENUM":
            assert [value.identifier for value in item.enum_items] == list(row.names), row.name
            assert [value.name for value in item.enum_items] == [choice.label for choice in row.choices], row.name
        elif item.type in ("FLOAT", "INT"):
            plain = math.degrees if row.unit == "degrees" else float
            low = 1 if row.name == "tds" else round(plain(item.hard_min), 3)
            assert (low, round(plain(item.hard_max), 3)) == (row.low, row.high), row.name
            assert row.unit not in ("degrees", "m") or item.precision == 3, "else 1.75 m is shown as 1.8 m"
            assert item.unit == {"degrees": "ROTATION", "m": "LENGTH"}.get(row.unit, "NONE"), (row.name, item.unit)
    assert settings.max_people == contract.BY_NAME["max_people"].default


def test_what_nobody_has_set_is_not_sent(settings: Any, operators: Any) -> None:
    """B3: a preset does not pin the field of view."""
    from blender_addon.features.common import requests

    chosen_by_the_engine = {"fov", "tilt", "roll", "tds", "lifter", "detector", "checkpoint"}
    assert not chosen_by_the_engine & set(requests.kept(settings))
    assert operators.add_preset(name="as it is") == {"FINISHED"}
    _load_preset()
    assert not chosen_by_the_engine & set(requests.kept(settings))


def test_a_field_of_view_that_is_not_set_shows_what_the_engine_assumes(settings: Any) -> None:
    assert not settings.use_fov and round(math.degrees(settings.fov), 3) == 60.0


def test_values_go_out_in_degrees_and_come_back(settings: Any) -> None:
    from blender_addon.features.common import requests, table

    settings.use_fov, settings.fov, settings.use_tilt, settings.tilt = True, math.radians(65), True, math.radians(-12.5)
    settings.camera, settings.flip, settings.checkpoint, settings.lifter = "still", False, "/w.safetensors", "one's"
    kept = requests.kept(settings)
    assert (kept["fov"], kept["tilt"], kept["camera"], kept["flip"]) == (65.0, -12.5, "still", False), kept
    assert (kept["checkpoint"], kept["lifter"]) == ("/w.safetensors", "one's"), kept
    assert table.take(settings, {"motion": "none", "fov": 5, "person": "all"}) == ["person"]
    assert settings.motion == set() and settings.use_fov and not settings.use_tilt and settings.flip
    assert requests.kept(settings)["motion"] == "none" and requests.kept(settings)["fov"] == 5.0


def test_settings_of_the_first_version_are_converted(settings: Any, tmp_path: Path) -> None:
    """There angles were numbers of degrees, and a field of view that was set at all was meant."""
    from blender_addon.features import settings as module
    from blender_addon.features.common import requests

    new = hasattr(settings, "bl_system_properties_get")  # Blender 5.0
    raw = settings.bl_system_properties_get(do_create=True) if new else settings
    raw["fov"], raw["tilt"], raw["use_tilt"], raw["result"] = 65.0, 1.0, True, '[{"person": 1}]'
    bpy.app.handlers.save_pre.remove(module._file_is_saved)
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "old.blend"))
    bpy.app.handlers.save_pre.append(module._file_is_saved)
    for _ in range(2):
        bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "old.blend"))
        kept = requests.kept(now())
        assert (kept["fov"], kept["tilt"]) == (65.0, 1.0) and "roll" not in kept, kept
        assert now().version == 2
        bpy.ops.wm.save_mainfile()
