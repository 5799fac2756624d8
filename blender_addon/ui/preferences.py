"""The add-on's preferences: how the engine is installed, and which Python runs it."""

from __future__ import annotations

from typing import Any

import bpy

from ..engine import builds
from ..engine.locate import EngineCommand, find_engine

PACKAGE = __package__.rpartition(".")[0]
"""The add-on's name in Blender: another one as an extension than as a legacy add-on."""


_BUILDS = [
    (build.name, f"{build.title} ({builds.size(build.download)})", build.description) for build in builds.builds()
]


def _progress(self: VIDEO_TO_MOCAP_AP_preferences) -> float:
    from . import install

    return 100.0 * install.fraction()


class VIDEO_TO_MOCAP_AP_preferences(bpy.types.AddonPreferences):
    bl_idname = PACKAGE

    build: bpy.props.EnumProperty(  # type: ignore[valid-type]
        name="Build",
        description="What the engine computes on",
        items=_BUILDS,
    )
    advanced: bpy.props.BoolProperty(  # type: ignore[valid-type]
        name="Advanced",
        description="Settings for computers without a network, and for an engine that you have set up yourself",
    )
    wheels: bpy.props.StringProperty(  # type: ignore[valid-type]
        name="Folder of Wheels",
        description="Install from the packages in this folder, without a network. Leave it empty to download them",
        subtype="DIR_PATH",
    )
    base_python: bpy.props.StringProperty(  # type: ignore[valid-type]
        name="Install with Python",
        description="The Python, 3.10 to 3.13, that the engine's environment is made from. Leave it empty for "
        "Blender's own, which is not changed by it",
        subtype="FILE_PATH",
    )
    index: bpy.props.StringProperty(  # type: ignore[valid-type]
        name="PyTorch Index",
        description="Where a build of PyTorch comes from that is not found where pip looks. Leave it empty to look "
        "nowhere else",
        default=builds.INDEX,
    )
    engine_python: bpy.props.StringProperty(  # type: ignore[valid-type]
        name="Engine's Python",
        description="The Python of an engine that you have set up yourself: .venv/bin/python "
        "(.venv\\Scripts\\python.exe on Windows) of its folder. Leave it empty for the one installed here",
        subtype="FILE_PATH",
    )
    progress: bpy.props.FloatProperty(  # type: ignore[valid-type]
        name="Progress",
        description="How much of the installation is done",
        subtype="PERCENTAGE",
        min=0.0,
        max=100.0,
        precision=0,
        get=_progress,
    )

    def draw(self, context: bpy.types.Context) -> None:
        from . import install  # not at the top: it needs this module

        install.draw_preferences(self.layout, context, self)


def of(context: bpy.types.Context) -> Any:
    """The add-on's preferences; None where it was registered from a script without being enabled."""
    addon = context.preferences.addons.get(PACKAGE)
    return addon.preferences if addon else None


def engine_command(context: bpy.types.Context) -> EngineCommand:
    """How to start the engine. Raises EngineNotFoundError, which says what to do."""
    preferences = of(context)
    return find_engine(bpy.path.abspath(preferences.engine_python) if preferences else "")


def register() -> None:
    bpy.utils.register_class(VIDEO_TO_MOCAP_AP_preferences)


def unregister() -> None:
    bpy.utils.unregister_class(VIDEO_TO_MOCAP_AP_preferences)
