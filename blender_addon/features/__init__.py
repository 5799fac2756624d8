"""The add-on in Blender's window: a folder a feature, with its properties, operators and panel.

``common`` holds what features share. A feature uses the session, the engine's client, the maths and other features that
come before it in :func:`modules`, never the other way round.
"""

from __future__ import annotations

from types import ModuleType
from typing import Any


def modules() -> tuple[ModuleType, ...]:
    """Everything that is registered, in order. Panels are shown in this order, which is that of the work."""
    # Not at the top: what needs no Blender is imported without.
    from . import settings
    from .capture import files as capture_files
    from .capture import ops as capture_ops
    from .capture import panel as capture_panel
    from .character import ops as character_ops
    from .character import panel as character_panel
    from .character import props as character_props
    from .clean_up import checks as clean_up_checks
    from .clean_up import ops as clean_up_ops
    from .clean_up import panel as clean_up_panel
    from .common import host
    from .export import ops as export_ops
    from .export import panel as export_panel
    from .install import ops as install_ops
    from .install import props as install_props
    from .people import ops as people_ops
    from .people import overlay
    from .people import panel as people_panel
    from .queue import ops as queue_ops
    from .queue import panel as queue_panel
    from .report import ops as report_ops
    from .report import panel as report_panel
    from .status import ops as status_ops
    from .status import panel as status_panel
    from .video import ops as video_ops
    from .video import panel as video_panel

    return (
        *(host, install_props, character_props, settings),
        *(install_ops, status_ops, video_ops, people_ops, overlay, capture_ops, capture_files),
        *(character_ops, clean_up_ops, clean_up_checks, export_ops, queue_ops, report_ops),
        *(status_panel, video_panel, people_panel, capture_panel, character_panel),
        *(clean_up_panel, export_panel, queue_panel, report_panel),
    )


def classes() -> list[Any]:
    """The classes of all features, in the order of registration."""
    return [cls for module in modules() for cls in getattr(module, "CLASSES", ())]


def register() -> None:
    """Registers every module: its ``CLASSES``, then what its own ``register`` does."""
    import bpy  # not at the top: the words of the panel, and their tests, need no Blender

    for module in modules():
        for cls in getattr(module, "CLASSES", ()):
            bpy.utils.register_class(cls)
        if hasattr(module, "register"):
            module.register()


def unregister() -> None:
    """The inverse of :func:`register`."""
    import bpy

    for module in reversed(modules()):
        if hasattr(module, "unregister"):
            module.unregister()
        for cls in reversed(getattr(module, "CLASSES", ())):
            bpy.utils.unregister_class(cls)
