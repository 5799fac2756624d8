"""The nouns of a capture: camera, observations of one person in one view, take of one person, shot of all people."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from .contract import atomic
from .contract.motion_file import Motion
from .contract.people_file import People
from .contract.settings import CaptureSettings
from .contract.warnings import Notice
from .progress import Progress

if TYPE_CHECKING:
    from .solve.kinematics import Pose
    from .solve.solver import Problem
    from .solve.terms import Ground

LEVEL_CAMERA = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, 1.0], [0.0, -1.0, 0.0]])
"""Camera axes (x right, y down, z forward) -> world axes (z up, the camera looks along +Y), for a level camera."""

SOLE_LAYOUTS = ("blazepose33", "halpe26")  #: Layouts whose heels and toes are used for contacts.
Observe = Callable[[str, float], None]  #: Receives the name of every stage that ran and its seconds.


@dataclass(frozen=True)
class Camera:
    """A pinhole camera without distortion."""

    width: int  #: Of the picture as displayed, pixels.
    height: int
    focal: float  #: Focal length, pixels.

    @classmethod
    def from_fov(cls, width: int, height: int, fov: float) -> Camera:
        """A camera whose picture spans ``fov`` degrees along its longer side."""
        return cls(width, height, max(width, height) / 2 / math.tan(math.radians(fov) / 2))

    @property
    def centre(self) -> np.ndarray:
        """(2,) the principal point, pixels."""
        return np.array([self.width / 2, self.height / 2])

    def rays(self, points: np.ndarray) -> np.ndarray:
        """Pixels (..., 2) -> points (..., 2) on the plane z = 1 before the camera."""
        return (points - self.centre) / self.focal


@dataclass(frozen=True)
class CameraTilt:
    """How the camera is held."""

    pitch: float  #: Degrees that it looks down.
    roll: float  #: Degrees that it is rotated clockwise.
    known: bool  #: False where there is no evidence and a level camera is assumed.

    @property
    def rotation(self) -> np.ndarray:
        """(3,3): camera axes -> world axes (z up, the camera looks along +Y)."""
        pitch, roll = math.radians(self.pitch), math.radians(self.roll)
        down = np.array([[1, 0, 0], [0, math.cos(pitch), math.sin(pitch)], [0, -math.sin(pitch), math.cos(pitch)]])
        clockwise = np.array([[math.cos(roll), -math.sin(roll), 0], [math.sin(roll), math.cos(roll), 0], [0, 0, 1]])
        return LEVEL_CAMERA @ down @ clockwise


@dataclass(frozen=True)
class Observations:
    """One person in one view, over T frames."""

    view: str  #: A clip of one camera has one view, ``main``.
    camera: Camera
    fps: float  #: Mean frames a second.
    body2d: np.ndarray  #: (T,17,3) COCO-17 pixels and score; NaN and 0 where not detected.
    layouts: Mapping[str, np.ndarray]  #: Further points (T,P,3): pixels and score, or metres in layouts ``*_world``.

    @cached_property
    def capabilities(self) -> frozenset[str]:
        """Inputs for stages and layers: ``body2d``, ``body3d`` (the detector's own 3D), ``soles``, ``parts`` (evidence
        for the orientation of head, hands and feet)."""
        found = {"body2d"}
        if "blazepose33_world" in self.layouts:
            found |= {"body3d", "parts"} if "blazepose33" in self.layouts else {"body3d"}
        if self.layouts.keys() & set(SOLE_LAYOUTS):
            found.add("soles")
        return frozenset(found)


class Take:
    """One person's capture as it grows from stage to stage; T frames. CANONICAL_HEIGHT tall until the last stages."""

    person: int  #: Row in PEOPLE.npz; the person's number is one more.
    views: tuple[Observations, ...]  #: The main view first.
    keypoints: np.ndarray  #: (T,17,3) repaired COCO-17 pixels and score, finite.
    lifter_input: np.ndarray  #: ((T - 1) upsampling + 1, 17, 3) the same at the 3D model's rate, until it has run.
    upsampling: int  #: Rows of ``lifter_input`` for each frame.
    confidence: np.ndarray  #: (T,17) 0..1 of each joint.
    detected: np.ndarray  #: (T,) bool, frames with a detection.
    flipped: np.ndarray  #: (T,2) bool, frames in which left and right arms, and legs, had been exchanged.
    repairs: dict[str, int]  #: Count by repair step.
    frame_step: int  #: Stride of the 3D model's window, frames.
    joints: np.ndarray  #: (T,17,3) root-relative, stabilised camera axes, metres.
    problem: Problem  #: What the solver knows, in the visible range.
    pose: Pose  #: Of the visible range, stabilised camera axes.
    points: np.ndarray  #: (T,21,3) of the pose, for all frames.
    ground: Ground  #: In the visible range.
    reprojection: np.ndarray  #: (T,) distance of the body from the keypoints, percent of its size; NaN if unobserved.
    size: float  #: Relative to the person of the settings' height.
    world: np.ndarray  #: (T,21,3) joints and soles, world axes, metres, the floor at z = 0.
    root: np.ndarray  #: (T,3) the Hip, camera axes.
    camera_R: np.ndarray  # noqa: N815  #: (T,3,3), world = camera_R @ camera + camera_t.
    camera_t: np.ndarray  #: (3,)
    soles: np.ndarray  #: (T,2,2) bool, contacts of left and right foot's heel and toe.
    contacts: np.ndarray  #: (T,2) bool, left and right foot that is planted and does not roll.
    layers: dict[str, np.ndarray]  #: Arrays of the optional layers by name.

    def __init__(self, person: int, views: tuple[Observations, ...]) -> None:
        self.person, self.views, self.size, self.layers = person, views, 1.0, {}

    @property
    def main(self) -> Observations:
        """The view whose camera axes the motion is in."""
        return self.views[0]

    @cached_property
    def visible(self) -> slice:
        """The visible range: rows from the first to the last detection."""
        rows = np.flatnonzero(self.detected)
        return slice(int(rows[0]), int(rows[-1]) + 1)

    def padded(self, rows: np.ndarray) -> np.ndarray:
        """Values of the visible range (N, ...) for all frames (T, ...): the person is motionless before and after."""
        edges = (self.visible.start, len(self.detected) - self.visible.stop)
        return np.pad(rows, (edges, *((0, 0),) * (rows.ndim - 1)), mode="edge")

    def points_without_flips(self, layout: str) -> np.ndarray:
        """Points (T,P,3) of a layout; NaN in frames with flips, where the detector's own 3D has the wrong depth."""
        return np.where(self.flipped.any(axis=1)[:, None, None], np.float32(np.nan), self.main.layouts[layout])


class PoseSource(ABC):
    """A source of root-relative 3D: a 3D model that lifts the 2D track, or a file of another system."""

    name: str  #: In the motion file.
    file: Path  #: The checkpoint or the joints.
    rate: float | None = None  #: Frames a second to which the 2D track is upsampled; None for the clip's own frames.

    def frame_step(self, fps: float) -> int:
        """The stride of the window, frames, for a track of so many frames a second."""
        return 1

    @abstractmethod
    def estimate(self, take: Take, progress: Progress) -> np.ndarray:
        """(T,17,3) root-relative joints in camera axes, metres up to one factor."""

    def facts(self) -> dict[str, Any]:
        """What the motion file says about the source."""
        return {"lifter": self.name, "checkpoint": self.file.name, "checkpoint_sha256": atomic.sha256(self.file)}


@dataclass
class Shot:
    """The state that the people of one capture share."""

    people: People
    settings: CaptureSettings
    source: PoseSource
    camera: Camera  #: Of the main view.
    fps: float  #: Mean frames a second.
    takes: dict[int, Take]  #: Captured and reference people (evidence for gravity) by row.
    captured: list[int]  #: Rows of the people to capture, in the user's order.
    first: int  #: Row of the person whose first Hip is above the world's origin.
    references: list[int]  #: Rows of the reference people.
    progress: Progress
    rotations: np.ndarray | None = None  #: (T,3,3) camera axes -> stabilised camera axes; None for a static camera.
    rotation_deg: float = 0.0  #: Largest rotation away from the mean direction.
    tilt: CameraTilt = CameraTilt(0.0, 0.0, known=False)
    notices: list[Notice] = field(default_factory=list)  #: About the clip as a whole.
    motions: dict[int, Motion] = field(default_factory=dict)  #: Results by row.

    def rays(self, pixels: np.ndarray, rows: slice) -> np.ndarray:
        """Pixels (N,P,2) of some frames -> points (N,P,2) on the plane z = 1 of the stabilised camera."""
        rays = self.camera.rays(pixels)
        if self.rotations is None:
            return rays
        directions = np.concatenate([rays, np.ones((*rays.shape[:-1], 1))], axis=-1)
        directions = directions @ np.swapaxes(self.rotations[rows], 1, 2)
        # Far from the mean direction there is no place on the plane; nobody of interest is there.
        return directions[..., :2] / np.maximum(directions[..., 2:], 0.05)
