"""What the words of the command line become."""

import argparse
import json
from pathlib import Path

import pytest

from pose3d_engine.__main__ import main
from pose3d_engine.commands import options
from pose3d_engine.contract.errors import UserError
from pose3d_engine.pipeline import CaptureSettings
from pose3d_engine.track import PersonAt


def settings(*words: str) -> CaptureSettings:
    parser = argparse.ArgumentParser()
    options.add_capture(parser)
    return options.capture_settings(parser.parse_args(words))


def test_without_a_word_the_defaults_hold() -> None:
    assert settings() == CaptureSettings()


def test_who_is_captured() -> None:
    assert settings("--person", "1,3").person == "1,3"
    assert PersonAt.parse(settings("--person-at", "640,360,2.5").person_at) == PersonAt(640, 360, 2.5)
    with pytest.raises(UserError, match="X,Y,SECONDS"):
        settings("--person-at", "640,360")
    with pytest.raises(SystemExit):
        settings("--person", "all", "--person-at", "640,360,2.5")


def test_what_is_repaired() -> None:
    assert settings("--repair", "none").repair == frozenset()
    assert settings("--repair", "gaps,rate").repair == {"gaps", "rate"}
    with pytest.raises(UserError, match="repair is 'everything'"):
        settings("--repair", "everything")


def file(path: Path, **values: object) -> Path:
    path.write_text(json.dumps({"format": "video-to-mocap settings", "version": 1, "settings": values}))
    return path


def test_a_settings_file_is_words_of_the_command_line(tmp_path: Path) -> None:
    path = file(tmp_path / "s.json", height=1.9, tds=3, repair="gaps", flip=False, feet="never", tilt=-5, detector="x")
    with pytest.raises(UserError, match=r"s\.json: argument --detector: invalid choice: 'x'"):
        options.read_settings(path)
    path = file(path, height=1.9, tds=3, repair="gaps", flip=False, feet="never", tilt=-5)
    found = settings(*options.read_settings(path))
    assert found == CaptureSettings(height=1.9, tds=3, repair=frozenset({"gaps"}), flip=False, feet="never", tilt=-5)
    assert options.read_settings(file(path, flip=True, tds="auto")) == ["--tds=auto"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "no JSON"),
        ("[" * 100_000, "no JSON"),
        ("[]", '"format" is not'),
        ('{"format": "video-to-mocap settings", "version": 2}', "version 2 is unknown"),
        ('{"format": "video-to-mocap settings", "version": 1, "settings": []}', "has to hold"),
    ],
)
def test_a_file_that_is_no_settings_is_told_in_one_line(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "s.json"
    path.write_text(text)
    with pytest.raises(UserError, match=said) as caught:
        options.read_settings(path)
    assert "\n" not in str(caught.value) and str(path) in str(caught.value)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"hight": 1.8}, "no setting 'hight'"),
        ({"output": "/tmp/x"}, "no setting 'output'"),
        ({"detector_command": "rm"}, "no setting 'detector_command'"),
        ({"height": "tall"}, "argument --height: invalid float value: 'tall'"),
        ({"height": True}, "height is true"),
        ({"height": [1]}, r"height is \[1\]"),
        ({"fov": 300}, "fov is 300"),
        ({"feet": "dance"}, "invalid choice: 'dance'"),
        ({"person": "1", "person_at": "1,2,3"}, "not allowed with"),
    ],
)
def test_what_a_settings_file_may_not_say(tmp_path: Path, values: dict[str, object], said: str) -> None:
    with pytest.raises(UserError, match=said) as caught:
        options.read_settings(file(tmp_path / "s.json", **values))
    assert "\n" not in str(caught.value) and "s.json" in str(caught.value)


def test_an_option_beside_a_settings_file_wins(tmp_path: Path) -> None:
    words = ["run", "no.mp4", "-o", str(tmp_path / "o.npz"), "--settings", str(file(tmp_path / "s.json", fov=300))]
    assert main(words) == 2
    found = settings(*options.read_settings(file(tmp_path / "s.json", fov=90, height=1.5)), "--fov", "45")
    assert (found.fov, found.height) == (45, 1.5)
