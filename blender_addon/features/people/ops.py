"""Operators on the people in the video: analyse it, split a person, merge two."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import bpy

from ...contract.warnings import notices
from ..common import requests, starting, words
from ..common.requests import NotReadyError
from ..common.starting import StartsJob, video_path


class VIDEO_TO_MOCAP_OT_analyse(StartsJob, bpy.types.Operator):
    """Detect and track the people in the video. Done once for each video: the result is kept"""

    bl_idname = "video_to_mocap.analyse"
    bl_label = "Analyse"

    def begin(self, context: bpy.types.Context, settings: Any) -> None:
        params = requests.analyse(settings, video_path(settings))
        former = settings.people or settings.former_people
        if former and Path(former).is_file():
            params["previous"] = former
        starting.begin(context, self.bl_label, "analyse", params, partial(_found, settings.video))


class _EditsPeople(StartsJob):
    """An operator that asks the engine for another list of people."""

    step = "people"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        if not context.scene.video_to_mocap.persons:
            cls.poll_message_set("Analyse a video first")  # type: ignore[attr-defined]
            return False
        return super().poll(context)

    def edit(self, context: bpy.types.Context, how: dict[str, str]) -> None:
        people = context.scene.video_to_mocap.people
        if not Path(people).is_file():
            raise NotReadyError("The analysis of this video is no longer in the cache. Press Analyse again.")
        params = {"people": people, "thumbnails": True, **how}
        starting.begin(context, self.bl_label, "edit", params, analysed, step=self.step)  # type: ignore[attr-defined]


class VIDEO_TO_MOCAP_OT_split_person(_EditsPeople, bpy.types.Operator):
    """Split the active person: from the current frame on it is somebody else. For two people tracked as one"""

    bl_idname = "video_to_mocap.split_person"
    bl_label = "Split at Current Frame"

    def begin(self, context: bpy.types.Context, settings: Any) -> None:
        if not 0 <= settings.active_person < len(settings.persons):
            raise NotReadyError("No person is selected. Select the person to split in the list.")
        person = settings.persons[settings.active_person]
        seconds = seconds_of_frame(context.scene)
        if not person.first < seconds <= person.last:
            raise NotReadyError(
                f"{person.name} is visible from {words.seconds(person.first)} to {words.seconds(person.last)}. "
                "Go to a frame in between, where the other person begins."
            )
        self.edit(context, {"split": f"{person.number}@{seconds:.4f}"})


class VIDEO_TO_MOCAP_OT_merge_persons(_EditsPeople, bpy.types.Operator):
    """Merge the two people who are ticked into one. For somebody who was lost and found again"""

    bl_idname = "video_to_mocap.merge_persons"
    bl_label = "Merge Selected"

    def begin(self, context: bpy.types.Context, settings: Any) -> None:
        chosen = settings.chosen()
        if len(chosen) != 2:
            raise NotReadyError("Tick the two people who are the same person, then merge them.")
        self.edit(context, {"merge": ",".join(map(str, chosen))})


def seconds_of_frame(scene: bpy.types.Scene) -> float:
    """Where in the video the current frame of the scene lies."""
    return max(0.0, scene.video_to_mocap.timing().seconds(scene.frame_current_final))


def _found(video: str, context: bpy.types.Context, result: dict[str, Any]) -> None:
    settings = context.scene.video_to_mocap
    if settings.video == video:
        analysed(context, result)
    else:  # the file was opened anew meanwhile, as it was before
        settings.say(f"{Path(video).name} was analysed. Choose it again and press Analyse to see who is in it.")


def analysed(context: bpy.types.Context, result: dict[str, Any]) -> None:
    """Shows the people whom the engine has found."""
    settings = context.scene.video_to_mocap
    settings.show_people(result["people"], result["persons"])
    settings.show_facts(result["video"])
    if result.get("warnings"):
        lines = [words.sentence(notice.text) for notice in notices(result)]
        settings.say("\n".join([settings.status, *lines]), settings.failed)


CLASSES = (VIDEO_TO_MOCAP_OT_analyse, VIDEO_TO_MOCAP_OT_split_person, VIDEO_TO_MOCAP_OT_merge_persons)
