"""The nouns of a capture: the camera, what one view shows of a person, and one person's motion as it grows."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Protocol

import numpy as np

from .contract.motion_file import Motion
from .contract.people_file import People
from .contract.settings import CaptureSettings
from .contract.warnings import Notice
from .progress import Progress

DEFAULT_FOV = 60.0
"""Degrees across the picture's longer side, where neither the user nor a camera that pans tells the field of view."""

LEVEL_CAMERA = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, 1.0], [0.0, -1.0, 0.0]])
"""Camera axes (x right, y down, z forward) -> world axes (z up, the camera looks along +Y), for a level camera."""


@dataclass(frozen=True)
class Camera:
    """A pinhole camera without distortion.

    Attributes:
        width, height: Of the picture as displayed, pixels.
        focal: Focal length, pixels.
    """

    width: int
    height: int
    focal: float

    @classmethod
    def from_fov(cls, width: int, height: int, fov: float) -> Camera:
        """A camera whose picture spans ``fov`` degrees along its longer side."""
        return cls(width, height, max(width, height) / 2 / math.tan(math.radians(fov) / 2))

    @property
    def longer_side(self) -> int:
        """Pixels."""
        return max(self.width, self.height)

    @property
    def centre(self) -> np.ndarray:
        """(2,) the principal point, pixels."""
        return np.array([self.width / 2, self.height / 2])

    def rays(self, points: np.ndarray) -> np.ndarray:
        """Pixels (..., 2) -> points (..., 2) on the plane z = 1 before the camera."""
        return (points - self.centre) / self.focal

    def project(self, points: np.ndarray) -> np.ndarray:
        """Points (..., 3) in camera axes, in front of the camera -> pixels (..., 2)."""
        return points[..., :2] / points[..., 2:] * self.focal + self.centre


@dataclass(frozen=True)
class CameraTilt:
    """How the camera is held.

    Attributes:
        pitch: Degrees that it looks down.
        roll: Degrees that it is rotated clockwise.
        known: False where there is no evidence and a level camera is assumed.
    """

    pitch: float
    roll: float
    known: bool

    @property
    def rotation(self) -> np.ndarray:
        """(3,3): camera axes -> world axes (z up, the camera looks along +Y)."""
        pitch, roll = math.radians(self.pitch), math.radians(self.roll)
        down = np.array([[1, 0, 0], [0, math.cos(pitch), math.sin(pitch)], [0, -math.sin(pitch), math.cos(pitch)]])
        turn = np.array([[math.cos(roll), -math.sin(roll), 0], [math.sin(roll), math.cos(roll), 0], [0, 0, 1]])
        return LEVEL_CAMERA @ down @ turn


@dataclass(frozen=True)
class Observations:
    """What one view shows of one person, over T frames.

    Attributes:
        view: Name of the view; a clip of one camera has one view, ``main``.
        camera: The view's camera.
        fps: Mean frames a second.
        body2d: (T,17,3) COCO-17 pixels and score; NaN and 0 where not detected.
        layouts: Further points by layout, (T,P,3): pixels and score, or metres where the name ends in ``_world``.
    """

    view: str
    camera: Camera
    fps: float
    body2d: np.ndarray
    layouts: Mapping[str, np.ndarray]

    @cached_property
    def capabilities(self) -> frozenset[str]:
        """What stages and layers can ask for: ``body2d``, ``body3d`` (the detector's own 3D), ``soles``, ``parts`` (the
        orientation of head, hands and feet can be told)."""
        found = {"body2d"}
        if "blazepose33_world" in self.layouts:
            found.add("body3d")
            if "blazepose33" in self.layouts:
                found.add("parts")
        if self.layouts.keys() & {"blazepose33", "halpe26"}:
            found.add("soles")
        return frozenset(found)


@dataclass
class Take:
    """One person's capture as it grows from stage to stage; T frames.

    Until the last stage everybody is as tall as the stages are tuned for (``CANONICAL_HEIGHT``).

    Attributes:
        person: Row in PEOPLE.npz; the person's number is one more.
        views: One :class:`Observations` a view, the main one first.
        keypoints: (T,17,3) repaired COCO-17 pixels and score, finite.
        lifter_input: ((T - 1) upsampling + 1, 17, 3) the same at the rate of the 3D model; gone when it has run.
        confidence: (T,17) 0..1 of each joint.
        detected: (T,) bool, frames in which the detector saw the person.
        flipped: (T,2) bool, frames in which left and right arms, and legs, had been exchanged.
        repairs: Count by repair step.
        frame_step: Stride of the 3D model's window, frames.
        joints: (T,17,3) root-relative, stabilised camera axes, metres.
        root: (T,3) Hip, the same axes.
        lengths: (17,) bone lengths, metres.
        ground: Height of the floor under this person over the camera, metres (below it: negative).
        size: Size beside that of the person whose height was given.
        world: (T,17,3) world axes, metres, the floor at z = 0.
        camera_R: (T,3,3), ``camera_t``: (3,), world = camera_R @ camera + camera_t.
        contacts: (T,2) bool, left and right foot.
        layers: Arrays of the optional layers by name.
    """

    person: int
    views: tuple[Observations, ...]
    keypoints: np.ndarray = field(init=False)
    lifter_input: np.ndarray = field(init=False)
    upsampling: int = field(init=False)
    confidence: np.ndarray = field(init=False)
    detected: np.ndarray = field(init=False)
    flipped: np.ndarray = field(init=False)
    repairs: dict[str, int] = field(init=False)
    frame_step: int = field(init=False)
    joints: np.ndarray = field(init=False)
    root: np.ndarray = field(init=False)
    lengths: np.ndarray = field(init=False)
    ground: float = field(init=False)
    size: float = 1.0
    world: np.ndarray = field(init=False)
    camera_R: np.ndarray = field(init=False)  # noqa: N815 - the name in the file
    camera_t: np.ndarray = field(init=False)
    contacts: np.ndarray = field(init=False)
    layers: dict[str, np.ndarray] = field(default_factory=dict)

    @property
    def main(self) -> Observations:
        """The view whose camera axes the motion is in."""
        return self.views[0]

    @cached_property
    def visible(self) -> slice:
        """The visible range: rows from the first to the last detection."""
        rows = np.flatnonzero(self.detected)
        return slice(int(rows[0]), int(rows[-1]) + 1)

    @property
    def body(self) -> np.ndarray:
        """(T,17,3) joints in stabilised camera axes, metres."""
        return self.joints + self.root[:, None]

    def held(self, rows: np.ndarray) -> np.ndarray:
        """Values of the visible range (N, ...) for all frames (T, ...): before and after it the person stands still."""
        edges = (self.visible.start, len(self.detected) - self.visible.stop)
        return np.pad(rows, (edges, *((0, 0),) * (rows.ndim - 1)), mode="edge")

    def unflipped_points(self, layout: str) -> np.ndarray:
        """Points (T,P,3) of a layout; NaN where left and right were exchanged: there they belong to the other side, and
        the detector's own 3D faces the wrong way."""
        return np.where(self.flipped.any(axis=1)[:, None, None], np.float32(np.nan), self.main.layouts[layout])


class PoseSource(Protocol):
    """Where root-relative 3D comes from: a 3D model that lifts the 2D track, or a file of another system."""

    @property
    def rate(self) -> float | None:
        """Frames a second that the 2D track should be upsampled to; None for the clip's own frames."""
        ...

    def frame_step(self, fps: float) -> int:
        """The stride of the window, frames, for a track of so many frames a second."""
        ...

    def estimate(self, take: Take, progress: Progress) -> np.ndarray:
        """(T,17,3) root-relative joints in camera axes, metres up to one factor."""
        ...

    def facts(self) -> dict[str, Any]:
        """What the motion file says of it: ``lifter``, ``checkpoint``, ``checkpoint_sha256``."""
        ...


@dataclass
class Shot:
    """What the people of one capture share.

    Attributes:
        people: What the analysis found.
        settings: Of this capture.
        source: Of root-relative 3D.
        camera: The main view's camera.
        fps: Mean frames a second.
        takes: Every person that is worked on, by row: the captured and the reference people (evidence for gravity).
        captured: Rows of the people to capture, in the order in which they were chosen.
        first: Row of the person above whose first Hip the world's origin is.
        references: Rows of the people whose standing and walking tell the camera's tilt.
        rotations: (T,3,3) camera axes of each frame -> axes of the stabilised camera; None for a static camera.
        rotation_deg: How far the camera rotates away from its mean direction at most.
        tilt: How the camera is held.
        notices: About the clip as a whole.
        motions: What came of each captured person, and of the first one, by row.
    """

    people: People
    settings: CaptureSettings
    source: PoseSource
    camera: Camera
    fps: float
    takes: dict[int, Take]
    captured: list[int]
    first: int
    references: list[int]
    progress: Progress
    rotations: np.ndarray | None = None
    rotation_deg: float = 0.0
    tilt: CameraTilt = CameraTilt(0.0, 0.0, known=False)
    notices: list[Notice] = field(default_factory=list)
    motions: dict[int, Motion] = field(default_factory=dict)

    @property
    def wanted(self) -> list[int]:
        """Rows of the captured people and the first one, who sets the origin, ascending."""
        return sorted({self.first, *self.captured})

    def rays(self, take: Take) -> np.ndarray:
        """(T,17,2) a person's keypoints on the plane z = 1 of the stabilised camera."""
        rays = self.camera.rays(take.keypoints[..., :2])
        return rays if self.rotations is None else stabilised(rays, self.rotations)


def stabilised(rays: np.ndarray, rotations: np.ndarray) -> np.ndarray:
    """Rays (T,J,2) on the plane z = 1 of the camera in each frame, on that of the stabilised camera.

    rotations: (T,3,3) from the axes of the first to those of the second.
    """
    directions = np.concatenate([rays, np.ones((*rays.shape[:-1], 1))], axis=-1) @ np.swapaxes(rotations, 1, 2)
    # Farther from the mean direction there is no place on the plane; nobody of interest is there.
    return directions[..., :2] / np.maximum(directions[..., 2:], 0.05)


Observe = Callable[[str, float], None]
"""Is told the name of every stage that ran and the seconds that it took; for benchmarks."""
