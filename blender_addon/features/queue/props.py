"""Properties of the clips in the queue."""

from __future__ import annotations

from typing import Any

import bpy
from bpy.props import CollectionProperty, EnumProperty, IntProperty, PointerProperty, StringProperty

from ..character.props import is_armature, learn

STEP = "queue"
"""Beside the button of which step the panel says what becomes of the clips."""


def _rig_chosen(self: Any, context: bpy.types.Context) -> None:
    if self.clips_rig is not None:
        learn(self.id_data, self.clips_rig)


class VIDEO_TO_MOCAP_PG_clip(bpy.types.PropertyGroup):
    """One of the clips that are captured one after the other; ``name`` is the file's."""

    video: StringProperty(name="Video", description="The file of the video", subtype="FILE_PATH")  # type: ignore[valid-type]
    state: EnumProperty(  # type: ignore[valid-type]
        name="State",
        description="How far the clip is",
        items=tuple((name, name.capitalize(), "") for name in ("WAITING", "RUNNING", "DONE", "FAILED", "CANCELLED")),
    )
    message: StringProperty(name="Message", description="What happened to the clip")  # type: ignore[valid-type]


class QueueProperties:
    """Of the settings of a scene."""

    clips: CollectionProperty(  # type: ignore[valid-type]
        type=VIDEO_TO_MOCAP_PG_clip, name="Clips", description="The clips that are captured one after the other"
    )
    clips_people: EnumProperty(  # type: ignore[valid-type]
        name="People",
        description="Who is captured of each clip",
        items=(
            ("LARGEST", "Largest Person", "The largest person of each clip"),
            ("ALL", "All People", "Everybody who is found in each clip"),
        ),
    )
    clips_rig: PointerProperty(  # type: ignore[valid-type]
        name="Target Rig",
        description="Your own character, which gets the motion of each clip's largest person as an Action of its own. "
        "Leave it empty for a new armature for each clip",
        type=bpy.types.Object,
        poll=is_armature,
        update=_rig_chosen,
    )
    active_clip: IntProperty(name="Active Clip", options={"HIDDEN"})  # type: ignore[valid-type]
