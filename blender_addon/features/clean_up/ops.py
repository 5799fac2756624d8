"""The tools of the clean-up, for the active armature, its selected bones and a range of frames."""

from __future__ import annotations

from typing import Any

import bpy
from bpy.props import BoolProperty, FloatProperty, IntProperty

from .tool import Tool

_DRIFTS = 5.0
"""Millimetres by which a foot visibly drifts although it is locked."""


class VIDEO_TO_MOCAP_OT_smooth(Tool, bpy.types.Operator):
    """Remove jitter from the motion of the selected bones, without delay"""

    bl_idname = "video_to_mocap.smooth"
    bl_label = "Smooth"

    cutoff: FloatProperty(  # type: ignore[valid-type]
        name="Cut-off (Hz)",
        description="Movement of a higher frequency is removed. Lower is smoother",
        default=4.0,
        min=0.1,
        soft_max=10.0,
        max=60.0,
    )
    keeps_feet: BoolProperty(  # type: ignore[valid-type]
        name="Keep Feet Planted",
        description="Put feet that stood still back to their places, by bending the legs",
        default=True,
    )
    nothing = "nothing moves faster than the cut-off, or the cut-off is above half the rate of the keys"

    def change(self, context: bpy.types.Context, armature: bpy.types.Object, motion: Any) -> Any:
        from ...maths.clean_up import smoothing

        return self.only(context, armature, motion, smoothing.smooth(motion, self.cutoff))


class VIDEO_TO_MOCAP_OT_reduce_keys(Tool, bpy.types.Operator):
    """Replace the key on every frame by a few keys with handles that are easy to edit"""

    bl_idname = "video_to_mocap.reduce_keys"
    bl_label = "Reduce Keys"

    degrees: FloatProperty(  # type: ignore[valid-type]
        name="Angle",
        description="How many degrees the rotation of a bone may change at most, on any frame",
        default=1.0,
        min=0.01,
        soft_max=10.0,
        max=90.0,
    )
    millimetres: FloatProperty(  # type: ignore[valid-type]
        name="Distance (mm)",
        description="How many millimetres a joint may move at most, on any frame",
        default=5.0,
        min=0.01,
        soft_max=50.0,
        max=1000.0,
    )

    keeps_feet: BoolProperty(  # type: ignore[valid-type]
        name="Keep Feet Planted",
        description="Keep feet that stand still nearer to their places than the distance, so that they do not tremble",
        default=True,
    )
    nothing = "no key can go within these bounds; give a larger angle and distance"

    def work(self, context: bpy.types.Context, armature: bpy.types.Object) -> str:
        from ...blend import actions, bone_motion, feet
        from ...maths.clean_up import key_reduction
        from ...maths.clean_up.errors import NothingToDoError

        bag = actions.bag_of(armature)
        frames = bone_motion.rows(bag, *self.span(context), even=True)
        motion = bone_motion.read(context.scene, armature, bag, frames)
        channels = bone_motion.channels_to_reduce(armature, bag, motion, self.bones(context, armature))
        planted = feet.Standing(context, armature, bag, motion).planted() if self.keeps_feet else None
        keys = key_reduction.reduce(motion, channels, self.degrees, self.millimetres / 1000, planted)
        if bone_motion.count_keys(bag, motion, channels) <= sum(len(key.rows) for few in keys for key in few):
            raise NothingToDoError(f"{self.label()} changed nothing: {self.nothing}")
        actions.keep_raw(armature)
        old, new = bone_motion.write_keys(armature, bag, motion, channels, keys)
        off = bone_motion.change(motion, key_reduction.sampled(motion, channels, keys))
        return f"{old} keys reduced to {new}, {100 * (1 - new / max(old, 1)):.0f} % fewer: {off}"


class VIDEO_TO_MOCAP_OT_lock_feet(Tool, bpy.types.Operator):
    """Lock the feet to the floor in the preview range, by bending the legs. Select a foot to lock only that one"""

    bl_idname = "video_to_mocap.lock_feet"
    bl_label = "Lock Feet"
    needs_range = True

    blend: IntProperty(  # type: ignore[valid-type]
        name="Blend",
        description="Over how many frames before and after the range the lock fades in and out",
        default=5,
        min=0,
        max=100,
    )

    nothing = "the feet stand still there already"

    def work(self, context: bpy.types.Context, armature: bpy.types.Object) -> str:
        from ...blend import actions, bone_motion
        from ...maths.clean_up import foot_pinning

        bag = actions.bag_of(armature)
        before = self.motion(context, armature, bag)
        feet = self.feet(context, armature, bag, before)
        rows = [bone for foot in feet for bone in foot.bones]
        inside = before.rows_in(*self.span(context))

        def drifts(motion: Any) -> list[float]:
            heads = bone_motion.posed(context, armature, motion, rows).heads[inside]
            return [1000 * foot_pinning.drift(heads[:, foot.bone]) for foot in feet]

        posed = bone_motion.posed(context, armature, before, rows)
        after = foot_pinning.pin_feet(before, posed, feet, *self.span(context), self.blend)
        self.require(bone_motion.change(before.take(inside), after.take(inside)))
        then = drifts(before)
        actions.keep_raw(armature)
        bone_motion.write(armature, bag, before, after)
        now = drifts(after)
        names = ", ".join(before.rig.names[foot.bone] for foot in feet)
        words = f"{self.label()}: {names} held; they drifted by {max(then):.0f} mm, now by {max(now):.1f} mm"
        if max(now) > _DRIFTS:
            words += ". A leg is too short there: lower the hips, then lock again."
        return words

    def motion(self, context: bpy.types.Context, armature: bpy.types.Object, bag: Any, around: int = 0) -> Any:
        return super().motion(context, armature, bag, self.blend)


class VIDEO_TO_MOCAP_OT_unlock_feet(Tool, bpy.types.Operator):
    """Give the legs their raw motion back in the preview range. Select a foot to unlock only that one"""

    bl_idname = "video_to_mocap.unlock_feet"
    bl_label = "Unlock Feet"
    needs_range = True
    nothing = "the legs are the raw ones there already"

    blend: IntProperty(  # type: ignore[valid-type]
        name="Blend",
        description="Over how many frames at both ends of the range the motion blends",
        default=5,
        min=0,
        max=100,
    )

    def change(self, context: bpy.types.Context, armature: bpy.types.Object, motion: Any) -> Any:
        from ...blend import actions, bone_motion
        from ...maths.clean_up import foot_pinning

        raw = bone_motion.read_raw(context.scene, armature, motion.frames)
        feet = self.feet(context, armature, actions.bag_of(armature), motion)
        return foot_pinning.unpin_feet(motion, raw, feet, *self.span(context), self.blend)


class VIDEO_TO_MOCAP_OT_level_floor(Tool, bpy.types.Operator):
    """Rotate and move the whole motion so that the feet stand on a level floor at height 0"""

    bl_idname = "video_to_mocap.level_floor"
    bl_label = "Level Floor"
    nothing = "the floor is level at height 0 already"

    def change(self, context: bpy.types.Context, armature: bpy.types.Object, motion: Any) -> Any:
        from ...blend import actions
        from ...maths.clean_up import root_motion

        feet = self.feet(context, armature, actions.bag_of(armature), motion)
        return root_motion.level_floor(motion, [foot.bone for foot in feet])


class VIDEO_TO_MOCAP_OT_straighten_path(Tool, bpy.types.Operator):
    """Make the path from the first to the last frame a straight line"""

    bl_idname = "video_to_mocap.straighten_path"
    bl_label = "Straighten Path"
    keeps_feet = stands_anew = True
    nothing = "the path is straight already"

    def change(self, context: bpy.types.Context, armature: bpy.types.Object, motion: Any) -> Any:
        from ...maths.clean_up import root_motion

        return root_motion.straighten_path(motion)


class VIDEO_TO_MOCAP_OT_set_heading(Tool, bpy.types.Operator):
    """Rotate the whole motion so that the character walks, or faces, in a direction"""

    bl_idname = "video_to_mocap.set_heading"
    bl_label = "Set Heading"
    nothing = "the character goes in that direction already; set another Heading"

    heading: FloatProperty(  # type: ignore[valid-type]
        name="Heading",
        description="The direction to walk in: 0° is -Y, towards the viewer in front view; 90° is +X",
        subtype="ANGLE",
        precision=3,
    )

    def change(self, context: bpy.types.Context, armature: bpy.types.Object, motion: Any) -> Any:
        from ...maths.clean_up import root_motion

        return root_motion.set_heading(motion, self.heading)


class VIDEO_TO_MOCAP_OT_make_loop(Tool, bpy.types.Operator):
    """Make the range end in the pose in which it begins, so that it plays as a loop"""

    bl_idname = "video_to_mocap.make_loop"
    bl_label = "Make Loop"
    nothing = "the range ends as it begins already"

    blend: IntProperty(  # type: ignore[valid-type]
        name="Blend", description="Over how many frames the end blends into the start", default=10, min=1, max=1000
    )
    in_place: BoolProperty(  # type: ignore[valid-type]
        name="In Place", description="Remove the path, so that the character moves in place"
    )

    def change(self, context: bpy.types.Context, armature: bpy.types.Object, motion: Any) -> Any:
        from ...maths.clean_up import root_motion

        return root_motion.make_loop(motion, self.blend, self.in_place)


class VIDEO_TO_MOCAP_OT_mirror_motion(Tool, bpy.types.Operator):
    """Mirror the whole motion: left and right are exchanged"""

    bl_idname = "video_to_mocap.mirror_motion"
    bl_label = "Mirror"
    nothing = "the motion is its own mirror image"

    def change(self, context: bpy.types.Context, armature: bpy.types.Object, motion: Any) -> Any:
        import numpy as np

        from ...maths.clean_up import mirroring

        return mirroring.mirror(motion, np.array(armature.matrix_world.to_quaternion().to_matrix().col[0]))


class VIDEO_TO_MOCAP_OT_swap_sides(Tool, bpy.types.Operator):
    """Exchange left and right limbs in the preview range, where the detector confused them"""

    bl_idname = "video_to_mocap.swap_sides"
    bl_label = "Fix Left/Right Flip"
    needs_range = keeps_feet = stands_anew = exchanges_feet = True
    nothing = "both sides move alike there"

    def change(self, context: bpy.types.Context, armature: bpy.types.Object, motion: Any) -> Any:
        from ...maths.clean_up import mirroring

        chosen = set(self.bones(context, armature))
        return mirroring.swap_sides(motion, [row for row, name in enumerate(motion.rig.names) if name in chosen])


class VIDEO_TO_MOCAP_OT_bridge(Tool, bpy.types.Operator):
    """Replace the keys in the preview range by one smooth curve across it"""

    bl_idname = "video_to_mocap.bridge"
    bl_label = "Interpolate Range"
    needs_range = True
    nothing = "the motion crosses the range smoothly already"

    def work(self, context: bpy.types.Context, armature: bpy.types.Object) -> str:
        from ...blend import actions, bone_motion
        from ...maths.clean_up import interpolation, key_reduction

        bag = actions.bag_of(armature)
        motion = self.motion(context, armature, bag, interpolation.AROUND)
        channels = bone_motion.channels_to_reduce(armature, bag, motion, self.bones(context, armature))
        part, keys = interpolation.interpolate_range(motion, channels, *self.span(context))
        change = bone_motion.change(part, key_reduction.sampled(part, channels, keys))
        self.require(change)
        actions.keep_raw(armature)
        old, new = bone_motion.write_keys(armature, bag, part, channels, keys)
        return f"{self.label()}: {old - new} keys removed; {change}"


class VIDEO_TO_MOCAP_OT_trim(Tool, bpy.types.Operator):
    """Remove the motion before and after the preview range"""

    bl_idname = "video_to_mocap.trim"
    bl_label = "Trim"
    needs_range = True

    def work(self, context: bpy.types.Context, armature: bpy.types.Object) -> str:
        from ...blend import actions, bone_motion, retiming
        from ...maths.clean_up.errors import NothingToDoError

        bag = actions.bag_of(armature)
        first, last = self.span(context)
        bone_motion.rows(bag, first, last)  # says so if nothing would be left
        start, end = bone_motion.key_frames(bag)[[0, -1]]
        if first <= start and end <= last:
            raise NothingToDoError(f"Trim changed nothing: all keys, {start:g} to {end:g}, are in the range")
        actions.keep_raw(armature)
        retiming.cut(bag, first, last)
        return f"Kept frames {max(first, start):g} to {min(last, end):g} of {start:g} to {end:g}"


class VIDEO_TO_MOCAP_OT_time_scale(Tool, bpy.types.Operator):
    """Make the range slower or faster; the motion after it moves along"""

    bl_idname = "video_to_mocap.time_scale"
    bl_label = "Scale Time"

    factor: FloatProperty(  # type: ignore[valid-type]
        name="Duration",
        description="Duration of the range relative to now: 2 is half as fast, 0.5 twice as fast",
        default=1.0,
        min=0.05,
        soft_max=4.0,
        max=100.0,
    )

    def work(self, context: bpy.types.Context, armature: bpy.types.Object) -> str:
        from ...blend import actions, bone_motion, retiming
        from ...maths.clean_up.errors import NothingToDoError

        bag = actions.bag_of(armature)
        frames = bone_motion.rows(bag, *self.span(context))
        if self.factor == 1.0:
            raise NothingToDoError("Scale Time changed nothing: Duration is 1; set it to 2 for half as fast")
        actions.keep_raw(armature)
        retiming.retime(bag, frames[0], frames[-1], self.factor)
        armature.animation_data.action[actions.RETIMED] = True
        return f"Frames {frames[0]:g} to {frames[-1]:g} now take {self.factor:g} times as long"


class VIDEO_TO_MOCAP_OT_restore_raw(Tool, bpy.types.Operator):
    """Restore the raw Action, as it was before the first tool. Your version stays in the file"""

    bl_idname = "video_to_mocap.restore_raw"
    bl_label = "Restore Raw Motion"

    def work(self, context: bpy.types.Context, armature: bpy.types.Object) -> str:
        from ...blend import actions

        return f'Raw motion restored; your version is kept as "{actions.restore(armature)}"'


class VIDEO_TO_MOCAP_OT_add_layer(Tool, bpy.types.Operator):
    """Move the motion into an NLA track and add your keys on top of it; the motion itself does not change"""

    bl_idname = "video_to_mocap.add_layer"
    bl_label = "Add Layer"

    def work(self, context: bpy.types.Context, armature: bpy.types.Object) -> str:
        from ...blend import actions

        return f"New keys go into {actions.add_layer(armature)}; the motion is in the NLA track below it"


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
)
