"""Whether the add-on's command is registered in Blender."""

from __future__ import annotations

from typing import Any

handles: list[Any] = []
"""Of the command, while the add-on is enabled; empty where Blender has no commands."""
