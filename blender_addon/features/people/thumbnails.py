"""The thumbnails of people in the list, as icons."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import bpy


class Thumbnails:
    """The thumbnails that were drawn since the add-on was enabled; a part of the session."""

    def __init__(self) -> None:
        import bpy.utils.previews  # not at the top: without a window nothing is drawn

        self._previews: Any = bpy.utils.previews.new()

    def icon(self, path: str) -> int:
        """The icon of the picture ``path``; 0, which is none, where the picture is not there."""
        if not path:
            return 0
        if path not in self._previews:
            if not Path(path).is_file():
                return 0
            self._previews.load(path, path, "IMAGE")
        return int(self._previews[path].icon_id)

    def close(self) -> None:
        bpy.utils.previews.remove(self._previews)
