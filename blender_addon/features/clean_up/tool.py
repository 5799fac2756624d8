"""What the tools of the clean-up have in common."""

from __future__ import annotations

from typing import Any

import bpy
from bpy.props import FloatProperty

from ..common import words
from ..common.starting import has_numpy
from ..common.telling import tell

STEP = "clean_up"
"""Beside the buttons of which step the panel says what becomes of the tools."""


class Tool:
    """What the tools have in common: they change the Action's keys in a range, and keep the raw Action."""

    bl_options = {"REGISTER", "UNDO"}  # noqa: RUF012

    first: FloatProperty(  # type: ignore[valid-type]
        name="From",
        description="First frame to change. With To = From, the preview range if there is one, else all of the motion",
        options={"SKIP_SAVE"},
    )
    last: FloatProperty(name="To", description="Last frame to change", options={"SKIP_SAVE"})  # type: ignore[valid-type]
    needs_range = False
    """Whether the tool makes no sense for the whole motion."""

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        if not has_numpy():
            cls.poll_message_set(words.NO_NUMPY)  # type: ignore[attr-defined]
            return False
        item = context.active_object
        if item is None or item.type != "ARMATURE":
            cls.poll_message_set("Select an armature")  # type: ignore[attr-defined]
            return False
        return True

    keeps_feet = False
    """Whether feet that stand are put back to their places after the tool."""
    stands_anew = False
    """Whether they stand where they are on average after the tool, and not where they stood before."""
    exchanges_feet = False
    """Whether the tool exchanges left and right."""
    nothing = "everything is so already"
    """Why the tool may have nothing to change."""

    def execute(self, context: bpy.types.Context) -> set[str]:
        # Not at the top: enabling the add-on must not wait for numpy.
        from ...blend import marks
        from ...maths.clean_up.errors import CleanUpError, NothingToDoError

        try:
            text = self.work(context, context.active_object)
            marks.follow(context.scene, context.active_object)
        except CleanUpError as error:
            ended = tell(self, context, f"{error}.", STEP, failed=True)
            # A tool that ended shows its values, so that others can be tried.
            return {"FINISHED"} if isinstance(error, NothingToDoError) else ended
        # Without this the new pose shows only after the next change of frame.
        context.scene.frame_set(context.scene.frame_current, subframe=context.scene.frame_subframe)
        return tell(self, context, text, STEP)

    def work(self, context: bpy.types.Context, armature: bpy.types.Object) -> str:
        """Does the work; returns the message for the user. Raises CleanUpError."""
        from ...blend import actions, bone_motion, feet

        bag = actions.bag_of(armature)
        before = self.motion(context, armature, bag)
        after = self.change(context, armature, before)
        self.require(bone_motion.change(before, after))
        standing = feet.Standing(context, armature, bag, before) if self.keeps_feet else None
        actions.keep_raw(armature)
        bone_motion.write(armature, bag, before, after)
        if standing:
            held = standing.hold(after, self.stands_anew, self.exchanges_feet)
            bone_motion.write(armature, bag, after, held)
            after = held
        return f"{self.label()}: {bone_motion.change(before, after)}"

    def label(self) -> str:
        return self.bl_label  # type: ignore[attr-defined, no-any-return]

    def require(self, change: Any) -> None:
        """Raises NothingToDoError where a tool has changed nothing."""
        from ...maths.clean_up.errors import NothingToDoError

        if not change:
            raise NothingToDoError(f"{self.label()} changed nothing: {self.nothing}")

    def change(self, context: bpy.types.Context, armature: bpy.types.Object, motion: Any) -> Any:
        """The changed motion. Raises CleanUpError."""
        raise NotImplementedError

    def span(self, context: bpy.types.Context) -> tuple[float, float]:
        """First and last frame. Raises CleanUpError where a range is needed and none is set."""
        from ...maths.clean_up.errors import CleanUpError

        if self.last > self.first:
            return self.first, self.last
        scene = context.scene
        if scene.use_preview_range:
            return scene.frame_preview_start, scene.frame_preview_end
        if self.needs_range:
            raise CleanUpError("Set a preview range first (P in the timeline)")
        return float("-inf"), float("inf")

    def motion(self, context: bpy.types.Context, armature: bpy.types.Object, bag: Any, around: int = 0) -> Any:
        """The motion in the range, and ``around`` frames before and after it."""
        from ...blend import bone_motion

        first, last = self.span(context)
        frames = bone_motion.rows(bag, first - around, last + around)
        return bone_motion.read(context.scene, armature, bag, frames)

    def bones(self, context: bpy.types.Context, armature: bpy.types.Object) -> list[str]:
        """The selected bones in Pose mode, all where none is selected or in another mode."""
        names = [item.name for item in armature.pose.bones]
        if armature.mode != "POSE":
            return names
        # Up to 4.5 a bone is selected, since 5.0 a pose bone.
        chosen = [
            item.name
            for item in armature.pose.bones
            if (item.select if hasattr(item, "select") else item.bone.select) and not item.bone.hide
        ]
        return chosen or names

    def only(self, context: bpy.types.Context, armature: bpy.types.Object, before: Any, after: Any) -> Any:
        """``after`` for the chosen bones, ``before`` for the others."""
        import numpy as np

        chosen = set(self.bones(context, armature))
        mine = np.array([name in chosen for name in before.rig.names])[None, :, None]
        return before.with_rotations(np.where(mine, after.rotations, before.rotations)).with_locations(
            np.where(mine, after.locations, before.locations)
        )

    def feet(self, context: bpy.types.Context, armature: bpy.types.Object, bag: Any, motion: Any) -> Any:
        """The feet that the selected bones move; all where none is selected. Raises CleanUpError without any."""
        from ...blend import bone_motion
        from ...blend import feet as feet_of
        from ...maths.clean_up import foot_pinning
        from ...maths.clean_up.errors import CleanUpError

        found = feet_of.find(armature, bag, motion)
        chosen = [motion.rig.names.index(name) for name in self.bones(context, armature)]
        if len(chosen) < len(motion.rig.names):
            found = foot_pinning.chosen_feet(motion.rig, found, chosen, bone_motion.keyed(bag, motion.rig)[1])
        if not found:
            raise CleanUpError(
                f"No foot of {armature.name} has keys, neither its leg nor an IK control; select the bones that move "
                "the feet and try again"
            )
        feet_of.require_moving(armature, found)
        return found
