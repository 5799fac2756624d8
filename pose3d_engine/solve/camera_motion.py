"""What the camera does while it films: how the background moves, as turns of a camera that stays at its place.

A camera that pans, tilts, or is held by hand turns; then every picture is another view of the same directions, and a
homography K R K^-1 leads from one to the other (Hartley, Zisserman, Multiple View Geometry, 8.4). A camera that travels
shows near things move against far ones; that is not taken out, but told.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from ..contract import warnings
from ..contract.warnings import Notice

MODES = ("auto", "still", "moving")
"""Whether the camera's turns are taken out: where it moves, never, always."""

STILL = 0.004
"""Share of the picture's longer side: a view that is never shifted by more stands still. 0.27 degrees of a view of 60,
two centimetres at five metres; how far cameras on tripods seem to move is measured by ``scripts/bench/camera.py``."""

_RARELY = 0.005
"""Share of the frames that may be shifted further all the same: something that fills the picture passes."""

MOST_DEG = 65.0
"""A person must not be seen this far from the mean direction, after which there is no steady picture any more."""

_TOLD = 0.5
"""Share of frames with an answer, below which nothing is said of the camera."""

_LOST, _BENT = 0.05, 0.02
"""Share of frames without an answer, and share of the picture by which it moves otherwise than by a turn, from which on
it is told."""

_VIEWS = (25, 116)
"""Degrees, across the longer side, that cameras see; tried one by one for the focal length."""

_LOOKED_AT, _REFERENCES = 120, 6
"""Frames of a clip that are looked at for the focal length, and how many of them the others are compared with."""

_DISTINCT, _SURE = 1.5, 0.25
"""A focal length is as good as the best one if its turns are off by less than so many times as much; those have to be
within this share of each other. 0.25 is the error of a guess of 60 degrees for a view of 49 or 72."""

_PURE = 0.002
"""Share of the picture by which the best turns are off at most; a camera that travels is off by more."""

_PLACES = np.array([(x, y, 1.0) for x in (-0.4, 0.0, 0.4) for y in (-0.25, 0.0, 0.25)])
"""In the picture, homogeneous: what is looked at to tell its turn."""


@dataclass(frozen=True)
class CameraMotion:
    """turns: (T,3,3), axes of the camera in a frame -> axes of the steady camera, which looks where the camera looks in
    the mean; None if the camera stands still. degrees: that it turns away from there at most. notices: what to say
    about it."""

    turns: np.ndarray | None
    degrees: float
    notices: list[Notice]


UNMOVED = CameraMotion(None, 0.0, [])


def camera_motion(homographies: np.ndarray | None, focal: float, mode: str) -> CameraMotion:
    """homographies: (T,3,3) pixels of a frame -> pixels of the first, from the picture's middle, in units of its longer
    side (:func:`pose3d_engine.detect.camera_motion_2d.homographies_to_first`), NaN where unknown.
    focal: in the same units.

    Assumes: the camera turns and does not travel, and does not zoom.
    """
    if mode == "still" or homographies is None or len(homographies) < 2:
        return UNMOVED
    known = np.isfinite(homographies).all(axis=(1, 2))
    if known.mean() < _TOLD:
        text = "the camera motion is unknown: there is too little texture in the background"
        return CameraMotion(None, 0.0, [Notice(warnings.CAMERA_UNKNOWN, text)])
    rows = np.flatnonzero(known)
    nearest = rows[np.clip(np.searchsorted(rows, np.arange(len(known)), side="right") - 1, 0, None)]
    turns, bent = _turns(homographies[nearest], focal)
    mean_left, _, mean_right = np.linalg.svd(turns.mean(axis=0))
    turns = np.swapaxes(mean_left @ mean_right, 0, 1) @ turns
    angles = np.arccos(np.clip((np.trace(turns, axis1=1, axis2=2) - 1) / 2, -1, 1))
    moves = float((angles * focal > STILL).mean()) > _RARELY
    if mode == "auto" and not moves:
        return UNMOVED
    degrees, notices = math.degrees(float(angles.max())), []
    if (~known).mean() > _LOST:
        share = 100 * (~known).mean()
        text = f"the camera motion is unknown in {share:.0f} % of the frames; it is held there"
        notices.append(Notice(warnings.CAMERA_PARTLY_UNKNOWN, text))
    if np.median(bent[known]) > _BENT:
        text = "the camera seems to travel or zoom; only its rotation is removed from the path"
        notices.append(Notice(warnings.CAMERA_TRAVELS, text))
    if degrees > MOST_DEG:
        text = f"the camera rotates by {degrees:.0f} degrees, too far to remove it from the path; split the clip"
        notices.append(Notice(warnings.CAMERA_ROTATES_TOO_FAR, text))
        return CameraMotion(None, degrees, notices)
    return CameraMotion(turns, degrees, notices)


def focal_of_turns(homographies: np.ndarray | None) -> float | None:
    """The focal length of a camera that turns, in units of the picture's longer side; None where its turns do not tell.

    homographies: as for :func:`camera_motion`. With the right focal length, and only with that, all of them are turns
    (self-calibration; Hartley, Zisserman, 19.6). Each is compared with several others, so that a camera that comes back
    tells as much as one that does not.
    """
    if homographies is None:
        return None
    known = homographies[np.isfinite(homographies).all(axis=(1, 2))]
    if len(known) < max(_TOLD * len(homographies), 2):
        return None
    known = known[np.unique(np.linspace(0, len(known) - 1, _LOOKED_AT).astype(int))]
    references = np.linalg.inv(known[:: max(len(known) // _REFERENCES, 1)])
    between = (references[:, None] @ known).reshape(-1, 3, 3)
    focals = 0.5 / np.tan(np.radians(np.arange(*_VIEWS)) / 2)
    bent = np.array([np.sqrt(np.square(_turns(between, focal)[1]).mean()) for focal in focals])
    best = int(bent.argmin())
    near = focals[bent < _DISTINCT * bent[best]]
    sure = np.ptp(near) < _SURE * focals[best] and 0 < best < len(focals) - 1
    return float(focals[best]) if sure and bent[best] < _PURE else None


def _turns(homographies: np.ndarray, focal: float) -> tuple[np.ndarray, np.ndarray]:
    """The rotations (N,3,3) nearest to homographies (N,3,3), and by which share of the picture they are off (N,).

    Nearest in where a few directions go (Kabsch 1976), not as matrices, whose last row a small picture hardly tells.
    """
    lens = np.diag([focal, focal, 1.0])
    before = _unit(_PLACES @ np.linalg.inv(lens).T)
    after = _unit(_PLACES @ np.swapaxes(np.linalg.inv(lens) @ homographies, 1, 2))
    left, _, right = np.linalg.svd(np.swapaxes(after, 1, 2) @ before)
    flip = np.ones((len(left), 1, 3))
    flip[:, 0, 2] = np.linalg.det(left @ right)
    turns = (left * flip) @ right
    return turns, focal * np.linalg.norm(after - before @ np.swapaxes(turns, 1, 2), axis=-1).mean(axis=1)


def _unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)
