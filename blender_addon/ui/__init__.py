"""The panel in the sidebar: properties, one module a sub-panel with its operators, and the jobs behind them."""

from __future__ import annotations

from types import ModuleType


def _parts() -> tuple[ModuleType, ...]:
    """In the order of registration, which is that in which the sub-panels stand: that of the work."""
    # Not at the top: ui.text has no bpy, and its tests run without Blender.
    from . import (
        asking,
        capture,
        character,
        clean_up,
        clips,
        export,
        install,
        jobs,
        main,
        overlay,
        people,
        pictures,
        preferences,
        properties,
        report,
        settings_file,
        video,
    )

    return (
        *(preferences, install, properties),
        *(main, video, people, capture, character, clean_up, export, clips, report),
        # Those that come without a panel.
        *(pictures, overlay, asking, settings_file, jobs),
    )


def register() -> None:
    for part in _parts():
        part.register()


def unregister() -> None:
    for part in reversed(_parts()):
        part.unregister()
