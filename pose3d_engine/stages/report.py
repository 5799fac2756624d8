"""What a motion file tells about itself: facts, and warnings about what cannot be known."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from .. import repair
from ..contract import warnings
from ..contract.runs import runs
from ..contract.version import __version__
from ..contract.warnings import Notice
from ..take import Shot, Take
from .people import FEET_VISIBLE, ankle_confidence

_OFF_PERCENT, _OFF_SECONDS = 5.0, 0.2
"""Percent of the person's size, for so many seconds, by which a body is off the picture: 4 % are the worst frames of
footage on which nothing is wrong."""


def facts(shot: Shot, take: Take) -> dict[str, Any]:
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
        "reprojection": _reprojection_facts(take, shot.people.times),
        "camera": {
            "pitch_deg": round(shot.tilt.pitch, 2),
            "roll_deg": round(shot.tilt.roll, 2),
            "known": shot.tilt.known,
            "turns_deg": round(shot.rotation_deg, 2),
        },
        "feet": shot.settings.feet,
        "warnings": [notice.to_json() for notice in _notices(shot, take)],
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


def _notices(shot: Shot, take: Take) -> list[Notice]:
    """Warnings, those about the whole clip first."""
    found = []
    if not (shot.tilt.known or shot.settings.raw):
        text = f"the camera's tilt is unknown; {shot.tilt.pitch:.0f} degrees are assumed, so the body may lean"
        found.append(Notice(warnings.TILT_UNKNOWN, text))
    off = _off_picture(take, shot.people.times)
    everywhere = np.nanmedian(take.reprojection) > _OFF_PERCENT if np.isfinite(take.reprojection).any() else False
    first, last = (off, []) if everywhere else ([], off)
    return [*first, *found, *shot.notices, *_visibility(take, shot.people.times), *last]


def _reprojection_facts(take: Take, times: np.ndarray) -> dict[str, float]:
    """Mean and worst distance of the body from the keypoints, percent of the person's size, and the worst's seconds."""
    if not np.isfinite(take.reprojection).any():
        return {}
    worst = int(np.nanargmax(take.reprojection))
    return {
        "mean_percent": round(float(np.nanmean(take.reprojection)), 2),
        "worst_percent": round(float(take.reprojection[worst]), 2),
        "worst_s": round(float(times[worst]), 3),
    }


def _off_picture(take: Take, times: np.ndarray) -> list[Notice]:
    """Warnings about the ranges in which the body is beside the person in the picture."""
    found = []
    for first, end in runs(np.nan_to_num(take.reprojection) > _OFF_PERCENT):
        if times[end - 1] - times[first] >= _OFF_SECONDS:
            most, span = float(np.nanmax(take.reprojection[first:end])), (float(times[first]), float(times[end - 1]))
            text = f"the body is {most:.0f} % of its size off the picture from {span[0]:.2f} to {span[1]:.2f} s"
            found.append(Notice(warnings.OFF_PICTURE, text, span))
    return found
