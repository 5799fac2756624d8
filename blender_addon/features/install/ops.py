"""Operators that install, check and maintain the engine, its weights and its cache."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import bpy

from ... import session
from ...engine import builds, installed, locate
from ...engine import job as states
from ...engine.job import Job
from ...engine.locate import EngineCommand, EngineNotFoundError
from ...session import Condition
from ...work import Maintenance
from ..common import preferences
from ..common.starting import BUSY, has_numpy
from .condition import files

_REPORT = "doctor"
"""The request for the engine's report of itself."""


def _start(
    command: EngineCommand,
    title: str,
    method: str,
    params: dict[str, Any],
    done: Callable[[dict[str, Any]], None],
) -> None:
    """Starts a job on the engine; ``done`` gets its result. Without a window it is waited for."""

    def finished(job: Job) -> None:
        files().read()
        condition = session.current().condition
        if job.state == states.DONE:
            done(job.result)
        elif job.state == states.CANCELLED:
            condition.message = "Cancelled. What was downloaded is kept: Install continues from there."
        else:
            condition.message, condition.failed = job.message, True
            if method == _REPORT:
                condition.trouble = job.message

    condition = session.current().condition
    condition.message, condition.failed = "", False
    session.current().maintain(Maintenance(title, finished), command, method, params)


def _learn(report: dict[str, Any]) -> None:
    """Keeps the engine's report of itself."""
    problems = report.get("problems") or ()
    trouble = " ".join(f"{problem['what']}." for problem in problems)
    session.current().forget_report()
    session.current().learn(report)
    session.current().condition = Condition(trouble or "The engine works.", bool(problems), trouble)


def _report_then_say(text: str) -> Callable[[dict[str, Any]], None]:
    """What to do after a change of the engine's weights or cache: get a new report, and say ``text``."""

    def done(result: dict[str, Any]) -> None:
        def learn(report: dict[str, Any]) -> None:
            _learn(report)
            session.current().condition.message = text

        _start(preferences.engine_command(bpy.context), "Checking the engine", _REPORT, {}, learn)

    return done


class _Operator:
    """What these operators have in common: they wait for each other and for the jobs of the sidebar."""

    bl_options = {"INTERNAL"}  # noqa: RUF012

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        if session.current().busy:
            cls.poll_message_set(BUSY)  # type: ignore[attr-defined]
            return False
        return True

    def execute(self, context: bpy.types.Context) -> set[str]:
        condition = session.current().condition
        try:
            self.begin(context)
        except EngineNotFoundError as error:
            condition.message, condition.failed = str(error), True
        if condition.failed:
            # To a script an error is an exception; in a window the box says it, without a pop-up over it.
            self.report({"ERROR" if bpy.app.background else "WARNING"}, condition.message)  # type: ignore[attr-defined]
            return {"CANCELLED"}
        return {"FINISHED"}

    def begin(self, context: bpy.types.Context) -> None:
        raise NotImplementedError


class VIDEO_TO_MOCAP_OT_install(_Operator, bpy.types.Operator):
    """Download the engine into your own data folder, or update or repair the one that is there. Blender itself is \
not changed"""

    bl_idname = "video_to_mocap.install"
    bl_label = "Install"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        if files().bundle is None:
            cls.poll_message_set("This add-on runs from its source folder: set up the engine with make setup there")
            return False
        return super().poll(context)

    def begin(self, context: bpy.types.Context) -> None:
        chosen = preferences.of(context)
        wheels = bpy.path.abspath(chosen.wheels) if chosen else ""
        if not wheels and not getattr(bpy.app, "online_access", True):  # Blender 4.2
            raise EngineNotFoundError(
                "Blender may not go online. Tick Allow Online Access under System, Network in the preferences, or "
                "choose a folder of wheels under Advanced."
            )
        if wheels and not Path(wheels).is_dir():
            raise EngineNotFoundError(f"Folder not found: {wheels}. Correct the folder of wheels under Advanced.")
        params = {
            "build": chosen.build if chosen else "",
            "wheels": str(Path(wheels).resolve()) if wheels else "",
            "index": chosen.index if chosen else builds.INDEX,
        }
        command = locate.installer_command(bpy.path.abspath(chosen.base_python) if chosen else "")
        _start(command, "Installing the engine", "install", params, _installed)


def _installed(report: dict[str, Any]) -> None:
    _learn(report)
    session.current().condition.message = "The engine is installed."


class VIDEO_TO_MOCAP_OT_uninstall(_Operator, bpy.types.Operator):
    """Remove the engine from your data folder. Your weights and captured motions stay"""

    bl_idname = "video_to_mocap.uninstall"
    bl_label = "Remove"

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        return context.window_manager.invoke_confirm(self, event)

    def begin(self, context: bpy.types.Context) -> None:
        _start(locate.installer_command(), "Removing the engine", "remove", {}, _removed)


def _removed(result: dict[str, Any]) -> None:
    session.current().forget_report()
    session.current().condition = Condition("The engine is removed.")


class VIDEO_TO_MOCAP_OT_check(_Operator, bpy.types.Operator):
    """Start the engine and check whether everything it needs is installed"""

    bl_idname = "video_to_mocap.check"
    bl_label = "Check"

    def begin(self, context: bpy.types.Context) -> None:
        _start(preferences.engine_command(context), "Checking the engine", _REPORT, {}, _learn)


class VIDEO_TO_MOCAP_OT_install_cancel(bpy.types.Operator):
    """Cancel the installation. What was downloaded is kept, and the next installation continues from there"""

    bl_idname = "video_to_mocap.install_cancel"
    bl_label = "Cancel"
    bl_options = {"INTERNAL"}  # noqa: RUF012

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return session.current().maintenance is not None

    def execute(self, context: bpy.types.Context) -> set[str]:
        session.current().cancel()
        return {"FINISHED"}


class VIDEO_TO_MOCAP_OT_install_log(bpy.types.Operator):
    """Open the log of the last installation, for a bug report"""

    bl_idname = "video_to_mocap.install_log"
    bl_label = "Show Log"
    bl_options = {"INTERNAL"}  # noqa: RUF012

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return installed.log_file().is_file()

    def execute(self, context: bpy.types.Context) -> set[str]:
        return bpy.ops.wm.path_open(filepath=str(installed.log_file()))


class VIDEO_TO_MOCAP_OT_fetch_weights(_Operator, bpy.types.Operator):
    """Download these weights from where their authors published them"""

    bl_idname = "video_to_mocap.fetch_weights"
    bl_label = "Fetch"

    name: bpy.props.StringProperty(  # type: ignore[valid-type]
        name="Weights", description="The name of the weights in the register"
    )

    def begin(self, context: bpy.types.Context) -> None:
        if not getattr(bpy.app, "online_access", True):
            raise EngineNotFoundError(
                "Blender may not go online. Tick Allow Online Access under System, Network in the preferences."
            )
        command = preferences.engine_command(context)
        _start(
            command,
            f"Fetching {self.name}",
            "fetch",
            {"name": self.name},
            _report_then_say(f"{self.name} is installed."),
        )


class VIDEO_TO_MOCAP_OT_add_weights(_Operator, bpy.types.Operator):
    """Choose a file of weights that you have; it is copied to where the engine finds it"""

    bl_idname = "video_to_mocap.add_weights"
    bl_label = "Add File"

    filepath: bpy.props.StringProperty(  # type: ignore[valid-type]
        name="File", description="The file of weights", subtype="FILE_PATH", options={"SKIP_SAVE"}
    )

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        context.window_manager.fileselect_add(self)
        return {"RUNNING_MODAL"}

    def begin(self, context: bpy.types.Context) -> None:
        path = bpy.path.abspath(self.filepath)
        ended = _report_then_say(f"{Path(path).name} is added.")
        _start(preferences.engine_command(context), "Adding the weights", "add", {"path": path}, ended)


class VIDEO_TO_MOCAP_OT_clear_cache(_Operator, bpy.types.Operator):
    """Delete the analyses of all videos. Each is analysed again when it is next needed"""

    bl_idname = "video_to_mocap.clear_cache"
    bl_label = "Clear"

    def begin(self, context: bpy.types.Context) -> None:
        ended = _report_then_say("The cache is empty.")
        _start(preferences.engine_command(context), "Clearing the cache", "clear", {}, ended)


CLASSES = (
    VIDEO_TO_MOCAP_OT_install,
    VIDEO_TO_MOCAP_OT_uninstall,
    VIDEO_TO_MOCAP_OT_check,
    VIDEO_TO_MOCAP_OT_install_cancel,
    VIDEO_TO_MOCAP_OT_install_log,
    VIDEO_TO_MOCAP_OT_fetch_weights,
    VIDEO_TO_MOCAP_OT_add_weights,
    VIDEO_TO_MOCAP_OT_clear_cache,
)


def register() -> None:
    """Looks, when the add-on is enabled, for what Blender itself may lack."""
    has_numpy()
