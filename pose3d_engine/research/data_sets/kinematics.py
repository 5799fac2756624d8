"""A recorded skeleton in motion, its forward kinematics, and rotations: shared by the readers of BVH and ASF/AMC."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...contract.skeletons import H36M17


@dataclass(frozen=True)
class Recording:
    """A take in the unit of its file, Y up.

    Attributes:
        names: J joints, parents before children.
        parents: (J,) index of each parent; -1 for the root.
        offsets: (J,3) each joint in the axes of its parent at rest.
        translations: (T,J,3) the same in every frame; the root's in the world.
        rotations: (T,J,3,3) from each joint's axes to those of its parent.
        rate: Frames a second.
        metres: Possible units, metres; one if the file defines it.
    """

    names: tuple[str, ...]
    parents: np.ndarray
    offsets: np.ndarray
    translations: np.ndarray
    rotations: np.ndarray
    rate: float
    metres: tuple[float, ...]


def forward(recording: Recording) -> tuple[np.ndarray, np.ndarray]:
    """Returns positions (T,J,3) and axes (T,J,3,3) of all joints in the world."""
    positions = np.empty_like(recording.translations)
    axes = np.empty_like(recording.rotations)
    for joint, parent in enumerate(recording.parents):
        if parent < 0:
            positions[:, joint], axes[:, joint] = recording.translations[:, joint], recording.rotations[:, joint]
            continue
        place = axes[:, parent] @ recording.translations[:, joint, :, None]
        positions[:, joint] = positions[:, parent] + place[..., 0]
        axes[:, joint] = axes[:, parent] @ recording.rotations[:, joint]
    return positions, axes


def at_rest(recording: Recording) -> np.ndarray:
    """Returns positions (J,3) at rest, with the root at the origin."""
    positions = np.zeros_like(recording.offsets)
    for joint, parent in enumerate(recording.parents):
        if parent >= 0:
            positions[joint] = positions[parent] + recording.offsets[joint]
    return positions


def about(axis: str, radians: np.ndarray) -> np.ndarray:
    """Returns rotation matrices (..., 3, 3) about ``axis``, one of x, y, z, for angles (...)."""
    first, second = ((1, 2), (2, 0), (0, 1))["xyz".index(axis)]
    matrices = np.zeros((*np.shape(radians), 3, 3))
    matrices[..., np.arange(3), np.arange(3)] = 1
    matrices[..., first, first] = matrices[..., second, second] = np.cos(radians)
    matrices[..., second, first] = np.sin(radians)
    matrices[..., first, second] = -matrices[..., second, first]
    return matrices


def rotation_vectors(vectors: np.ndarray) -> np.ndarray:
    """Rotation vectors (..., 3), radians -> rotation matrices (..., 3, 3), by Rodrigues' formula."""
    angle = np.linalg.norm(vectors, axis=-1)[..., None, None]
    x, y, z = np.moveaxis(vectors / np.maximum(angle[..., 0], 1e-8), -1, 0)
    zero = np.zeros_like(x)
    cross = np.stack([zero, -z, y, z, zero, -x, -y, x, zero], axis=-1).reshape(*x.shape, 3, 3)
    return np.eye(3, dtype=vectors.dtype) + np.sin(angle) * cross + (1 - np.cos(angle)) * (cross @ cross)


def straighten_knees(joints: np.ndarray, less: np.ndarray) -> None:
    """Bends the knees of Human3.6M-17 joints (n,T,17,3) less, by at most ``less`` (n,), radians, in place: half at the
    thigh, half at the shank, so that the feet stay nearly where they are."""
    for side in "LR":
        hip, knee, ankle = (H36M17.index(side + name) for name in ("Hip", "Knee", "Ankle"))
        thigh, shank = joints[:, :, knee] - joints[:, :, hip], joints[:, :, ankle] - joints[:, :, knee]
        axis = np.cross(thigh, shank)
        sine = np.linalg.norm(axis, axis=-1)
        bend = np.arctan2(sine, (thigh * shank).sum(axis=-1))
        half = np.minimum(bend, less[:, None]) / 2
        turn = rotation_vectors((axis / np.maximum(sine, 1e-6)[..., None] * half[..., None]).astype(np.float32))
        joints[:, :, knee] = joints[:, :, hip] + np.einsum("ntij,ntj->nti", turn, thigh)
        joints[:, :, ankle] = joints[:, :, knee] + np.einsum("ntji,ntj->nti", turn, shank)
