"""Operators of the video: which one, which range of it, and the scene and the camera that match it."""

from __future__ import annotations

from typing import Any

import bpy
from bpy.props import EnumProperty, StringProperty

from ...contract.paths import VIDEO_SUFFIXES
from ..common.requests import NotReadyError
from ..common.starting import video_path
from ..common.telling import tell

FILTER = ";".join(f"*{suffix}" for suffix in VIDEO_SUFFIXES)
"""Which files a file browser shows."""

SCENE = "scene"
"""Beside the button of which step the panel says what becomes of it."""


class VIDEO_TO_MOCAP_OT_open_video(bpy.types.Operator):
    """Choose the video of the person to capture"""

    bl_idname = "video_to_mocap.open_video"
    bl_label = "Open Video"
    bl_options = {"REGISTER", "UNDO"}  # noqa: RUF012

    filepath: StringProperty(name="File", subtype="FILE_PATH", options={"SKIP_SAVE"})  # type: ignore[valid-type]
    filter_glob: StringProperty(  # type: ignore[valid-type]
        default=FILTER, options={"HIDDEN", "SKIP_SAVE"}
    )

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        if self.filepath:  # a file that was dropped
            return self.execute(context)
        context.window_manager.fileselect_add(self)
        return {"RUNNING_MODAL"}

    def execute(self, context: bpy.types.Context) -> set[str]:
        context.scene.video_to_mocap.video = self.filepath
        return {"FINISHED"}


class VIDEO_TO_MOCAP_OT_set_range(bpy.types.Operator):
    bl_idname = "video_to_mocap.set_range"
    bl_label = "Range from Timeline"
    bl_description = "Take over the part of the video to capture from the timeline; the video begins at the Start Frame"
    bl_options = {"REGISTER", "UNDO"}  # noqa: RUF012

    part: EnumProperty(  # type: ignore[valid-type]
        name="Part",
        items=(
            ("START", "From the Current Frame", "The part begins at the current frame"),
            ("END", "To the Current Frame", "The part ends at the current frame"),
            ("RANGE", "The Timeline's Range", "The preview range where one is set, else the scene's range"),
        ),
        description="What is taken over",
        default="RANGE",
    )

    @classmethod
    def description(cls, context: bpy.types.Context, properties: Any) -> str:
        return {
            "START": "Begin at the current frame",
            "END": "End at the current frame",
            "RANGE": "Use the timeline's preview range where one is set, else the scene's range",
        }[properties.part]

    def execute(self, context: bpy.types.Context) -> set[str]:
        scene = context.scene
        settings = scene.video_to_mocap
        timing = settings.timing()
        preview = scene.use_preview_range
        first = scene.frame_preview_start if preview else scene.frame_start
        last = scene.frame_preview_end if preview else scene.frame_end
        if self.part == "START":
            settings.start = max(0.0, timing.seconds(scene.frame_current))
        elif self.part == "END":
            settings.end = max(0.0, timing.seconds(scene.frame_current + 1))
        else:
            settings.start, settings.end = max(0.0, timing.seconds(first)), max(0.0, timing.seconds(last + 1))
        return {"FINISHED"}


class _NeedsFacts:
    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        if not context.scene.video_to_mocap.facts_known():
            cls.poll_message_set("Choose a video first")  # type: ignore[attr-defined]
            return False
        return True


class VIDEO_TO_MOCAP_OT_match_scene(_NeedsFacts, bpy.types.Operator):
    """Give the scene the standard frame rate nearest to the video's, and its range that of the video or of the part \
that is chosen. Where something is animated already, the rate stays and the range only grows"""

    bl_idname = "video_to_mocap.match_scene"
    bl_label = "Match Scene"
    bl_options = {"REGISTER", "UNDO"}  # noqa: RUF012

    def execute(self, context: bpy.types.Context) -> set[str]:
        from ...blend import scene_time  # not at the top: it needs numpy

        scene, settings = context.scene, context.scene.video_to_mocap
        facts = settings.facts
        end = settings.end if settings.end > 0.0 else facts.duration or facts.frames / facts.rate
        last = max(settings.start, end - 1.0 / facts.rate)
        left = scene_time.match(scene, facts.rate, (settings.start, last), settings.start_frame)
        rate = scene_time.rate(scene)
        text = left or f"The scene has {rate:.5g} fps, frames {scene.frame_start} to {scene.frame_end}."
        return tell(self, context, text, SCENE)


class VIDEO_TO_MOCAP_OT_video_camera(_NeedsFacts, bpy.types.Operator):
    bl_idname = "video_to_mocap.video_camera"
    bl_label = "Video Camera"
    bl_description = (
        "Look through a camera that has the video behind the scene. After a capture it stands where the video's "
        "camera stood, so that the armature lies over the person"
    )
    bl_options = {"REGISTER", "UNDO"}  # noqa: RUF012

    def execute(self, context: bpy.types.Context) -> set[str]:
        from . import camera

        try:
            item = camera.show(context, video_path(context.scene.video_to_mocap))
        except (NotReadyError, RuntimeError) as error:
            return tell(self, context, str(error), "", failed=True)
        context.scene.camera = item
        space = context.space_data
        if space and space.type == "VIEW_3D":
            camera.look_through(space)
        return {"FINISHED"}


CLASSES: tuple[type, ...] = (
    VIDEO_TO_MOCAP_OT_open_video,
    VIDEO_TO_MOCAP_OT_set_range,
    VIDEO_TO_MOCAP_OT_match_scene,
    VIDEO_TO_MOCAP_OT_video_camera,
)

if hasattr(bpy.types, "FileHandler"):  # Blender 4.1

    class VIDEO_TO_MOCAP_FH_video(bpy.types.FileHandler):
        """A video that is dropped into the 3D Viewport is the one to capture."""

        bl_idname = "VIDEO_TO_MOCAP_FH_video"
        bl_label = "Video to Mocap"
        bl_import_operator = "video_to_mocap.open_video"
        bl_file_extensions = ";".join(VIDEO_SUFFIXES)

        @classmethod
        def poll_drop(cls, context: bpy.types.Context) -> bool:
            return bool(context.area and context.area.type == "VIEW_3D")

    CLASSES = (*CLASSES, VIDEO_TO_MOCAP_FH_video)
