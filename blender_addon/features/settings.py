"""The settings of a scene, ``scene.video_to_mocap``: the properties of all features, saved in the .blend."""

from __future__ import annotations

import math
from typing import Any

import bpy
from bpy.app.handlers import persistent
from bpy.props import IntProperty, PointerProperty

from ..contract import settings as contract
from .capture.props import CaptureProperties, VIDEO_TO_MOCAP_PG_line
from .people.props import PeopleProperties, VIDEO_TO_MOCAP_PG_person
from .queue.props import QueueProperties, VIDEO_TO_MOCAP_PG_clip
from .status.props import StatusProperties
from .video.props import VIDEO_TO_MOCAP_PG_facts, VideoProperties

VERSION = 2
"""Of the settings in a .blend: since 2 angles are in radians, and ``use_fov`` says whether ``fov`` is set."""


class VIDEO_TO_MOCAP_PG_settings(
    VideoProperties, PeopleProperties, CaptureProperties, QueueProperties, StatusProperties, bpy.types.PropertyGroup
):
    version: IntProperty(options={"HIDDEN"})  # type: ignore[valid-type]


def upgrade(settings: Any) -> None:
    """Converts the settings of a scene that version 0.1 has saved."""
    if settings.version >= VERSION:
        return
    settings.version = VERSION
    for row in contract.SETTINGS:
        if row.panel and row.unit == "degrees" and settings.is_property_set(row.name):
            setattr(settings, row.name, math.radians(getattr(settings, row.name)))
            if row.name == "fov":
                settings.use_fov = True


@persistent
def _file_opened(*_: object) -> None:
    for scene in bpy.data.scenes:
        upgrade(scene.video_to_mocap)


@persistent
def _file_is_saved(*_: object) -> None:
    for scene in bpy.data.scenes:  # also of those that were made since
        scene.video_to_mocap.version = VERSION


CLASSES = (
    VIDEO_TO_MOCAP_PG_facts,
    VIDEO_TO_MOCAP_PG_person,
    VIDEO_TO_MOCAP_PG_clip,
    VIDEO_TO_MOCAP_PG_line,
    VIDEO_TO_MOCAP_PG_settings,
)


def register() -> None:
    bpy.types.Scene.video_to_mocap = PointerProperty(type=VIDEO_TO_MOCAP_PG_settings, name="Video to Mocap")
    bpy.app.handlers.load_post.append(_file_opened)
    bpy.app.handlers.save_pre.append(_file_is_saved)


def unregister() -> None:
    bpy.app.handlers.save_pre.remove(_file_is_saved)
    bpy.app.handlers.load_post.remove(_file_opened)
    del bpy.types.Scene.video_to_mocap
