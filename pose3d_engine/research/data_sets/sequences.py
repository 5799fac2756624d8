"""The common form of the papers' data sets: sequences of 2D keypoints with their 3D joints."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import numpy as np


@dataclass(frozen=True)
class Layout:
    """Relations between the joints of a data set.

    Attributes:
        keypoint_mirror: (K,) the counterpart of each keypoint on the other side.
        joint_mirror: (J,) the counterpart of each joint on the other side.
        root: The joint at the origin.
    """

    keypoint_mirror: np.ndarray
    joint_mirror: np.ndarray
    root: int

    def mirrored_keypoints(self, keypoints: np.ndarray) -> np.ndarray:
        """Mirrors keypoints (..., K, 2), centred on the middle of the picture."""
        return keypoints[..., self.keypoint_mirror, :] * np.array([-1, 1], keypoints.dtype)

    def mirrored_joints(self, joints: np.ndarray) -> np.ndarray:
        """Mirrors joints (..., J, 3) in camera axes."""
        return joints[..., self.joint_mirror, :] * np.array([-1, 1, 1], joints.dtype)


@dataclass(frozen=True)
class Sequence:
    """One take through one camera, T frames.

    Attributes:
        subject: Name of the person.
        action: Name of the take.
        view: Name of the camera.
        keypoints: (T,K,2) float32, scaled so that the width of the picture is -1..1 and its middle is the origin.
        joints: (T,J,3) float32, camera axes, relative to the root, in the unit of the data set.
        root: (T,3) float32, the root in camera axes, same unit.
        camera: (4,) focal length x, y and centre x, y in the scale of ``keypoints``; None if unknown.
        scored: (T,) bool, frames that are evaluated.
        labels: (T,) int, activity of each frame; 0 if unknown.
    """

    subject: str
    action: str
    view: str
    keypoints: np.ndarray
    joints: np.ndarray
    root: np.ndarray
    camera: np.ndarray | None
    scored: np.ndarray
    labels: np.ndarray

    def __len__(self) -> int:
        return len(self.keypoints)


@dataclass(frozen=True)
class DataSet:
    """Sequences with a common layout.

    Attributes:
        name: Name of the data set.
        layout: Its layout.
        millimetres: The unit of the joints, millimetres.
        fps: Frames a second of the takes; 0 if they differ.
        sequences: All takes through all cameras.
    """

    name: str
    layout: Layout
    millimetres: float
    fps: float
    sequences: tuple[Sequence, ...]


@dataclass
class Windows:
    """Windows around every frame of many sequences, cut on demand. Frames beyond an end repeat the last one.

    The published code pads one end only where a window overhangs both and then gives a shorter window; here every
    window has ``frames`` frames.
    """

    data: DataSet
    frames: int
    stride: int = 1
    """``tds``: frame step within a window."""
    _keypoints: np.ndarray = field(init=False)
    _joints: np.ndarray = field(init=False)
    _first: np.ndarray = field(init=False)
    _last: np.ndarray = field(init=False)

    def __post_init__(self) -> None:
        sequences = self.data.sequences
        self._keypoints = np.concatenate([s.keypoints for s in sequences])
        self._joints = np.concatenate([s.joints for s in sequences])
        lengths = np.array([len(s) for s in sequences])
        ends = np.cumsum(lengths)
        self._first = np.repeat(ends - lengths, lengths)
        self._last = np.repeat(ends - 1, lengths)
        reach = self.frames // 2
        self._offsets = (np.arange(self.frames) - reach) * self.stride
        self._cameras, self._roots = self._per_frame(lambda s: s.camera), np.concatenate([s.root for s in sequences])

    def _per_frame(self, value: Callable[[Sequence], np.ndarray | None]) -> np.ndarray | None:
        values = [value(s) for s in self.data.sequences]
        known = [v for v in values if v is not None]
        if len(known) < len(values):
            return None
        return np.repeat(np.stack(known), [len(s) for s in self.data.sequences], axis=0)

    def __len__(self) -> int:
        return len(self._keypoints)

    def rows(self, centres: np.ndarray) -> np.ndarray:
        """(N,) frame numbers over all sequences -> (N, frames) rows of the windows around them."""
        wanted = centres[:, None] + self._offsets
        return np.clip(wanted, self._first[centres, None], self._last[centres, None])

    def keypoints(self, centres: np.ndarray) -> np.ndarray:
        """(N, frames, K, 2)."""
        return self._keypoints[self.rows(centres)]

    def joints(self, centres: np.ndarray) -> np.ndarray:
        """(N, frames, J, 3)."""
        return self._joints[self.rows(centres)]

    def roots(self, centres: np.ndarray) -> np.ndarray:
        """(N, 3): the root of the frame in the middle."""
        return self._roots[centres]

    def cameras(self, centres: np.ndarray) -> np.ndarray | None:
        """(N, 4), or None where a camera is not known."""
        return None if self._cameras is None else self._cameras[centres]


def select(sequences: Iterable[Sequence], actions: tuple[str, ...]) -> tuple[Sequence, ...]:
    """The sequences whose action begins with one of the names; all if there are none."""
    return tuple(s for s in sequences if not actions or s.action.startswith(actions))
