"""The requests to the engine that the settings of a scene make."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import bpy

from ...contract import settings as contract
from ...contract.setting import Plain
from . import table


class NotReadyError(Exception):
    """Something is missing before the work can start. The message says what to do."""


def _values(settings: Any, step: str) -> dict[str, Plain]:
    return contract.for_step(table.values(settings, table.shown()), step)


def analyse(settings: Any, video: Path, whole: bool = False) -> dict[str, Any]:
    """To find the people in ``video``, in the ``whole`` of it or in the range that is chosen. Raises NotReadyError."""
    params: dict[str, Any] = {"video": str(video), "thumbnails": True, **_values(settings, "analyse")}
    if whole:
        return params
    if 0.0 < settings.end <= settings.start:
        raise NotReadyError("The range ends before it starts. Correct From and To; To = 0 is the end of the video.")
    params |= {name: round(value, 3) for name in ("start", "end") if (value := getattr(settings, name)) > 0.0}
    if settings.source == "FILE":
        if not settings.keypoints.strip():
            raise NotReadyError("No file of the other program is chosen. Choose it under Detection, or use a detector.")
        params.pop("detector", None)
        params["keypoints"] = str(Path(bpy.path.abspath(settings.keypoints)))
    return params


def capture(settings: Any, people: Path, persons: Sequence[int]) -> dict[str, Any]:
    """To capture ``persons`` of the file ``people``; none are all. The engine keeps their motions in its cache."""
    return {"people": str(people), "person": ",".join(map(str, persons)) or "all", **_values(settings, "capture")}


def kept(settings: Any) -> dict[str, Plain]:
    """The values for a settings file: how a clip is captured, whichever it is."""
    return table.values(settings, (row for row in table.shown() if row.in_file))
