"""Clean up: the tools for the last corrections, on the active armature, the selected bones and a range of frames."""

from __future__ import annotations

from typing import Any

import bpy
from bpy.props import BoolProperty, FloatProperty, IntProperty

from .tool import Tool


class VIDEO_TO_MOCAP_OT_smooth(Tool, bpy.types.Operator):
    """Take the trembling out of the selected bones' motion. Nothing is delayed"""

    bl_idname = "video_to_mocap.smooth"
    bl_label = "Smooth"

    cutoff: FloatProperty(  # type: ignore[valid-type]
        name="Cut-off (Hz)",
        description="Movement that swings more often a second than this is taken out. Lower is smoother",
        default=4.0,
        min=0.1,
        soft_max=10.0,
        max=60.0,
    )

    def change(self, context: bpy.types.Context, armature: bpy.types.Object, motion: Any) -> Any:
        from ...maths import smooth

        return self.only(context, armature, motion, smooth.smooth(motion, self.cutoff))


class VIDEO_TO_MOCAP_OT_reduce_keys(Tool, bpy.types.Operator):
    """Replace a key on every frame by few keys with handles, which an animator can edit"""

    bl_idname = "video_to_mocap.reduce_keys"
    bl_label = "Reduce Keys"

    degrees: FloatProperty(  # type: ignore[valid-type]
        name="Angle",
        description="How many degrees any bone may turn from where it was, on any frame",
        default=1.0,
        min=0.01,
        soft_max=10.0,
        max=90.0,
    )
    millimetres: FloatProperty(  # type: ignore[valid-type]
        name="Distance (mm)",
        description="How far any joint may move from where it was, on any frame, in millimetres",
        default=5.0,
        min=0.01,
        soft_max=50.0,
        max=1000.0,
    )

    def work(self, context: bpy.types.Context, armature: bpy.types.Object) -> str:
        from ...blend import actions
        from ...maths import key_reduction

        bag = actions.bag_of(armature)
        render = context.scene.render
        frames = actions.rows(bag, *self.span(context), even=True)
        motion = actions.read(armature, bag, frames, render.fps / render.fps_base)
        channels = actions.channels_to_reduce(armature, bag, motion, self.bones(context, armature))
        keys = key_reduction.reduce(motion, channels, self.degrees, self.millimetres / 1000)
        actions.keep_raw(armature)
        old, new = actions.write_keys(armature, bag, motion, channels, keys)
        return f"{old} keys became {new}, {100 * (1 - new / max(old, 1)):.0f} % fewer"


class VIDEO_TO_MOCAP_OT_lock_feet(Tool, bpy.types.Operator):
    """Hold the feet where they stand in the preview range, by bending the legs. Select one foot for it alone"""

    bl_idname = "video_to_mocap.lock_feet"
    bl_label = "Lock Feet"
    needs_stretch = True

    blend: IntProperty(  # type: ignore[valid-type]
        name="Blend",
        description="Over how many frames before and after the foot comes and goes",
        default=5,
        min=0,
        max=100,
    )

    def change(self, context: bpy.types.Context, armature: bpy.types.Object, motion: Any) -> Any:
        from ...maths import feet
        from ...maths.errors import CleanUpError

        rows = self.feet(context, armature, motion)
        if not rows:
            raise CleanUpError("No foot was found by its name; select the feet's bones and try again")
        return feet.lock(motion, rows, *self.span(context), self.blend)

    def motion(self, context: bpy.types.Context, armature: bpy.types.Object, bag: Any, around: int = 0) -> Any:
        return super().motion(context, armature, bag, self.blend)


class VIDEO_TO_MOCAP_OT_unlock_feet(Tool, bpy.types.Operator):
    """Let the legs do in the preview range what they did in the raw Action. Select one foot for it alone"""

    bl_idname = "video_to_mocap.unlock_feet"
    bl_label = "Unlock Feet"
    needs_stretch = True

    blend: IntProperty(  # type: ignore[valid-type]
        name="Blend",
        description="Over how many frames at both ends of the range the legs go over",
        default=5,
        min=0,
        max=100,
    )

    def change(self, context: bpy.types.Context, armature: bpy.types.Object, motion: Any) -> Any:
        from ...blend import actions
        from ...maths import feet

        raw = actions.read_raw(armature, motion.frames, motion.rate)
        return feet.unlock(motion, raw, self.feet(context, armature, motion), *self.span(context), self.blend)


class VIDEO_TO_MOCAP_OT_level_floor(Tool, bpy.types.Operator):
    """Turn and lift the whole motion so that the feet stand on a level floor at height 0"""

    bl_idname = "video_to_mocap.level_floor"
    bl_label = "Level Floor"

    def change(self, context: bpy.types.Context, armature: bpy.types.Object, motion: Any) -> Any:
        from ...maths import path

        return path.level(motion, self.feet(context, armature, motion))


class VIDEO_TO_MOCAP_OT_straighten_path(Tool, bpy.types.Operator):
    """Make the way from the first to the last frame a straight line"""

    bl_idname = "video_to_mocap.straighten_path"
    bl_label = "Straighten Path"

    def change(self, context: bpy.types.Context, armature: bpy.types.Object, motion: Any) -> Any:
        from ...maths import path

        return path.straighten(motion)


class VIDEO_TO_MOCAP_OT_set_heading(Tool, bpy.types.Operator):
    """Turn the whole motion so that the character walks, or faces, in a direction"""

    bl_idname = "video_to_mocap.set_heading"
    bl_label = "Set Heading"

    heading: FloatProperty(  # type: ignore[valid-type]
        name="Heading",
        description="The direction in which to go: 0 is -Y, towards the viewer in front view; 90 degrees is +X",
        subtype="ANGLE",
    )

    def change(self, context: bpy.types.Context, armature: bpy.types.Object, motion: Any) -> Any:
        from ...maths import path

        return path.set_heading(motion, self.heading)


class VIDEO_TO_MOCAP_OT_make_loop(Tool, bpy.types.Operator):
    """Let the range end in the pose in which it begins, so that it can be played on and on"""

    bl_idname = "video_to_mocap.make_loop"
    bl_label = "Make Loop"

    blend: IntProperty(  # type: ignore[valid-type]
        name="Blend", description="Over how many frames the end goes over into the start", default=10, min=1, max=1000
    )
    in_place: BoolProperty(  # type: ignore[valid-type]
        name="In Place", description="Take the way out, so that the character treads on the spot"
    )

    def change(self, context: bpy.types.Context, armature: bpy.types.Object, motion: Any) -> Any:
        from ...maths import path

        return path.loop(motion, self.blend, self.in_place)


class VIDEO_TO_MOCAP_OT_mirror_motion(Tool, bpy.types.Operator):
    """Exchange left and right of the whole motion, as in a mirror"""

    bl_idname = "video_to_mocap.mirror_motion"
    bl_label = "Mirror"

    def change(self, context: bpy.types.Context, armature: bpy.types.Object, motion: Any) -> Any:
        import numpy as np

        from ...maths import sides

        return sides.mirror(motion, np.array(armature.matrix_world.to_quaternion().to_matrix().col[0]))


class VIDEO_TO_MOCAP_OT_swap_sides(Tool, bpy.types.Operator):
    """Exchange left and right limbs in the preview range, where the detector took one for the other"""

    bl_idname = "video_to_mocap.swap_sides"
    bl_label = "Fix Left/Right"
    needs_stretch = True

    def change(self, context: bpy.types.Context, armature: bpy.types.Object, motion: Any) -> Any:
        from ...maths import sides

        chosen = set(self.bones(context, armature))
        return sides.swap(motion, [row for row, name in enumerate(motion.rig.names) if name in chosen])


class VIDEO_TO_MOCAP_OT_bridge(Tool, bpy.types.Operator):
    """Replace a bad stretch, the preview range: the keys inside go, and one smooth curve leads across"""

    bl_idname = "video_to_mocap.bridge"
    bl_label = "Bridge Stretch"
    needs_stretch = True

    def work(self, context: bpy.types.Context, armature: bpy.types.Object) -> str:
        from ...blend import actions
        from ...maths import bridge

        bag = actions.bag_of(armature)
        motion = self.motion(context, armature, bag, bridge.AROUND)
        channels = actions.channels_to_reduce(armature, bag, motion, self.bones(context, armature))
        part, keys = bridge.bridge(motion, channels, *self.span(context))
        actions.keep_raw(armature)
        old, new = actions.write_keys(armature, bag, part, channels, keys)
        return f"Bridged {part.frames[-1] - part.frames[0]:g} frames: {old - new} keys went"


class VIDEO_TO_MOCAP_OT_trim(Tool, bpy.types.Operator):
    """Keep only the preview range of the motion; all that is before and after goes"""

    bl_idname = "video_to_mocap.trim"
    bl_label = "Trim"
    needs_stretch = True

    def work(self, context: bpy.types.Context, armature: bpy.types.Object) -> str:
        from ...blend import actions

        bag = actions.bag_of(armature)
        first, last = self.span(context)
        actions.rows(bag, first, last)  # says so if nothing would be left
        actions.keep_raw(armature)
        actions.cut(bag, first, last)
        return f"Kept frames {first:g} to {last:g}"


class VIDEO_TO_MOCAP_OT_time_scale(Tool, bpy.types.Operator):
    """Make the range slower or faster; what comes after it moves on"""

    bl_idname = "video_to_mocap.time_scale"
    bl_label = "Scale Time"

    factor: FloatProperty(  # type: ignore[valid-type]
        name="Duration",
        description="How long the range takes, against now: 2 is half as fast, 0.5 twice as fast",
        default=1.0,
        min=0.05,
        soft_max=4.0,
        max=100.0,
    )

    def work(self, context: bpy.types.Context, armature: bpy.types.Object) -> str:
        from ...blend import actions

        bag = actions.bag_of(armature)
        frames = actions.rows(bag, *self.span(context))
        actions.keep_raw(armature)
        actions.retime(bag, frames[0], frames[-1], self.factor)
        armature.animation_data.action[actions.RETIMED] = True
        return f"Frames {frames[0]:g} to {frames[-1]:g} take {self.factor:g} times as long"


class VIDEO_TO_MOCAP_OT_restore_raw(Tool, bpy.types.Operator):
    """Give the armature the raw Action again, as it was before the first tool. The cleaned one stays in the file"""

    bl_idname = "video_to_mocap.restore_raw"
    bl_label = "Back to Raw"

    def work(self, context: bpy.types.Context, armature: bpy.types.Object) -> str:
        from ...blend import actions

        return f"{armature.name} has {actions.restore(armature)}"


class VIDEO_TO_MOCAP_OT_add_layer(Tool, bpy.types.Operator):
    """Move the motion into an NLA track and key on top of it: what you key is added, and the motion stays as it is"""

    bl_idname = "video_to_mocap.add_layer"
    bl_label = "Add Layer"

    def work(self, context: bpy.types.Context, armature: bpy.types.Object) -> str:
        from ...blend import actions

        return f"Keys go into {actions.add_layer(armature)}; the motion is in the NLA track below"


class VIDEO_TO_MOCAP_OT_mark_suspicious(Tool, bpy.types.Operator):
    """Mark where the motion jerks, as it is where the person was hardly seen: keys of the kind Jitter, and markers"""

    bl_idname = "video_to_mocap.mark_suspicious"
    bl_label = "Mark Suspicious"

    def work(self, context: bpy.types.Context, armature: bpy.types.Object) -> str:
        import numpy as np

        from ...blend import actions, marks
        from ...maths import suspects

        bag = actions.bag_of(armature)
        motion = self.motion(context, armature, bag)
        chosen = set(self.bones(context, armature))
        flags = suspects.jerky(motion, [row for row, name in enumerate(motion.rig.names) if name in chosen])
        actions.mark(bag, np.union1d(actions.marked(bag), motion.frames[flags]))
        count = marks.show(context.scene, armature)
        return f"{count} suspicious stretches" if count else "Nothing suspicious"


class VIDEO_TO_MOCAP_OT_next_suspicious(Tool, bpy.types.Operator):
    """Go to the next stretch that is marked: the engine was not sure of it, or it jerks"""

    bl_idname = "video_to_mocap.next_suspicious"
    bl_label = "Next Suspicious Frame"

    back: BoolProperty(name="Back", description="Go to the one before")  # type: ignore[valid-type]

    def work(self, context: bpy.types.Context, armature: bpy.types.Object) -> str:
        import numpy as np

        from ...blend import actions, marks
        from ...maths.errors import CleanUpError

        starts = np.array([first for first, _ in marks.stretches(actions.bag_of(armature))])
        now = context.scene.frame_current_final
        ahead = starts[starts < now - 0.5][-1:] if self.back else starts[starts > now + 0.5][:1]
        if not len(ahead):
            raise CleanUpError(f"There is no marked frame {'before' if self.back else 'after'} this one")
        context.scene.frame_set(round(float(ahead[0])))
        return f"Frame {ahead[0]:g}"


CLASSES = (
    VIDEO_TO_MOCAP_OT_smooth,
    VIDEO_TO_MOCAP_OT_reduce_keys,
    VIDEO_TO_MOCAP_OT_lock_feet,
    VIDEO_TO_MOCAP_OT_unlock_feet,
    VIDEO_TO_MOCAP_OT_level_floor,
    VIDEO_TO_MOCAP_OT_straighten_path,
    VIDEO_TO_MOCAP_OT_set_heading,
    VIDEO_TO_MOCAP_OT_make_loop,
    VIDEO_TO_MOCAP_OT_mirror_motion,
    VIDEO_TO_MOCAP_OT_swap_sides,
    VIDEO_TO_MOCAP_OT_bridge,
    VIDEO_TO_MOCAP_OT_trim,
    VIDEO_TO_MOCAP_OT_time_scale,
    VIDEO_TO_MOCAP_OT_restore_raw,
    VIDEO_TO_MOCAP_OT_add_layer,
    VIDEO_TO_MOCAP_OT_mark_suspicious,
    VIDEO_TO_MOCAP_OT_next_suspicious,
)
