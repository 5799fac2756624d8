"""What the operators that start a job have in common."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import bpy

from ..engine.job import BusyError
from ..engine.locate import EngineNotFoundError
from . import jobs, text


class NotReadyError(Exception):
    """Something is missing before the work can start. The message says what to do."""


class StartsJob:
    """An operator that starts one of the engine's jobs: :meth:`begin` does; what stops it is said in the panel."""

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
        """Starts the job. Raises NotReadyError, EngineNotFoundError, BusyError or OSError if it cannot be."""
        raise NotImplementedError


def video_path(settings: Any) -> Path:
    """The chosen video. Raises NotReadyError if there is none."""
    if not settings.video.strip():
        raise NotReadyError("Choose a video first.")
    path = Path(bpy.path.abspath(settings.video))
    if not path.is_file():
        raise NotReadyError(f"There is no such file: {path}. Choose the video again.")
    return path
