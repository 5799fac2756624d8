"""An armature's motion as arrays, which every clean-up tool takes and returns."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from .. import rotations as rot
from ..arrays import Array, smoothstep


@dataclass(frozen=True)
class Rig:
    """The rest pose of B bones in armature space, metres, parents before children.

    Attributes:
        names: (B) of the bones.
        parents: (B) row of the parent, -1 for none.
        rest: (B,4) orientations.
        heads: (B,3).
        lengths: (B,).
        inherits: (B) whether a bone turns with its parent.
        modes: (B) how a bone's rotation is keyed: ``QUATERNION``, ``AXIS_ANGLE`` or an Euler order such as ``XYZ``.
        unlocal: rows of the bones whose Local Location is off: their location is in the axes of their parent.
        axes: (4,) orientation of the armature's object, the axes of such a bone without a parent.
        size: of the unit that the bones' locations are keyed in, metres.
    """

    names: tuple[str, ...]
    parents: tuple[int, ...]
    rest: Array
    heads: Array
    lengths: Array
    inherits: tuple[bool, ...]
    modes: tuple[str, ...]
    unlocal: frozenset[int] = frozenset()
    axes: Array = field(default_factory=lambda: rot.IDENTITY)
    size: float = 1.0

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
    """The motion of a rig: T frames of B bones.

    Attributes:
        rig: the rest pose.
        frames: (T,) scene frames, ascending.
        rate: frames a second of the scene.
        rotations: (T,B,4) channels of the pose bones: local, against the rest pose.
        locations: (T,B,3) likewise, metres. Scale is ignored.
        keyed: rows of the bones that have keys; of none where that is not known.
    """

    rig: Rig
    frames: Array
    rate: float
    rotations: Array
    locations: Array
    keyed: frozenset[int] = frozenset()

    @property
    def tops(self) -> list[int]:
        """The rows of the keyed bones without keyed ones above them, which carry the character; else the roots.

        In a control rig these are not the roots: constraints move several of those together.
        """
        found = [bone for bone in sorted(self.keyed) if not self.keyed.intersection(self.rig.chain(bone)[1:])]
        return found or [bone for bone, parent in enumerate(self.rig.parents) if parent < 0]

    @property
    def step(self) -> float:
        """Seconds from one row to the next (the median: a video's rate need not be the scene's)."""
        return float(np.median(np.diff(self.frames))) / self.rate if len(self.frames) > 1 else 1.0 / self.rate

    def with_rotations(self, rotations: Array) -> Motion:
        """The same motion with other rotations (T,B,4)."""
        return replace(self, rotations=rotations)

    def with_locations(self, locations: Array) -> Motion:
        """The same motion with other locations (T,B,3)."""
        return replace(self, locations=locations)

    def take(self, rows: Array) -> Motion:
        """The motion in some ``rows`` (N,)."""
        return replace(self, frames=self.frames[rows], rotations=self.rotations[rows], locations=self.locations[rows])

    def rows_in(self, first: float, last: float) -> Array:
        """The rows (N,) of the frames from ``first`` to ``last``."""
        return np.flatnonzero((self.frames >= first - 1e-3) & (self.frames <= last + 1e-3))


@dataclass(frozen=True)
class Posed:
    """The bones in armature space: orientations (T,B,4), heads and tails (T,B,3) in metres."""

    rotations: Array
    heads: Array
    tails: Array


def rest_in_parent(rig: Rig, bone: int) -> tuple[Array, Array]:
    """A bone's rest orientation (4,) and head (3,) in its parent's space; in armature space without a parent."""
    parent = rig.parents[bone]
    if parent < 0:
        return rig.rest[bone], rig.heads[bone]
    back = rot.inverse(rig.rest[parent])
    return rot.multiply(back, rig.rest[bone]), rot.rotate(back, rig.heads[bone] - rig.heads[parent])


def pose(motion: Motion) -> Posed:
    """Forward kinematics as in Blender, without constraints and scale."""
    rig = motion.rig
    count = len(rig.names)
    rotations, heads = np.empty((len(motion.rotations), count, 4)), np.empty((len(motion.rotations), count, 3))
    resting, offsets = (
        np.stack(parts) for parts in zip(*(rest_in_parent(rig, bone) for bone in range(count)), strict=True)
    )
    # All bones of one depth at once: numpy's calls cost more than its sums.
    for bones in generations(rig.parents):
        parents = np.array(rig.parents)[bones]
        if parents[0] < 0:
            base, head, above = resting[bones], offsets[bones], rig.axes
        else:
            above = rotations[:, parents]
            base, head = rot.multiply(above, resting[bones]), heads[:, parents] + rot.rotate(above, offsets[bones])
        unlocal = np.array([bone in rig.unlocal for bone in bones])[:, None]
        heads[:, bones] = head + rot.rotate(np.where(unlocal, above, base), motion.locations[:, bones])
        base = np.where(np.array(rig.inherits)[bones, None] | (parents < 0)[:, None], base, rig.rest[bones])
        rotations[:, bones] = rot.multiply(base, motion.rotations[:, bones])
    along = np.zeros((count, 3))
    along[:, 1] = rig.lengths
    return Posed(rotations, heads, heads + rot.rotate(rotations, along))


def generations(parents: tuple[int, ...]) -> list[Array]:
    """The rows of the bones, (N,) of each depth in the tree, roots first."""
    depth: list[int] = []
    for parent in parents:
        depth.append(0 if parent < 0 else depth[parent] + 1)
    return [np.flatnonzero(np.array(depth) == level) for level in range(max(depth, default=-1) + 1)]


def base_in_armature(rig: Rig, bone: int, rotations: Array, heads: Array) -> tuple[Array, Array]:
    """The orientation (T,4) or (4,) and head (T,3) or (3,) of a bone without keys, in armature space.

    Args:
        rig: the rest pose.
        bone: its row.
        rotations: (T,B,4) posed orientations.
        heads: (T,B,3) posed heads.
    """
    parent = rig.parents[bone]
    rest, offset = rest_in_parent(rig, bone)
    if parent < 0:
        return rest, offset
    return (
        rot.multiply(rotations[:, parent], rest),
        heads[:, parent] + rot.rotate(rotations[:, parent], offset),
    )


def location_axes(rig: Rig, bone: int, rotations: Array) -> Array:
    """The axes (T,4) or (4,) of a bone's location among posed rotations (T,B,4)."""
    parent = rig.parents[bone]
    above = rotations[:, parent] if parent >= 0 else rig.axes
    if bone in rig.unlocal:
        return above
    return rot.multiply(above, rest_in_parent(rig, bone)[0]) if parent >= 0 else rig.rest[bone]


def _rotation_base(rig: Rig, bone: int, posed: Array) -> Array:
    """The orientation (T,4) or (4,) of a bone whose rotation channel is zero, among posed rotations (T,B,4)."""
    parent = rig.parents[bone]
    if parent < 0 or not rig.inherits[bone]:
        return rig.rest[bone]
    return rot.multiply(posed[:, parent], rest_in_parent(rig, bone)[0])


def local_rotation(rig: Rig, bone: int, posed: Array, wanted: Array) -> Array:
    """The channel (T,4) that gives ``bone`` the orientation ``wanted`` (T,4) among posed rotations (T,B,4)."""
    return rot.multiply(rot.inverse(_rotation_base(rig, bone, posed)), wanted)


def posed_rotation(rig: Rig, bone: int, posed: Array, channel: Array) -> Array:
    """The orientation (T,4) of ``bone`` with the ``channel`` (T,4) among posed rotations (T,B,4)."""
    return rot.multiply(_rotation_base(rig, bone, posed), channel)


def ramp(count: int) -> Array:
    """(count,) from just above 0 to just below 1, flat at both ends: how a change is blended in."""
    return smoothstep((np.arange(count) + 1.0) / (count + 1.0))
