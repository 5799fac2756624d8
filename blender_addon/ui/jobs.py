"""Runs the engine's jobs beside Blender, one after the other, and brings their results into the scene.

One timer polls the one engine while it owes something, and is gone when it does not: a timer that is left at the
end crashes some Blenders. Without a window there are no timers; the job is waited for, with the same handlers.

Jobs belong to a scene of a .blend file. When another one is opened, or looked at, they go on; their results wait until
theirs is there again.
"""

from __future__ import annotations

import contextlib
import time
import traceback
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import bpy
from bpy.app.handlers import persistent

from ..engine import job as states
from ..engine.job import Answered, BusyError, Job, Refused, Runner
from ..engine.locate import EngineNotFoundError
from . import preferences, redraw, text

INTERVAL = 0.1
"""Seconds from one look at the engine to the next."""

Handler = Callable[[bpy.types.Context, dict[str, Any]], None]
"""Brings the result of a job into the context's scene; runs in the main thread."""

Prepare = Callable[[dict[str, Any]], None]
"""Adds to a job's result what can be worked out of it without a scene. It has a tick of its own: the window does
not wait for all of it at once. What goes wrong in it has to go wrong in the handler again, which says so."""

Ended = Callable[[bpy.types.Context, str], None]
"""Is called in the job's scene when the job has ended, with what went wrong, which is empty where nothing did."""


@dataclass
class Task:
    """A job and what becomes of it. ``title`` names the step to undo; ``scene`` is the name of the one it is for.

    file: the path of the .blend with that scene, empty where it was never saved. away: another file is open.
    """

    scene: str
    title: str
    method: str
    params: dict[str, Any]
    handler: Handler
    ended: Ended | None = None
    prepare: Prepare | None = None
    file: str = ""
    away: bool = False


_runner = Runner()
_sidebars = redraw.Sparingly(("VIEW_3D", "UI"))
_task: Task | None = None
"""The one that runs."""
_waiting: deque[Task] = deque()
_kept: list[tuple[Task, Job]] = []
"""What has ended while another file was open."""
_AGAIN = "The engine had stopped, and is started again."

_log: deque[str] = deque(maxlen=200)
"""What happened since Blender was started, for the report."""


def begin(
    context: bpy.types.Context,
    title: str,
    method: str,
    params: dict[str, Any],
    handler: Handler,
    ended: Ended | None = None,
    prepare: Prepare | None = None,
) -> None:
    """Starts a job for the context's scene, or lines it up behind the one that runs; ``handler`` gets its result.

    In a Blender without a window it returns when the job has ended and been handled.
    Raises EngineNotFoundError.
    """
    task = Task(context.scene.name, title, method, params, handler, ended, prepare, bpy.data.filepath)
    if busy():
        _waiting.append(task)
        return
    _start(task, preferences.engine_command(context))
    context.scene.video_to_mocap.say(_AGAIN if _runner.restarted else "")
    if bpy.app.background:
        _finish(_runner.run())
    else:
        _keep_ticking()


def cancel() -> None:
    """Cancels the job that runs, if any, and forgets those that wait."""
    _waiting.clear()
    _runner.cancel()


def stop_engine() -> None:
    """Ends the engine, which is to be idle: its files are about to change."""
    _runner.stop()


def busy() -> bool:
    """Whether a job runs."""
    return _runner.job is not None


def waiting() -> int:
    """How many jobs wait for the one that runs."""
    return len(_waiting)


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
    return (
        ("Starting the engine again" if _runner.restarted else "Starting the engine")
        if job.state == states.STARTING
        else text.stage(job.stage)
    )


def left() -> str:
    """How long the job's stage still takes, in words; empty while nobody can tell."""
    job = _runner.job
    rest = job.left(time.monotonic()) if job and job.state == states.RUNNING else None
    return "" if rest is None else f"{text.seconds(max(rest, 1.0), whole=True)} left"


def engine_version() -> str:
    """The version of the engine that runs; empty where none does."""
    return _runner.engine


def log() -> tuple[str, ...]:
    """What happened since Blender was started, a line each."""
    return tuple(_log)


def note(words: str) -> None:
    """Adds to what happened."""
    _log.extend(f"{time.strftime('%H:%M:%S')} {line}" for line in words.splitlines())


def ask(method: str, params: dict[str, Any], answered: Answered, refused: Refused | None = None) -> bool:
    """Asks the engine something beside the jobs, while none runs. Returns whether it could be asked.

    For timers: starting the engine is too much for a drawing function.
    """
    if busy():
        return False
    try:
        _runner.ask(preferences.engine_command(bpy.context), method, params, answered, refused)
    except EngineNotFoundError:
        return False  # the panel says it where it matters
    _keep_ticking()
    return True


def handle(context: bpy.types.Context, title: str, handler: Handler, result: dict[str, Any]) -> str:
    """Brings a result into the context's scene as one step to undo. Returns what went wrong; the panel says it."""
    trouble = ""
    try:
        handler(context, result)
    except Exception as error:  # noqa: BLE001 - whatever it is, the panel has to say it and to stay usable
        traceback.print_exc()
        trouble = text.trouble(error)
        context.scene.video_to_mocap.say(trouble, failed=True)
    if not bpy.app.background:
        bpy.ops.ed.undo_push(message=title)
    return trouble


def _start(task: Task, command: Any) -> None:
    global _task
    try:
        _runner.start(command, task.method, task.params)
    except BusyError as error:  # it cannot be: begin() has looked
        raise RuntimeError(str(error)) from error
    _task = task
    note(f"{task.title} started" + (f". {_AGAIN}" if _runner.restarted else ""))


def _tick() -> float | None:
    """The timer: returns the seconds to its next call, None when it is no longer needed."""
    if _hands_are_full():
        return INTERVAL
    ended = _runner.tick()
    if ended:
        _finish(ended)
    _deliver()
    more = _runner.waiting or any(not task.away for task, _ in _kept)
    _sidebars.show((stage(), left(), waiting(), round(100 * fraction())), at_once=ended is not None or not more)
    return INTERVAL if more else None


def _keep_ticking() -> None:
    if not bpy.app.timers.is_registered(_tick):
        bpy.app.timers.register(_tick, first_interval=INTERVAL, persistent=True)


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
    """Deals with a job that has ended; then comes the next one."""
    from . import install  # not at the top: it needs this module

    died_at_once = job.broken and not job.stage
    install.suspect(job.message if died_at_once else "")
    task = _task
    assert task
    note(f"{task.title} {job.state}" + (f": {job.message}" if job.message else ""))
    if task.file or not task.away:
        _kept.append((task, job))
    if task.away:
        where = (
            f"waits until {Path(task.file).name} is open again" if task.file else "is kept for when it is asked again"
        )
        note(f"Another file is open; what came of it {where}")
    _deliver()
    _next()


def _deliver() -> None:
    """Brings what has ended into the scenes for which it was started, of those that are looked at."""
    for task, job in list(_kept):
        scene = bpy.data.scenes.get(task.scene)
        if task.away or not _in_sight(scene):
            continue
        if scene is not None and task.prepare and job.state == states.DONE:
            prepare, task.prepare = task.prepare, None
            with contextlib.suppress(Exception):
                prepare(job.result)
            if not bpy.app.background:
                continue  # the rest in the next tick
        _kept.remove((task, job))
        if scene is None:
            note(f"The scene {task.scene} is gone, and with it the place for the result")
            continue
        try:
            with _context_of(scene):
                _hand_over(bpy.context, task, job)
        except Exception as error:  # noqa: BLE001 - one job never breaks the next
            traceback.print_exc()
            note(f"{task.title}: {text.trouble(error)}")


def _in_sight(scene: bpy.types.Scene | None) -> bool:
    """Whether a window shows the scene, or it is gone. Blender crashes if an operator works on one that none shows."""
    windows = bpy.context.window_manager.windows
    return scene is None or bpy.app.background or any(window.scene == scene for window in windows)


def _hand_over(context: bpy.types.Context, task: Task, job: Job) -> None:
    trouble = ""
    if job.state == states.CANCELLED:
        trouble = "Cancelled."
        context.scene.video_to_mocap.say(trouble)
    elif job.state == states.FAILED:
        trouble = job.message
        context.scene.video_to_mocap.say(trouble, failed=True)
    else:
        trouble = handle(context, task.title, task.handler, job.result)
    if task.ended:
        task.ended(context, trouble)


def _next() -> None:
    """Starts the first of the jobs that wait, unless what has just ended has started one."""
    while _waiting and not busy():
        task = _waiting.popleft()
        try:
            _start(task, preferences.engine_command(bpy.context))
        except EngineNotFoundError as error:
            _kept.append((task, Job(task.method, task.params, states.FAILED, message=str(error))))
            _deliver()


def _context_of(scene: bpy.types.Scene) -> Any:
    """A context in which operators act on ``scene``: a timer has none of its own."""
    for window in bpy.context.window_manager.windows:
        if window.scene == scene:
            return bpy.context.temp_override(window=window)
    return bpy.context.temp_override(scene=scene, view_layer=scene.view_layers[0])


@persistent
def _file_loaded(*_: object) -> None:
    """Another file is open, or the same one again. Jobs of a file that was never saved have nowhere to come back to."""
    for task in _tasks():
        task.away = not task.file or task.file != bpy.data.filepath
    for task in [task for task in _waiting if not task.file]:
        _waiting.remove(task)
    _kept[:] = [(task, job) for task, job in _kept if task.file]
    if not bpy.app.background and any(not task.away for task, _ in _kept):
        _keep_ticking()  # not now: Blender is still busy with the file


@persistent
def _file_saved(*_: object) -> None:
    """The open file has another name now, perhaps its first."""
    for task in _tasks():
        if not task.away:
            task.file = bpy.data.filepath


def _tasks() -> list[Task]:
    running = [_task] if _task and busy() else []
    return [*running, *_waiting, *(task for task, _ in _kept)]


def register() -> None:
    bpy.app.handlers.load_post.append(_file_loaded)
    bpy.app.handlers.save_post.append(_file_saved)


def unregister() -> None:
    bpy.app.handlers.save_post.remove(_file_saved)
    bpy.app.handlers.load_post.remove(_file_loaded)
    if bpy.app.timers.is_registered(_tick):
        bpy.app.timers.unregister(_tick)
    _waiting.clear()
    _kept.clear()
    _runner.stop()
