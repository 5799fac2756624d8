"""Properties of the video: which one, which range of it, and its facts."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import bpy
from bpy.props import FloatProperty, IntProperty, PointerProperty, StringProperty

from ..common import table

if TYPE_CHECKING:
    from ...maths.timeline import Timing


class VIDEO_TO_MOCAP_PG_facts(bpy.types.PropertyGroup):
    """The facts of a video, as the engine reports them; ``video`` is empty before it has."""

    video: StringProperty(options={"HIDDEN"})  # type: ignore[valid-type]
    width: IntProperty(options={"HIDDEN"})  # type: ignore[valid-type]
    height: IntProperty(options={"HIDDEN"})  # type: ignore[valid-type]
    rate: FloatProperty(options={"HIDDEN"})  # type: ignore[valid-type]
    duration: FloatProperty(options={"HIDDEN"})  # type: ignore[valid-type]
    frames: IntProperty(options={"HIDDEN"})  # type: ignore[valid-type]
    rotation: IntProperty(options={"HIDDEN"})  # type: ignore[valid-type]


def _video_changed(self: Any, context: bpy.types.Context) -> None:
    if _whole(self.video) != self.listed_video:  # not where the same file is chosen again
        self.listed_video = _whole(self.video)
        self.forget_people(same_video=False)


def _whole(path: str) -> str:
    """The absolute path of a file, however it is spelled; empty for none."""
    return os.path.normcase(os.path.realpath(bpy.path.abspath(path))) if path.strip() else ""


def _range_changed(self: Any, context: bpy.types.Context) -> None:
    self.forget_people()


class VideoProperties:
    """Of the settings of a scene."""

    video: StringProperty(  # type: ignore[valid-type]
        name="Video",
        description="The video of the person to capture. Best is a static camera that shows the full body",
        subtype="FILE_PATH",
        update=_video_changed,
    )
    listed_video: StringProperty(options={"HIDDEN"})  # type: ignore[valid-type]
    """The absolute path of the video to which the list of people belongs."""
    facts: PointerProperty(type=VIDEO_TO_MOCAP_PG_facts, options={"HIDDEN"})  # type: ignore[valid-type]
    start: FloatProperty(  # type: ignore[valid-type]
        name="From (s)",
        description="Where in the video to start, in seconds",
        min=0.0,
        precision=2,
        step=10,
        update=_range_changed,
    )
    end: FloatProperty(  # type: ignore[valid-type]
        name="To (s)",
        description="Where in the video to stop, in seconds. 0 is the end of the video",
        min=0.0,
        precision=2,
        step=10,
        update=_range_changed,
    )

    def show_facts(self, video: Mapping[str, Any]) -> None:
        """Keeps the facts of the video, as the engine reports them."""
        facts: Any = self.facts
        facts.video = self.video
        facts.width, facts.height, facts.frames = int(video["width"]), int(video["height"]), int(video["frames"])
        facts.rate, facts.duration = float(video["fps"]), float(video["duration"])
        facts.rotation = int(video.get("rotation") or 0)

    def facts_known(self) -> bool:
        """Whether the facts are those of the chosen video."""
        facts: Any = self.facts
        return bool(self.video) and facts.video == self.video

    def timing(self) -> Timing:
        """Where the video lies on the timeline of the scene, as that is now."""
        from ...maths.timeline import Timing  # not at the top: it needs numpy, and enabling must not wait for it

        settings: Any = self
        render = settings.id_data.render
        return Timing(render.fps / render.fps_base, settings.start_frame, settings.keys == "whole")


VideoProperties.__annotations__ |= table.properties(table.shown("scene"))
