"""Has drawn again what shows how far the work is, and nothing else: a redraw of a full viewport can take seconds."""

from __future__ import annotations

import time

import bpy

PAUSE = 0.25
"""Seconds at least from one redraw to the next, while work goes on."""


class Sparingly:
    """Draws regions again when what they show has changed, and not more often than every PAUSE seconds.

    regions: kinds of area and of region in it.
    """

    def __init__(self, *regions: tuple[str, str]) -> None:
        self._regions = regions
        self._shown: object = None
        self._at = 0.0

    def show(self, what: object, at_once: bool = False) -> None:
        """Has the regions drawn again if they show something else than ``what``; or anyhow, where ``at_once``."""
        now = time.monotonic()
        if not at_once and (what == self._shown or now - self._at < PAUSE):
            return
        self._shown, self._at = what, now
        for window in bpy.context.window_manager.windows:
            for area in window.screen.areas:
                for region in area.regions:
                    if (area.type, region.type) in self._regions:
                        region.tag_redraw()
