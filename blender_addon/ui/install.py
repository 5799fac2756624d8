"""Installs and looks after the engine: its operators, its box in the sidebar, and what the preferences show of it.

What runs here (the installer, or the engine for a question about itself) is a job on a runner of its own, polled by a
timer as the other jobs are; only one of both kinds runs at a time.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import bpy

from ..engine import builds, installed, locate
from ..engine import job as states
from ..engine.job import Job, Runner
from ..engine.locate import EngineCommand, EngineNotFoundError
from . import jobs, preferences, redraw
from .layout import paragraph, progress

STAGES = {
    "": "Starting the installer",
    "start": "Getting ready",
    "environment": "Making an environment",
    "download": "Downloading",
    "unpack": "Unpacking",
    "model": "Fetching a model",
    "trial": "Trying the engine out",
}
"""What the installer's stages are called."""

CHOSEN = "chosen"
"""The state of an engine that was chosen by hand and is not there: installing one would not help."""

_runner = Runner()
_regions = redraw.Sparingly(("VIEW_3D", "UI"), ("PREFERENCES", "WINDOW"))
_title = ""
_ended: Callable[[dict[str, Any]], None] | None = None
_said, _failed = "", False
_trouble = ""
"""Why the engine does not start, though all its files are there."""
_report: dict[str, Any] = {}
"""What the engine has said about itself since Blender was started."""


def busy() -> bool:
    """Whether the engine is being installed, removed or asked about itself."""
    return _runner.job is not None


def fraction() -> float:
    """How much of it is done, 0..1."""
    return (_runner.job.fraction or 0.0) if _runner.job else 0.0


def condition(context: bpy.types.Context) -> tuple[str, str]:
    """The engine's state (of :mod:`..engine.installed`, or CHOSEN), and what to say about it."""
    try:
        command = preferences.engine_command(context)
    except EngineNotFoundError as error:
        if _is_chosen(context):
            return CHOSEN, str(error)
        if installed.read() or not installed.bundle():
            return (installed.BROKEN if installed.read() else installed.MISSING), str(error)
        build = builds.find(chosen.build if (chosen := preferences.of(context)) else "")
        return installed.MISSING, (
            f"The engine, which does the work, is not installed yet. {builds.size(build.download)} are downloaded, and "
            f"{builds.size(build.room)} of disk are needed meanwhile. Blender itself is not changed."
        )
    if _trouble:
        return (installed.BROKEN if command.origin == locate.OWN else CHOSEN), f"The engine does not work. {_trouble}"
    state = installed.state(installed.bundle()) if command.origin == locate.OWN else installed.READY
    if state == installed.BROKEN:
        return state, "The engine is damaged: the Python that it was made from is gone. Press Repair."
    if state == installed.OUTDATED:
        return state, "The engine is of another version than the add-on. Press Update."
    return state, f"Found in {command.origin}: {command.python}."


def suspect(message: str) -> None:
    """Notes that the engine ended before it could do anything; ``message`` is why."""
    global _trouble
    _trouble = message


def _is_chosen(context: bpy.types.Context) -> bool:
    chosen = preferences.of(context)
    return bool((chosen and chosen.engine_python.strip()) or os.environ.get(locate.VARIABLE, "").strip())


def _start(
    command: EngineCommand,
    title: str,
    method: str,
    params: dict[str, Any],
    ended: Callable[[dict[str, Any]], None],
) -> None:
    """Starts a job; ``ended`` gets its result. Without a window it is waited for."""
    global _title, _ended, _said, _failed
    _runner.start(command, method, params)
    _title, _ended, _said, _failed = title, ended, "", False
    if bpy.app.background:
        _finish(_runner.run())
    elif not bpy.app.timers.is_registered(_tick):
        bpy.app.timers.register(_tick, first_interval=jobs.INTERVAL, persistent=True)


def _tick() -> float | None:
    """The timer: returns the seconds to its next call, None when it is no longer needed."""
    ended = _runner.tick()
    if ended:
        _finish(ended)
    job = _runner.job
    _regions.show(job and (job.state, job.stage, round(100 * fraction())), at_once=ended is not None)
    return jobs.INTERVAL if busy() else None


def _finish(job: Job) -> None:
    global _said, _failed, _trouble
    _runner.stop()  # an installer does one thing, and an engine is started afresh after what was done to it
    if job.state == states.DONE and _ended:
        _ended(job.result)
    elif job.state == states.CANCELLED:
        _said, _failed = "Cancelled. What is done so far is kept: Install goes on from there.", False
    else:
        _said, _failed = job.message, True
        if job.method == _ASK:
            _trouble = job.message


_ASK = "doctor"


def _learn(report: dict[str, Any]) -> None:
    """Takes in the engine's report of itself."""
    global _report, _said, _failed, _trouble
    _report = report
    problems = report.get("problems") or ()
    _trouble = " ".join(f"{problem['what']}." for problem in problems)
    _said, _failed = _trouble or "The engine works.", bool(problems)


def _say_and_ask(words: str) -> Callable[[dict[str, Any]], None]:
    """What to do after a change of the engine's weights or cache: say it, and have the engine tell anew."""

    def ended(result: dict[str, Any]) -> None:
        def learn(report: dict[str, Any]) -> None:
            global _said
            _learn(report)
            _said = words

        _start(preferences.engine_command(bpy.context), "Looking at the engine", _ASK, {}, learn)

    return ended


class _Operator:
    """What these operators have in common: they wait for each other and for the jobs of the sidebar."""

    bl_options = {"INTERNAL"}  # noqa: RUF012

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        free = not busy() and not jobs.busy()
        if not free:
            cls.poll_message_set("The engine is at work; wait for it or cancel it")  # type: ignore[attr-defined]
        return free

    def execute(self, context: bpy.types.Context) -> set[str]:
        global _said, _failed
        try:
            jobs.stop_engine()
            self.begin(context)
        except EngineNotFoundError as error:
            _said, _failed = str(error), True
        if _failed:
            # To a script an error is an exception; in a window the box says it, without a pop-up over it.
            self.report({"ERROR" if bpy.app.background else "WARNING"}, _said)  # type: ignore[attr-defined]
            return {"CANCELLED"}
        return {"FINISHED"}

    def begin(self, context: bpy.types.Context) -> None:
        raise NotImplementedError


class VIDEO_TO_MOCAP_OT_install(_Operator, bpy.types.Operator):
    """Download the engine into your own data folder, or bring the one that is there up to date or in order. Blender \
itself is not changed"""

    bl_idname = "video_to_mocap.install"
    bl_label = "Install"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        if installed.bundle() is None:
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
            raise EngineNotFoundError(f"There is no such folder of wheels: {wheels}. Correct it under Advanced.")
        params = {
            "build": chosen.build if chosen else "",
            "wheels": str(Path(wheels).resolve()) if wheels else "",
            "index": chosen.index if chosen else builds.INDEX,
        }
        command = locate.installer_command(bpy.path.abspath(chosen.base_python) if chosen else "")
        _start(command, "Installing the engine", "install", params, _installed)


def _installed(report: dict[str, Any]) -> None:
    global _said
    _learn(report)
    _said = "The engine is installed."


class VIDEO_TO_MOCAP_OT_uninstall(_Operator, bpy.types.Operator):
    """Remove the engine from your data folder. Your weights and what was captured stay"""

    bl_idname = "video_to_mocap.uninstall"
    bl_label = "Remove"

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        return context.window_manager.invoke_confirm(self, event)

    def begin(self, context: bpy.types.Context) -> None:
        _start(locate.installer_command(), "Removing the engine", "remove", {}, _removed)


def _removed(result: dict[str, Any]) -> None:
    global _said, _trouble, _report
    _said, _trouble, _report = "The engine is removed.", "", {}


class VIDEO_TO_MOCAP_OT_check(_Operator, bpy.types.Operator):
    """Start the engine and ask it whether all that it needs is there"""

    bl_idname = "video_to_mocap.check"
    bl_label = "Check"

    def begin(self, context: bpy.types.Context) -> None:
        _start(preferences.engine_command(context), "Looking at the engine", _ASK, {}, _learn)


class VIDEO_TO_MOCAP_OT_install_cancel(bpy.types.Operator):
    """Stop it. What is done so far is kept, and the next time goes on from there"""

    bl_idname = "video_to_mocap.install_cancel"
    bl_label = "Cancel"
    bl_options = {"INTERNAL"}  # noqa: RUF012

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return busy()

    def execute(self, context: bpy.types.Context) -> set[str]:
        _runner.cancel()
        return {"FINISHED"}


class VIDEO_TO_MOCAP_OT_install_log(bpy.types.Operator):
    """Open all that the last installation has said, for a look or a bug report"""

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
        _start(command, f"Fetching {self.name}", "fetch", {"name": self.name}, _say_and_ask(f"{self.name} is here."))


class VIDEO_TO_MOCAP_OT_add_weights(_Operator, bpy.types.Operator):
    """Choose a file of weights that you have got; it is copied to where the engine finds it"""

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
        ended = _say_and_ask(f"{Path(path).name} is added.")
        _start(preferences.engine_command(context), "Adding the weights", "add", {"path": path}, ended)


class VIDEO_TO_MOCAP_OT_clear_cache(_Operator, bpy.types.Operator):
    """Forget what was found in all videos. Each is analysed again when it is next wanted"""

    bl_idname = "video_to_mocap.clear_cache"
    bl_label = "Clear"

    def begin(self, context: bpy.types.Context) -> None:
        ended = _say_and_ask("The cache is empty.")
        _start(preferences.engine_command(context), "Clearing the cache", "clear", {}, ended)


_BUTTONS = {installed.MISSING: "Install", installed.OUTDATED: "Update", installed.BROKEN: "Repair"}


def draw_box(layout: bpy.types.UILayout, context: bpy.types.Context) -> bool:
    """What the sidebar shows where no engine is ready, or one is being made; returns whether there is nothing else."""
    if busy():
        _draw_progress(layout, context)
        return True
    state, words = condition(context)
    if state == installed.READY:
        return False
    box = layout.box()
    paragraph(box, context, words, "INFO" if state == installed.OUTDATED else "ERROR")
    if _failed and _said not in words:
        paragraph(box, context, _said, "ERROR")
    if state in _BUTTONS and installed.bundle():
        chosen = preferences.of(context)
        if chosen:
            box.prop(chosen, "build", text="")
        box.operator("video_to_mocap.install", text=_BUTTONS[state], icon="IMPORT")
    box.operator("preferences.addon_show", text="Preferences", icon="PREFERENCES").module = preferences.PACKAGE
    return state != installed.OUTDATED


def _draw_progress(layout: bpy.types.UILayout, context: bpy.types.Context) -> None:
    job = _runner.job
    assert job
    words = STAGES.get(job.stage, job.stage) if job.method == "install" else _title
    layout.label(text="Cancelling" if job.state == states.CANCELLING else words, icon="TIME")
    row = layout.row(align=True)
    chosen = preferences.of(context)
    if chosen:
        progress(row, chosen)
    row.operator("video_to_mocap.install_cancel", text="", icon="X")


def draw_preferences(layout: bpy.types.UILayout, context: bpy.types.Context, chosen: Any) -> None:
    """The engine's state at a glance and one button; below, its weights, the cache, and what few people need."""
    box = layout.box()
    if busy():
        _draw_progress(box, context)
    else:
        _draw_engine(box, context, chosen)
    report = _report or (here.report if (here := installed.read()) else {})
    if report and not busy():
        _draw_weights(layout.box(), report)
        _draw_cache(layout.box(), report)
    _draw_advanced(layout.box(), chosen)


def _draw_engine(layout: bpy.types.UILayout, context: bpy.types.Context, chosen: Any) -> None:
    state, words = condition(context)
    here = installed.read()
    own = here is not None and state not in (installed.MISSING, CHOSEN)
    paragraph(layout, context, _title_of(state), "CHECKMARK" if state == installed.READY else "ERROR")
    paragraph(layout, context, words, "BLANK1")
    if _said and _said not in words:
        paragraph(layout, context, _said, "ERROR" if _failed else "INFO")
    if state != CHOSEN and installed.bundle():
        row = layout.row(align=True)
        row.prop(chosen, "build", text="")
        label = _BUTTONS.get(state) or ("Repair" if here and here.build == chosen.build else "Change")
        row.operator("video_to_mocap.install", text=label, icon="IMPORT")
        if own or here:
            row.operator("video_to_mocap.uninstall", text="Remove", icon="TRASH")
    row = layout.row(align=True)
    if state != installed.MISSING:
        row.operator("video_to_mocap.check", icon="FILE_REFRESH")
    row.operator("video_to_mocap.install_log", icon="TEXT")
    report = _report or (here.report if here else {})
    if report and state != installed.MISSING:
        facts = f"Version {report['engine']}, Python {report['python']}, computes on {report['device']}"
        if own and here:
            facts += f", {builds.size(here.megabytes)}"
        paragraph(layout, context, facts, "BLANK1")


def _title_of(state: str) -> str:
    return {
        installed.MISSING: "The engine is not installed",
        installed.READY: "The engine is ready",
        installed.OUTDATED: "The engine is ready, but not of this add-on's version",
        installed.BROKEN: "The engine is broken",
        CHOSEN: "The engine that was chosen does not work",
    }[state]


def _draw_weights(layout: bpy.types.UILayout, report: dict[str, Any]) -> None:
    head = layout.row()
    head.label(text="Weights: what the networks have learned")
    head.operator("video_to_mocap.add_weights", icon="FILE_FOLDER")
    column = layout.column(align=True)
    for weights in report.get("weights", ()):
        row = column.row(align=True)
        row.label(text=weights.get("title", weights["name"]), icon="CHECKMARK" if weights["present"] else "BLANK1")
        terms = row.row(align=True)
        terms.alignment = "RIGHT"
        terms.label(text=weights["licence"])
        if weights.get("fetchable") and not weights["present"]:
            terms.operator("video_to_mocap.fetch_weights", text="", icon="IMPORT").name = weights["name"]
        if str(weights.get("origin", "")).startswith("https://"):
            terms.operator("wm.url_open", text="", icon="URL").url = weights["origin"]


def _draw_cache(layout: bpy.types.UILayout, report: dict[str, Any]) -> None:
    cache = report.get("cache")
    if cache:
        row = layout.row()
        row.label(text=f"Cache of analysed videos: {builds.size(round(cache['bytes'] / 1e6))} in {cache['folder']}")
        row.operator("video_to_mocap.clear_cache", icon="TRASH")


def _draw_advanced(layout: bpy.types.UILayout, chosen: Any) -> None:
    icon = "TRIA_DOWN" if chosen.advanced else "TRIA_RIGHT"
    head = layout.row()
    head.alignment = "LEFT"
    head.prop(chosen, "advanced", icon=icon, emboss=False)
    if chosen.advanced:
        column = layout.column()
        column.use_property_split = True
        for name in ("wheels", "base_python", "index", "engine_python"):
            column.prop(chosen, name)


_CLASSES = (
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
    for cls in _CLASSES:
        bpy.utils.register_class(cls)


def unregister() -> None:
    if bpy.app.timers.is_registered(_tick):
        bpy.app.timers.unregister(_tick)
    _runner.stop()
    for cls in reversed(_CLASSES):
        bpy.utils.unregister_class(cls)
