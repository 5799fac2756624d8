"""Properties of what happens at the moment, or happened last."""

from __future__ import annotations

from typing import Any

from bpy.props import BoolProperty, FloatProperty, StringProperty

from ... import session


def _progress(self: Any) -> float:
    return 100.0 * session.current().fraction


class StatusProperties:
    """Of the settings of a scene."""

    status: StringProperty(name="Status", description="What happened last")  # type: ignore[valid-type]
    failed: BoolProperty(name="Failed", description="Whether what happened last is an error")  # type: ignore[valid-type]
    progress: FloatProperty(  # type: ignore[valid-type]
        name="Progress",
        description="How much of this step is done",
        subtype="PERCENTAGE",
        min=0.0,
        max=100.0,
        precision=0,
        get=_progress,
    )

    def say(self, text: str, failed: bool = False) -> None:
        """Puts ``text`` where the panel shows what happened last."""
        self.status, self.failed = text, failed
        if text:
            session.current().note(text)
