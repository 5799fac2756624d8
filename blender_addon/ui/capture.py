"""Capture: from the people who were found to armatures with keyframes."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import Any

import bpy
from bl_operators.presets import AddPresetBase

from ..maths.bone_map import BoneMapError
from . import asking, character, jobs, requests, results, text
from .layout import paragraph
from .sidebar import Step, start_button
from .starting import NotReadyError, StartsJob, video_path

SETTINGS = (
    *("height", "fov", "tds", "lifter", "repair", "motion", "feet", "use_tilt", "tilt", "use_roll", "roll", "device"),
    *("set_scene", "source", "detector", "max_people"),
)
"""What a preset keeps: how is captured, not what."""


class VIDEO_TO_MOCAP_OT_capture(StartsJob, bpy.types.Operator):
    bl_idname = "video_to_mocap.capture"
    bl_label = "Capture"
    bl_description = (
        "Make an armature that moves like the chosen people, or bring their motion to your own rigs. Capturing again "
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
            raise NotReadyError("Nobody is chosen. Tick at least one person in the list.")
        if not people.is_file():
            raise NotReadyError("What was found in the video is no longer there. Press Analyse again.")
        video = video_path(settings)
        new = set(persons) - set(_targets(context, persons))
        params = requests.capture(settings, video, people, persons)
        jobs.begin(
            context,
            self.bl_label,
            "capture",
            params,
            partial(captured, str(video)),
            prepare=partial(results.prepare, new),
        )


def _targets(context: bpy.types.Context, persons: list[int]) -> dict[int, Any]:
    """The rigs of these people. Raises NotReadyError for one that cannot take a motion."""
    from ..maths.rig import RigError

    try:
        return character.targets(context.scene, persons)
    except (RigError, BoneMapError) as error:
        raise NotReadyError(str(error)) from error


def captured(source: str, context: bpy.types.Context, result: dict[str, Any]) -> None:
    """Brings the motions that the engine has captured of the video ``source`` into the scene."""
    from . import camera  # not at the top: it needs numpy, and enabling the add-on must not wait for it

    settings = context.scene.video_to_mocap
    motions = results.motions(result)
    targets = _targets(context, list(motions))
    for target in targets.values():
        character.note_muted(context.scene, target)
    armatures = results.replace(context, source, motions, settings.set_scene, targets)
    results.select(context, armatures)
    settings.result = json.dumps(
        [{key: value for key, value in motion.items() if key != "path"} for motion in result["motions"]]
    )
    camera.follow(context, Path(source))
    settings.say(text.captured(result["motions"]))


class VIDEO_TO_MOCAP_MT_presets(bpy.types.Menu):
    """The settings that were kept under a name."""

    bl_label = "Presets"
    preset_subdir = "video_to_mocap/capture"
    preset_operator = "script.execute_preset"
    draw = bpy.types.Menu.draw_preset


class VIDEO_TO_MOCAP_OT_add_preset(AddPresetBase, bpy.types.Operator):
    """Keep these settings under a name, or remove those that have it"""

    bl_idname = "video_to_mocap.add_preset"
    bl_label = "Add Capture Preset"
    preset_menu = "VIDEO_TO_MOCAP_MT_presets"
    preset_subdir = "video_to_mocap/capture"
    preset_defines = ("settings = bpy.context.scene.video_to_mocap",)
    preset_values = tuple(f"settings.{name}" for name in SETTINGS)


class VIDEO_TO_MOCAP_PT_capture(Step, bpy.types.Panel):
    bl_label = "Capture"

    def draw(self, context: bpy.types.Context) -> None:
        layout, settings = self.layout, context.scene.video_to_mocap
        if settings.persons:
            asking.want(context.scene, report=True)
        column = layout.column()
        column.enabled = not jobs.busy()
        row = column.row(align=True)
        row.menu("VIDEO_TO_MOCAP_MT_presets", text="Presets")
        row.operator("video_to_mocap.add_preset", text="", icon="ADD")
        row.operator("video_to_mocap.add_preset", text="", icon="REMOVE").remove_active = True
        row.separator()
        row.operator("video_to_mocap.import_settings", text="", icon="IMPORT")
        row.operator("video_to_mocap.export_settings", text="", icon="EXPORT")
        # Not split into names and values: half a sidebar of the usual width cuts the names off.
        numbers = column.column(align=True)
        numbers.prop(settings, "height")
        numbers.prop(settings, "fov")
        numbers.prop(settings, "tds")
        chose = text.chosen_tds(settings.result) if settings.tds == 0 else ""
        if chose:
            paragraph(column, context, chose, "INFO")
        column.prop(settings, "set_scene")
        start_button(layout, "video_to_mocap.capture", "Capture", "ARMATURE_DATA")


class VIDEO_TO_MOCAP_PT_floor(Step, bpy.types.Panel):
    """How the person stands in the world."""

    bl_label = "Floor and Camera"
    bl_parent_id = "VIDEO_TO_MOCAP_PT_capture"
    bl_options = {"DEFAULT_CLOSED"}  # noqa: RUF012

    def draw(self, context: bpy.types.Context) -> None:
        layout, settings = self.layout, context.scene.video_to_mocap
        column = layout.column()
        column.enabled = not jobs.busy()
        column.label(text="Feet")
        column.prop(settings, "feet", text="")
        column.label(text="Camera")
        angles = column.column(align=True)
        for name in ("tilt", "roll"):
            row = angles.row(align=True)
            row.prop(settings, f"use_{name}", text="")
            value = row.row(align=True)
            value.active = getattr(settings, f"use_{name}")
            value.prop(settings, name)


class VIDEO_TO_MOCAP_PT_lifting(Step, bpy.types.Panel):
    """How the third dimension is found."""

    bl_label = "Lifting"
    bl_parent_id = "VIDEO_TO_MOCAP_PT_capture"
    bl_options = {"DEFAULT_CLOSED"}  # noqa: RUF012

    def draw(self, context: bpy.types.Context) -> None:
        layout, settings = self.layout, context.scene.video_to_mocap
        column = layout.column()
        column.enabled = not jobs.busy()
        column.prop(settings, "lifter")
        column.prop(settings, "device")
        column.label(text="Repair")
        column.column(align=True).prop(settings, "repair")
        column.label(text="Clean-Up")
        column.column(align=True).prop(settings, "motion")


_CLASSES = (
    VIDEO_TO_MOCAP_OT_capture,
    VIDEO_TO_MOCAP_MT_presets,
    VIDEO_TO_MOCAP_OT_add_preset,
    VIDEO_TO_MOCAP_PT_capture,
    VIDEO_TO_MOCAP_PT_floor,
    VIDEO_TO_MOCAP_PT_lifting,
)

register, unregister = bpy.utils.register_classes_factory(_CLASSES)
