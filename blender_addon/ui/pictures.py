"""The pictures of people in the list, as icons."""

from __future__ import annotations

from pathlib import Path
from typing import Any

_previews: Any = None


def icon(path: str) -> int:
    """The icon of the picture ``path``; 0, which is none, where the picture is not there."""
    global _previews
    import bpy.utils.previews  # not at the top: without a window nothing is drawn

    if not path or not Path(path).is_file():
        return 0
    if _previews is None:
        _previews = bpy.utils.previews.new()
    if path not in _previews:
        _previews.load(path, path, "IMAGE")
    return int(_previews[path].icon_id)


def register() -> None:
    """Nothing to do: pictures are loaded when they are first drawn."""


def unregister() -> None:
    global _previews
    if _previews is not None:
        import bpy.utils.previews

        bpy.utils.previews.remove(_previews)
        _previews = None
