"""The add-on's preferences, as every feature needs them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import bpy

from ...engine import installed
from ...engine.installed import Installed
from ...engine.locate import EngineCommand, find_engine

PACKAGE = __package__.rsplit(".", 2)[0]
"""The add-on's name in Blender: another one as an extension than as a legacy add-on."""


def of(context: bpy.types.Context) -> Any:
    """The add-on's preferences; None where it was registered from a script without being enabled."""
    addon = context.preferences.addons.get(PACKAGE)
    return addon.preferences if addon else None


def engine_command(context: bpy.types.Context, read: Callable[[], Installed | None] = installed.read) -> EngineCommand:
    """How to start the engine.

    Args:
        context: Of Blender.
        read: Returns the record of the engine that the add-on has installed.

    Raises:
        EngineNotFoundError: There is none; the message says what to do.
    """
    preferences = of(context)
    return find_engine(bpy.path.abspath(preferences.engine_python) if preferences else "", read)
