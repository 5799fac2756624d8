"""Operators of the queue: several clips, one after the other, with the settings of the panel."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import bpy
from bpy.app.handlers import persistent
from bpy.props import CollectionProperty, StringProperty

from ... import session
from ...maths.bone_map import BoneMapError
from ...work import CANCELLED
from ..capture import results
from ..character import props as character
from ..common import requests, starting
from ..common.requests import NotReadyError
from ..common.starting import StartsJob
from ..video.ops import FILTER
from .props import STEP


class VIDEO_TO_MOCAP_OT_add_clips(bpy.types.Operator):
    """Add videos to those that are captured one after the other"""

    bl_idname = "video_to_mocap.add_clips"
    bl_label = "Add Clips"
    bl_options = {"REGISTER", "UNDO"}  # noqa: RUF012

    directory: StringProperty(name="Folder", subtype="DIR_PATH", options={"SKIP_SAVE"})  # type: ignore[valid-type]
    files: CollectionProperty(name="Files", type=bpy.types.OperatorFileListElement, options={"SKIP_SAVE"})  # type: ignore[valid-type]
    filter_glob: StringProperty(  # type: ignore[valid-type]
        default=FILTER, options={"HIDDEN", "SKIP_SAVE"}
    )

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        context.window_manager.fileselect_add(self)
        return {"RUNNING_MODAL"}

    def execute(self, context: bpy.types.Context) -> set[str]:
        clips = context.scene.video_to_mocap.clips
        there = {clip.video for clip in clips}
        for chosen in self.files:
            path = str(Path(self.directory) / chosen.name)
            if chosen.name and path not in there:
                clip = clips.add()
                clip.name, clip.video = chosen.name, path
        return {"FINISHED"}


class VIDEO_TO_MOCAP_OT_remove_clip(bpy.types.Operator):
    """Remove the selected clip from the list. The motion that was captured of it stays"""

    bl_idname = "video_to_mocap.remove_clip"
    bl_label = "Remove Clip"
    bl_options = {"REGISTER", "UNDO"}  # noqa: RUF012

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return len(context.scene.video_to_mocap.clips) > 0 and not session.current().busy

    def execute(self, context: bpy.types.Context) -> set[str]:
        settings = context.scene.video_to_mocap
        settings.clips.remove(settings.active_clip)
        settings.active_clip = max(0, min(settings.active_clip, len(settings.clips) - 1))
        return {"FINISHED"}


class VIDEO_TO_MOCAP_OT_run_clips(StartsJob, bpy.types.Operator):
    bl_idname = "video_to_mocap.run_clips"
    bl_label = "Capture All"
    bl_description = (
        "Capture every clip of the list that is not done, with these settings, into this scene, as Capture does"
    )
    step = STEP

    def begin(self, context: bpy.types.Context, settings: Any) -> None:
        todo = [clip.video for clip in settings.clips if clip.state != "DONE"]
        if not todo:
            raise NotReadyError("There is no clip to capture. Add clips with +.")
        _targets(context)  # says so where the rig cannot take a motion
        for video in todo:
            _set(context, video, "WAITING")
        for video in todo:
            params = requests.analyse(settings, Path(video), whole=True)
            ended = partial(_ended, video)
            starting.begin(context, "Analyse", "analyse", params, partial(_found, video), ended, step=STEP)


def _targets(context: bpy.types.Context) -> dict[int, Any]:
    """The rig that the largest person of each clip moves, by the person's number. Raises NotReadyError."""
    from ...maths.rig import RigError

    rig = context.scene.video_to_mocap.clips_rig
    if rig is None:
        return {}
    try:
        return {1: character.target_of(context.scene, rig)}
    except (RigError, BoneMapError, character.NotInSceneError) as error:
        raise NotReadyError(f"{error}. Choose another rig.") from error


def _found(video: str, context: bpy.types.Context, result: dict[str, Any]) -> None:
    """The people of a clip are known: captured before the next clip is looked at."""
    settings = context.scene.video_to_mocap
    _set(context, video, "RUNNING")
    persons = [1] if settings.clips_people == "LARGEST" else []
    starting.begin(
        context,
        "Capture",
        "capture",
        requests.capture(settings, Path(result["people"]), persons),
        partial(_captured, video),
        partial(_ended, video),
        partial(results.prepare, set(_targets(context)), context.scene.name),
        step=STEP,
        changes_objects=True,
    )


def _captured(video: str, context: bpy.types.Context, result: dict[str, Any]) -> None:
    said = results.bring(context, video, result, _targets(context), {})
    context.scene.video_to_mocap.say(f"{Path(video).name}: {said}", step=STEP)
    _set(context, video, "DONE", said)


def _ended(video: str, context: bpy.types.Context, trouble: str) -> None:
    if trouble:
        _set(context, video, "CANCELLED" if trouble == CANCELLED else "FAILED", trouble)


def _set(context: bpy.types.Context, video: str, state: str, message: str = "") -> None:
    for clip in context.scene.video_to_mocap.clips:
        if clip.video == video:
            clip.state, clip.message = state, message


@persistent
def _file_loaded(*_: object) -> None:
    """What ran when the file was saved does not run any more, or says so itself when it has ended."""
    for scene in bpy.data.scenes:
        for clip in scene.video_to_mocap.clips:
            if clip.state == "RUNNING":
                clip.state = "WAITING"


CLASSES = (VIDEO_TO_MOCAP_OT_add_clips, VIDEO_TO_MOCAP_OT_remove_clip, VIDEO_TO_MOCAP_OT_run_clips)


def register() -> None:
    bpy.app.handlers.load_post.append(_file_loaded)


def unregister() -> None:
    bpy.app.handlers.load_post.remove(_file_loaded)
