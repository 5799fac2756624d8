"""Settings as a file: what is refused, and that the engine understands what the add-on writes."""

from __future__ import annotations

import argparse
import json
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from blender_addon import settings_file
from pose3d_engine import pipeline
from pose3d_engine.commands import options

EXAMPLES: dict[str, Any] = {
    "detector": "mediapipe-full", "max_people": 3, "start": 1.5, "end": 3.0, "keypoints": "a/{name}.json",
    "detector_command": "detect {video}", "person": "1,3", "person_at": "640,360,2.5", "lifter": "tcn-cmu",
    "checkpoint": "w.safetensors", "tds": 3, "height": 1.8, "fov": 70.0, "device": "cpu", "repair": "gaps,rate",
    "motion": "filter,level", "feet": "ground", "tilt": -4.0, "roll": 2.0,
 "camera": "moving", "flip": False,
}  # fmt: skip


def test_a_file_survives(tmp_path: Path) -> None:
    values = {"height": 1.8, "tds": 3, "lifter": "Ü", "flip": False}
    settings_file.save(tmp_path / "s.json", values)
    assert settings_file.load(tmp_path / "s.json") == values
    assert [path.name for path in tmp_path.iterdir()] == ["s.json"]


def test_every_setting_of_the_engine_is_in_the_table() -> None:
    known = {field.name for kind in (pipeline.AnalyseSettings, pipeline.CaptureSettings) for field in fields(kind)}
    # A motion file is made of settings without raw; on the command line the command says whose it is.
    assert {setting.name for setting in settings_file.SETTINGS} == (
        known - {"raw", "command"} | {"detector_command", "person_at"}
    )
    assert set(EXAMPLES) == {setting.name for setting in settings_file.SETTINGS}
    parser = argparse.ArgumentParser()
    options.add_capture(parser)
    actions = {action.dest: action for action in parser._actions}
    for setting in settings_file.SETTINGS:
        if setting.choices and not setting.several:
            assert set(actions[setting.name].choices or ()) == set(setting.choices)
    by_name = {setting.name: setting for setting in settings_file.SETTINGS}
    assert set(by_name["motion"].choices) == set(pipeline.MOTION_STAGES)
    assert set(by_name["repair"].choices) == pipeline.CaptureSettings().repair


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_engine_reads_what_the_add_on_writes(name: str, tmp_path: Path) -> None:
    if name == "detector_command":
        with pytest.raises(ValueError, match="no setting"):
            settings_file.parse(data({name: EXAMPLES[name]}))
        return
    settings_file.save(tmp_path / "s.json", {name: EXAMPLES[name]})
    assert settings_file.load(tmp_path / "s.json") == {name: EXAMPLES[name]}
    parser = argparse.ArgumentParser()
    options.add_analyse(parser)
    options.add_capture(parser)
    found = getattr(parser.parse_args(options.read_settings(tmp_path / "s.json")), name)
    assert (str(found) if isinstance(found, Path) else found) == EXAMPLES[name]


def data(values: object, **changes: object) -> dict[str, Any]:
    return {"format": settings_file.FORMAT, "version": settings_file.VERSION, "settings": values, **changes}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("no", "not settings: Expecting value"),
        ("[" * 100_000, "not settings"),
        (json.dumps([]), '"format" is not'),
        (json.dumps(data({}, version=2)), "version 2 is unknown"),
        (json.dumps(data([])), '"settings" is not an object'),
        (json.dumps(data({}, script="import os")), "unknown entry 'script'"),
        (json.dumps(data({"hight": 1})), "no setting 'hight'"),
        (json.dumps(data({"height": "1.8"})), "height is '1.8'; give a number of 0.3 to 3"),
        (json.dumps(data({"height": float("nan")})), "height is nan"),
        (json.dumps(data({"tds": 2.5})), "tds is 2.5; give a whole number of 1 to 100"),
        (json.dumps(data({"tds": True})), "tds is True"),
        (json.dumps(data({"feet": "dance"})), "give auto, always, never, ground"),
        (json.dumps(data({"repair": "gaps,all"})), "all, none or some of"),
        (json.dumps(data({"flip": 0})), "true or false"),
        (json.dumps(data({"person": "0"})), "largest"),
        (json.dumps(data({"lifter": "a\0b"})), "lifter is"),
        (json.dumps(data({"person": "1", "person_at": "1,2,3"})), "give one of them"),
    ],
)
def test_what_is_refused_is_told_in_one_line(content: str, said: str, tmp_path: Path) -> None:
    path = tmp_path / "s.json"
    path.write_text(content)
    with pytest.raises(settings_file.SettingsFileError) as caught:
        settings_file.load(path)
    assert said in str(caught.value) and str(path) in str(caught.value) and "\n" not in str(caught.value)


def test_what_is_not_there_or_no_text(tmp_path: Path) -> None:
    (tmp_path / "binary.json").write_bytes(b"\xff\xfe\x00")
    for path, said in [(tmp_path / "no.json", "No such file"), (tmp_path / "binary.json", "not text")]:
        with pytest.raises(settings_file.SettingsFileError, match=said):
            settings_file.load(path)
