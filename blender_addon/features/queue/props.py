"""Properties of the clips in the queue."""

from __future__ import annotations

import bpy
from bpy.props import CollectionProperty, EnumProperty, IntProperty, StringProperty


class VIDEO_TO_MOCAP_PG_clip(bpy.types.PropertyGroup):
    """One of the clips that are captured one after the other; ``name`` is the file's."""

    video: StringProperty(name="Video", description="The file of the video", subtype="FILE_PATH")  # type: ignore[valid-type]
    state: EnumProperty(  # type: ignore[valid-type]
        name="State",
        description="How far the clip is",
        items=tuple((name, name.capitalize(), "") for name in ("WAITING", "RUNNING", "DONE", "FAILED")),
    )
    message: StringProperty(name="Message", description="What happened to the clip")  # type: ignore[valid-type]


class QueueProperties:
    """Of the settings of a scene."""

    clips: CollectionProperty(  # type: ignore[valid-type]
        type=VIDEO_TO_MOCAP_PG_clip, name="Clips", description="The clips that are captured one after the other"
    )
    active_clip: IntProperty(name="Active Clip", options={"HIDDEN"})  # type: ignore[valid-type]
