"""The ``meta`` of a motion file: facts and warnings."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from .. import repair
from ..contract import warnings
from ..contract.version import __version__
from ..contract.warnings import Notice
from ..take import Shot, Take
from .people import FEET_VISIBLE, ankle_confidence


def of_motion(shot: Shot, take: Take) -> dict[str, Any]:
    """The ``meta`` of a motion file."""
    camera = shot.camera
    return {
        "fps": shot.fps,
        "width": camera.width,
        "height": camera.height,
        "focal_px": camera.focal,
        "principal_point": [float(value) for value in camera.centre],
        "person": take.person + 1,
        "detector": shot.people.meta["detector"],
        **shot.source.facts(),
        "tds": take.frame_step,
        "height_m": take.size * shot.settings.height,
        "engine": __version__,
        "video": Path(str(shot.people.meta["video"]["path"])).name,
        "repairs": take.repairs,
        "camera": {
            "pitch_deg": round(shot.tilt.pitch, 2),
            "roll_deg": round(shot.tilt.roll, 2),
            "known": shot.tilt.known,
            "turns_deg": round(shot.rotation_deg, 2),
        },
        "feet": shot.settings.feet,
        "warnings": [notice.to_json() for notice in (*shot.notices, *_visibility(take, shot.people.times))],
    }


def _visibility(take: Take, times: np.ndarray) -> list[Notice]:
    """Warnings about the visibility of the person."""
    found = []
    for first, last in repair.long_gaps(take.detected, times):
        text = f"not visible from {first:.2f} to {last:.2f} s; motion there is interpolated, its confidence is 0"
        found.append(Notice(warnings.NOT_VISIBLE, text, (first, last)))
    share = float(take.detected.mean())
    if share < 0.9:
        text = f"visible in {100 * share:.0f} % of the frames; the rest is interpolated"
        found.append(Notice(warnings.PARTLY_VISIBLE, text))
    if share and ankle_confidence(take.confidence[take.detected]) < FEET_VISIBLE:
        found.append(Notice(warnings.FEET_NOT_VISIBLE, "the feet are hardly ever visible; legs and floor are guessed"))
    return found
