"""What is asked of the engine, by the settings of a scene."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import bpy

from ..engine import cache
from .starting import NotReadyError


def analyse(settings: Any, video: Path, whole: bool = False) -> dict[str, Any]:
    """To find the people in ``video``, in the ``whole`` of it or in the part that is chosen. Raises NotReadyError."""
    params: dict[str, Any] = {"video": str(video), "thumbnails": True, **_search(settings)}
    span = {"start": settings.start, "end": settings.end}
    if not whole:
        params |= {key: round(value, 3) for key, value in span.items() if value > 0.0}
    if not whole and 0.0 < settings.end <= settings.start:
        raise NotReadyError("The range ends before it starts. Correct From and To; To = 0 is the video's end.")
    if settings.source == "FILE" and not whole:
        if not settings.keypoints.strip():
            raise NotReadyError("Choose the other program's result, or find people with the detector.")
        params.pop("detector", None)
        params["keypoints"] = str(Path(bpy.path.abspath(settings.keypoints)))
    return params


def capture(settings: Any, video: Path, people: Path, persons: Sequence[int]) -> dict[str, Any]:
    """To lift ``persons`` of the file ``people``, which were found in ``video``; none are all. Raises OSError."""
    output = cache.motion_file(people, video.stem)
    output.parent.mkdir(parents=True, exist_ok=True)
    who = ",".join(map(str, persons)) or "all"
    return {"people": str(people), "output": str(output), "person": who, **_motion(settings)}


def kept(settings: Any) -> dict[str, Any]:
    """How is captured, whatever clip: what a settings file holds."""
    return {**_search(settings), **_motion(settings)}


def _search(settings: Any) -> dict[str, Any]:
    """How people are looked for."""
    return {"max_people": settings.max_people, **({"detector": settings.detector} if settings.detector else {})}


_NUMBERS = ("height",)
_MARKED = ("repair", "motion")
"""Properties of which any can be ticked."""
_CHOSEN = ("device", "feet")
_GIVEN = ("tilt", "roll")
"""Numbers that the engine finds itself, unless use_ is ticked."""
_FILLED = ("tds", "lifter")
"""What is 0 or empty where the engine chooses."""
_TOUCHED = ("fov",)
"""Numbers that the engine finds itself where it can, until somebody sets them."""


def _motion(settings: Any) -> dict[str, Any]:
    """How motion is made of the people who were found."""
    params: dict[str, Any] = {name: round(getattr(settings, name), 3) for name in _NUMBERS}
    params |= {name: getattr(settings, name) for name in _CHOSEN}
    params |= {name: ",".join(sorted(getattr(settings, name))) or "none" for name in _MARKED}
    params |= {name: round(getattr(settings, name), 3) for name in _GIVEN if getattr(settings, f"use_{name}")}
    params |= {name: round(getattr(settings, name), 3) for name in _TOUCHED if settings.is_property_set(name)}
    return params | {name: value for name in _FILLED if (value := getattr(settings, name))}


def take(settings: Any, values: Mapping[str, Any]) -> list[str]:
    """Gives the panel the values of a settings file; the names of those for which it has no place come back.

    What the file does not name gets the value that it has in a new scene.
    """
    names = (*_NUMBERS, *_CHOSEN, *_MARKED, *_FILLED, *_TOUCHED, *_GIVEN, *(f"use_{name}" for name in _GIVEN))
    for name in (*names, "detector", "max_people"):
        settings.property_unset(name)
    unused = []
    for name, value in values.items():
        if name in _MARKED:
            every = {item.identifier for item in settings.bl_rna.properties[name].enum_items}
            setattr(settings, name, every if value == "all" else set() if value == "none" else set(value.split(",")))
        elif name in names or name in ("detector", "max_people"):
            setattr(settings, name, value)
            if name in _GIVEN:
                setattr(settings, f"use_{name}", True)
        else:
            unused.append(name)
    return unused
