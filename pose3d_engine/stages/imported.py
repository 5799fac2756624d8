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
from ..solve import contacts, feet, floor, gravity, kinematics, skeleton, solver
from ..solve.body import ANKLE_HEIGHT, CANONICAL_HEIGHT, CHAIN, CHAIN_LENGTH, TOE_FORWARD
from ..solve.terms import Ground, View
from ..solve.vectors import unit
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
    tilt = _tilt(bodies, [known for _, known in found], settings)
    placed = [_in_world(person, tilt) for person in bodies]
    start = np.array([*placed[0].joints[0, 0, :2], 0.0])
    moved = [person.turned(np.eye(3), -start) for person in placed]
    takes = [_Body(person, known, frames / rate, rate) for person, (_, known) in zip(moved, found, strict=True)]
    stances = [replace(one, height=one.height * take.size) for take in takes for one in take.stances]
    ground = floor.floor_height(stances, np.concatenate([take.lowest * take.size for take in takes]), rate)
    result = []
    for take, source in zip(takes, chosen, strict=True):
        facts = _facts(motion, source, settings, rate, tilt) | {"person": motion.people.index(source) + 1}
        result.append(take.motion(ground, frames, settings, facts))
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


def _tilt(people: list[Person3D], known: list[np.ndarray], settings: CaptureSettings) -> CameraTilt | None:
    """How the camera is held; None where the file has a world."""
    if people[0].axes == "world":
        return None
    found = gravity.UNKNOWN
    if "level" in settings.motion and (settings.tilt is None or settings.roll is None):
        bodies = [
            (one.joints * (CANONICAL_HEIGHT / _height(one.joints)), mask.astype(np.float64))
            for one, mask in zip(people, known, strict=True)
        ]
        balance = gravity.balance(bodies)
        found = gravity.tilt_of(balance.up, balance.share, 0.0)
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


def _views(points: np.ndarray, weights: np.ndarray) -> list[View]:
    """Views of points (T,21,3) from two sides, with weights (T,21): they hold a body where the file has it."""
    far = 10.0 + 2 * float(np.abs(points).max())
    found: list[View] = []
    for rotation in (LEVEL_CAMERA.T, LEVEL_CAMERA.T @ np.array([[0.0, 1.0, 0.0], [-1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])):
        seen = points @ rotation.T + [0.0, 0.0, far]
        flat = seen[..., :2] / seen[..., 2:]
        found.append(View(rotation, np.array([0.0, 0.0, far]), flat, weights))
    return found


class _Body:
    """A person of the file on one skeleton at CANONICAL_HEIGHT, and what they stand on."""

    def __init__(self, person: Person3D, known: np.ndarray, times: np.ndarray, fps: float) -> None:
        """person: In world axes, metres, the first person's first Hip over the origin. known: (T,17) bool."""
        self.person, self.known, self.times, self.fps = person, known, times, fps
        self.tall = _height(person.joints)
        self.size = self.tall / CANONICAL_HEIGHT
        world, confidence = person.joints / self.size, known.astype(np.float64)
        lengths = skeleton.bone_lengths(world, confidence, CANONICAL_HEIGHT)
        joints = skeleton.with_lengths(world - world[:, :1], lengths)
        self.skeleton = kinematics.Skeleton(lengths)
        toes, scale = self._toes(joints), self.skeleton.foot_scale
        self.pose = kinematics.pose_of(joints, world[:, 0], toes, scale)
        self.points = self.skeleton.points(self.pose)
        if not person.has_path:  # the body hangs from a Hip that stays in place: its lower sole is on the floor
            lowest = self.points[:, kinematics.SOLE_ROWS.ravel(), 2].min(axis=1)
            self.pose = kinematics.pose_of(joints, world[:, 0] - lowest[:, None] * [0.0, 0.0, 1.0], toes, scale)
            self.points = self.skeleton.points(self.pose)
        self.weights = np.pad(confidence, ((0, 0), (0, 4)))
        observed = known[:, floor.ANKLES]
        if person.contacts is None:
            held = contacts.contacts(self.points, observed, times, np.zeros(3))
        else:
            held = np.repeat((person.contacts & observed)[..., None], 2, axis=2)
        self.held, self.observed = held, observed
        self.stances = floor.stances(self.points, held)
        lowest = self.points[:, kinematics.SOLE_ROWS, 2].min(axis=2)
        self.lowest = lowest[observed] if observed.any() else lowest.ravel()

    def _toes(self, joints: np.ndarray) -> np.ndarray:
        """(T,2,3) directions from ankles to toes: as the file orients the feet, or as usual."""
        if "left_foot" not in self.person.parts:
            return feet.usual_toes(joints)
        toe = np.array([0.0, -TOE_FORWARD, -ANKLE_HEIGHT])
        return unit(np.stack([self.person.parts[f"{side}_foot"] @ toe for side in ("left", "right")], axis=1))

    def motion(self, floor_height: float, frames: np.ndarray, settings: CaptureSettings, facts: dict) -> Motion:
        """The motion over a floor at that height, metres. The solver runs where feet are to be planted, or for a switch
        of it."""
        height, switches = floor_height / self.size, settings.motion
        ground = None
        if self.person.has_path and settings.feet != "never":
            levels = floor.levels(self.stances, height, len(frames))
            air = contacts.airborne(self.held, self.observed, self.times)
            still = contacts.standing(self.held, self.points, self.times)
            held = self.held if settings.feet != "always" else contacts.at_least_one(self.held, self.points[..., 2])
            up = np.array([0.0, 0.0, 1.0])
            ground = Ground(up, height, held, levels, air, still, slides=settings.feet == "ground")
        pose = self.pose
        if not settings.raw and (ground is not None or switches & {"filter", "limits"}):
            views = _views(self.points, self.weights)
            directions, smooth, limits = pose.directions, "filter" in switches, "limits" in switches
            problem = solver.Problem(self.skeleton, directions, views, self.fps, smooth=smooth, limits=limits)
            pose = solver.solve(problem, pose, ground)
        points = self.skeleton.points(pose) - [0.0, 0.0, height]
        touch = contacts.planted(self.held if ground is None else ground.contacts, points, self.times)
        if self.person.contacts is not None:
            touch = self.person.contacts & self.observed
        return self._finished(points[:, :17] * self.size, touch, floor_height, frames, settings, facts)

    def _finished(
        self,
        world: np.ndarray,
        touch: np.ndarray,
        floor_height: float,
        frames: np.ndarray,
        settings: CaptureSettings,
        facts: dict,
    ) -> Motion:
        camera_R, camera_t = _camera(self.person, floor_height)
        body = np.einsum("tji,tkj->tki", camera_R, world - camera_t[:, None])
        layers = {}
        if "orientations" in settings.layers and self.person.parts and not settings.raw:
            layers = {f"{part}_R": value.astype(np.float32) for part, value in self.person.parts.items()}
            layers |= {f"{part}_valid": self.known.all(axis=1) for part in self.person.parts}
        notices = [one.to_json() for one in _notices(self.person, self.known)]
        return Motion(
            joints3d=body - body[:, :1],
            root=body[:, 0],
            world=world,
            camera_R=camera_R,
            camera_t=camera_t,
            keypoints2d=np.zeros((len(frames), 17, 3), np.float32),
            confidence=self.known.astype(np.float32),
            contacts=touch,
            frames=frames,
            times=self.times,
            meta=facts | {"height_m": self.tall, "warnings": notices},
            extras=layers,
        )


def _camera(person: Person3D, floor_height: float) -> tuple[np.ndarray, np.ndarray]:
    """The file's cameras (T,3,3), (T,3); a level one in front of the person's start where it has none."""
    if person.camera_R is not None and person.camera_t is not None:
        return person.camera_R, person.camera_t - [0.0, 0.0, floor_height]
    place = person.joints[0, 0] * [1, 1, 0] + [0.0, -_CAMERA_BACK, _CAMERA_UP]
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


def _notices(person: Person3D, known: np.ndarray) -> list[Notice]:
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
