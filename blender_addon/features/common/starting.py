"""What the operators that start a job have in common."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import bpy

from ... import session
from ...engine.job import BusyError
from ...engine.locate import EngineNotFoundError
from ...work import ENGINE, Ended, Handler, Prepare, Task
from . import words
from .requests import NotReadyError

BUSY = "The engine is busy; wait for it or cancel it"


class StartsJob:
    """An operator that starts one of the engine's jobs in :meth:`begin`; the panel shows what prevents it."""

    bl_options = {"REGISTER"}  # noqa: RUF012 - the step to undo is made when the result arrives
    step = ""
    """The step of the work beside whose button the panel says what becomes of it, apart from its top."""

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        if not can_start():
            cls.poll_message_set(BUSY)  # type: ignore[attr-defined]
        return can_start()

    def execute(self, context: bpy.types.Context) -> set[str]:
        settings = context.scene.video_to_mocap
        try:
            if not has_numpy():
                raise NotReadyError(words.NO_NUMPY)
            self.begin(context, settings)
        except (NotReadyError, BusyError) as error:
            settings.say(str(error), failed=True, step=self.step)
        except EngineNotFoundError as error:
            settings.say(str(error), failed=True, step=ENGINE)
        except OSError as error:
            settings.say(f"{error.filename or 'The cache'}: {error.strerror or error}.", failed=True, step=self.step)
        if settings.failed:
            # To a script an error is an exception; in a window the panel says it, without a pop-up over it.
            self.report({"ERROR" if bpy.app.background else "WARNING"}, settings.status)  # type: ignore[attr-defined]
            return {"CANCELLED"}
        return {"FINISHED"}

    def begin(self, context: bpy.types.Context, settings: Any) -> None:
        """Starts the job. Raises NotReadyError, EngineNotFoundError, BusyError or OSError if it cannot be."""
        raise NotImplementedError


def can_start() -> bool:
    """Whether a job can be started now: also, one, while the engine is installed, to begin when that is done."""
    now = session.current()
    return not now.busy or (now.maintenance is not None and not now.waiting)


def has_numpy() -> bool:
    """Whether this Blender's Python has NumPy; looked for once, when the add-on is enabled, and not imported."""
    return session.current().part(_Python).has_numpy


class _Python:
    """A part of the session."""

    def __init__(self) -> None:
        self.has_numpy = importlib.util.find_spec("numpy") is not None

    def close(self) -> None:
        pass


def begin(
    context: bpy.types.Context,
    title: str,
    method: str,
    params: dict[str, Any],
    handler: Handler,
    ended: Ended | None = None,
    prepare: Prepare | None = None,
    step: str = "",
    changes_objects: bool = False,
) -> None:
    """Starts a job for the context's scene or puts it into the queue. See :class:`...work.Task`.

    Raises:
        EngineNotFoundError: There is no engine to start.
    """
    now = session.current()
    if now.maintenance:
        context.scene.video_to_mocap.say(f"{title} starts when the engine is ready.", step=step)
    elif not now.busy:
        context.scene.video_to_mocap.say("")
    task = Task(context.scene.name, title, method, params, handler, ended, prepare)
    task.step, task.changes_objects = step, changes_objects
    now.begin(task)


def video_path(settings: Any) -> Path:
    """The chosen video. Raises NotReadyError if there is none."""
    if not settings.video.strip():
        raise NotReadyError("Choose a video first.")
    path = Path(bpy.path.abspath(settings.video))
    if not path.is_file():
        raise NotReadyError(f"File not found: {path}. Choose the video again.")
    return path
