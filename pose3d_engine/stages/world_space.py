"""Stages in world space: z up, the floor at 0, one person at a time."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ..contract.motion_file import Motion
from ..contract.skeletons import H36M_ROWS
from ..solve import contacts, solver, terms
from ..solve.body import CANONICAL_HEIGHT
from ..take import Shot, Take
from . import report

_RELEASES = 2  #: Rounds in which feet that the picture moves are released.
_CLEAR = 0.5  #: Score of keypoints whose distance from the body is measured.
_DOUBTFUL = (6.0, 12.0)  #: Percent off the picture between which confidence falls to 0.
_OFF_PICTURE = 0.04  #: Share of the height by which a foot in contact may be moved across the line of sight.


def plant_feet(shot: Shot, take: Take) -> None:
    """Solves once more, with what the person stands on; feet that the picture shows to move are released."""
    feet, ground, free = shot.settings.feet, take.ground, take.points[take.visible]
    if feet == "never":
        return
    if feet == "always":
        ground = replace(ground, contacts=contacts.at_least_one(ground.contacts, free @ ground.up))
    for release in range(_RELEASES, -1, -1):
        take.pose = solver.solve(take.problem, take.pose, ground)
        points = take.problem.skeleton.points(take.pose)
        slides = contacts.off_picture(points, free, ground, _OFF_PICTURE * CANONICAL_HEIGHT)
        if feet != "auto" or not release or not slides.any():
            break
        ground = replace(ground, contacts=ground.contacts & ~slides[..., None])
    take.ground, take.points = ground, take.padded(points)


def measure(shot: Shot, take: Take) -> None:
    """Measures how far the body is off the keypoints, as a share of the person's size; far off, there is no confidence:
    no body looks like that, for instance where a detector takes the legs of a headless person for arms."""
    view, rows = take.problem.views[0], take.visible
    off = terms.distances(view, take.points[rows])[:, H36M_ROWS]
    off[view.weights[:, H36M_ROWS] < _CLEAR] = np.nan
    spans = np.ptp(view.rays[:, H36M_ROWS], axis=1)
    size = float(np.median(np.linalg.norm(spans, axis=-1)))
    take.reprojection = np.full(len(take.points), np.nan)
    seen = take.detected[rows] & np.isfinite(off).any(axis=1)
    take.reprojection[rows][seen] = 100 * np.nanmean(off[seen], axis=1) / max(size, 1e-6)
    doubt = np.clip((np.nan_to_num(take.reprojection) - _DOUBTFUL[0]) / (_DOUBTFUL[1] - _DOUBTFUL[0]), 0, 1)
    take.confidence = take.confidence * (1 - doubt[:, None]).astype(np.float32)


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
        meta=report.facts(shot, take),
        extras=take.layers,
    )
