"""Operators of the capture: from the people who were found to armatures with keyframes."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import bpy
from bl_operators.presets import AddPresetBase

from ...maths.bone_map import BoneMapError
from ..character import props as character
from ..common import requests, starting, table, words
from ..common.requests import NotReadyError
from ..common.starting import StartsJob, video_path
from . import results

SETTINGS = (*table.names(table.shown()), "set_scene", "source")
"""The properties that a preset keeps: how a clip is captured, not which."""


class VIDEO_TO_MOCAP_OT_capture(StartsJob, bpy.types.Operator):
    bl_idname = "video_to_mocap.capture"
    bl_label = "Capture"
    bl_description = (
        "Make an armature that moves like each ticked person, or retarget the motion to your own rig. Capturing again "
        "replaces the last result of the same person, unless you renamed it"
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
        new = set(persons) - set(_targets(context, persons))
        params = requests.capture(settings, people, persons)
        starting.begin(
            context,
            self.bl_label,
            "capture",
            params,
            partial(captured, str(video)),
            prepare=partial(results.prepare, new),
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
    from ..video import camera  # not at the top: it needs numpy, and enabling the add-on must not wait for it

    settings = context.scene.video_to_mocap
    motions = results.motions(result)
    targets = _targets(context, list(motions))
    for target in targets.values():
        character.note_muted(context.scene, target)
    armatures = results.replace(context, source, motions, settings.set_scene, targets)
    results.select(context, armatures)
    settings.show_result(result["motions"])
    camera.follow(context, Path(source), result["motions"][0]["path"])
    settings.say(words.captured(result["motions"]))


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


CLASSES = (VIDEO_TO_MOCAP_OT_capture, VIDEO_TO_MOCAP_MT_presets, VIDEO_TO_MOCAP_OT_add_preset)
