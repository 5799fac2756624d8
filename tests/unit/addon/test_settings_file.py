"""Settings as a file: what is kept, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from blender_addon.contract import settings_file
from blender_addon.contract.errors import UserError


def test_a_file_survives(tmp_path: Path) -> None:
    values = {"height": 1.8, "tds": 3, "lifter": "Ü", "flip": False}
    settings_file.save(tmp_path / "s.json", values)
    assert settings_file.load(tmp_path / "s.json") == values
    assert [path.name for path in tmp_path.iterdir()] == ["s.json"]


def test_a_folder_that_is_not_writable(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match="cannot write"):
        settings_file.save(tmp_path / "file" / "s.json", {})


def data(values: object, **changes: object) -> dict[str, Any]:
    return {"format": settings_file.FORMAT, "version": settings_file.VERSION, "settings": values, **changes}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("no", "not JSON"),
        ("[" * 100_000, "not JSON"),
        (json.dumps([]), '"format" is not'),
        (json.dumps(data({}, version=2)), "version 2 is newer than this program, which reads version 1; update it"),
        (json.dumps(data({}, version="1")), "version '1' is unknown"),
        (json.dumps(data([])), '"settings", an object'),
        (json.dumps(data({}, script="import os")), '"settings", an object'),
        (json.dumps(data({"hight": 1})), "no setting 'hight'"),
        (json.dumps(data({"output": "/tmp/x"})), "no setting 'output'"),
        (json.dumps(data({"detector_command": "rm"})), "no setting 'detector_command' for a file"),
        (json.dumps(data({"height": "1.8"})), "height is '1.8'; give a number (metres) from 0.3 to 3"),
        (json.dumps(data({"height": True})), "height is True"),
        (json.dumps(data({"height": [1]})), "height is [1]"),
        (json.dumps(data({"height": float("nan")})), "height is nan"),
        (json.dumps(data({"tds": 2.5})), "tds is 2.5; give a whole number from 1 to 100"),
        (json.dumps(data({"tds": True})), "tds is True"),
        (json.dumps(data({"feet": "dance"})), "give one of auto, always, ground, never"),
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
    with pytest.raises(UserError) as caught:
        settings_file.load(path)
    assert said in str(caught.value) and str(path) in str(caught.value) and "\n" not in str(caught.value)


def test_what_is_not_there_or_no_text(tmp_path: Path) -> None:
    (tmp_path / "binary.json").write_bytes(b"\xff\xfe\x00")
    for path, said in [(tmp_path / "no.json", "File not found"), (tmp_path / "binary.json", "not text")]:
        with pytest.raises(UserError, match=said):
            settings_file.load(path)
