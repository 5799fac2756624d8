"""People: who is in the video, and who of them is captured."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import bpy

from ..contract.warnings import notices
from . import asking, jobs, pictures, requests, text
from .layout import paragraph
from .sidebar import Lines, Step, start_button
from .starting import NotReadyError, StartsJob, video_path


class VIDEO_TO_MOCAP_OT_analyse(StartsJob, bpy.types.Operator):
    """Find the people in the video. Done once a video: the result is kept"""

    bl_idname = "video_to_mocap.analyse"
    bl_label = "Analyse"

    def begin(self, context: bpy.types.Context, settings: Any) -> None:
        params = requests.analyse(settings, video_path(settings))
        jobs.begin(context, self.bl_label, "analyse", params, partial(_found, settings.video))


class _EditsPeople(StartsJob):
    """An operator that asks the engine for another list of people."""

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        if not context.scene.video_to_mocap.people:
            cls.poll_message_set("Analyse a video first")  # type: ignore[attr-defined]
            return False
        return super().poll(context)

    def edit(self, context: bpy.types.Context, how: dict[str, str]) -> None:
        people = context.scene.video_to_mocap.people
        if not Path(people).is_file():
            raise NotReadyError("What was found in the video is no longer there. Press Analyse again.")
        jobs.begin(context, self.bl_label, "edit", {"people": people, "thumbnails": True, **how}, analysed)  # type: ignore[attr-defined]


class VIDEO_TO_MOCAP_OT_split_person(_EditsPeople, bpy.types.Operator):
    """From the current frame on, the active person of the list is another one. For two people taken for one"""

    bl_idname = "video_to_mocap.split_person"
    bl_label = "Split Here"

    def begin(self, context: bpy.types.Context, settings: Any) -> None:
        person = settings.persons[settings.active_person]
        seconds = seconds_of_frame(context.scene)
        if not person.first < seconds <= person.last:
            raise NotReadyError(
                f"{person.name} is seen from {text.seconds(person.first)} to {text.seconds(person.last)}. "
                "Go to a frame between, where the other one begins."
            )
        self.edit(context, {"split": f"{person.number}@{seconds:.4f}"})


class VIDEO_TO_MOCAP_OT_merge_persons(_EditsPeople, bpy.types.Operator):
    """The two people who are ticked are one and the same. For somebody who was lost and found again"""

    bl_idname = "video_to_mocap.merge_persons"
    bl_label = "Merge Ticked"

    def begin(self, context: bpy.types.Context, settings: Any) -> None:
        chosen = settings.chosen()
        if len(chosen) != 2:
            raise NotReadyError("Tick the two people who are one and the same, then merge them.")
        self.edit(context, {"merge": ",".join(map(str, chosen))})


def seconds_of_frame(scene: bpy.types.Scene) -> float:
    """Where in the video the current frame of the scene lies: frame 1 is its beginning."""
    return max(0.0, (scene.frame_current_final - 1.0) * scene.render.fps_base / scene.render.fps)


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
        lines = [text.sentence(notice.text) for notice in notices(result)]
        settings.say("\n".join([settings.status, *lines]), settings.failed)


class VIDEO_TO_MOCAP_UL_persons(Lines, bpy.types.UIList):
    """One line a person: capture?, picture, name, colour, coverage."""

    def line(self, layout: bpy.types.UILayout, item: Any) -> None:
        row = layout.row(align=True)
        row.prop(item, "use", text="")
        picture = pictures.icon(item.thumbnail)
        if picture:
            row.label(text="", icon_value=picture)
        row.prop(item, "name", text="", emboss=False)
        facts = row.row(align=True)
        facts.alignment = "RIGHT"
        facts.label(text=f"{item.coverage:.0%}")
        colour = facts.row()
        colour.ui_units_x = 0.8
        colour.prop(item, "colour", text="")


class VIDEO_TO_MOCAP_PT_people(Step, bpy.types.Panel):
    bl_label = "People"

    def draw(self, context: bpy.types.Context) -> None:
        layout, settings = self.layout, context.scene.video_to_mocap
        start_button(layout, "video_to_mocap.analyse", "Analyse", "VIEWZOOM")
        if not settings.persons:
            return
        rows = min(max(len(settings.persons), 2), 6)
        layout.template_list("VIDEO_TO_MOCAP_UL_persons", "", settings, "persons", settings, "active_person", rows=rows)
        if 0 <= settings.active_person < len(settings.persons):
            _draw_person(layout, context, settings.persons[settings.active_person])
        layout.prop(settings, "show_people_over_video")
        row = layout.row(align=True)
        row.enabled = not jobs.busy()
        row.operator("video_to_mocap.split_person")
        row.operator("video_to_mocap.merge_persons")


def _draw_person(layout: bpy.types.UILayout, context: bpy.types.Context, person: Any) -> None:
    box = layout.box()
    picture = pictures.icon(person.thumbnail)
    if picture:
        box.template_icon(icon_value=picture, scale=4.0)
    words = f"{text.seconds(person.first)} to {text.seconds(person.last)}, whole in {person.complete:.0%} of it"
    paragraph(box, context, words, "TIME")


class VIDEO_TO_MOCAP_PT_detector(Step, bpy.types.Panel):
    """How people are found."""

    bl_label = "Detection"
    bl_parent_id = "VIDEO_TO_MOCAP_PT_people"
    bl_options = {"DEFAULT_CLOSED"}  # noqa: RUF012

    def draw(self, context: bpy.types.Context) -> None:
        layout, settings = self.layout, context.scene.video_to_mocap
        column = layout.column()
        column.enabled = not jobs.busy()
        column.prop(settings, "source", text="")
        if settings.source == "FILE":
            column.prop(settings, "keypoints", text="")
            return
        asking.want(context.scene, report=True)
        column.prop(settings, "detector", text="", icon="VIEWZOOM")
        column.prop(settings, "max_people")


_CLASSES = (
    VIDEO_TO_MOCAP_OT_analyse,
    VIDEO_TO_MOCAP_OT_split_person,
    VIDEO_TO_MOCAP_OT_merge_persons,
    VIDEO_TO_MOCAP_UL_persons,
    VIDEO_TO_MOCAP_PT_people,
    VIDEO_TO_MOCAP_PT_detector,
)

register, unregister = bpy.utils.register_classes_factory(_CLASSES)
