"""Capture: from the people who were found to armatures with keyframes."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import bpy

from ..engine import cache
from ..retarget.bone_map import BoneMapError
from . import character, jobs, results, text
from .sidebar import Step, start_button
from .starting import NotReadyError, StartsJob, video_path


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
        source = str(video_path(settings))
        _targets(context, persons)
        output = cache.motion_file(people, Path(source).stem)
        output.parent.mkdir(parents=True, exist_ok=True)
        params: dict[str, Any] = {
            "people": str(people),
            "output": str(output),
            "person": ",".join(map(str, persons)),
            "height": round(settings.height, 3),
            "fov": round(settings.fov, 3),
        }
        if settings.tds:
            params["tds"] = settings.tds
        if settings.lifter:
            params["lifter"] = settings.lifter
        jobs.begin(context, self.bl_label, "capture", params, partial(_captured, source))


def _targets(context: bpy.types.Context, persons: list[int]) -> dict[int, Any]:
    """The rigs of these people. Raises NotReadyError for one that cannot take a motion."""
    from ..retarget.transfer import RigError

    try:
        return character.targets(context.scene, persons)
    except (RigError, BoneMapError) as error:
        raise NotReadyError(str(error)) from error


def _captured(source: str, context: bpy.types.Context, result: dict[str, Any]) -> None:
    settings = context.scene.video_to_mocap
    motions = {int(motion["person"]): motion["path"] for motion in result["motions"]}
    targets = _targets(context, list(motions))
    for target in targets.values():
        character.note_muted(context.scene, target)
    armatures = results.replace(context, source, motions, settings.set_scene, targets)
    results.select(context, armatures)
    settings.say(text.captured(result["motions"]))


class VIDEO_TO_MOCAP_PT_capture(Step, bpy.types.Panel):
    bl_label = "Capture"

    def draw(self, context: bpy.types.Context) -> None:
        layout, settings = self.layout, context.scene.video_to_mocap
        column = layout.column()
        column.enabled = not jobs.busy()
        # Not split into names and values: half a sidebar of the usual width cuts the names off.
        numbers = column.column(align=True)
        numbers.prop(settings, "height")
        numbers.prop(settings, "fov")
        numbers.prop(settings, "tds")
        if settings.persons:
            jobs.want_lifters()
        column.prop(settings, "lifter")
        column.prop(settings, "set_scene")
        start_button(layout, "video_to_mocap.capture", "Capture", "ARMATURE_DATA")


_CLASSES = (VIDEO_TO_MOCAP_OT_capture, VIDEO_TO_MOCAP_PT_capture)


def register() -> None:
    for cls in _CLASSES:
        bpy.utils.register_class(cls)


def unregister() -> None:
    for cls in reversed(_CLASSES):
        bpy.utils.unregister_class(cls)
