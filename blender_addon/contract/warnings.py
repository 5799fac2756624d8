"""Warnings about a result: a code, by which there is advice, a text for people, and the seconds that it is about."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

VIDEO_DAMAGED, TRACKS_LEFT_OUT, NOT_CACHED = "video_damaged", "tracks_left_out", "not_cached"
NOT_VISIBLE, PARTLY_VISIBLE, FEET_NOT_VISIBLE = "not_visible", "partly_visible", "feet_not_visible"
CAMERA_UNKNOWN, CAMERA_PARTLY_UNKNOWN = "camera_unknown", "camera_partly_unknown"
CAMERA_TRAVELS, CAMERA_ROTATES_TOO_FAR = "camera_travels", "camera_rotates_too_far"
TILT_UNKNOWN, OFF_PICTURE = "tilt_unknown", "off_picture"
DEVICE, OTHER = "device", "other"

ADVICE: dict[str, str] = {
    VIDEO_DAMAGED: "Export the video again from its source",
    TRACKS_LEFT_OUT: "Capture fewer people, or split the clip",
    NOT_CACHED: "",
    NOT_VISIBLE: "Check the marked range, or choose a range without it",
    PARTLY_VISIBLE: "Check the marked ranges, or choose a range in which the person is in the picture",
    FEET_NOT_VISIBLE: "Film the whole body, or clean up legs and height by hand",
    CAMERA_UNKNOWN: "Set Camera Motion to On a Tripod if the camera does not move",
    CAMERA_PARTLY_UNKNOWN: "Check the path in that part of the clip",
    CAMERA_TRAVELS: "Clean up the path by hand",
    CAMERA_ROTATES_TOO_FAR: "Split the clip",
    TILT_UNKNOWN: "Set Tilt and Roll",
    OFF_PICTURE: "Look at the marked range through the camera",
    DEVICE: "",
    OTHER: "",
}
"""What to do about a warning, by its code: a sentence without its full stop, empty where the text says it."""


@dataclass(frozen=True)
class Notice:
    """One warning.

    Attributes:
        code: A key of :data:`ADVICE`; a reader treats an unknown one as :data:`OTHER`.
        text: One line that is clear without the advice.
        span: First and last second of the clip that it is about; None for all of it.
    """

    code: str
    text: str
    span: tuple[float, float] | None = None

    @property
    def advice(self) -> str:
        """What to do about it; may be empty."""
        return ADVICE.get(self.code, "")

    def to_json(self) -> dict[str, Any]:
        """The notice in files and messages; the span is a list of two numbers or null."""
        return {"code": self.code, "text": self.text, "span": None if self.span is None else list(self.span)}

    @classmethod
    def from_json(cls, data: Any) -> Notice:
        """The notice of :meth:`to_json`, or of the plain text of version 0.1.

        A damaged part is left out, because a warning must not stop the work that it is about.
        """
        if not isinstance(data, Mapping):
            return cls(OTHER, str(data))
        return cls(str(data.get("code", OTHER)), str(data.get("text", "")), _span(data.get("span")))


def notices(holder: Mapping[str, Any]) -> list[Notice]:
    """The notices under ``warnings`` in the meta of a file, in a result or in a record."""
    listed = holder.get("warnings")
    return [Notice.from_json(item) for item in listed] if isinstance(listed, (list, tuple)) else []


def texts(holder: Mapping[str, Any]) -> list[str]:
    """The texts of :func:`notices`."""
    return [notice.text for notice in notices(holder)]


def add(holder: dict[str, Any], *more: Notice) -> None:
    """Appends notices to those of a file's meta, a result or a record, as JSON."""
    holder["warnings"] = [notice.to_json() for notice in (*notices(holder), *more)]


def _span(data: Any) -> tuple[float, float] | None:
    if not isinstance(data, (list, tuple)) or len(data) != 2:
        return None
    sound = all(type(value) in (int, float) and math.isfinite(value) for value in data)
    return (float(data[0]), float(data[1])) if sound else None
