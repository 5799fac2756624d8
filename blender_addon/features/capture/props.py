"""Properties of the capture: its settings, from the table, and what the engine reported of the last one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import bpy
from bpy.props import BoolProperty, CollectionProperty, EnumProperty, StringProperty

from ..common import starting, table, words


class VIDEO_TO_MOCAP_PG_line(bpy.types.PropertyGroup):
    """A paragraph of the report on the last capture."""

    text: StringProperty(options={"HIDDEN"})  # type: ignore[valid-type]
    warns: BoolProperty(options={"HIDDEN"})  # type: ignore[valid-type]


def _matches_scene(self: Any) -> bool:
    if self.scene_choice != "AUTO" or not starting.has_numpy():
        return bool(self.scene_choice == "ON")
    from ...blend import scene_time  # not at the top: it needs numpy, and enabling must not wait for it

    return scene_time.is_untouched(self.id_data)


def _match_scene(self: Any, value: bool) -> None:
    self.scene_choice = "ON" if value else "OFF"


class CaptureProperties:
    """Of the settings of a scene."""

    set_scene: BoolProperty(  # type: ignore[valid-type]
        name="Match Scene to Video",
        description="Give the scene the standard frame rate nearest to the video's, and the video's range. On while "
        "the scene is new; where something is animated, the rate stays and the range only grows",
        get=_matches_scene,
        set=_match_scene,
    )
    scene_choice: EnumProperty(  # type: ignore[valid-type]
        name="Match Scene",
        description="Whether somebody has chosen that the scene is matched to the video",
        items=(
            ("AUTO", "Where It Is New", "The scene is matched while it is new"),
            ("ON", "Yes", "The scene is matched"),
            ("OFF", "No", "The scene keeps its rate and range"),
        ),
        options={"HIDDEN"},
    )
    report_lines: CollectionProperty(  # type: ignore[valid-type]
        type=VIDEO_TO_MOCAP_PG_line,
        name="Result",
        description="The report on the last capture",
        options={"HIDDEN"},
    )
    used_frames: StringProperty(  # type: ignore[valid-type]
        name="Used Frames",
        description="Which frames of the video the last capture has used",
        options={"HIDDEN"},
    )

    def show_result(self, motions: Sequence[Mapping[str, Any]]) -> None:
        """Keeps what the engine reported of a capture."""
        settings: Any = self
        settings.report_lines.clear()
        for line in words.report(motions):
            item = settings.report_lines.add()
            item.text, item.warns = line.text, line.warns
        settings.used_frames = words.used_frames(motions)


CaptureProperties.__annotations__ |= table.properties(row for row in table.shown() if row.step == "capture")
