"""One setting: its kind, its bounds, its words, and how its values are checked and converted.

Its *plain* value (text, number or truth) is what JSON, the command line and Blender hold; its *field* value is what the
engine works with: paths and sets of steps instead of text. Python only, no numpy: Blender imports this module when the
add-on is enabled.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from .errors import UserError

Plain = str | int | float | bool
Step = Literal["analyse", "capture", "scene"]
Kind = Literal["text", "path", "choice", "steps", "int", "float", "bool"]

_TYPES: dict[str, type] = {"int": int, "float": float, "bool": bool}

_UNITS = {"m": "metres", "s": "seconds", "degrees": "degrees"}


@dataclass(frozen=True)
class Choice:
    """One value of a setting with a fixed list of them. ``help`` is its tooltip in the panel."""

    name: str
    label: str
    help: str


@dataclass(frozen=True)
class Setting:
    """One row of the table.

    Attributes:
        name: In files, requests and Python; with dashes it is the option of the command line.
        kind: ``steps`` is any of the choices; ``choice`` exactly one of them.
        default: Plain; None where the engine chooses.
        metavar: What the command line shows in place of the value.
        low, high, usual: Bounds of a number, and the range in which the panel's slider moves.
        assumed: What the engine assumes where a number is neither given nor estimated.
        removed: Names of ``steps`` in files of older versions, which are ignored.
        unit: ``m``, ``degrees``, ``s`` or empty.
        pattern: Regular expression of a text.
        lists: The part of the engine's report whose names can be chosen: ``sources`` or ``lifters``.
        excludes: The setting that cannot be given beside it.
        panel: The sub-panel that shows it; empty where the panel has another place for it, or none.
        in_file, option: Whether a settings file may hold it, and whether the command line has an option for it.
    """

    name: str
    step: Step
    kind: Kind
    default: Plain | None
    label: str
    help: str
    metavar: str = ""
    choices: tuple[Choice, ...] = ()
    removed: tuple[str, ...] = ()
    low: float = -math.inf
    high: float = math.inf
    usual: tuple[float, float] | None = None
    assumed: float | None = None
    unit: str = ""
    pattern: str = ""
    lists: str = ""
    excludes: str = ""
    panel: str = ""
    in_file: bool = True
    option: bool = True

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the choices."""
        return tuple(choice.name for choice in self.choices)

    @property
    def form(self) -> str:
        """What a value looks like, in words."""
        words = {
            "steps": f"all, none or some of {','.join(self.names)}",
            "choice": f"one of {', '.join(self.names)}",
            "bool": "true or false",
        }
        if self.kind not in ("int", "float"):
            return words.get(self.kind, self.metavar or "text")
        number = "a whole number" if self.kind == "int" else "a number"
        number += f" ({_UNITS[self.unit]})" if self.unit else ""
        if math.isfinite(self.high):
            return f"{number} from {self.low:g} to {self.high:g}"
        return f"{number} from {self.low:g}" if math.isfinite(self.low) else number

    def check(self, value: Any) -> Plain:
        """The plain value; a whole number becomes a float where one is meant. Raises UserError for a wrong value."""
        if self.kind == "float" and type(value) is int:
            value = float(value)
        if self.removed and isinstance(value, str):
            value = ",".join(name for name in value.split(",") if name not in self.removed) or "none"
        if type(value) is not _TYPES.get(self.kind, str) or not self._allows(value):
            shown = f"{value:g}" if type(value) in (int, float) else repr(value)
            raise UserError(f"{self.name} is {shown}; give {self.form}")
        return value  # type: ignore[return-value]

    def parse(self, text: str) -> Plain | None:
        """:meth:`check` of a text on the command line; None for ``auto`` where the engine may choose."""
        if text == "auto" and self.default is None:
            return None
        if self.kind not in ("int", "float"):
            return self.check(text)
        try:
            return self.check(_TYPES[self.kind](text))
        except ValueError:
            raise UserError(f"{self.name} is {text!r}; give {self.form}") from None

    def to_field(self, value: Plain | None) -> Any:
        """The value that the engine works with."""
        if self.kind == "path" and value is not None:
            return Path(str(value))
        if self.kind == "steps":
            text = str(value)
            return frozenset(self.names if text == "all" else () if text == "none" else text.split(","))
        return value

    def to_plain(self, value: Any) -> Plain | None:
        """The inverse of :meth:`to_field`."""
        if self.kind == "path" and value is not None:
            return str(value)
        if self.kind == "steps" and not isinstance(value, str):
            return "all" if set(value) == set(self.names) else ",".join(sorted(value)) or "none"
        return value  # type: ignore[no-any-return]

    def _allows(self, value: Any) -> bool:
        if self.kind == "bool":
            return True
        if self.kind in ("int", "float"):
            return math.isfinite(value) and self.low <= value <= self.high
        if self.kind == "steps":
            return value in ("all", "none") or set(value.split(",")) <= set(self.names)
        return value in self.names if self.kind == "choice" else bool(re.fullmatch(self.pattern or r"[^\0]+", value))
