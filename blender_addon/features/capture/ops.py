"""Operators of the capture: from the people who were found to armatures with keyframes."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import bpy
from bl_operators.presets import AddPresetBase

from ...maths.bone_map import BoneMapError
from ..character import props as character
from ..common import requests, starting, table
from ..common.requests import NotReadyError
from ..common.starting import StartsJob, video_path
from . import results

SETTINGS = (*table.names(table.shown()), "source")
"""The properties that a preset keeps: how a clip is captured, not which."""


class VIDEO_TO_MOCAP_OT_capture(StartsJob, bpy.types.Operator):
    bl_idname = "video_to_mocap.capture"
    bl_label = "Capture"
    bl_description = (
        "Make an armature that moves like each ticked person, or retarget the motion to your own rig. Capturing again "
        "renews the last result of the same person, unless you renamed it; keys that you have edited are kept"
    )

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        if not context.scene.video_to_mocap.persons:
            cls.poll_message_set("Analyse a video first")
            return False
        return super().poll(context)

    def begin(self, context: bpy.types.Context, settings: Any) -> None:
        persons, people = settings.chosen(), Path(settings.people)
        if not persons:
            raise NotReadyError("No person is ticked. Tick at least one person in the list.")
        if not people.is_file():
            raise NotReadyError("The analysis of this video is no longer in the cache. Press Analyse again.")
        video = video_path(settings)
        rigged = set(_targets(context, persons))
        params = requests.capture(settings, people, persons)
        starting.begin(
            context,
            self.bl_label,
            "capture",
            params,
            partial(captured, str(video)),
            prepare=partial(results.prepare, rigged, context.scene.name),
            changes_objects=True,
        )


def _targets(context: bpy.types.Context, persons: list[int]) -> dict[int, Any]:
    """The rigs of these people. Raises NotReadyError for one that cannot take a motion."""
    from ...maths.rig import RigError

    try:
        return character.targets(context.scene, persons)
    except (RigError, BoneMapError) as error:
        raise NotReadyError(str(error)) from error


def captured(source: str, context: bpy.types.Context, result: dict[str, Any]) -> None:
    """Brings the motions that the engine has captured of the video ``source`` into the scene."""
    settings = context.scene.video_to_mocap
    targets = _targets(context, [int(motion["person"]) for motion in result["motions"]])
    settings.say(results.bring(context, source, result, targets, settings.given_names()))


class VIDEO_TO_MOCAP_OT_select_result(bpy.types.Operator):
    """Select what was captured of this video, and bring it into view"""

    bl_idname = "video_to_mocap.select_result"
    bl_label = "Select Result"
    bl_options = {"REGISTER", "UNDO"}  # noqa: RUF012

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return bool(context.mode == "OBJECT" and results.of_video(context.scene))

    def execute(self, context: bpy.types.Context) -> set[str]:
        from . import view

        found = results.of_video(context.scene)
        view.select(context, found)
        if context.area and context.area.type == "VIEW_3D":
            view.frame(context.scene, context.area, found)
        return {"FINISHED"}


class VIDEO_TO_MOCAP_MT_presets(bpy.types.Menu):
    """The presets of the capture's settings."""

    bl_label = "Presets"
    preset_subdir = "video_to_mocap/capture"
    preset_operator = "script.execute_preset"
    draw = bpy.types.Menu.draw_preset


class VIDEO_TO_MOCAP_OT_add_preset(AddPresetBase, bpy.types.Operator):
    """Save these settings as a preset, or remove the preset of that name"""

    bl_idname = "video_to_mocap.add_preset"
    bl_label = "Add Capture Preset"
    preset_menu = "VIDEO_TO_MOCAP_MT_presets"
    preset_subdir = "video_to_mocap/capture"
    preset_defines = ("settings = bpy.context.scene.video_to_mocap",)
    preset_values = tuple(f"settings.{name}" for name in SETTINGS)


CLASSES = (
    VIDEO_TO_MOCAP_OT_capture,
    VIDEO_TO_MOCAP_OT_select_result,
    VIDEO_TO_MOCAP_MT_presets,
    VIDEO_TO_MOCAP_OT_add_preset,
)
