"""Motion of another system's file without its video: the stages that need no 2D, in the file's own world where it has
one."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ..contract import warnings
from ..contract.errors import UserError
from ..contract.motion_file import Motion
from ..contract.settings import DEFAULT_FOV, CaptureSettings
from ..contract.skeletons import H36M17
from ..contract.version import __version__
from ..contract.warnings import Notice
from ..formats.motion import Motion3D, Person3D, to_north
from ..solve import contacts, floor, foot_lock, gravity, limits, skeleton, smoothing
from ..solve.body import CANONICAL_HEIGHT, CHAIN, CHAIN_LENGTH
from ..take import LEVEL_CAMERA, Camera, CameraTilt

_CAMERA_BACK, _CAMERA_UP = 4.0, 1.2  #: Metres from the first person of a level camera, for files without one.
_SIZE = (1280, 720)  #: Of its picture, pixels.


def motions(motion: Motion3D, settings: CaptureSettings, fps: float | None, height: float | None) -> list[Motion]:
    """The motions of the chosen people of a file.

    Args:
        settings: ``person`` counts the people of the file, those in most frames first.
        fps: Frames a second, where the file does not say them.
        height: Of the first person, metres; None for the file's own size where it has one.

    Raises:
        UserError: The file has no such person, or nothing says its rate.
    """
    rate = fps or motion.fps
    if rate is None:
        raise UserError(f"{motion.path}: does not say its frame rate; give --fps, or its clip with --video")
    chosen = _chosen(motion, settings.person)
    first, last = (edge(int(one.frames[end]) for one in chosen) for edge, end in ((min, 0), (max, -1)))
    frames = np.arange(first, last + 1)
    found = [person.at(frames.astype(np.float64)) for person in chosen]
    scales = _scales([person for person, _ in found], height)
    bodies = [_scaled(one, size) for (one, _), size in zip(found, scales, strict=True)]
    tilt = _tilt(bodies, [known for _, known in found], frames / rate, settings)
    placed = [_in_world(person, tilt) for person in bodies]
    ankles = np.concatenate([person.joints[:, floor.ANKLES, 2] for person in placed])
    observed = np.concatenate([known[:, floor.ANKLES] for _, known in found])
    tall = _height(placed[0].joints)
    ground = floor.floor_height(ankles, observed, tall)
    origin = np.array([*placed[0].joints[0, 0, :2], ground])
    result = []
    for person, (_, known), source in zip(placed, found, chosen, strict=True):
        moved = person.turned(np.eye(3), -origin)
        facts = _facts(motion, source, settings, rate, tilt) | {"person": motion.people.index(source) + 1}
        result.append(_motion(moved, known, frames, frames / rate, settings, facts))
    return result


def _chosen(motion: Motion3D, person: str) -> list[Person3D]:
    """The people of the setting ``person``. Raises UserError for one that is not in the file."""
    if person in ("largest", "all"):
        return motion.people[: 1 if person == "largest" else None]
    numbers = list(dict.fromkeys(int(number) for number in person.split(",")))
    if max(numbers) > len(motion.people):
        raise UserError(f"{motion.path}: has {len(motion.people)} people, no person {max(numbers)}; choose another one")
    return [motion.people[number - 1] for number in numbers]


def _height(joints: np.ndarray) -> float:
    """Metres from sole to crown by the bones of (T,17,3)."""
    lengths = [
        float(np.median(np.linalg.norm(joints[:, child] - joints[:, parent], axis=-1)))
        for parent, child in H36M17.bones
        if H36M17.joints[child] in CHAIN
    ]
    return sum(lengths) * CANONICAL_HEIGHT / CHAIN_LENGTH


def _scales(people: list[Person3D], height: float | None) -> list[float]:
    """Factors for the joints of people: one for all who are in metres, each their own where sizes are not known."""
    heights = [_height(person.joints) for person in people]
    shared = 1.0 if height is None else height / heights[0]
    wanted = CANONICAL_HEIGHT if height is None else height
    return [shared if one.metric else wanted / own for one, own in zip(people, heights, strict=True)]


def _scaled(person: Person3D, size: float) -> Person3D:
    """The person with their cameras at another size."""
    place = None if person.camera_t is None else person.camera_t * size
    return replace(person, joints=person.joints * size, camera_t=place)


def _tilt(
    people: list[Person3D], known: list[np.ndarray], times: np.ndarray, settings: CaptureSettings
) -> CameraTilt | None:
    """How the camera is held; None where the file has a world."""
    if people[0].axes == "world":
        return None
    found = gravity.UNKNOWN
    if "level" in settings.motion and (settings.tilt is None or settings.roll is None):
        far = [np.zeros(3) if one.has_path else np.array([0.0, 0.0, _CAMERA_BACK]) for one in people]
        bodies = [
            gravity.Body((one.joints + away) * (CANONICAL_HEIGHT / _height(one.joints)), mask.astype(float), times)
            for one, away, mask in zip(people, far, known, strict=True)
        ]
        found = gravity.estimate_tilt(bodies)
    pitch = found.pitch if settings.tilt is None else settings.tilt
    roll = found.roll if settings.roll is None else settings.roll
    return CameraTilt(pitch, roll, found.known or settings.tilt is not None or settings.roll is not None)


def _in_world(person: Person3D, tilt: CameraTilt | None) -> Person3D:
    """A person in world axes, whose camera on average looks along +y."""
    if tilt is not None:
        count = len(person.frames)
        level = replace(person, camera_R=np.repeat(np.eye(3)[None], count, axis=0), camera_t=np.zeros((count, 3)))
        return level.turned(tilt.rotation, np.zeros(3))
    if person.camera_R is not None:
        return person.turned(to_north(person.camera_R), np.zeros(3))
    return person


def _motion(
    person: Person3D, known: np.ndarray, frames: np.ndarray, times: np.ndarray, settings: CaptureSettings, facts: dict
) -> Motion:
    """The motion of a person in the world, whose floor is at 0."""
    rate, tall = facts["fps"], _height(person.joints)
    canonical = CANONICAL_HEIGHT / tall
    confidence = known.astype(np.float32)
    world = person.joints * canonical
    lengths = skeleton.bone_lengths(world, confidence, CANONICAL_HEIGHT)
    pose = world - world[:, :1]
    if "filter" in settings.motion and not settings.raw:
        world = smoothing.smooth_joints(world, confidence, rate)
        pose = world - world[:, :1]
    pose = skeleton.with_lengths(pose, lengths)
    if "limits" in settings.motion and not settings.raw:
        pose = limits.clamp_to_limits(pose)
    world = pose + world[:, :1]
    if not person.has_path:  # the body hangs from a Hip that stays in place: its lower foot is on the floor
        world[..., 2] += floor.ankle_height(CANONICAL_HEIGHT) - world[:, floor.ANKLES, 2].min(axis=1, keepdims=True)
    camera_R, camera_t = _camera(person, canonical)
    touch = person.contacts
    if touch is None:
        touch = contacts.contacts(world, confidence, times, camera_t[0])
    touch = touch & known[:, floor.ANKLES]
    if person.has_path and not settings.raw:
        world, touch = foot_lock.lock(world, touch, times, CANONICAL_HEIGHT, settings.feet, camera_t[0])
    world, camera_t = world / canonical, camera_t / canonical
    body = np.einsum("tji,tkj->tki", camera_R, world - camera_t[:, None])
    layers = {}
    if "orientations" in settings.layers and person.parts and not settings.raw:
        layers = {f"{part}_R": value.astype(np.float32) for part, value in person.parts.items()}
        layers |= {f"{part}_valid": known.all(axis=1) for part in person.parts}
    return Motion(
        joints3d=body - body[:, :1],
        root=body[:, 0],
        world=world,
        camera_R=camera_R,
        camera_t=camera_t,
        keypoints2d=np.zeros((len(frames), 17, 3), np.float32),
        confidence=confidence,
        contacts=touch,
        frames=frames,
        times=times,
        meta=facts | {"height_m": tall, "warnings": [one.to_json() for one in _notices(person, known, times)]},
        extras=layers,
    )


def _camera(person: Person3D, canonical: float) -> tuple[np.ndarray, np.ndarray]:
    """The file's cameras (T,3,3), (T,3); a level one in front of the person's start where it has none."""
    if person.camera_R is not None and person.camera_t is not None:
        return person.camera_R, person.camera_t * canonical
    place = person.joints[0, 0] * canonical * [1, 1, 0] + [0.0, -_CAMERA_BACK, _CAMERA_UP]
    return np.repeat(LEVEL_CAMERA[None], len(person.frames), axis=0), np.repeat(place[None], len(person.frames), axis=0)


def _facts(motion: Motion3D, person: Person3D, settings: CaptureSettings, fps: float, tilt: CameraTilt | None) -> dict:
    """The ``meta`` of the motion file, as a capture writes it; ``imported`` is what the file did not have."""
    width, height = motion.size or _SIZE
    focal = motion.focal or Camera.from_fov(width, height, settings.fov or DEFAULT_FOV).focal
    filmed = tilt or CameraTilt(0.0, 0.0, known=person.camera_R is not None)
    return {
        "fps": fps,
        "width": width,
        "height": height,
        "focal_px": focal,
        "principal_point": [width / 2, height / 2],
        "detector": "none",
        **motion.facts(),
        "tds": 1,
        "engine": __version__,
        "video": motion.path.name,
        "repairs": {},
        "camera": {
            "pitch_deg": round(filmed.pitch, 2),
            "roll_deg": round(filmed.roll, 2),
            "known": filmed.known,
            "turns_deg": 0.0,
        },
        "feet": settings.feet,
        "imported": {
            "person": person.name,
            "keypoints2d": False,
            "path": person.has_path,
            "metric": person.metric,
            "contacts": person.contacts is not None,
            "camera": tilt is not None or person.camera_R is not None,
        },
    }


def _notices(person: Person3D, known: np.ndarray, times: np.ndarray) -> list[Notice]:
    """Warnings about what the file lacks."""
    found = []
    share = float(known.all(axis=1).mean())
    if share < 1:
        text = f"the file has {100 * share:.0f} % of the frames complete; the rest is interpolated"
        found.append(Notice(warnings.PARTLY_VISIBLE, text))
    if not person.has_path:
        found.append(
            Notice(warnings.OTHER, "the file has no path: the person stays in place; give its clip with --video")
        )
    return found
