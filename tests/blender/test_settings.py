"""Settings that are kept: as presets, in files, in what the engine offers."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import bpy
from inside import complaint


def test_presets_keep_the_settings(settings: Any, operators: Any) -> None:
    settings.height, settings.tds, settings.repair, settings.lifter = 1.9, 3, {"gaps"}, "one's"
    settings.feet, settings.use_tilt, settings.tilt, settings.motion = "ground", True, 0.5, {"fit", "filter"}
    assert operators.add_preset(name="tall one") == {"FINISHED"}
    settings.height, settings.tds, settings.repair, settings.lifter = 1.5, 0, set(), ""
    settings.feet, settings.use_tilt, settings.tilt, settings.motion = "auto", False, 0, set()
    [path] = Path(bpy.utils.user_resource("SCRIPTS"), "presets", "video_to_mocap", "capture").glob("*.py")
    bpy.ops.script.execute_preset(filepath=str(path), menu_idname="VIDEO_TO_MOCAP_MT_presets")
    assert (round(settings.height, 3), settings.tds, settings.repair, settings.lifter) == (1.9, 3, {"gaps"}, "one's")
    assert (settings.feet, settings.use_tilt, settings.tilt) == ("ground", True, 0.5)
    assert settings.motion == {"fit", "filter"}


def test_a_preset_in_a_new_scene_makes_the_same_request(settings: Any, operators: Any, tmp_path: Path) -> None:
    from blender_addon.features.capture.ops import SETTINGS
    from blender_addon.features.common import requests

    def request(of: Any) -> dict[str, Any]:
        video, people = tmp_path / "a.mp4", tmp_path / "people.npz"
        return {**requests.analyse(of, video), **requests.capture(of, people, [1])}

    plain = request(settings)
    settings.detector, settings.max_people, settings.lifter, settings.checkpoint = "heavy", 2, "pstmo", "/w.safetensors"
    settings.tds, settings.height, settings.flip, settings.device, settings.feet = 3, 1.83, False, "cpu", "ground"
    settings.use_fov, settings.fov, settings.camera, settings.layers = True, math.radians(42), "still", set()
    settings.use_tilt, settings.tilt, settings.use_roll, settings.roll = True, math.radians(-7.5), True, 0.1
    settings.repair, settings.motion = {"swaps", "gaps"}, {"limits", "level"}
    wanted = request(settings)
    changed = {name for name in wanted if wanted[name] != plain.get(name)}
    kept = {name for name in SETTINGS if not name.startswith("use_")} - {"source", "keys", "start_frame"}
    assert changed == kept, changed ^ kept
    assert operators.add_preset(name="all of them") == {"FINISHED"}
    bpy.ops.scene.new(type="NEW")
    assert request(bpy.context.scene.video_to_mocap) == plain
    path = Path(bpy.utils.user_resource("SCRIPTS"), "presets", "video_to_mocap", "capture", "all_of_them.py")
    bpy.ops.script.execute_preset(filepath=str(path), menu_idname="VIDEO_TO_MOCAP_MT_presets")
    assert request(bpy.context.scene.video_to_mocap) == wanted
    path.unlink()


def test_settings_go_to_a_file_and_come_back(settings: Any, operators: Any, tmp_path: Path) -> None:
    settings.height, settings.tds, settings.repair, settings.detector = 1.9, 3, {"gaps"}, "heavy one"
    settings.feet, settings.use_roll, settings.roll, settings.tilt = "never", True, math.radians(-4), 0.3
    assert operators.export_settings(filepath=str(tmp_path / "mine")) == {"FINISHED"}
    data = json.loads((tmp_path / "mine.json").read_text())
    assert (data["format"], data["version"]) == ("video-to-mocap settings", 1)
    wanted = {
        "height": 1.9, "tds": 3, "repair": "gaps", "motion": "all", "feet": "never", "camera": "auto", "flip": True,
        "roll": -4, "device": "auto", "detector": "heavy one", "max_people": 4,
    }  # fmt: skip
    assert data["settings"].items() >= wanted.items(), data
    assert not {"tilt", "fov", "lifter", "checkpoint"} & set(data["settings"]), data
    for name in ("height", "tds", "repair", "feet", "use_roll", "roll", "detector"):
        settings.property_unset(name)
    settings.fov, settings.use_fov, settings.use_tilt = 1.5, True, True
    assert operators.import_settings(filepath=str(tmp_path / "mine.json")) == {"FINISHED"}
    assert (round(settings.height, 3), settings.tds, settings.repair) == (1.9, 3, {"gaps"}), settings.repair
    assert (settings.feet, settings.use_roll, round(math.degrees(settings.roll), 3)) == ("never", True, -4)
    assert not settings.use_tilt and settings.detector == "heavy one" and not settings.use_fov

    # What a file does not name is as in a new scene; what the panel has no place for is told.
    (tmp_path / "short.json").write_text(json.dumps({**data, "settings": {"fov": 45, "start": 2, "repair": "all"}}))
    assert operators.import_settings(filepath=str(tmp_path / "short.json")) == {"FINISHED"}
    assert (round(settings.height, 2), settings.tds, len(settings.repair)) == (1.7, 0, 4)
    assert settings.use_fov and round(math.degrees(settings.fov), 3) == 45
    (tmp_path / "bad.json").write_text(json.dumps({**data, "settings": {"fov": 400}}))
    said = complaint(operators.import_settings, filepath=str(tmp_path / "bad.json"))
    assert "fov" in said and "400" in said, said
    assert round(math.degrees(settings.fov), 3) == 45
    nowhere = tmp_path / "mine.json" / "a.json"
    assert "mine.json" in complaint(operators.export_settings, filepath=str(nowhere))


def test_what_the_engine_reports_is_offered(settings: Any, jobs: Any) -> None:
    """What it does not know can be typed all the same."""
    from blender_addon.engine import report
    from tests.support import fake_engine

    assert report.names(jobs.report, "lifters") == report.names(jobs.report, "sources") == ()
    jobs.learn(fake_engine.REPORT)
    assert report.names(jobs.report, "lifters")[0] == fake_engine.REPORT["lifter"]
    assert "mediapipe-full" in report.names(jobs.report, "sources")
    settings.lifter = "one that nobody knows"
    assert settings.lifter == "one that nobody knows", "the engine says what it knows"
