"""Settings as a file: what was tuned by hand in the panel runs over a hundred clips.

docs/technical-director/batch.md describes it.

The names are those of the engine's requests and, with dashes, of its command line, which reads the same file.
"""

from __future__ import annotations

import json
import math
import re
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FORMAT, VERSION = "video-to-mocap settings", 1


class SettingsFileError(Exception):
    """The file cannot be used. The message is one line for the user: what, where, what to do."""


@dataclass(frozen=True)
class Setting:
    """One setting of the engine.

    step: the request that it belongs to, ``analyse`` or ``capture``. kind: str, int, float or bool. choices: what a
    text can be; with ``several`` it is any of them with commas between, or ``all`` or ``none``. pattern: of a text.
    low, high: of a number. unless: the setting that stands in its place. in_file: whether a file may say it.
    """

    name: str
    step: str
    kind: type
    description: str
    metavar: str = ""
    choices: tuple[str, ...] = ()
    several: bool = False
    pattern: str = ""
    low: float = -math.inf
    high: float = math.inf
    unless: str = ""
    in_file: bool = True

    @property
    def form(self) -> str:
        """What it can be, in words."""
        if self.choices:
            return f"all, none or some of {','.join(self.choices)}" if self.several else ", ".join(self.choices)
        if self.kind is bool:
            return "true or false"
        if self.kind is str:
            return self.metavar or "a text"
        number = "a whole number" if self.kind is int else "a number"
        return (
            f"{number} of {self.low:g} to {self.high:g}" if math.isfinite(self.high) else f"{number} from {self.low:g}"
        )

    def check(self, value: Any) -> Any:
        """The value, a whole number as a float where one is meant. Raises ValueError that says what to give."""
        if self.kind is float and type(value) is int:
            value = float(value)
        if type(value) is not self.kind or not self._fits(value):
            raise ValueError(f"{self.name} is {value!r}; give {self.form}")
        return value

    def parse(self, text: str) -> Any:
        """The value that is written so on a command line. Raises ValueError that says what to give."""
        if self.kind is str:
            return self.check(text)
        try:
            value = self.kind(text)
        except ValueError:
            value = text
        return self.check(value)

    def _fits(self, value: Any) -> bool:
        if self.kind is bool:
            return True
        if self.kind is not str:
            return math.isfinite(value) and self.low <= value <= self.high
        if self.several:
            return value in ("all", "none") or set(value.split(",")) <= set(self.choices)
        return value in self.choices if self.choices else bool(re.fullmatch(self.pattern or r"[^\0]+", value))


SETTINGS = (
    Setting("detector", "analyse", str, "what finds the people in the picture", "NAME", unless="keypoints"),
    Setting("max_people", "analyse", int, "people to look for in a frame", "N", low=1, high=32),
    Setting("start", "analyse", float, "from this second of the video", "S", low=0),
    Setting("end", "analyse", float, "up to this second of the video", "S", low=0),
    Setting(
        "keypoints", "analyse", str, "2D of another program instead of a detector; {name} in it is the clip's", "PATH"
    ),
    Setting(
        "detector_command",
        "analyse",
        str,
        "another program instead of a detector: its command line, with {video} and the folder {output}",
        "COMMAND",
        unless="keypoints",
        # A file that somebody sends must not start a program.
        in_file=False,
    ),
    Setting(
        "person",
        "capture",
        str,
        "who is captured: largest (default), all, or numbers: 1,3",
        "largest|all|ID[,ID]",
        pattern=r"largest|all|[1-9]\d*(,[1-9]\d*)*",
    ),
    Setting(
        "person_at",
        "capture",
        str,
        "who is captured: the person at a pixel of the video, at a time",
        "X,Y,SECONDS",
        pattern=r"[-+.\deE]+(,[-+.\deE]+){2}",
        unless="person",
    ),
    Setting("lifter", "capture", str, "how 2D becomes 3D", "NAME"),
    Setting("checkpoint", "capture", str, "a file of weights in place of the lifter's own", "FILE"),
    Setting(
        "tds", "capture", int, "stride of the lifter's window in frames; chosen where not given", "N", low=1, high=100
    ),
    Setting("height", "capture", float, "the person's height in metres, sole to crown", "M", low=0.3, high=3),
    Setting("fov", "capture", float, "of the camera, across the picture's longer side", "DEG", low=5, high=170),
    Setting("device", "capture", str, "what is computed on", choices=("auto", "cpu", "cuda", "mps")),
    Setting(
        "repair",
        "capture",
        str,
        "what is mended in the 2D",
        "all|none|STEP[,STEP]",
        ("gaps", "outliers", "rate", "swaps"),
        several=True,
    ),
    Setting(
        "motion",
        "capture",
        str,
        "stages of the clean-up; filter is the smoothing",
        "all|none|STAGE[,STAGE]",
        ("fusion", "limits", "filter", "fit", "level"),
        several=True,
    ),
    Setting(
        "feet", "capture", str, "which feet are planted on the floor", choices=("auto", "always", "never", "ground")
    ),
    Setting("tilt", "capture", float, "that the camera looks down; found where possible", "DEG", low=-90, high=90),
    Setting("roll", "capture", float, "that the camera is turned clockwise; likewise", "DEG", low=-90, high=90),
    Setting(
        "camera",
        "capture",
        str,
        "whether the turns of a camera that pans or is held by hand are taken out of the path",
        choices=("auto", "still", "moving"),
    ),
    Setting("flip", "capture", bool, "do not average with the mirrored input"),
)
"""All that the engine can be told about how it captures a clip; what is not given, it chooses itself."""

_BY_NAME = {setting.name: setting for setting in SETTINGS}


def for_step(values: Mapping[str, Any], step: str) -> dict[str, Any]:
    """Those of the values that belong to a request, ``analyse`` or ``capture``."""
    return {name: value for name, value in values.items() if _BY_NAME[name].step == step}


def conflict(values: Mapping[str, Any]) -> str:
    """Which two of the settings exclude each other, in words; empty if none do."""
    for setting in SETTINGS:
        if setting.unless in values and setting.name in values:
            return f"both {setting.unless} and {setting.name} are given; give one of them"
    return ""


def load(path: str | Path) -> dict[str, Any]:
    """The settings in a file, by name. Raises SettingsFileError."""
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not text"
        raise SettingsFileError(f"{path}: {reason}; choose a file of settings (.json)") from error
    try:
        return parse(json.loads(text))
    except (ValueError, RecursionError) as error:
        raise SettingsFileError(f"{path}: not settings: {' '.join(str(error).split())}; correct it") from error


def parse(data: Any) -> dict[str, Any]:
    """The settings of what a JSON file holds. Raises ValueError that says what is wrong."""
    if not isinstance(data, dict) or data.get("format") != FORMAT:
        raise ValueError(f'"format" is not "{FORMAT}"')
    if data.get("version") != VERSION:
        raise ValueError(f"version {data.get('version')!r} is unknown; this one reads version {VERSION}")
    values = data.get("settings")
    if not isinstance(values, dict):
        raise ValueError('"settings" is not an object')
    if set(data) - {"format", "version", "settings"}:
        raise ValueError(f"unknown entry {min(set(data) - {'format', 'version', 'settings'})!r}")
    for name in values:
        if name not in _BY_NAME or not _BY_NAME[name].in_file:
            raise ValueError(f"there is no setting {name!r} for a file")
    checked = {name: _BY_NAME[name].check(value) for name, value in values.items()}
    if conflict(checked):
        raise ValueError(conflict(checked))
    return checked


def save(path: str | Path, values: Mapping[str, Any]) -> None:
    """Writes settings as JSON, whole or not at all. Raises SettingsFileError."""
    path = Path(path)
    data = {"format": FORMAT, "version": VERSION, "settings": dict(values)}
    try:
        with tempfile.TemporaryDirectory(prefix=".", dir=path.parent) as folder:
            unfinished = Path(folder) / path.name
            unfinished.write_text(json.dumps(data, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
            unfinished.replace(path)
    except OSError as error:
        raise SettingsFileError(f"cannot write {path}: {error.strerror or error}; choose another folder") from error
