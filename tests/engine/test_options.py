"""What the words of the command line become."""

import argparse

import pytest

from pose3d_engine.commands import options
from pose3d_engine.errors import UserError
from pose3d_engine.pipeline import CaptureSettings
from pose3d_engine.tracking import PersonAt


def settings(*words: str) -> CaptureSettings:
    parser = argparse.ArgumentParser()
    options.add_capture(parser)
    return options.capture_settings(parser.parse_args(words))


def test_without_a_word_the_defaults_hold() -> None:
    assert settings() == CaptureSettings()


def test_who_is_captured() -> None:
    assert settings("--person", "1,3").person == "1,3"
    assert settings("--person-at", "640,360,2.5").person == PersonAt(640, 360, 2.5)
    with pytest.raises(UserError, match="X,Y,SECONDS"):
        settings("--person-at", "640,360")
    with pytest.raises(SystemExit):
        settings("--person", "all", "--person-at", "640,360,2.5")


def test_what_is_repaired() -> None:
    assert settings("--repair", "none").repair == frozenset()
    assert settings("--repair", "gaps,rate").repair == {"gaps", "rate"}
    with pytest.raises(UserError, match="repair is 'everything'"):
        settings("--repair", "everything")
