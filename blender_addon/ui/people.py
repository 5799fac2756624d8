"""People: who is in the video, and who of them is captured."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import bpy

from .. import VERSION
from ..engine import cache
from . import jobs, text
from .sidebar import Step, start_button
from .starting import NotReadyError, StartsJob, video_path


class VIDEO_TO_MOCAP_OT_analyse(StartsJob, bpy.types.Operator):
    """Find the people in the video. Done once a video: the result is kept"""

    bl_idname = "video_to_mocap.analyse"
    bl_label = "Analyse"

    def begin(self, context: bpy.types.Context, settings: Any) -> None:
        video = video_path(settings)
        span = {"start": settings.start, "end": settings.end}
        options = {key: round(value, 3) for key, value in span.items() if value > 0.0}
        if 0.0 < settings.end <= settings.start:
            raise NotReadyError("The range ends before it starts. Correct From and To; To = 0 is the video's end.")
        people = cache.people_file(video, options, VERSION)
        if people.is_file():
            try:
                settings.show_people(str(people), cache.read_people(people))
            except ValueError:
                people.unlink()  # damaged: found anew below
            else:
                if not bpy.app.background:
                    bpy.ops.ed.undo_push(message=self.bl_label)
                return
        people.parent.mkdir(parents=True, exist_ok=True)
        params = {"video": str(video), "output": str(people), **options}
        jobs.begin(context, self.bl_label, "analyse", params, _analysed)


def _analysed(context: bpy.types.Context, result: dict[str, Any]) -> None:
    people = Path(result["people"])
    context.scene.video_to_mocap.show_people(str(people), cache.read_people(people))


class VIDEO_TO_MOCAP_UL_persons(bpy.types.UIList):
    """One line a person: capture?, name, seconds seen, coverage."""

    def draw_item(
        self,
        context: bpy.types.Context,
        layout: bpy.types.UILayout,
        data: Any,
        item: Any,
        icon: int,
        active_data: Any,
        active_property: str,
        index: int = 0,
        flt_flag: int = 0,
    ) -> None:
        row = layout.row(align=True)
        row.prop(item, "use", text="")
        row.label(text=item.name)
        facts = row.row()
        facts.alignment = "RIGHT"
        facts.label(text=f"{text.seconds(item.seen)}   {item.coverage:.0%}")


class VIDEO_TO_MOCAP_PT_people(Step, bpy.types.Panel):
    bl_label = "People"

    def draw(self, context: bpy.types.Context) -> None:
        layout, settings = self.layout, context.scene.video_to_mocap
        start_button(layout, "video_to_mocap.analyse", "Analyse", "VIEWZOOM")
        if not settings.persons:
            return
        rows = min(max(len(settings.persons), 2), 6)
        layout.template_list("VIDEO_TO_MOCAP_UL_persons", "", settings, "persons", settings, "active_person", rows=rows)


_CLASSES = (VIDEO_TO_MOCAP_OT_analyse, VIDEO_TO_MOCAP_UL_persons, VIDEO_TO_MOCAP_PT_people)


def register() -> None:
    for cls in _CLASSES:
        bpy.utils.register_class(cls)


def unregister() -> None:
    for cls in reversed(_CLASSES):
        bpy.utils.unregister_class(cls)
