"""The content of another system's 3D file, as plain arrays, and the checks that all readers share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal

import numpy as np

from ...contract import atomic
from ...contract.errors import UserError
from ...contract.skeletons import H36M17

Y_UP = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, -1.0], [0.0, 1.0, 0.0]])
"""World axes with y up, of a figure that faces +z, -> ours: z up, the figure faces -y."""

UNITS = {"m": 1.0, "meters": 1.0, "cm": 0.01, "centimeters": 0.01, "mm": 0.001, "millimeters": 0.001}
UNITS |= {"in": 0.0254, "inch": 0.0254, "inches": 0.0254, "ft": 0.3048, "feet": 0.3048}
"""Metres of the units that files name."""

MOST_ROWS = 3_000_000
"""Rows of a person at most: more than two hours of motion capture at 400 Hz."""

_MAX_SPAN, _SPAN_PER_ROW = 1000, 100  #: A larger span of frame numbers than both together is not that of a clip.

FARTHEST = 1e5
"""Metres: nothing is so far away, and squares of such numbers are still exact enough."""

_HEIGHTS = (0.3, 3.0)
"""Metres from ankle to head of what is a person in metres. Outside of it the unit is another one, or there is none."""

_HIPS, _SHOULDERS, _ANKLES = ([H36M17.index(side + joint) for side in "LR"] for joint in ("Hip", "Shoulder", "Ankle"))
_HIP, _SPINE, _THORAX, _HEAD = (H36M17.index(joint) for joint in ("Hip", "Spine", "Thorax", "Head"))


@dataclass(frozen=True, eq=False)
class Person3D:
    """One person of a file; T rows.

    Attributes:
        frames: (T,) int, ascending: frames of the clip from 0, or rows of a file without a video. Others are gaps.
        joints: (T,17,3) Human3.6M-17, metres; NaN where the file has none.
        name: The file's own name or number of the person.
        axes: ``camera`` (x right, y down, z forward) or ``world`` (z up, the floor at any height).
        has_path: Whether the Hip moves as the person does; otherwise it is at the origin.
        metric: Whether the file says the person's size; otherwise sizes are up to one factor.
        camera_R, camera_t: (T,3,3), (T,3): world = camera_R @ camera + camera_t, where the file has both.
        contacts: (T,2) bool, left and right foot on the floor, where the file says it.
        parts: Orientations (T,3,3) of ``head``, ``left_hand`` and so on in ``axes``, from the T-pose of a figure that
            faces -y with z up (see :mod:`pose3d_engine.contract.layers`).
    """

    frames: np.ndarray
    joints: np.ndarray
    name: str = "1"
    axes: Literal["camera", "world"] = "world"
    has_path: bool = True
    metric: bool = True
    camera_R: np.ndarray | None = None  # noqa: N815 - as in the motion file
    camera_t: np.ndarray | None = None
    contacts: np.ndarray | None = None
    parts: Mapping[str, np.ndarray] = field(default_factory=dict)

    @property
    def present(self) -> np.ndarray:
        """(T,) bool, rows in which every joint is known."""
        return np.isfinite(self.joints).all(axis=(1, 2))

    def in_camera(self) -> np.ndarray | None:
        """(T,17,3) joints in camera axes, with their path if the file has one; None where it has no camera."""
        if self.axes == "camera":
            return self.joints
        if self.camera_R is None or self.camera_t is None:
            return None
        return np.einsum("tji,tkj->tki", self.camera_R, self.joints - self.camera_t[:, None])

    def at(self, positions: np.ndarray) -> tuple[Person3D, np.ndarray]:
        """The person at other frames (N,), ascending, which may lie between the file's own.

        Returns:
            The person without gaps: joints are interpolated linearly, the rest is the nearest row's. And (N,17) bool,
            which joints the file has there.
        """
        joints, known = np.empty((len(positions), 17, 3)), np.zeros((len(positions), 17), bool)
        for joint in range(17):
            rows = np.flatnonzero(np.isfinite(self.joints[:, joint]).all(axis=1))
            frames = self.frames[rows]
            for axis in range(3):
                joints[:, joint, axis] = np.interp(positions, frames, self.joints[rows, joint, axis])
            before = np.clip(np.searchsorted(frames, positions, side="right") - 1, 0, len(rows) - 1)
            after = np.clip(np.searchsorted(frames, positions), 0, len(rows) - 1)
            inside = (positions >= frames[0]) & (positions <= frames[-1])
            known[:, joint] = inside & (frames[after] - frames[before] <= 1)
        middle = (self.frames[1:] + self.frames[:-1]) / 2
        near = np.searchsorted(middle, positions)
        more = {
            name: value[near]
            for name in ("camera_R", "camera_t", "contacts")
            if (value := getattr(self, name)) is not None
        }
        parts = {name: value[near] for name, value in self.parts.items()}
        return replace(self, frames=np.arange(len(positions)), joints=joints, parts=parts, **more), known

    def turned(self, rotation: np.ndarray, shift: np.ndarray) -> Person3D:
        """The person in other world axes: ``rotation`` (3,3) applied first, then ``shift`` (3,)."""
        cameras = {}
        if self.camera_R is not None and self.camera_t is not None:
            cameras = {"camera_R": rotation @ self.camera_R, "camera_t": self.camera_t @ rotation.T + shift}
        parts = {name: rotation @ value for name, value in self.parts.items()}
        return replace(self, axes="world", joints=self.joints @ rotation.T + shift, parts=parts, **cameras)


def to_north(camera_R: np.ndarray) -> np.ndarray:
    """The rotation (3,3) about the vertical, after which cameras (T,3,3) on average look along +y."""
    ahead = camera_R[:, :, 2].mean(axis=0)
    angle = float(np.arctan2(ahead[0], ahead[1])) if np.hypot(*ahead[:2]) > 1e-3 else 0.0
    return np.array([[np.cos(angle), -np.sin(angle), 0.0], [np.sin(angle), np.cos(angle), 0.0], [0.0, 0.0, 1.0]])


@dataclass(frozen=True)
class Motion3D:
    """The people of a file, those with most rows first.

    Attributes:
        source: Name of the format.
        path: The file itself.
        every_frame: Whether there is a row for each frame of the clip, so that the numbers of both must agree.
        fps: Frames a second, where the file says them; otherwise None: those of its video.
        focal, size: Focal length and (width, height) of the picture in pixels, where the file says them.
    """

    source: str
    people: list[Person3D]
    fps: float | None = None
    focal: float | None = None
    size: tuple[int, int] | None = None
    every_frame: bool = False
    path: Path = Path()

    def facts(self) -> dict[str, Any]:
        """What the motion file says about the source; nothing of a file that a command left and that is gone."""
        name, digest = (self.path.name, atomic.sha256(self.path)) if self.path.is_file() else ("", "")
        return {"lifter": self.source, "checkpoint": name, "checkpoint_sha256": digest}


def checked(motion: Motion3D, path: Path) -> Motion3D:
    """The motion of a file, with what all readers must give; raises UserError for one that makes no sense."""
    where = str(path)
    people = sorted((_checked(person, where) for person in motion.people), key=lambda one: -int(one.present.sum()))
    if not people:
        raise UserError(f"{where}: nobody in it; check the program that wrote it")
    if motion.fps is not None and not 1.0 <= motion.fps <= 2000.0:
        raise UserError(f"{where}: says {motion.fps:g} frames a second; give its rate with --fps")
    return replace(motion, people=people, path=path)


def _checked(person: Person3D, where: str) -> Person3D:
    """A person whose values can be used, upright in the world, in metres."""
    rows = len(person.frames)
    if not 0 < rows <= MOST_ROWS or person.joints.shape != (rows, 17, 3):
        raise UserError(f"{where}: person {person.name} has {rows} frames; give the motion of one clip")
    if (np.diff(person.frames) <= 0).any() or person.frames[0] < 0:
        raise UserError(f"{where}: the frame numbers of person {person.name} do not ascend; write the file again")
    if person.frames[-1] > MOST_ROWS or np.ptp(person.frames) > _MAX_SPAN + _SPAN_PER_ROW * rows:
        raise UserError(f"{where}: has frame {person.frames[-1]}, but {rows} rows; give the motion of one clip")
    sizes = {"camera_R": (3, 3), "camera_t": (3,), "contacts": (2,)}
    given = {name: getattr(person, name) for name in sizes if getattr(person, name) is not None}
    for name, value in [*given.items(), *person.parts.items()]:
        if value.shape != (rows, *sizes.get(name, (3, 3))) or not np.isfinite(value).all():
            raise UserError(f"{where}: its cameras, contacts or rotations do not fit its frames; write the file again")
    present = person.present
    if present.sum() < 2:
        raise UserError(f"{where}: person {person.name} has {int(present.sum())} complete frames; motion needs two")
    joints = person.joints[present]
    farthest = np.abs(person.joints[np.isfinite(person.joints)]).max()
    if farthest > FARTHEST:
        raise UserError(f"{where}: joints lie {farthest:.3g} m away; check its unit")
    height = float(np.median(_height(joints)))
    if not person.metric and height < 1e-9:
        raise UserError(f"{where}: all joints of person {person.name} are at one place; write the file again")
    if person.metric and not _HEIGHTS[0] < height < _HEIGHTS[1]:
        raise UserError(f"{where}: person {person.name} is {height:.3g} m from ankles to head; check the file's unit")
    return person


def _height(joints: np.ndarray) -> np.ndarray:
    """(T,) length along the bones from the ankles to the head, the unit of joints (T,17,3)."""
    chain = [np.linalg.norm(joints[:, a] - joints[:, b], axis=-1) for a, b in pairwise(_CHAIN)]
    return np.sum(chain, axis=0)


_CHAIN = [H36M17.index(joint) for joint in ("LAnkle", "LKnee", "LHip", "Hip", "Spine", "Thorax", "Head")]


def middles(joints: np.ndarray) -> np.ndarray:
    """Fills Hip, Spine and Thorax of (T,17,3) from hips and shoulders, for layouts that lack them; in place."""
    joints[:, _HIP] = joints[:, _HIPS].mean(axis=1)
    joints[:, _THORAX] = joints[:, _SHOULDERS].mean(axis=1)
    joints[:, _SPINE] = (joints[:, _HIP] + joints[:, _THORAX]) / 2
    return joints


def upright(joints: np.ndarray, usual: int) -> np.ndarray:
    """Rotates world joints (T,17,3) to z up. Up is that of the axes' six directions in which heads are most above
    ankles; where none stands out, as for people who lie, the axis ``usual`` of the format."""
    rises = joints[:, _HEAD] - joints[:, _ANKLES].mean(axis=1)
    rises = rises[np.isfinite(rises).all(axis=1)]
    up = np.median(rises, axis=0) if len(rises) else np.zeros(3)
    axis = int(np.abs(up).argmax())
    clear = np.abs(up[axis]) > 0.7 * np.linalg.norm(up)
    to_z = (np.roll(np.eye(3), 1, axis=1), Y_UP, np.eye(3))[axis if clear else usual]
    return (joints @ to_z.T) * ([1.0, -1.0, -1.0] if clear and up[axis] < 0 else [1.0, 1.0, 1.0])


def array(value: Any, shape: tuple[int | None, ...], where: str) -> np.ndarray:
    """A finite float64 array of that shape, None for any length. Raises UserError, ``where`` it is, for another."""
    given = value if isinstance(value, np.ndarray) else np.zeros(0)
    fits = len(given.shape) == len(shape) and all(b in (None, a) for a, b in zip(given.shape, shape, strict=True))
    if not fits or given.dtype.kind not in "fiu":
        wanted = ", ".join("frames" if size is None else str(size) for size in shape)
        raise UserError(f"{where} is {given.shape} {given.dtype}, not ({wanted}); write the file again")
    with np.errstate(over="ignore"):
        result = given.astype(np.float64)
    if not np.isfinite(result).all():
        raise UserError(f"{where} has values that are not finite; write the file again")
    return result


def number(value: Any) -> float | None:
    """A positive number, or the median of an array of them; None for anything else."""
    given = np.asarray(value) if isinstance(value, (int, float, np.number, np.ndarray)) else np.zeros(0)
    if not given.size or given.dtype.kind not in "fiu":
        return None
    found = float(np.median(given))
    return found if np.isfinite(found) and found > 0 else None
