"""An armature's motion as arrays: what every clean-up tool takes and gives."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from . import quaternions as quat


@dataclass(frozen=True)
class Rig:
    """The rest pose of B bones in armature space, metres, parents before children.

    rest: (B,4) orientations. heads: (B,3). lengths: (B,). parents: row of the parent, -1 for none. inherits: whether
    a bone turns with its parent. modes: how its rotation is keyed, ``QUATERNION``, ``AXIS_ANGLE`` or the order of its
    angles (``XYZ``).
    """

    names: tuple[str, ...]
    parents: tuple[int, ...]
    rest: np.ndarray
    heads: np.ndarray
    lengths: np.ndarray
    inherits: tuple[bool, ...]
    modes: tuple[str, ...]

    def children(self, bone: int) -> list[int]:
        """The rows of the bones whose parent is ``bone``."""
        return [row for row, parent in enumerate(self.parents) if parent == bone]

    def chain(self, bone: int) -> list[int]:
        """The bone and its ancestors, from the bone upwards."""
        found = []
        while bone >= 0:
            found.append(bone)
            bone = self.parents[bone]
        return found


@dataclass(frozen=True)
class Motion:
    """What the bones of a rig do: T frames of B bones.

    frames: (T,) scene frames, ascending. rate: frames a second. rotations: (T,B,4) and locations: (T,B,3), the
    channels of the pose bones: local, against the rest pose. Scale is not looked at.
    """

    rig: Rig
    frames: np.ndarray
    rate: float
    rotations: np.ndarray
    locations: np.ndarray

    @property
    def step(self) -> float:
        """Seconds from one row to the next (the median: a video's rate need not be the scene's)."""
        return float(np.median(np.diff(self.frames))) / self.rate if len(self.frames) > 1 else 1.0 / self.rate

    def with_rotations(self, rotations: np.ndarray) -> Motion:
        """The same motion with other rotations (T,B,4)."""
        return replace(self, rotations=rotations)

    def with_locations(self, locations: np.ndarray) -> Motion:
        """The same motion with other locations (T,B,3)."""
        return replace(self, locations=locations)


@dataclass(frozen=True)
class Posed:
    """Where bones are in armature space: orientations (T,B,4), heads and tails (T,B,3)."""

    rotations: np.ndarray
    heads: np.ndarray
    tails: np.ndarray


def carried(rig: Rig, bone: int) -> tuple[np.ndarray, np.ndarray]:
    """How a bone rests in its parent's space: orientation (4,) and head (3,); in armature space without a parent."""
    parent = rig.parents[bone]
    if parent < 0:
        return rig.rest[bone], rig.heads[bone]
    back = quat.inverse(rig.rest[parent])
    return quat.multiply(back, rig.rest[bone]), quat.rotate(back, rig.heads[bone] - rig.heads[parent])


def pose(motion: Motion) -> Posed:
    """Forward kinematics as Blender does it, without constraints and scale."""
    rig = motion.rig
    count = len(rig.names)
    rotations, heads = np.empty((len(motion.rotations), count, 4)), np.empty((len(motion.rotations), count, 3))
    resting, offsets = (np.stack(parts) for parts in zip(*(carried(rig, bone) for bone in range(count)), strict=True))
    # All bones that are equally deep in the tree at once: numpy's calls cost more than its sums.
    for bones in generations(rig.parents):
        parents = np.array(rig.parents)[bones]
        if parents[0] < 0:
            base, head = resting[bones], offsets[bones]
        else:
            base = quat.multiply(rotations[:, parents], resting[bones])
            head = heads[:, parents] + quat.rotate(rotations[:, parents], offsets[bones])
        heads[:, bones] = head + quat.rotate(base, motion.locations[:, bones])
        base = np.where(np.array(rig.inherits)[bones, None] | (parents < 0)[:, None], base, rig.rest[bones])
        rotations[:, bones] = quat.multiply(base, motion.rotations[:, bones])
    along = np.zeros((count, 3))
    along[:, 1] = rig.lengths
    return Posed(rotations, heads, heads + quat.rotate(rotations, along))


def generations(parents: tuple[int, ...]) -> list[np.ndarray]:
    """The rows of the bones, (N,) of each depth in the tree, roots first."""
    depth: list[int] = []
    for parent in parents:
        depth.append(0 if parent < 0 else depth[parent] + 1)
    return [np.flatnonzero(np.array(depth) == level) for level in range(max(depth, default=-1) + 1)]


def bases(rig: Rig, bone: int, rotations: np.ndarray, heads: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where the parent alone carries a bone: orientation (T,4) or (4,), head (T,3) or (3,), in armature space."""
    parent = rig.parents[bone]
    rest, offset = carried(rig, bone)
    if parent < 0:
        return rest, offset
    return (
        quat.multiply(rotations[:, parent], rest),
        heads[:, parent] + quat.rotate(rotations[:, parent], offset),
    )


def local_rotation(rig: Rig, bone: int, posed: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """The channel (T,4) that gives ``bone`` the orientation ``wanted`` (T,4) among the posed rotations (T,B,4)."""
    parent = rig.parents[bone]
    if parent < 0 or not rig.inherits[bone]:
        return quat.multiply(quat.inverse(rig.rest[bone]), wanted)
    return quat.multiply(quat.inverse(quat.multiply(posed[:, parent], carried(rig, bone)[0])), wanted)


def continuous(q: np.ndarray) -> np.ndarray:
    """Quaternions (T,...,4) with signs such that rows are never more than half a turn from the row before."""
    sign = np.ones(q.shape[:-1])
    sign[1:] = np.where((q[1:] * q[:-1]).sum(axis=-1) < 0, -1.0, 1.0)
    return q * np.cumprod(sign, axis=0)[..., None]


def ramp(count: int) -> np.ndarray:
    """(count,) from just above 0 to just below 1, flat at both ends: how a change is blended in."""
    x = (np.arange(count) + 1.0) / (count + 1.0)
    return x * x * (3 - 2 * x)
