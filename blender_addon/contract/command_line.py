"""The settings as options of a command line. ``pose3d`` and the add-on's command line use the same ones."""

from __future__ import annotations

import argparse
from collections.abc import Container, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, NoReturn

from . import settings_file
from .setting import Plain, Setting
from .settings import BY_NAME, SETTINGS, AnalyseSettings, CaptureSettings, require_compatible

Given = dict[str, Plain | None]
"""Plain values by the name of the setting; None where the engine shall choose (``auto``)."""


class Parser(argparse.ArgumentParser):
    """Reports bad usage in one line, as all other bad input is reported."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message}; see: {self.prog} --help\n")


_TITLES = {
    "analyse": "settings of the analysis (people)",
    "capture": "settings of the capture (motion)",
    "scene": "settings of the scene (keys)",
}


def add_settings_file(parser: argparse.ArgumentParser) -> None:
    """Adds the option ``--settings``."""
    about = "settings exported from the panel; options beside it win: see docs/technical-director/batch.md"
    parser.add_argument("--settings", type=Path, metavar="FILE.json", help=about)


def add_settings(
    parser: argparse.ArgumentParser,
    step: str,
    notes: Mapping[str, str] = MappingProxyType({}),
    without: Container[str] = (),
) -> argparse._ArgumentGroup:
    """Adds an option for every setting of a step, and returns their group for further ones.

    Only options that were given are in the parsed namespace, because a settings file applies to the others.

    Args:
        notes: More help, by the name of the setting.
        without: Names of the settings for which the command has options of its own.
    """
    group = parser.add_argument_group(_TITLES[step])
    for setting in SETTINGS:
        if setting.step == step and setting.option and setting.name not in without:
            _add(group, setting, notes.get(setting.name, ""))
    return group


def _add(group: argparse._ArgumentGroup, setting: Setting, note: str) -> None:
    """Adds the option of one setting."""
    shape: dict[str, Any] = {"action": argparse.BooleanOptionalAction}
    if setting.kind != "bool":
        # A UserError of the parser passes through argparse, so that a wrong value reads the same everywhere.
        shape = {"type": setting.parse, "metavar": setting.metavar or "|".join(setting.names)}
    about = _describe(setting, note).replace("%", "%%")
    group.add_argument(option(setting.name), default=argparse.SUPPRESS, help=about, **shape)


def option(name: str) -> str:
    """The option of a setting: ``--max-people`` for ``max_people``."""
    return f"--{name.replace('_', '-')}"


def _describe(setting: Setting, note: str) -> str:
    """What a setting is, what it takes and its default, in one line of plain text."""
    facts = [setting.help, note] if note else [setting.help]
    if setting.kind in ("int", "float"):
        facts.append(setting.form)
    if setting.kind == "steps":
        facts.append(", ".join(f"{choice.name} ({choice.label})" for choice in setting.choices))
    default = {"True": "on", "False": "off"}.get(str(setting.default), setting.default)
    return "; ".join(facts) + ("" if default is None else f" (default: {default})")


def values(args: argparse.Namespace) -> Given:
    """The settings that were given, as options or in the file of ``--settings``.

    An option wins over the file, and replaces a setting in the file that it excludes. Raises UserError where the file
    cannot be used, or two of the options exclude each other.
    """
    given: Given = {name: getattr(args, name) for name in BY_NAME if hasattr(args, name)}
    require_compatible(given)
    path = getattr(args, "settings", None)
    kept = settings_file.load(path) if path is not None else {}
    excluded = {BY_NAME[name].excludes for name in given}
    left = {name: kept[name] for name in kept if name not in excluded and BY_NAME[name].excludes not in given}
    return left | given


def chosen(given: Given) -> dict[str, Plain]:
    """The engine's values that differ from the defaults, with absolute paths: what a batch notes beside its results."""
    found = AnalyseSettings.of(given).values() | CaptureSettings.of(given).values()
    paths = {name: str(Path(str(value)).absolute()) for name, value in found.items() if BY_NAME[name].kind == "path"}
    return found | paths


def words(chosen: Mapping[str, Plain]) -> list[str]:
    """Values as words of a command line: ``--height=1.8``, ``--no-flip``."""
    switches = {True: "--", False: "--no-"}
    return [
        f"{switches[value]}{option(name)[2:]}" if isinstance(value, bool) else f"{option(name)}={value}"
        for name, value in chosen.items()
    ]
