"""The job type for Flamenco: what a job becomes. A small JavaScript engine stands in for that of Flamenco Manager."""

from __future__ import annotations

import json
import re
from typing import Any

import dukpy
import pytest

from tests.support import ROOT

SCRIPT = ROOT / "scripts" / "flamenco" / "video_to_mocap.js"

MANAGER = """
var author = {
    Task: function (name, type) {
        return {name: name, type: type, commands: [], addCommand: function (command) { this.commands.push(command); }};
    },
    Command: function (name, parameters) { return {name: name, parameters: parameters}; }
};
var tasks = [];
var job = {settings: dukpy.settings, addTask: function (task) { tasks.push(task); }};
compileJob(job);
JSON.stringify({tasks: tasks, type: JOB_TYPE});
"""
"""What Flamenco Manager gives to a script, as its documentation has it."""

SETTINGS = {"clips": "/takes/a.mp4; /takes/b ü.mp4;", "output_dir": "/out", "batch_script": "/vtm/scripts/batch.py",
            "settings_file": "/s.json", "formats": "fbx, blend"}  # fmt: skip


def compiled(**changes: str) -> dict[str, Any]:
    return json.loads(dukpy.evaljs([SCRIPT.read_text(encoding="utf-8"), MANAGER], settings={**SETTINGS, **changes}))


def test_every_clip_is_a_task() -> None:
    job = compiled()
    assert [(task["name"], task["type"]) for task in job["tasks"]] == [("a.mp4", "blender"), ("b ü.mp4", "blender")]
    (command,) = job["tasks"][1]["commands"]
    assert (command["name"], command["parameters"]["exe"]) == ("exec", "{blender}")
    assert command["parameters"]["args"] == [
        *("-b", "--factory-startup", "--python", "/vtm/scripts/batch.py", "--"),
        *("--output-dir=/out", "--format=fbx", "--format=blend", "--settings=/s.json", "--", "/takes/b ü.mp4"),
    ]


def test_batch_has_every_option_that_the_job_names() -> None:
    (command,) = compiled(clips="C:\\takes\\a.mp4")["tasks"][0]["commands"]
    args = command["parameters"]["args"]
    files = ("cli/options.py", "contract/command_line.py")
    text = "".join((ROOT / "blender_addon" / name).read_text(encoding="utf-8") for name in files)
    options = re.findall(r'"(--[a-z-]+)"', text)
    assert {word.split("=")[0] for word in args[5:-2]} <= set(options)
    formats = re.search(r"^FORMATS = (.+)$", text, re.MULTILINE)
    assert formats and json.dumps(json.loads(formats[1].replace("(", "[").replace(")", "]"))) in SCRIPT.read_text()


def test_settings_are_as_flamenco_knows_them() -> None:
    for setting in compiled()["type"]["settings"]:
        assert setting["type"] in {"string", "int32", "float", "bool"} and len(setting["description"]) > 20
        assert setting.get("subtype", "file_path") in {"file_path", "dir_path", "file_name", "hashed_file_path"}
        assert setting.get("required") or "default" in setting


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"clips": " ; "}, "clips is empty"),
        ({"formats": "fbx,gif"}, "no format gif"),
        ({"formats": ""}, "formats is empty"),
        ({"clips": "/a/x.mp4;/b/x.mp4"}, "several clips are named x.mp4"),
    ],
)
def test_what_cannot_be_done_is_refused_before_any_task(changes: dict[str, str], said: str) -> None:
    with pytest.raises(dukpy.JSRuntimeError, match=said):
        compiled(**changes)
