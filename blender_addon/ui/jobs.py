"""Runs the engine's jobs beside Blender and brings their results into the scene.

One timer polls the one engine while it owes something, and is gone when it does not: a timer that is left at the
end crashes some Blenders. Without a window there are no timers; the job is waited for, with the same handlers.
"""

from __future__ import annotations

import contextlib
import traceback
from collections.abc import Callable
from typing import Any

import bpy
from bpy.app.handlers import persistent

from ..engine import job as states
from ..engine import lifters
from ..engine.job import Job, Runner
from ..engine.locate import EngineNotFoundError
from . import preferences, text

INTERVAL = 0.1
"""Seconds from one look at the engine to the next."""

Handler = Callable[[bpy.types.Context, dict[str, Any]], None]
"""Brings the result of a job into the context's scene; runs in the main thread."""

_runner = Runner()
_scene = ""
_title = ""
_handler: Handler | None = None
_file_is_gone = False
_lifters: tuple[str, ...] = ()
_asked_for_lifters = False


def begin(context: bpy.types.Context, title: str, method: str, params: dict[str, Any], handler: Handler) -> None:
    """Starts a job for the context's scene; ``handler`` gets its result. ``title`` names the step to undo.

    In a Blender without a window it returns when the job has ended and been handled.
    Raises EngineNotFoundError and BusyError.
    """
    global _scene, _title, _handler, _file_is_gone
    _runner.start(preferences.engine_command(context), method, params)
    _scene, _title, _handler, _file_is_gone = context.scene.name, title, handler, False
    context.scene.video_to_mocap.say("")
    if bpy.app.background:
        _finish(_runner.run())
    else:
        _keep_ticking()


def cancel() -> None:
    """Cancels the job that runs, if any."""
    _runner.cancel()


def stop_engine() -> None:
    """Ends the engine, which is to be idle: its files are about to change."""
    _runner.stop()


def busy() -> bool:
    """Whether a job runs."""
    return _runner.job is not None


def fraction() -> float:
    """How much of the job's stage is done, 0..1; 0 where that is not known."""
    return (_runner.job.fraction or 0.0) if _runner.job else 0.0


def stage() -> str:
    """What the job does at the moment, in words; empty if there is none."""
    job = _runner.job
    if not job:
        return ""
    if job.state == states.CANCELLING:
        return "Cancelling"
    return "Starting the engine" if job.state == states.STARTING else text.stage(job.stage)


def known_lifters() -> tuple[str, ...]:
    """The names of the lifters to choose from; none before the engine has told them."""
    return _lifters


def want_lifters() -> None:
    """Has the engine asked for its lifters, when it is idle: at first, and again after each job.

    For drawing: returns at once, and nothing shows of it, whatever comes of it.
    """
    global _asked_for_lifters
    if not _asked_for_lifters and not busy() and not bpy.app.background:
        _asked_for_lifters = True
        bpy.app.timers.register(_ask_for_lifters, persistent=True)


def handle(context: bpy.types.Context, title: str, handler: Handler, result: dict[str, Any]) -> None:
    """Brings a result into the context's scene as one step to undo; what goes wrong is said in the panel."""
    try:
        handler(context, result)
    except Exception as error:  # noqa: BLE001 - whatever it is, the panel has to say it and to stay usable
        traceback.print_exc()
        context.scene.video_to_mocap.say(text.trouble(error), failed=True)
    if not bpy.app.background:
        bpy.ops.ed.undo_push(message=title)


def _tick() -> float | None:
    """The timer: returns the seconds to its next call, None when it is no longer needed."""
    global _asked_for_lifters
    if _hands_are_full():
        return INTERVAL
    shown = busy()
    ended = _runner.tick()
    if ended:
        _finish(ended)
        _asked_for_lifters = False  # weights may have come since
    if shown:
        _redraw()
    return INTERVAL if _runner.waiting else None


def _keep_ticking() -> None:
    if not bpy.app.timers.is_registered(_tick):
        bpy.app.timers.register(_tick, first_interval=INTERVAL, persistent=True)


def _ask_for_lifters() -> None:
    """Once by a timer: starting the engine is too much for a drawing function."""
    if busy():
        return
    with contextlib.suppress(EngineNotFoundError):  # the panel says it where it matters
        _runner.ask(preferences.engine_command(bpy.context), lifters.METHOD, _learn_lifters)
        _keep_ticking()


def _learn_lifters(report: dict[str, Any]) -> None:
    global _lifters
    _lifters = lifters.there(report)


def _hands_are_full() -> bool:
    """Whether a tool follows the mouse. It holds on to what it moves, and crashes if that is taken from it.

    What only watches, as add-ons that show the keys pressed do, neither becomes a step to undo nor blocks.
    """
    return any(
        not operator.bl_options.isdisjoint({"UNDO", "UNDO_GROUPED", "BLOCKING"})
        for window in bpy.context.window_manager.windows
        for operator in getattr(window, "modal_operators", ())  # Blender 3.4 does not tell
    )


def _finish(job: Job) -> None:
    """Deals with a job that has ended, in the scene for which it was started."""
    from . import install  # not at the top: it needs this module

    died_at_once = job.state == states.FAILED and not job.stage
    install.suspect(job.message if died_at_once else "")
    if _file_is_gone:
        return  # people that were found are in the cache all the same
    scene = bpy.data.scenes.get(_scene) or bpy.context.scene
    if job.state == states.CANCELLED:
        scene.video_to_mocap.say("Cancelled.")
    elif job.state == states.FAILED:
        scene.video_to_mocap.say(job.message, failed=True)
    elif _handler:
        with _context_of(scene):
            handle(bpy.context, _title, _handler, job.result)


def _context_of(scene: bpy.types.Scene) -> Any:
    """A context in which operators act on ``scene``: a timer has none of its own."""
    windows = bpy.context.window_manager.windows
    for window in windows:
        if window.scene == scene:
            return bpy.context.temp_override(window=window)
    where = {"window": windows[0]} if windows else {}
    return bpy.context.temp_override(**where, scene=scene, view_layer=scene.view_layers[0])


def _redraw() -> None:
    for window in bpy.context.window_manager.windows:
        for area in window.screen.areas:
            if area.type == "VIEW_3D":
                for region in area.regions:
                    if region.type == "UI":
                        region.tag_redraw()


@persistent
def _file_loaded(*_: object) -> None:
    """Another file was opened: a result of the old one has no place in it."""
    global _file_is_gone
    _file_is_gone = busy()


def register() -> None:
    bpy.app.handlers.load_post.append(_file_loaded)


def unregister() -> None:
    global _asked_for_lifters
    bpy.app.handlers.load_post.remove(_file_loaded)
    for timer in (_tick, _ask_for_lifters):
        if bpy.app.timers.is_registered(timer):
            bpy.app.timers.unregister(timer)
    _asked_for_lifters = False
    _runner.stop()
