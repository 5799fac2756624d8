"""The options of the command line, which are made from the table of settings, and the settings that they give."""

import argparse
import json
from pathlib import Path

import pytest

from pose3d_engine import detect
from pose3d_engine.__main__ import main
from pose3d_engine.commands import options
from pose3d_engine.contract import command_line
from pose3d_engine.contract.errors import UserError
from pose3d_engine.contract.setting import Plain, Setting
from pose3d_engine.contract.settings import SETTINGS, AnalyseSettings, CaptureSettings
from pose3d_engine.pose import lifters
from pose3d_engine.pose.lifters.device import DEVICES
from pose3d_engine.solve.body import CANONICAL_HEIGHT

BY_NAME = {setting.name: setting for setting in SETTINGS}


def parse(*words: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    command_line.add_settings_file(parser)
    options.add_analyse(parser)
    options.add_capture(parser)
    return parser.parse_args(words)


def capture(*words: str) -> CaptureSettings:
    return options.settings_of(parse(*words))[1]


def test_without_options_the_defaults_hold() -> None:
    assert options.settings_of(parse()) == (AnalyseSettings(), CaptureSettings())
    assert command_line.chosen(command_line.values(parse())) == {}


def test_the_table_and_the_engine_have_the_same_defaults_and_choices() -> None:
    assert (AnalyseSettings().detector, AnalyseSettings().max_people) == (detect.DEFAULT, detect.MAX_PEOPLE)
    assert (CaptureSettings().lifter, CaptureSettings().height) == (lifters.DEFAULT, CANONICAL_HEIGHT)
    assert set(BY_NAME["device"].names) == set(DEVICES)


def example(setting: Setting) -> Plain:
    """A value that differs from the default."""
    if setting.kind == "bool":
        return not setting.default
    if setting.kind in ("choice", "steps"):
        return setting.names[-1] if setting.kind == "choice" else "none"
    if setting.kind in ("int", "float"):
        return (int if setting.kind == "int" else float)(setting.low + 1)
    return {"person": "1,3", "person_at": "640,360,2.5"}.get(setting.name, f"ein {setting.name}")


ROWS = [setting for setting in SETTINGS if setting.option and setting.step != "scene"]  # the batch in Blender has those


@pytest.mark.parametrize("setting", ROWS, ids=lambda row: row.name)
def test_every_row_is_an_option(setting: Setting) -> None:
    value = example(setting)
    values = command_line.values(parse(*command_line.words({setting.name: value})))
    assert values == {setting.name: value}
    noted = str(Path(str(value)).absolute()) if setting.kind == "path" else value
    assert command_line.chosen(values) == {setting.name: noted}


def test_truths_have_two_options_and_what_the_engine_chooses_is_auto() -> None:
    assert not capture("--no-flip").flip and capture("--flip").flip
    assert capture("--tds", "auto").tds is None and capture("--tds", "2").tds == 2
    with pytest.raises(SystemExit):
        parse("--raw")


def test_steps_are_sets() -> None:
    assert capture("--repair", "none").repair == frozenset()
    assert capture("--repair", "gaps,rate").repair == {"gaps", "rate"}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--person-at", "640,360"], "person_at is '640,360'; give X,Y,SECONDS"),
        (["--repair", "everything"], "repair is 'everything'; give all, none or some of swaps,"),
        (["--tds", "fast"], "tds is 'fast'; give a whole number from 1 to 100"),
        (["--start", "nan"], "start is nan; give a number"),
        (["--height", "17"], "height is 17; give a number"),
        (["--detector", "eyes"], "no detector is called 'eyes'"),
        (["--person", "all", "--person-at", "640,360,2.5"], "both person and person_at are given; give one of them"),
        (["--keypoints", "a", "--detector-command", "b"], "both keypoints and detector_command are given"),
        (["--start", "2", "--end", "1"], "give an end after the start"),
    ],
)
def test_what_is_wrong_is_told_in_one_line(words: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(UserError) as caught:
        options.settings_of(parse(*words))
    assert said in str(caught.value)
    assert main(["run", "no.mp4", "-o", "o.npz", *words]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert said in line


def file(path: Path, **values: object) -> Path:
    path.write_text(json.dumps({"format": "video-to-mocap settings", "version": 1, "settings": values}))
    return path


def test_a_settings_file_gives_what_the_options_give(tmp_path: Path) -> None:
    values = {"height": 1.9, "tds": 3, "repair": "gaps", "flip": False, "feet": "never", "tilt": -5}
    found = capture("--settings", str(file(tmp_path / "s.json", **values)))
    assert found == CaptureSettings(height=1.9, tds=3, repair=frozenset({"gaps"}), flip=False, feet="never", tilt=-5)
    with pytest.raises(UserError, match="no detector is called 'x'"):
        capture("--settings", str(file(tmp_path / "s.json", detector="x")))
    assert main(["run", "no.mp4", "-o", str(tmp_path / "o.npz"), "--settings", str(file(tmp_path / "s.json", fov=300))])


def test_an_option_beside_a_settings_file_wins(tmp_path: Path) -> None:
    path = str(file(tmp_path / "s.json", fov=90, height=1.5, tds=2, person="2", detector="rtmo"))
    words = ["--settings", path, "--fov", "45", "--tds", "auto", "--person-at", "1,2,3", "--keypoints", "{name}.json"]
    analysis, found = options.settings_of(parse(*words), Path("takes/a.mp4"))
    assert (found.fov, found.height, found.tds) == (45, 1.5, None)
    assert (found.person, found.person_at) == ("largest", "1,2,3")
    assert (analysis.detector, analysis.keypoints) == ("mediapipe", Path("a.json"))
