"""Stages in world space: z up, the floor at 0, one person at a time."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from .. import repair
from ..contract import warnings
from ..contract.motion_file import Motion
from ..contract.skeletons import COCO17
from ..contract.version import __version__
from ..contract.warnings import Notice
from ..solve import contacts, floor, foot_lock
from ..solve.body import CANONICAL_HEIGHT
from ..take import SOLE_LAYOUTS, Shot, Take
from .people import FEET_VISIBLE, ankle_confidence

_COCO_ANKLES = COCO17.rows("left_ankle", "right_ankle")


def find_contacts(shot: Shot, take: Take) -> None:
    """Moves the body into world axes, with the camera over the floor, and finds foot contacts."""
    rotation = shot.tilt.rotation
    world = take.body @ rotation.T
    take.camera_R = np.repeat(rotation[None], len(world), axis=0)
    if shot.rotations is not None:
        take.camera_R = take.camera_R @ shot.rotations
    take.contacts = contacts.contacts(world, take.confidence, shot.people.times, np.zeros(3), _soles(shot, take))
    take.camera_t = np.array([0.0, 0.0, -take.ground])
    take.world = world + take.camera_t


def lock_feet(shot: Shot, take: Take) -> None:
    """Locks planted feet to their places."""
    rows = take.visible
    world, planted, times, mode = take.world[rows], take.contacts[rows], shot.people.times[rows], shot.settings.feet
    world, take.contacts[rows] = foot_lock.lock(world, planted, times, CANONICAL_HEIGHT, mode, take.camera_t)
    take.world = take.padded(world)


def scale_to_height(shot: Shot, take: Take) -> None:
    """Scales from CANONICAL_HEIGHT, for which the stages are tuned, to the person's height."""
    size = take.size * shot.settings.height / CANONICAL_HEIGHT
    world, camera_t = take.world * size, take.camera_t * size
    body = (world - camera_t) @ take.camera_R
    take.joints = (body - body[:, :1]).astype(np.float32)
    take.root = body[:, 0].astype(np.float32)
    take.world, take.camera_R, take.camera_t = (array.astype(np.float32) for array in (world, take.camera_R, camera_t))


def finish(shot: Shot, take: Take) -> None:
    """Converts the take to a motion; the world's origin is still below the camera."""
    del shot.takes[take.person]
    shot.motions[take.person] = Motion(
        joints3d=take.joints,
        root=take.root,
        world=take.world,
        camera_R=take.camera_R,
        camera_t=np.repeat(take.camera_t[None], len(take.joints), axis=0),
        keypoints2d=take.keypoints,
        confidence=take.confidence,
        contacts=take.contacts,
        frames=shot.people.frames,
        times=shot.people.times,
        meta=_facts(shot, take),
        extras=take.layers,
    )


def _facts(shot: Shot, take: Take) -> dict[str, Any]:
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


def _soles(shot: Shot, take: Take) -> np.ndarray | None:
    """(T,2,2,3) heels and toes from the ankles, world axes, metres; None without points on them."""
    if "soles" not in take.main.capabilities:
        return None
    layout = next(name for name in SOLE_LAYOUTS if name in take.main.layouts)
    ankles, depths = take.keypoints[:, _COCO_ANKLES, :2], take.body[:, floor.ANKLES, 2]
    points = take.points_without_flips(layout)
    offsets = contacts.sole_offsets(points, layout, ankles, depths, shot.camera.focal, shot.fps)
    return np.einsum("tij,tfej->tfei", take.camera_R, offsets)
