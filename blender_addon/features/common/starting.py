"""What the operators that start a job have in common."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import bpy

from ... import session
from ...engine.job import BusyError
from ...engine.locate import EngineNotFoundError
from ...work import Ended, Handler, Prepare, Task
from . import words
from .requests import NotReadyError

BUSY = "The engine is busy; wait for it or cancel it"


class StartsJob:
    """An operator that starts one of the engine's jobs in :meth:`begin`; the panel shows what prevents it."""

    bl_options = {"REGISTER"}  # noqa: RUF012 - the step to undo is made when the result arrives

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        if session.current().busy:
            cls.poll_message_set(BUSY)  # type: ignore[attr-defined]
        return not session.current().busy

    def execute(self, context: bpy.types.Context) -> set[str]:
        settings = context.scene.video_to_mocap
        try:
            self.begin(context, settings)
        except (NotReadyError, EngineNotFoundError, BusyError) as error:
            settings.say(str(error), failed=True)
        except ModuleNotFoundError as error:
            settings.say(words.trouble(error), failed=True)
        except OSError as error:
            settings.say(f"{error.filename or 'The cache'}: {error.strerror or error}.", failed=True)
        if settings.failed:
            # To a script an error is an exception; in a window the panel says it, without a pop-up over it.
            self.report({"ERROR" if bpy.app.background else "WARNING"}, settings.status)  # type: ignore[attr-defined]
            return {"CANCELLED"}
        return {"FINISHED"}

    def begin(self, context: bpy.types.Context, settings: Any) -> None:
        """Starts the job. Raises NotReadyError, EngineNotFoundError, BusyError or OSError if it cannot be."""
        raise NotImplementedError


def begin(
    context: bpy.types.Context,
    title: str,
    method: str,
    params: dict[str, Any],
    handler: Handler,
    ended: Ended | None = None,
    prepare: Prepare | None = None,
) -> None:
    """Starts a job for the context's scene or puts it into the queue. See :class:`...work.Task`.

    Raises:
        EngineNotFoundError: There is no engine to start.
    """
    now = session.current()
    if not now.busy:
        context.scene.video_to_mocap.say("")
    now.begin(Task(context.scene.name, title, method, params, handler, ended, prepare))


def video_path(settings: Any) -> Path:
    """The chosen video. Raises NotReadyError if there is none."""
    if not settings.video.strip():
        raise NotReadyError("Choose a video first.")
    path = Path(bpy.path.abspath(settings.video))
    if not path.is_file():
        raise NotReadyError(f"File not found: {path}. Choose the video again.")
    return path
