"""How long stages say how far they are, and how they learn that they were cancelled."""

from __future__ import annotations

from collections.abc import Callable

Progress = Callable[[str, int, "int | None"], None]
"""``progress(stage, done, total)``; ``total`` is None where it is not known.

Called often; the receiver throttles. It may raise :class:`pose3d_engine.errors.Cancelled`.
"""


def silent(stage: str, done: int, total: int | None) -> None:
    """The progress of a job that nobody watches."""
