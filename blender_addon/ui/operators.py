"""The buttons: each checks what the user gave, says in plain words what is missing, and starts the work."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import bpy
from bpy.props import EnumProperty, StringProperty

from .. import VERSION
from ..engine import cache
from ..engine.job import BusyError
from ..engine.locate import EngineNotFoundError
from . import jobs, results, text


class NotReadyError(Exception):
    """Something is missing before the work can start. The message says what to do."""


class _StartsJob:
    """What Analyse and Capture have in common."""

    bl_options = {"REGISTER"}  # noqa: RUF012 - the step to undo is made when the result arrives

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        if jobs.busy():
            cls.poll_message_set("The engine is at work; wait for it or cancel it")  # type: ignore[attr-defined]
        return not jobs.busy()

    def execute(self, context: bpy.types.Context) -> set[str]:
        settings = context.scene.video_to_mocap
        try:
            self.begin(context, settings)
        except (NotReadyError, EngineNotFoundError, BusyError) as error:
            settings.say(str(error), failed=True)
        except ModuleNotFoundError as error:
            settings.say(text.trouble(error), failed=True)
        except OSError as error:
            settings.say(f"{error.filename or 'The cache'}: {error.strerror or error}.", failed=True)
        if settings.failed:
            # To a script an error is an exception; in a window the panel says it, without a pop-up over it.
            self.report({"ERROR" if bpy.app.background else "WARNING"}, settings.status)  # type: ignore[attr-defined]
            return {"CANCELLED"}
        return {"FINISHED"}

    def begin(self, context: bpy.types.Context, settings: Any) -> None:
        raise NotImplementedError


class VIDEO_TO_MOCAP_OT_analyse(_StartsJob, bpy.types.Operator):
    """Find the people in the video. Done once a video: the result is kept"""

    bl_idname = "video_to_mocap.analyse"
    bl_label = "Analyse"

    def begin(self, context: bpy.types.Context, settings: Any) -> None:
        video = _video(settings)
        span = {"start": settings.start, "end": settings.end}
        options = {key: round(value, 3) for key, value in span.items() if value > 0.0}
        if 0.0 < settings.end <= settings.start:
            raise NotReadyError("The range ends before it starts. Correct From and To; To = 0 is the video's end.")
        people = cache.people_file(video, options, VERSION)
        if people.is_file():
            try:
                settings.show_people(str(people), cache.read_people(people))
            except ValueError:
                people.unlink()  # damaged: found anew below
            else:
                if not bpy.app.background:
                    bpy.ops.ed.undo_push(message=self.bl_label)
                return
        people.parent.mkdir(parents=True, exist_ok=True)
        params = {"video": str(video), "output": str(people), **options}
        jobs.begin(context, self.bl_label, "analyse", params, _analysed)


class VIDEO_TO_MOCAP_OT_capture(_StartsJob, bpy.types.Operator):
    bl_idname = "video_to_mocap.capture"
    bl_label = "Capture"
    bl_description = (
        "Make an armature that moves like the chosen people. Capturing again replaces the last result of the same "
        "person, unless you renamed it"
    )

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        if not context.scene.video_to_mocap.persons:
            cls.poll_message_set("Analyse a video first")
            return False
        return super().poll(context)

    def begin(self, context: bpy.types.Context, settings: Any) -> None:
        persons, people = settings.chosen(), Path(settings.people)
        if not persons:
            raise NotReadyError("Nobody is chosen. Tick at least one person in the list.")
        if not people.is_file():
            raise NotReadyError("What was found in the video is no longer there. Press Analyse again.")
        source = str(_video(settings))
        output = cache.motion_file(people, Path(source).stem)
        output.parent.mkdir(parents=True, exist_ok=True)
        params: dict[str, Any] = {
            "people": str(people),
            "output": str(output),
            "person": ",".join(map(str, persons)),
            "height": round(settings.height, 3),
            "fov": round(settings.fov, 3),
        }
        if settings.tds:
            params["tds"] = settings.tds
        if settings.lifter:
            params["lifter"] = settings.lifter
        jobs.begin(context, self.bl_label, "capture", params, partial(_captured, source))


class VIDEO_TO_MOCAP_OT_cancel(bpy.types.Operator):
    """Stop what the engine is doing. Nothing is changed in the scene"""

    bl_idname = "video_to_mocap.cancel"
    bl_label = "Cancel"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return jobs.busy()

    def execute(self, context: bpy.types.Context) -> set[str]:
        jobs.cancel()
        return {"FINISHED"}


class VIDEO_TO_MOCAP_OT_export(bpy.types.Operator):
    """Save the active armature with its motion for another program"""

    bl_idname = "video_to_mocap.export"
    bl_label = "Export"

    filepath: StringProperty(name="File", subtype="FILE_PATH", options={"SKIP_SAVE"})  # type: ignore[valid-type]
    filter_glob: StringProperty(default="*.fbx;*.bvh", options={"HIDDEN", "SKIP_SAVE"})  # type: ignore[valid-type]
    check_existing: bpy.props.BoolProperty(default=True, options={"HIDDEN", "SKIP_SAVE"})  # type: ignore[valid-type]
    format: EnumProperty(  # type: ignore[valid-type]
        name="Format",
        items=(
            ("FBX", "FBX", "For game engines and most animation programs"),
            ("BVH", "BVH", "Motion capture data: the skeleton and its motion as text"),
        ),
    )

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        item = context.active_object
        if not item or item.type != "ARMATURE":
            cls.poll_message_set("Select the armature to export")
            return False
        return True

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        if not self.filepath:
            folder = Path(bpy.data.filepath).parent if bpy.data.filepath else Path.home()
            self.filepath = str(folder / bpy.path.clean_name(context.active_object.name))
        self.check(context)
        context.window_manager.fileselect_add(self)
        return {"RUNNING_MODAL"}

    def check(self, context: bpy.types.Context) -> bool:
        """Keeps the file's ending in step with the format. Returns whether something changed."""
        path = bpy.path.ensure_ext(str(Path(self.filepath).with_suffix("")), f".{self.format.lower()}")
        changed = path != self.filepath
        self.filepath = path
        return changed

    def execute(self, context: bpy.types.Context) -> set[str]:
        from .. import export

        path = Path(bpy.path.abspath(self.filepath))
        write = export.export_fbx if self.format == "FBX" else export.export_bvh
        try:
            write(context, context.active_object, path)
        except (OSError, RuntimeError) as error:
            self.report({"ERROR"}, f"{path} could not be written: {error}")
            return {"CANCELLED"}
        self.report({"INFO"}, f"Saved {path}")
        return {"FINISHED"}


def _video(settings: Any) -> Path:
    """The chosen video. Raises NotReadyError if there is none."""
    if not settings.video.strip():
        raise NotReadyError("Choose a video first.")
    path = Path(bpy.path.abspath(settings.video))
    if not path.is_file():
        raise NotReadyError(f"There is no such file: {path}. Choose the video again.")
    return path


def _analysed(context: bpy.types.Context, result: dict[str, Any]) -> None:
    people = Path(result["people"])
    context.scene.video_to_mocap.show_people(str(people), cache.read_people(people))


def _captured(source: str, context: bpy.types.Context, result: dict[str, Any]) -> None:
    settings = context.scene.video_to_mocap
    motions = {int(motion["person"]): motion["path"] for motion in result["motions"]}
    armatures = results.replace(context, source, motions, settings.set_scene)
    results.select(context, armatures)
    settings.say(text.captured(result["motions"]))


_CLASSES = (
    VIDEO_TO_MOCAP_OT_analyse,
    VIDEO_TO_MOCAP_OT_capture,
    VIDEO_TO_MOCAP_OT_cancel,
    VIDEO_TO_MOCAP_OT_export,
)


def register() -> None:
    for cls in _CLASSES:
        bpy.utils.register_class(cls)


def unregister() -> None:
    for cls in reversed(_CLASSES):
        bpy.utils.unregister_class(cls)
