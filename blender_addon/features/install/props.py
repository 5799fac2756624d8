"""The add-on's preferences: how the engine is installed, and which Python runs it."""

from __future__ import annotations

import bpy

from ... import session
from ...engine import builds
from ..common.preferences import PACKAGE
from . import panel

_BUILDS = [
    (build.name, f"{build.title} ({builds.size(build.download)})", build.description) for build in builds.builds()
]


def _progress(self: VIDEO_TO_MOCAP_AP_preferences) -> float:
    return 100.0 * session.current().fraction


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
        description="The Python, 3.10 to 3.13, from which the engine's environment is made. Leave it empty for "
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
        panel.draw_preferences(self.layout, context, self)


CLASSES = (VIDEO_TO_MOCAP_AP_preferences,)
