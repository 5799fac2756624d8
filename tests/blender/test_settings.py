"""Settings that are kept: as presets, in files, in what the engine offers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import bpy
from inside import complaint


def test_presets_keep_the_settings(settings: Any, operators: Any) -> None:
    settings.height, settings.tds, settings.repair, settings.lifter = 1.9, 3, {"gaps"}, "one's"
    settings.feet, settings.use_tilt, settings.tilt, settings.motion = "ground", True, 12.5, {"fit", "filter"}
    assert operators.add_preset(name="tall one") == {"FINISHED"}
    settings.height, settings.tds, settings.repair, settings.lifter = 1.5, 0, set(), ""
    settings.feet, settings.use_tilt, settings.tilt, settings.motion = "auto", False, 0, set()
    [path] = Path(bpy.utils.user_resource("SCRIPTS"), "presets", "video_to_mocap", "capture").glob("*.py")
    bpy.ops.script.execute_preset(filepath=str(path), menu_idname="VIDEO_TO_MOCAP_MT_presets")
    assert (round(settings.height, 3), settings.tds, settings.repair, settings.lifter) == (1.9, 3, {"gaps"}, "one's")
    assert (settings.feet, settings.use_tilt, settings.tilt) == ("ground", True, 12.5)
    assert settings.motion == {"fit", "filter"}


def test_settings_go_to_a_file_and_come_back(settings: Any, operators: Any, tmp_path: Path) -> None:
    settings.height, settings.tds, settings.repair, settings.detector = 1.9, 3, {"gaps"}, "heavy one"
    settings.feet, settings.use_roll, settings.roll, settings.tilt = "never", True, -4, 20
    assert operators.export_settings(filepath=str(tmp_path / "mine")) == {"FINISHED"}
    data = json.loads((tmp_path / "mine.json").read_text())
    assert (data["format"], data["version"]) == ("video-to-mocap settings", 1)
    wanted = {
        "height": 1.9, "tds": 3, "repair": "gaps", "motion": "filter,fit,fusion,level,limits", "feet": "never",
        "roll": -4, "device": "auto", "detector": "heavy one", "max_people": 2,
    }  # fmt: skip
    assert data["settings"] == wanted, data
    for name in ("height", "tds", "repair", "feet", "use_roll", "roll", "detector"):
        settings.property_unset(name)
    settings.fov, settings.use_tilt = 90, True
    assert operators.import_settings(filepath=str(tmp_path / "mine.json")) == {"FINISHED"}
    assert (round(settings.height, 3), settings.tds, settings.repair) == (1.9, 3, {"gaps"}), settings.repair
    assert (settings.feet, settings.use_roll, settings.roll, settings.fov) == ("never", True, -4, 60)
    assert not settings.use_tilt and settings.detector == "heavy one" and not settings.is_property_set("fov")

    # What a file does not name is as in a new scene; what the panel has no place for is told.
    (tmp_path / "short.json").write_text(json.dumps({**data, "settings": {"fov": 45, "start": 2, "repair": "all"}}))
    assert operators.import_settings(filepath=str(tmp_path / "short.json")) == {"FINISHED"}
    assert (round(settings.height, 2), settings.tds, settings.fov, len(settings.repair)) == (1.7, 0, 45, 4)
    (tmp_path / "bad.json").write_text(json.dumps({**data, "settings": {"fov": 400}}))
    said = complaint(operators.import_settings, filepath=str(tmp_path / "bad.json"))
    assert "fov" in said and "400" in said, said
    assert settings.fov == 45
    missing = tmp_path / "no" / "a.json"
    assert str(missing) in complaint(operators.export_settings, filepath=str(missing)) and not missing.parent.exists()


def test_the_panel_offers_what_a_file_can_hold(settings: Any) -> None:
    from blender_addon import settings_file

    for setting in settings_file.SETTINGS:
        item = settings.bl_rna.properties.get(setting.name)
        if item and item.type == "ENUM":
            assert {value.identifier for value in item.enum_items} == set(setting.choices), setting.name
        elif item and item.type in ("FLOAT", "INT") and setting.name not in ("start", "end"):
            low = 1 if setting.name == "tds" else round(item.hard_min, 3)
            assert (low, item.hard_max) == (setting.low, setting.high), setting.name


def test_lifters_are_offered(settings: Any, monkeypatch: Any) -> None:
    """What the engine has told of itself; what it does not know can be typed all the same."""
    import fake_engine

    from blender_addon.ui import asking, properties

    def offered() -> list[list[str]]:
        return [list(f(settings, bpy.context, "")) for f in (properties._lifters, properties._detectors)]

    assert offered() == [[], []]
    asking._report.update(fake_engine.REPORT)
    present = {kind: [entry["name"] for entry in fake_engine.REPORT["weights"]
                      if entry["kind"] == kind and entry["present"]] for kind in ("lifter", "detector")}  # fmt: skip
    lifters, detectors = offered()
    assert set(lifters) == set(present["lifter"]) and lifters[0] == fake_engine.REPORT["lifter"]
    assert detectors == present["detector"]
    settings.lifter = "one that nobody knows"
    assert settings.lifter == "one that nobody knows", "the engine says what it knows"
