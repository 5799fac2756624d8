"""Camera motion: the rotation of a camera that pans, tilts or is held by hand, and stays at its place.

Pictures of a rotating camera are views of the same directions: a homography K R K^-1 leads from one to the other
(Hartley, Zisserman, Multiple View Geometry, 8.4, 2004). A camera that travels shifts near things against far ones; that
is not removed, but gives a warning.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from ..contract import warnings
from ..contract.warnings import Notice
from .vectors import unit

STATIC_SHIFT, _OUTLIERS = 0.004, 0.005
"""A camera is static if at most _OUTLIERS of the frames are shifted by more than STATIC_SHIFT of the picture's longer
side. That is 0.27 degrees of a field of view of 60, or two centimetres at five metres. ``scripts/bench/camera.py``
measures how far cameras on tripods seem to move."""

MAX_ROTATION_DEG = 65.0  #: Degrees from the mean direction, beyond which no common picture exists.

_MIN_KNOWN, _MAX_UNKNOWN, _MAX_RESIDUAL = 0.5, 0.05, 0.02
"""Share of frames with a homography, below which the camera motion is unknown; share of frames without one, and share
of the picture by which a rotation does not explain the homography, from which on there is a warning."""

_FOVS = range(25, 116)  #: Degrees across the longer side: the tested fields of view.
_FRAMES, _REFERENCES = 120, 6  #: Frames that give the focal length; how many of them are compared with all others.

_AMBIGUOUS, _MAX_SPREAD, _MAX_ROTATION_RESIDUAL = 1.5, 0.25, 0.002
"""Focal lengths whose residual is below so many times the best one's must lie within this share of each other (0.25 is
the error of assuming 60 degrees for a field of view of 49 or 72). Largest residual of the best one, as a share of the
picture; that of a camera that travels is larger."""

# Points of the picture, homogeneous, where rotations and homographies are compared.
_SAMPLES = np.array([(x, y, 1.0) for x in (-0.4, 0.0, 0.4) for y in (-0.25, 0.0, 0.25)])


@dataclass(frozen=True)
class CameraMotion:
    """The rotation of a camera over a clip."""

    rotations: np.ndarray | None  #: (T,3,3), camera axes -> axes that look in the mean direction; None if static.
    degrees: float  #: Largest rotation away from that direction.
    notices: list[Notice]


STATIC = CameraMotion(None, 0.0, [])


def camera_motion(homographies: np.ndarray | None, focal: float, mode: str) -> CameraMotion:
    """Finds the camera's rotation; assumes that it neither travels nor zooms.

    Args:
        homographies: (T,3,3) frame -> first frame, from the picture's middle, in units of its longer side
            (:func:`pose3d_engine.detect.camera_motion_2d.homographies_to_first`), NaN where unknown.
        focal: In the same units.
        mode: Setting ``camera``: "auto", "still" or "moving".
    """
    if mode == "still" or homographies is None or len(homographies) < 2:
        return STATIC
    known = np.isfinite(homographies).all(axis=(1, 2))
    if known.mean() < _MIN_KNOWN:
        text = "the camera motion is unknown: there is too little texture in the background"
        return CameraMotion(None, 0.0, [Notice(warnings.CAMERA_UNKNOWN, text)])
    rows = np.flatnonzero(known)
    nearest = rows[np.clip(np.searchsorted(rows, np.arange(len(known)), side="right") - 1, 0, None)]
    rotations, residual = _nearest_rotations(homographies[nearest], focal)
    mean_left, _, mean_right = np.linalg.svd(rotations.mean(axis=0))
    rotations = np.swapaxes(mean_left @ mean_right, 0, 1) @ rotations
    angles = np.arccos(np.clip((np.trace(rotations, axis1=1, axis2=2) - 1) / 2, -1, 1))
    if mode == "auto" and float((angles * focal > STATIC_SHIFT).mean()) <= _OUTLIERS:
        return STATIC
    degrees, notices = math.degrees(float(angles.max())), []
    if (~known).mean() > _MAX_UNKNOWN:
        share = 100 * (~known).mean()
        text = f"the camera motion is unknown in {share:.0f} % of the frames; the last known rotation is used there"
        notices.append(Notice(warnings.CAMERA_PARTLY_UNKNOWN, text))
    if np.median(residual[known]) > _MAX_RESIDUAL:
        text = "the camera seems to travel or zoom; only its rotation is removed from the path"
        notices.append(Notice(warnings.CAMERA_TRAVELS, text))
    if degrees > MAX_ROTATION_DEG:
        text = f"the camera rotates by {degrees:.0f} degrees, too far to remove it from the path; split the clip"
        notices.append(Notice(warnings.CAMERA_ROTATES_TOO_FAR, text))
    return CameraMotion(rotations if degrees <= MAX_ROTATION_DEG else None, degrees, notices)


def focal_from_rotation(homographies: np.ndarray | None) -> float | None:
    """The focal length of a rotating camera (self-calibration; Hartley, Zisserman, 19.6), units of the longer side.

    Only with the right focal length all homographies of :func:`camera_motion` are rotations. Each frame is compared
    with several others, so that a camera that returns gives as much evidence. None without enough rotation.
    """
    if homographies is None:
        return None
    known = homographies[np.isfinite(homographies).all(axis=(1, 2))]
    if len(known) < max(_MIN_KNOWN * len(homographies), 2):
        return None
    known = known[np.unique(np.linspace(0, len(known) - 1, _FRAMES).astype(int))]
    references = np.linalg.inv(known[:: max(len(known) // _REFERENCES, 1)])
    between = (references[:, None] @ known).reshape(-1, 3, 3)
    focals = 0.5 / np.tan(np.radians(np.array(_FOVS)) / 2)
    residuals = np.array([np.sqrt(np.square(_nearest_rotations(between, focal)[1]).mean()) for focal in focals])
    best = int(residuals.argmin())
    near = focals[residuals < _AMBIGUOUS * residuals[best]]
    unique = np.ptp(near) < _MAX_SPREAD * focals[best] and 0 < best < len(focals) - 1
    return float(focals[best]) if unique and residuals[best] < _MAX_ROTATION_RESIDUAL else None


def _nearest_rotations(homographies: np.ndarray, focal: float) -> tuple[np.ndarray, np.ndarray]:
    """The rotations (N,3,3) nearest to homographies (N,3,3), and the residuals (N,) as shares of the picture."""
    # Nearest for a few directions (Kabsch, Acta Crystallographica A, 1976), not as matrices: a small picture says
    # little about their last row.
    lens = np.diag([focal, focal, 1.0])
    before = unit(_SAMPLES @ np.linalg.inv(lens).T)
    after = unit(_SAMPLES @ np.swapaxes(np.linalg.inv(lens) @ homographies, 1, 2))
    left, _, right = np.linalg.svd(np.swapaxes(after, 1, 2) @ before)
    flip = np.ones((len(left), 1, 3))
    flip[:, 0, 2] = np.linalg.det(left @ right)
    rotations = (left * flip) @ right
    return rotations, focal * np.linalg.norm(after - before @ np.swapaxes(rotations, 1, 2), axis=-1).mean(axis=1)
