"""Warnings travel with a code, so that advice never hangs on the words of a text."""

from __future__ import annotations

import json

import pytest

from pose3d_engine.contract import warnings
from pose3d_engine.contract.warnings import Notice


def test_a_notice_goes_through_json_and_back() -> None:
    for notice in (Notice(warnings.NOT_VISIBLE, "not visible from 1 to 2 s", (1.0, 2.0)), Notice("device", "no card")):
        assert Notice.from_json(json.loads(json.dumps(notice.to_json()))) == notice


def test_the_plain_texts_of_version_0_1_are_read() -> None:
    holder = {"warnings": ["the feet are hardly ever seen; legs and floor are guessed"]}
    assert warnings.notices(holder) == [Notice("other", holder["warnings"][0])]
    warnings.add(holder, Notice(warnings.DEVICE, "the processor is used"))
    assert [notice.code for notice in warnings.notices(holder)] == ["other", "device"]
    assert warnings.texts(holder)[1] == "the processor is used"


@pytest.mark.parametrize("damaged", [None, 3, {}, {"code": 1, "text": None, "span": [1]}, {"span": ["a", "b"]}])
def test_what_is_damaged_stops_nothing(damaged: object) -> None:
    assert warnings.notices({"warnings": [damaged]})[0].span is None
    assert warnings.notices({"warnings": damaged}) == [] and warnings.notices({}) == []


def test_advice_is_found_by_the_code_and_every_code_has_a_row() -> None:
    codes = {value for name, value in vars(warnings).items() if name.isupper() and isinstance(value, str)}
    assert codes == set(warnings.ADVICE)
    assert Notice(warnings.PARTLY_VISIBLE, "in any language").advice.startswith("Check")
    assert Notice("of a newer engine", "").advice == ""
