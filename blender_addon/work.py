"""The jobs of a session, and what it needs of Blender and of the features; see :mod:`.session`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from .engine.job import Job
from .engine.locate import EngineCommand

Handler = Callable[[Any, dict[str, Any]], None]
"""Brings the result of a job into the scene of the context that it gets; runs in the main thread."""

Ended = Callable[[Any, str], None]
"""Is called with a context of the job's scene when the job has ended, and with what went wrong, which may be empty."""

Prepare = Callable[[dict[str, Any]], None]
"""Adds to a job's result what can be computed without a scene. It has a tick of its own, so that the window does not
wait for everything at once. An error in it has to occur in the handler again, which reports it."""


CANCELLED = "Cancelled."
"""What went wrong with a job that somebody has cancelled."""

ENGINE = "engine"
"""The step of what is wrong with the engine itself: it is no news any more once the engine works."""


@dataclass
class Task:
    """A job for a scene and what becomes of it.

    Attributes:
        scene: Its name.
        title: Names the step to undo.
        method, params: The request to the engine.
        file: The path of the .blend with that scene, empty where it was never saved.
        away: Another file is open.
        step: The step of the work beside whose button the panel says what becomes of the job.
        changes_objects: Whether its result is more than settings of the scene.
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
    step: str = ""
    changes_objects: bool = False


@dataclass
class Maintenance:
    """A job on the engine itself: install it, remove it, check it, fetch weights. It belongs to no scene.

    Attributes:
        title: What the progress bar shows.
        finished: Gets the job when it has ended, however it did.
    """

    title: str
    finished: Callable[[Job], None]


class Host(Protocol):
    """What the session needs of Blender."""

    @property
    def waits(self) -> bool:
        """Whether jobs are waited for, because there is no window and so no timer."""

    def file(self) -> str:
        """The path of the open .blend file, empty where it was never saved."""

    def command(self) -> EngineCommand:
        """How to start the engine. Raises EngineNotFoundError."""

    def keep_ticking(self) -> None:
        """Has :meth:`Session.tick` called until it returns None."""

    def interrupts(self) -> bool:
        """Whether a change of the scene now would interrupt a tool that follows the mouse."""

    def place(self, scene: str) -> Literal["shown", "hidden", "gone"]:
        """Whether a result can be brought into a scene now."""

    def hand_over(self, task: Task, job: Job) -> None:
        """Brings the result of a job into its scene, or its error into the scene's status."""

    def show(self, what: object, at_once: bool) -> None:
        """Redraws the regions that show the progress, if they show something else than ``what``."""


class Part(Protocol):
    """Something that a feature keeps in the session."""

    def close(self) -> None:
        """Called when the add-on is disabled."""
