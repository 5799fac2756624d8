"""The settings as options of a command line: the options themselves, the values they give, and the words of values.

``pose3d`` and the add-on's command line use the same options, so that a batch in Blender is configured as one without.
"""

from __future__ import annotations

import argparse
from collections.abc import Container, Mapping
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import NoReturn

from . import settings_file
from .setting import Plain, Setting
from .settings import BY_NAME, SETTINGS, AnalyseSettings, CaptureSettings, require_compatible

Given = dict[str, Plain | None]
"""Plain values by the name of the setting; None where the engine shall choose (``auto``)."""


class Parser(argparse.ArgumentParser):
    """Reports bad usage in one line, as all other bad input is reported."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message}; see: {self.prog} --help\n")


_TITLES = {"analyse": "settings of the analysis (people)", "capture": "settings of the capture (motion)"}


def add_settings_file(parser: argparse.ArgumentParser) -> None:
    """Adds the option ``--settings``."""
    parser.add_argument(
        "--settings",
        type=Path,
        metavar="FILE.json",
        help="settings exported from the panel; options beside it win: see docs/technical-director/batch.md",
    )


def add_settings(
    parser: argparse.ArgumentParser,
    step: str,
    notes: Mapping[str, str] = MappingProxyType({}),
    without: Container[str] = (),
) -> argparse._ArgumentGroup:
    """Adds an option for every setting of a step.

    Only options that were given are in the parsed namespace, because a settings file applies to the others.

    Args:
        parser: The parser of the command.
        step: ``analyse`` or ``capture``.
        notes: More help, by the name of the setting.
        without: Names of the settings for which the command has options of its own.

    Returns:
        The group of the options, for further ones.
    """
    group = parser.add_argument_group(_TITLES[step])
    for setting in SETTINGS:
        if setting.step == step and setting.option and setting.name not in without:
            _add(group, setting, notes.get(setting.name, ""))
    return group


def _add(group: argparse._ArgumentGroup, setting: Setting, note: str) -> None:
    """Adds the option of one setting."""
    words = describe(setting, note).replace("%", "%%")
    if setting.kind == "bool":
        group.add_argument(
            option(setting.name), action=argparse.BooleanOptionalAction, default=argparse.SUPPRESS, help=words
        )
        return
    group.add_argument(
        option(setting.name),
        # A UserError of the parser passes through argparse, so that a wrong value reads the same everywhere.
        type=partial(Setting.parse, setting),
        default=argparse.SUPPRESS,
        metavar=setting.metavar or "|".join(setting.names),
        help=words,
    )


def option(name: str) -> str:
    """The option of a setting: ``--max-people`` for ``max_people``."""
    return f"--{name.replace('_', '-')}"


def describe(setting: Setting, note: str = "") -> str:
    """What a setting is, what it takes and its default, in one line of plain text."""
    facts = [setting.help]
    if note:
        facts.append(note)
    if setting.kind in ("int", "float"):
        facts.append(setting.form)
    if setting.kind == "steps":
        facts.append(", ".join(f"{choice.name} ({choice.label})" for choice in setting.choices))
    default = {"True": "on", "False": "off"}.get(str(setting.default), setting.default)
    return "; ".join(facts) + ("" if default is None else f" (default: {default})")


def values(args: argparse.Namespace) -> Given:
    """The settings that were given, as options or in the file of ``--settings``. An option beside the file wins, and
    takes the place of a setting in the file that it excludes.

    Raises:
        UserError: The file cannot be used, or two of the options exclude each other.
    """
    given: Given = {name: getattr(args, name) for name in BY_NAME if hasattr(args, name)}
    require_compatible(given)
    path = getattr(args, "settings", None)
    kept = settings_file.load(path) if path is not None else {}
    replaced = {setting.excludes for setting in SETTINGS if setting.name in given}
    replaced |= {setting.name for setting in SETTINGS if setting.excludes in given}
    return {**{name: value for name, value in kept.items() if name not in replaced}, **given}


def chosen(given: Given) -> dict[str, Plain]:
    """The values that differ from the defaults, with absolute paths: what a batch notes beside its results.

    Raises:
        UserError: A value cannot be used, or two exclude each other.
    """
    found = AnalyseSettings.of(given).values() | CaptureSettings.of(given).values()
    return {
        name: str(Path(str(value)).absolute()) if BY_NAME[name].kind == "path" else value
        for name, value in found.items()
    }


def words(chosen: Mapping[str, Plain]) -> list[str]:
    """Values as words of a command line: ``--height=1.8``, ``--no-flip``."""
    found = []
    for name, value in chosen.items():
        if isinstance(value, bool):
            found.append(option(name) if value else f"--no-{option(name)[2:]}")
        else:
            found.append(f"{option(name)}={value}")
    return found
