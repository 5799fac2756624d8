"""Cancels the running job."""

from __future__ import annotations

import bpy

from ... import session


class VIDEO_TO_MOCAP_OT_cancel(bpy.types.Operator):
    """Cancel the running job and empty the queue. Nothing changes in the scene"""

    bl_idname = "video_to_mocap.cancel"
    bl_label = "Cancel"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return session.current().busy

    def execute(self, context: bpy.types.Context) -> set[str]:
        session.current().cancel()
        return {"FINISHED"}


CLASSES = (VIDEO_TO_MOCAP_OT_cancel,)
