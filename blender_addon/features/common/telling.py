"""Messages of operators that do their work at once: where Blender shows them, and beside their button."""

from __future__ import annotations

from typing import Any

import bpy


def tell(operator: Any, context: bpy.types.Context, text: str, step: str, failed: bool = False) -> set[str]:
    """Says what came of an operator; returns what its ``execute`` has to.

    Args:
        operator: Reports it: at the bottom of the window, and to a script as an exception where it has failed.
        context: Of Blender.
        text: One line.
        step: The step beside whose buttons the panel shows it, too.
        failed: Whether nothing was done.
    """
    context.scene.video_to_mocap.say(text, failed, step)
    # In a window the panel says it, without a pop-up over it.
    kind = "INFO" if not failed else "ERROR" if bpy.app.background else "WARNING"
    operator.report({kind}, text)
    return {"CANCELLED"} if failed else {"FINISHED"}
