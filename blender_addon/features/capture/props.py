"""Properties of the capture: its settings, from the table, and what the engine reported of the last one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import bpy
from bpy.props import BoolProperty, CollectionProperty, StringProperty

from ..common import table, words


class VIDEO_TO_MOCAP_PG_line(bpy.types.PropertyGroup):
    """A paragraph of the report on the last capture."""

    text: StringProperty(options={"HIDDEN"})  # type: ignore[valid-type]
    warns: BoolProperty(options={"HIDDEN"})  # type: ignore[valid-type]


class CaptureProperties:
    """Of the settings of a scene."""

    set_scene: BoolProperty(  # type: ignore[valid-type]
        name="Match Scene to Video",
        description="Give the scene the video's frame rate and range, so that video and motion run in step",
        default=True,
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
