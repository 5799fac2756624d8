"""The clean-up's look for frames to check, and the way from one to the next."""

from __future__ import annotations

import bpy
from bpy.props import BoolProperty

from .tool import Tool


class VIDEO_TO_MOCAP_OT_mark_suspicious(Tool, bpy.types.Operator):
    """Mark frames to check: jumps, joints beyond limits, drifting feet, a body off the image, interpolated motion"""

    bl_idname = "video_to_mocap.mark_suspicious"
    bl_label = "Mark Suspicious"

    def work(self, context: bpy.types.Context, armature: bpy.types.Object) -> str:
        import numpy as np

        from ...blend import actions, doubts, marks

        bag = actions.bag_of(armature)
        motion = self.motion(context, armature, bag)
        chosen = set(self.bones(context, armature))
        bones = [row for row, name in enumerate(motion.rig.names) if name in chosen]
        found, unseen = doubts.find(context, armature, bag, motion, bones)
        marks.mark(bag, np.union1d(marks.marked(bag), doubts.note(armature, bag, motion, found)))
        count = marks.show(context.scene, armature)
        words = f"{count} ranges to check: {doubts.summary(found) or 'marked before'}" if count else "No problems found"
        return f"{words}; {unseen}" if unseen else words


class VIDEO_TO_MOCAP_OT_next_suspicious(Tool, bpy.types.Operator):
    """Go to the next marked range, and say what is to be checked there"""

    bl_idname = "video_to_mocap.next_suspicious"
    bl_label = "Next Suspicious Frame"

    back: BoolProperty(name="Back", description="Go to the previous marked range")  # type: ignore[valid-type]

    def work(self, context: bpy.types.Context, armature: bpy.types.Object) -> str:
        import numpy as np

        from ...blend import actions, doubts, marks
        from ...maths.clean_up.errors import CleanUpError

        ranges = marks.marked_ranges(actions.bag_of(armature))
        starts = np.array([first for first, _ in ranges])
        now = context.scene.frame_current_final
        ahead = starts[starts < now - 0.5][-1:] if self.back else starts[starts > now + 0.5][:1]
        if not len(ahead):
            raise CleanUpError(f"No frame {'before' if self.back else 'after'} this one is marked")
        context.scene.frame_set(round(float(ahead[0])))
        why = doubts.at(armature, *next(span for span in ranges if span[0] == ahead[0]))
        return f"Frame {ahead[0]:g}: {why}" if why else f"Frame {ahead[0]:g}"


CLASSES = (VIDEO_TO_MOCAP_OT_mark_suspicious, VIDEO_TO_MOCAP_OT_next_suspicious)
