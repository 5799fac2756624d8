"""Blender, as the session needs it: a timer, the open file, scenes that get results, and what is redrawn."""

from __future__ import annotations

import contextlib
import traceback
from typing import Any, Literal

import bpy
from bpy.app.handlers import persistent

from ... import session
from ...engine import job as states
from ...engine.job import Job
from ...engine.locate import EngineCommand
from ...session import INTERVAL
from ...work import CANCELLED, Task
from . import modes, preferences, redraw, words


class BlenderHost:
    """The :class:`...work.Host` of this Blender."""

    def __init__(self) -> None:
        self._sidebars = redraw.Sparingly(("VIEW_3D", "UI"), ("PREFERENCES", "WINDOW"))
        self._timer = lambda: session.current().tick()
        """One object: Blender knows a timer by it."""

    @property
    def waits(self) -> bool:
        return bool(bpy.app.background)

    def file(self) -> str:
        return str(bpy.data.filepath)

    def command(self) -> EngineCommand:
        return preferences.engine_command(bpy.context)

    def keep_ticking(self) -> None:
        if not bpy.app.timers.is_registered(self._timer):
            bpy.app.timers.register(self._timer, first_interval=INTERVAL, persistent=True)

    def stop_ticking(self) -> None:
        """Removes the timer: one that is left at the end crashes some Blenders."""
        if bpy.app.timers.is_registered(self._timer):
            bpy.app.timers.unregister(self._timer)

    def interrupts(self) -> bool:
        # A tool that follows the mouse holds on to what it moves, and crashes if that is taken from it. What only
        # watches, as add-ons that show the keys pressed do, neither becomes a step to undo nor blocks.
        return any(
            not operator.bl_options.isdisjoint({"UNDO", "UNDO_GROUPED", "BLOCKING"})
            for window in bpy.context.window_manager.windows
            for operator in getattr(window, "modal_operators", ())  # Blender 3.4 does not tell
        )

    def place(self, scene: str) -> Literal["shown", "hidden", "gone"]:
        # Blender crashes if an operator works on a scene that no window shows.
        found = bpy.data.scenes.get(scene)
        if found is None:
            return "gone"
        windows = bpy.context.window_manager.windows
        return "shown" if self.waits or any(window.scene == found for window in windows) else "hidden"

    def hand_over(self, task: Task, job: Job) -> None:
        with _context_of(bpy.data.scenes[task.scene]):
            context = bpy.context
            settings = context.scene.video_to_mocap
            trouble = ""
            if job.state == states.CANCELLED:
                trouble = CANCELLED
                settings.say(trouble, step=task.step)
            elif job.state == states.FAILED:
                trouble = job.message
                settings.say(trouble, failed=True, step=task.step)
            else:
                trouble = self._handle(context, task, job.result)
            if task.ended:
                task.ended(context, trouble)

    def _handle(self, context: bpy.types.Context, task: Task, result: dict[str, Any]) -> str:
        """Brings a result into the context's scene as one step to undo. Returns what went wrong."""
        trouble = ""
        apart = task.changes_objects and modes.has_own_undo(context)
        try:
            with modes.object_mode(context) if task.changes_objects else contextlib.nullcontext():
                trouble = self._work(context, task, result)
                if apart:  # in the mode itself it would be a step of that mode, which holds nothing of this
                    self._push_undo(task)
        except RuntimeError as error:  # a mode that cannot be left, or not be gone back to
            trouble = trouble or self._say(context, task, error)
        if not apart:
            self._push_undo(task)
        return trouble

    def _work(self, context: bpy.types.Context, task: Task, result: dict[str, Any]) -> str:
        try:
            task.handler(context, result)
        except Exception as error:  # noqa: BLE001 - whatever it is, the panel has to say it and to stay usable
            return self._say(context, task, error)
        return ""

    def _say(self, context: bpy.types.Context, task: Task, error: Exception) -> str:
        """Says what went wrong, from where an error is handled."""
        traceback.print_exc()
        trouble = words.trouble(error)
        context.scene.video_to_mocap.say(trouble, failed=True, step=task.step)
        return trouble

    def _push_undo(self, task: Task) -> None:
        if not self.waits:
            bpy.ops.ed.undo_push(message=task.title)

    def show(self, what: object, at_once: bool) -> None:
        self._sidebars.show(what, at_once)


def _context_of(scene: bpy.types.Scene) -> Any:
    """A context in which operators act on ``scene``: a timer has none of its own."""
    for window in bpy.context.window_manager.windows:
        if window.scene == scene:
            return bpy.context.temp_override(window=window)
    return bpy.context.temp_override(scene=scene, view_layer=scene.view_layers[0])


@persistent
def file_opened(*_: object) -> None:
    """Handler of Blender: another file is open, or the same one again."""
    session.current().file_opened()


@persistent
def file_saved(*_: object) -> None:
    """Handler of Blender: the open file was saved, perhaps under another name."""
    session.current().file_saved()


def register() -> None:
    session.start(BlenderHost())
    bpy.app.handlers.load_post.append(file_opened)
    bpy.app.handlers.save_post.append(file_saved)


def unregister() -> None:
    bpy.app.handlers.save_post.remove(file_saved)
    bpy.app.handlers.load_post.remove(file_opened)
    host: Any = session.current().host
    host.stop_ticking()
    session.end()
