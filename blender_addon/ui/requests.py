"""What is asked of the engine, by the settings of a scene."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import bpy

from ..engine import cache
from .starting import NotReadyError


def analyse(settings: Any, video: Path, whole: bool = False) -> dict[str, Any]:
    """To find the people in ``video``, in the ``whole`` of it or in the part that is chosen. Raises NotReadyError."""
    params: dict[str, Any] = {"video": str(video), "max_people": settings.max_people, "thumbnails": True}
    span = {"start": settings.start, "end": settings.end}
    if not whole:
        params |= {key: round(value, 3) for key, value in span.items() if value > 0.0}
    if not whole and 0.0 < settings.end <= settings.start:
        raise NotReadyError("The range ends before it starts. Correct From and To; To = 0 is the video's end.")
    if settings.source == "FILE" and not whole:
        if not settings.keypoints.strip():
            raise NotReadyError("Choose the other program's result, or find people with the detector.")
        params["keypoints"] = str(Path(bpy.path.abspath(settings.keypoints)))
    elif settings.detector:
        params["detector"] = settings.detector
    return params


def capture(settings: Any, video: Path, people: Path, persons: Sequence[int]) -> dict[str, Any]:
    """To lift ``persons`` of the file ``people``, which were found in ``video``; none are all. Raises OSError."""
    output = cache.motion_file(people, video.stem)
    output.parent.mkdir(parents=True, exist_ok=True)
    params: dict[str, Any] = {
        "people": str(people),
        "output": str(output),
        "person": ",".join(map(str, persons)) or "all",
        "height": round(settings.height, 3),
        "fov": round(settings.fov, 3),
        "device": settings.device,
        "repair": ",".join(sorted(settings.repair)) or "none",
    }
    if settings.tds:
        params["tds"] = settings.tds
    if settings.lifter:
        params["lifter"] = settings.lifter
    return params
