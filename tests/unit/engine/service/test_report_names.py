"""The lists of the panel against the engine's real report: what they offer, the engine takes."""

from __future__ import annotations

import pytest

from blender_addon.engine.report import names
from pose3d_engine import detect, weights
from pose3d_engine.contract.settings import AnalyseSettings, CaptureSettings
from pose3d_engine.pose import lifters
from pose3d_engine.service import diagnosis


@pytest.fixture(scope="module")
def report() -> dict:
    return diagnosis.report()


def test_every_detector_that_is_offered_is_one_and_nothing_else_is(report: dict) -> None:
    offered = names(report, "sources")
    for name in offered:
        assert detect.source(AnalyseSettings(detector=name).detector).missing_requirement() is None
    lacking = {
        source.name for source in detect.SOURCES if source.option == "--detector" and source.missing_requirement()
    }
    assert set(offered) == set(detect.NAMES) - lacking - {detect.DEFAULT}
    assert offered[:1] in ((), (detect.source(detect.DEFAULT).name,))


def test_detectors_are_no_names_of_weights(report: dict) -> None:
    """The panel offered `yolox-m`, which the engine refuses, and never `rtmpose`, which it takes."""
    ready = {**report, "sources": [{**source, "missing": None} for source in report["sources"]]}
    assert {"rtmpose", "rtmo", "rtmw"} <= set(names(ready, "sources"))
    assert not {"yolox-m", "rtmpose-m", "keypoints", "command"} & set(names(ready, "sources"))


def test_every_lifter_that_is_offered_is_one(report: dict) -> None:
    offered = names(report, "lifters")
    assert offered[0] == lifters.DEFAULT == CaptureSettings().lifter
    assert {weights.entry(name).kind for name in offered} == {"lifter"}
