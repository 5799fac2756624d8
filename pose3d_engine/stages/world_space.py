"""Stages in world space: z up, the floor at 0, one person at a time."""

from __future__ import annotations

import numpy as np

from ..contract.motion_file import Motion
from ..contract.skeletons import COCO17
from ..solve import contacts, floor, foot_lock
from ..solve.body import CANONICAL_HEIGHT
from ..take import SOLE_LAYOUTS, Shot, Take
from . import facts

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
    times, mode = shot.people.times[rows], shot.settings.feet
    world, take.contacts[rows] = foot_lock.lock(
        take.world[rows], take.contacts[rows], times, CANONICAL_HEIGHT, mode, take.camera_t
    )
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
        meta=facts.of_motion(shot, take),
        extras=take.layers,
    )


def _soles(shot: Shot, take: Take) -> np.ndarray | None:
    """(T,2,2,3) heels and toes from the ankles, world axes, metres; None without points on them."""
    if "soles" not in take.main.capabilities:
        return None
    layout = next(name for name in SOLE_LAYOUTS if name in take.main.layouts)
    ankles, depths = take.keypoints[:, _COCO_ANKLES, :2], take.body[:, floor.ANKLES, 2]
    offsets = contacts.sole_offsets(
        take.points_without_flips(layout), layout, ankles, depths, shot.camera.focal, shot.fps
    )
    return np.einsum("tij,tfej->tfei", take.camera_R, offsets)
