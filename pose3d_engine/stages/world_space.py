"""Stages in world space: z up, the floor at 0, one person at a time."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from .. import repair
from ..contract import warnings
from ..contract.motion_file import Motion
from ..contract.version import __version__
from ..contract.warnings import Notice
from ..solve import contacts, floor, solver
from ..solve.body import CANONICAL_HEIGHT
from ..take import Shot, Take
from .people import FEET_VISIBLE, ankle_confidence

_RELEASES = 2  #: Rounds in which feet that the picture moves are released.
_OFF_PICTURE = 0.04  #: Share of the height by which a foot in contact may be moved across the line of sight.


def plant_feet(shot: Shot, take: Take) -> None:
    """Solves once more, with what the person stands on; feet that the picture shows to move are released."""
    feet, ground, free = shot.settings.feet, take.ground, take.points[take.visible]
    if feet == "always":
        ground = replace(ground, contacts=contacts.at_least_one(ground.contacts, free @ ground.up))
    for release in range(_RELEASES, -1, -1):
        take.pose = solver.solve(take.problem, take.pose, ground)
        slides = contacts.off_picture(take.problem.skeleton.points(take.pose), free, ground, _OFF_PICTURE * CANONICAL_HEIGHT)
        if feet != "auto" or not release or not slides.any():
            break
        ground = replace(ground, contacts=ground.contacts & ~slides[..., None])
    take.ground = ground
    take.points = take.padded(take.problem.skeleton.points(take.pose))


def to_world(shot: Shot, take: Take) -> None:
    """Moves the body into world axes, with the floor at z = 0."""
    rotation = shot.tilt.rotation
    take.camera_R = np.repeat(rotation[None], len(take.points), axis=0)
    if shot.rotations is not None:
        take.camera_R = take.camera_R @ shot.rotations
    take.camera_t = np.array([0.0, 0.0, -take.ground.height])
    take.world = take.points @ rotation.T + take.camera_t
    take.soles = np.zeros((len(take.points), 2, 2), bool)
    take.soles[take.visible] = take.ground.contacts
    take.contacts = contacts.planted(take.soles, take.world, shot.people.times)


def scale_to_height(shot: Shot, take: Take) -> None:
    """Scales from CANONICAL_HEIGHT, for which the stages are tuned, to the person's height."""
    size = take.size * shot.settings.height / CANONICAL_HEIGHT
    world, camera_t = take.world * size, take.camera_t * size
    body = (world[:, :17] - camera_t) @ take.camera_R
    take.joints = (body - body[:, :1]).astype(np.float32)
    take.root = body[:, 0].astype(np.float32)
    take.world, take.camera_R, take.camera_t = (array.astype(np.float32) for array in (world, take.camera_R, camera_t))


def finish(shot: Shot, take: Take) -> None:
    """Converts the take to a motion; the world's origin is still below the camera."""
    del shot.takes[take.person]
    shot.motions[take.person] = Motion(
        joints3d=take.joints,
        root=take.root,
        world=take.world[:, :17],
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
