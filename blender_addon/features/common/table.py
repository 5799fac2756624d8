"""The settings table in Blender: properties, drawing, requests and settings files, all made from its rows.

A row with a ``panel`` becomes a property of ``scene.video_to_mocap`` with the row's name, label, help and bounds. Where
the engine may choose the value itself, there is a checkbox ``use_NAME`` beside a number with a fraction, and 0 stands
for *auto* where the number is whole. An angle is in radians there and in degrees everywhere else, as Blender wants it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import bpy
from bpy.props import BoolProperty, EnumProperty, FloatProperty, IntProperty, StringProperty

from ... import session
from ...contract import settings as contract
from ...contract.setting import Plain, Setting
from ...engine import report

DEFAULT = "Default"
"""What the panel shows in place of a name where the engine chooses."""

_DIGITS = 4
"""Decimal places of the numbers that are sent: Blender's have seven digits in all."""

_SIGNIFICANT = 3
"""Digits that Blender shows of a value with a unit, those before the decimal point included: 1.75 m, 62.5 degrees."""

Update = Callable[[Any, bpy.types.Context], None]


def shown(panel: str = "") -> list[Setting]:
    """The rows that the panel shows; with ``panel`` those of one sub-panel."""
    return [row for row in contract.SETTINGS if row.panel and panel in ("", row.panel)]


def properties(rows: Iterable[Setting], update: Update | None = None) -> dict[str, Any]:
    """Properties of Blender for rows of the table, by name, to be put into the annotations of a class."""
    made: dict[str, Any] = {}
    for row in rows:
        if _optional(row):
            made[f"use_{row.name}"] = BoolProperty(
                name=f"Set {row.label}",
                description=f"Set it by hand: {row.help}",
                update=update,
            )
        made[row.name] = _property(row, update)
        if row.unit == "m":
            made[_in_units(row)] = _length(row)
    return made


def names(rows: Iterable[Setting]) -> list[str]:
    """The names of the properties that :func:`properties` makes."""
    return [name for row in rows for name in ((f"use_{row.name}", row.name) if _optional(row) else (row.name,))]


def values(settings: Any, rows: Iterable[Setting]) -> dict[str, Plain]:
    """The plain values in the panel; what the engine shall choose is left out."""
    found = {row.name: _value(settings, row) for row in rows}
    return {name: value for name, value in found.items() if value is not None}


def take(settings: Any, given: Mapping[str, Plain]) -> list[str]:
    """Gives the panel the values of a settings file; what it does not name gets the value of a new scene.

    Returns the names of those for which the panel has no place.
    """
    rows = {row.name: row for row in shown()}
    for name in names(rows.values()):
        settings.property_unset(name)
    for name, value in given.items():
        if name in rows:
            _set(settings, rows[name], value)
    return [name for name in given if name not in rows]


def draw(layout: bpy.types.UILayout, settings: Any, panel: str) -> None:
    """Draws the rows of a sub-panel."""
    numbers = None
    for row in shown(panel):
        if row.kind == "steps":
            layout.label(text=row.label)
            layout.column(align=True).prop(settings, row.name)
        elif row.kind in ("choice", "text", "path"):
            # Not split into name and value: half a sidebar of the usual width cuts both off.
            column = layout.column(align=True)
            column.label(text=row.label)
            column.prop(settings, row.name, text="", **({"icon": "VIEWZOOM"} if row.lists else {}))
        elif row.kind == "bool":
            layout.prop(settings, row.name)
        else:
            numbers = numbers or layout.column(align=True)
            _draw_number(numbers, settings, row)
            continue
        numbers = None


def _draw_number(layout: bpy.types.UILayout, settings: Any, row: Setting) -> None:
    if not _optional(row):
        scaled = row.unit == "m" and settings.id_data.unit_settings.scale_length != 1.0
        layout.prop(settings, _in_units(row) if scaled else row.name)
        return
    line = layout.row(align=True)
    line.prop(settings, f"use_{row.name}", text="")
    value = line.row(align=True)
    value.active = getattr(settings, f"use_{row.name}")
    value.prop(settings, row.name)


def _optional(row: Setting) -> bool:
    """Whether a checkbox says that a person sets the value."""
    return row.kind == "float" and row.default is None


def _property(row: Setting, update: Update | None) -> Any:
    words: dict[str, Any] = {"name": row.label, "description": row.help[:1].upper() + row.help[1:], "update": update}
    if row.kind == "bool":
        return BoolProperty(default=bool(row.default), **words)
    if row.kind == "int":
        if row.default is not None:
            return IntProperty(default=row.default, min=int(row.low), max=int(row.high), **_slider(row, 1), **words)
        words["name"] += " (0 = auto)"
        return IntProperty(default=0, min=0, max=int(row.high), **_slider(row, 1), **words)
    if row.kind == "float":
        return _float(row, words)
    if row.kind in ("choice", "steps"):
        items = [(choice.name, choice.label, choice.help) for choice in row.choices]
        if row.kind == "choice":
            return EnumProperty(items=items, default=row.default, **words)
        return EnumProperty(items=items, default=set(row.to_field(row.default)), options={"ENUM_FLAG"}, **words)
    if row.kind == "path":
        return StringProperty(subtype="FILE_PATH", default=str(row.default or ""), **words)
    if not row.lists:
        return StringProperty(default=str(row.default or ""), **words)

    def search(self: Any, context: bpy.types.Context, typed: str) -> list[str]:
        """What can be chosen. Blender shows those that fit what is typed, and takes any other name too."""
        return [DEFAULT, *report.names(session.current().report, row.lists)]

    return StringProperty(default=DEFAULT, search=search, **words)


def _float(row: Setting, words: dict[str, Any]) -> Any:
    scale = math.radians(1.0) if row.unit == "degrees" else 1.0
    start = _start(row) if row.default is None else float(row.default)
    bounds = {name: value * scale for name, value in (("min", row.low), ("max", row.high)) if math.isfinite(value)}
    kind: dict[str, Any] = {"precision": 2}
    if row.unit == "degrees":
        kind = {"subtype": "ANGLE", "precision": _SIGNIFICANT, "step": 100}
    elif row.unit == "m":
        kind = {"subtype": "DISTANCE", "unit": "LENGTH", "precision": _SIGNIFICANT}
    return FloatProperty(default=start * scale, **bounds, **_slider(row, scale), **kind, **words)


def _in_units(row: Setting) -> str:
    """The name of the property that shows a length in a scene whose unit is not the metre."""
    return f"{row.name}_in_units"


def _length(row: Setting) -> Any:
    """A length as Blender shows it, in units of the scene; what is kept is in metres."""

    def get(self: Any) -> float:
        return float(getattr(self, row.name) / self.id_data.unit_settings.scale_length)

    def put(self: Any, value: float) -> None:
        setattr(self, row.name, value * self.id_data.unit_settings.scale_length)

    words = {"name": row.label, "description": row.help[:1].upper() + row.help[1:]}
    return FloatProperty(get=get, set=put, subtype="DISTANCE", unit="LENGTH", precision=_SIGNIFICANT, **words)


def _slider(row: Setting, scale: float) -> dict[str, Any]:
    if row.usual is None:
        return {}
    kind: Any = int if row.kind == "int" else float
    return {"soft_min": kind(row.usual[0] * scale), "soft_max": kind(row.usual[1] * scale)}


def _start(row: Setting) -> float:
    """Where a number starts that a person begins to set."""
    if row.assumed is not None:
        return row.assumed
    low, high = row.usual or (row.low, row.high)
    return 0.0 if low <= 0.0 <= high else (low + high) / 2


def _value(settings: Any, row: Setting) -> Plain | None:
    value = getattr(settings, row.name)
    if row.kind == "float":
        if _optional(row) and not getattr(settings, f"use_{row.name}"):
            return None
        value = round(math.degrees(value) if row.unit == "degrees" else value, _DIGITS)
    elif row.kind == "int" and row.default is None:
        value = value or None
    elif row.kind == "steps":
        value = row.to_plain(value)
    elif row.kind == "path":
        value = bpy.path.abspath(value) if value.strip() else None
    elif row.kind == "text":
        value = value.strip()
        value = None if value in ("", DEFAULT) else value
    plain: Plain | None = value
    return plain


def _set(settings: Any, row: Setting, value: Plain) -> None:
    new: Any = value
    if _optional(row):
        setattr(settings, f"use_{row.name}", True)
    if row.kind == "steps":
        new = set(row.to_field(value))
    elif row.unit == "degrees":
        new = math.radians(float(value))
    setattr(settings, row.name, new)
