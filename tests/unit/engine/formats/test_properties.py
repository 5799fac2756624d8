"""What holds for every message and every result of another program, tried on many that nobody thought of."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pose3d_engine.contract import protocol
from pose3d_engine.contract.errors import UserError
from pose3d_engine.contract.people_file import People
from pose3d_engine.formats import keypoint_files
from tests.support import keypoint_writers as write
from tests.unit.engine.formats.test_keypoint_formats import FORMATS

CHECKED = settings(derandomize=True, deadline=None, max_examples=60)

NUMBERS = st.one_of(st.integers(-(10**6), 10**6), st.floats(allow_nan=False, allow_infinity=False, width=32))
VALUES = st.recursive(
    st.none() | st.booleans() | NUMBERS | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=20,
)


class TestProtocol:
    @CHECKED
    @given(st.text(max_size=10), st.dictionaries(st.text(max_size=10), VALUES, max_size=5))
    def test_a_message_arrives_as_it_was_sent_on_one_line(self, kind: str, rest: dict) -> None:
        message = {**rest, "type": kind}
        line = protocol.encode(message)
        assert line.count(b"\n") == 1 and line.endswith(b"\n")
        assert protocol.decode(line) == message

    @CHECKED
    @given(st.binary(max_size=200))
    def test_whatever_arrives_is_a_message_or_refused(self, line: bytes) -> None:
        try:
            message = protocol.decode(line)
        except protocol.ProtocolError:
            return
        assert isinstance(message["type"], str)

    @CHECKED
    @given(VALUES)
    def test_json_that_is_no_message_is_refused(self, value: object) -> None:
        if isinstance(value, dict):
            value.pop("type", None)
        with pytest.raises(protocol.ProtocolError):
            protocol.decode(json.dumps(value).encode())


@st.composite
def crowds(draw: st.DrawFn) -> np.ndarray:
    """(P,T,17,3) people in a picture of 1280 x 720 who move calmly; NaN and 0 where not seen."""
    people, frames = draw(st.integers(1, 2)), draw(st.integers(3, 8))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    body = rng.uniform(-80, 80, (people, 1, 17, 2))
    # Far apart, so that the files without tracks have one answer, and of different sizes: so they are numbered.
    body *= np.array([1.0, 0.5])[:people, None, None, None]
    place = np.array([[300.0, 300], [950, 400]])[:people, None, None] + rng.normal(0, 2, (people, frames, 1, 2))
    scores = rng.uniform(0.3, 1, (people, frames, 17, 1))
    crowd = np.concatenate([body + place, scores], axis=-1)
    hidden = rng.random((people, frames, 17)) < draw(st.sampled_from([0.0, 0.1]))
    hidden[:, :, 5:13] = False  # of a torso that is not seen, programs do not write anything
    crowd[hidden] = [np.nan, np.nan, 0]
    return crowd


class TestReaders:
    @settings(CHECKED, max_examples=12)
    @pytest.mark.parametrize("name", [name for name in FORMATS if name != "alphapose-to-6"])
    @given(crowds())
    def test_who_was_written_is_read(self, name: str, crowd: np.ndarray) -> None:
        with tempfile.TemporaryDirectory() as folder:
            found = keypoint_files.read(FORMATS[name](Path(folder), crowd), 1280, 720, 30.0)
        assert found.keypoints2d.shape == crowd.shape
        both = (found.keypoints2d[..., 2] > 0) & (crowd[..., 2] > 0)
        assert both[:, :, 5:].sum() == (crowd[:, :, 5:, 2] > 0).sum()  # faces differ from layout to layout
        order = np.argsort(
            [np.nanmean(np.abs(found.keypoints2d[p, ..., 0] - crowd[0, ..., 0])) for p in range(len(crowd))]
        )
        for row, source in zip(found.keypoints2d[order], crowd, strict=True):
            seen = (row[:, 5:, 2] > 0) & (source[:, 5:, 2] > 0)
            np.testing.assert_allclose(row[:, 5:][seen], source[:, 5:][seen], rtol=1e-4, atol=1e-3)
        _is_sound(found)

    @settings(CHECKED, max_examples=25)
    @pytest.mark.parametrize("name", [name for name in FORMATS if "openpose" not in name and name != "sports2d"])
    @given(crowds(), st.data())
    def test_a_changed_file_is_read_or_refused_in_one_line(
        self, name: str, crowd: np.ndarray, data: st.DataObject
    ) -> None:
        with tempfile.TemporaryDirectory() as folder:
            path = FORMATS[name](Path(folder), crowd)
            content = json.loads(path.read_text(encoding="utf-8"))
            write.dump(path, _changed(content, data))
            try:
                found = keypoint_files.read(path, 1280, 720, 30.0)
            except UserError as error:
                assert "\n" not in str(error)
                return
        _is_sound(found)


def _changed(content: object, data: st.DataObject) -> object:
    """JSON in which one value, anywhere, is another one, or away."""
    if isinstance(content, dict | list) and content and data.draw(st.integers(0, 5)):
        keys = list(content) if isinstance(content, dict) else list(range(len(content)))
        key = data.draw(st.sampled_from(keys))
        if data.draw(st.integers(0, 9)) == 0:
            del content[key]
        else:
            content[key] = _changed(content[key], data)
        return content
    return data.draw(VALUES)


def _is_sound(people: People) -> None:
    """What the stages after rely on: scores from 0 to 1; a place where there is a score, and only there."""
    scores = people.keypoints2d[..., 2]
    assert ((scores >= 0) & (scores <= 1)).all()
    np.testing.assert_array_equal(np.isfinite(people.keypoints2d[..., :2]).all(axis=-1), scores > 0)
    assert (np.diff(people.frames) > 0).all()
    assert people.boxes.shape == (*people.keypoints2d.shape[:2], 4)
