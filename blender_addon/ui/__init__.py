"""The panel in the sidebar: properties, operators, panels, and the jobs behind them."""

from __future__ import annotations


def register() -> None:
    # Not at the top: ui.text has no bpy, and its tests run without Blender.
    from . import jobs, operators, panels, preferences, properties

    for part in (preferences, properties, operators, panels, jobs):
        part.register()


def unregister() -> None:
    from . import jobs, operators, panels, preferences, properties

    for part in (jobs, panels, operators, properties, preferences):
        part.unregister()
