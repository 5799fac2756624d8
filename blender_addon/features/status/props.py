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
    status_step: StringProperty(  # type: ignore[valid-type]
        name="Step", description="Beside the button of which step it is shown, too", options={"HIDDEN"}
    )
    progress: FloatProperty(  # type: ignore[valid-type]
        name="Progress",
        description="How much of this step is done",
        subtype="PERCENTAGE",
        min=0.0,
        max=100.0,
        precision=0,
        get=_progress,
    )

    def say(self, text: str, failed: bool = False, step: str = "") -> None:
        """Puts ``text`` where the panel shows what happened last: at the top, and beside the buttons of a ``step``."""
        self.status, self.failed, self.status_step = text, failed, step
        if text:
            session.current().note(text)
