"""Few keys in place of one a frame, within a bound that is measured where it matters: on the posed character.

Bones are reduced from the root outwards. The target of a bone is where it was in the world, not what its own curve
was: so it compensates what its parent missed, and errors do not add up along a limb. How far a joint may be off grows
from the root to the ends, which leaves every bone some room.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from .. import rotations as rot
from ..arrays import Array
from . import bezier, key_placement
from .errors import CleanUpError
from .motion import Motion, Posed, Rig, base_in_armature, generations, location_axes, pose

_WINDOW = 240
"""Frames that are solved together; where two windows meet, every curve has a key."""
_TOGETHER = 300
"""Windows of bones that are fitted at once: as many as fit into a processor's cache. Threads would wait for each other,
because numpy's calls are short."""
STEADY = 0.002
"""Metres by which the joints of a standing foot may be off: it drifts by less than twice that, and viewers notice a
standing foot from about 5 mm."""
_PLACE, _ROOT = 0.7, 0.8
"""Shares of the allowed distance for the root's place and for its children's ends; the ends of limbs may use all."""
_NEAR = 0.99
"""Share of the bound that is aimed at: F-curves are single-precision numbers."""
_MOST_POINTS = 6
"""Points of a bone and of its rigid children at which its distance is measured; the rest is measured at the end."""


@dataclass(frozen=True)
class Keys:
    """The keys of one F-curve.

    Attributes:
        rows: (K,) rows of the motion.
        values: (K,).
        slopes: (K,) per row.
        left, right: (K,) how many rows the two handles reach.
    """

    rows: Array
    values: Array
    slopes: Array
    left: Array
    right: Array


@dataclass(frozen=True)
class Channels:
    """The keyed location or rotation of a bone.

    Attributes:
        bone: its row in the rig.
        located: whether this is the location.
        values: (T,3) the location, or the rotation as the bone's mode has it, (T,4) or (T,3).
    """

    bone: int
    located: bool
    values: Array


def reduce(
    motion: Motion, channels: list[Channels], degrees: float, metres: float, planted: Array | None = None
) -> list[list[Keys]]:
    """Few keys, with which every bone stays near ``motion`` at every frame, in armature space.

    The keys of a rotation's curves, and those of a location's, are placed at common frames; then each curve drops the
    keys that it does not need. The first and the last frame keep their values.

    Args:
        motion: the motion to keep.
        channels: the curves to reduce.
        degrees: by which a bone may be rotated at most.
        metres: by which a head or tail may be off at most.
        planted: (T,B) bool, bones of feet that stand, and those that carry them: their ends keep to ``STEADY``.

    Returns:
        For every item of ``channels`` the keys of its curves.

    Raises:
        CleanUpError: a bound of 0, or less than three frames.
    """
    if degrees <= 0 or metres <= 0:
        raise CleanUpError("A bound of 0 would need every key; give more than 0 degrees and millimetres")
    if len(motion.frames) < 3:
        raise CleanUpError("There are too few frames to take keys away from; choose a longer range")
    wanted = pose(motion)
    bounds = np.full(wanted.heads.shape[:2], metres)
    if planted is not None:
        bounds[planted] = min(metres, STEADY)
    for share in (1.0, 0.7, 0.4, 0.1):
        task = _Task(motion, wanted, channels, share * np.radians(degrees), share * bounds)
        task.run()
        if _within(pose(sampled(motion, channels, task.keys)), wanted, np.radians(degrees), bounds):
            return task.keys
    return [[_dense(column) for column in item.values.T] for item in channels]


def sampled(motion: Motion, channels: list[Channels], keys: list[list[Keys]]) -> Motion:
    """The motion with ``keys`` in place of the values of ``channels``."""
    rotations, locations = motion.rotations.copy(), motion.locations.copy()
    for item, columns in zip(channels, keys, strict=True):
        values = np.stack([_curve(column, len(motion.frames)) for column in columns], axis=-1)
        if item.located:
            locations[:, item.bone] = values
        else:
            rotations[:, item.bone] = rot.from_channels(values, motion.rig.modes[item.bone])
    return replace(motion, rotations=rotations, locations=locations)


def _curve(keys: Keys, count: int) -> Array:
    """The F-curve (T,) through ``keys``."""
    flags, rows = np.zeros((1, count), bool), keys.rows
    flags[0, rows] = True
    curves = bezier.start(flags, np.zeros((1, 1, count)), np.zeros((1, 1, count)))
    curves.values[0, 0, rows], curves.slopes[0, 0, rows] = keys.values, keys.slopes
    lengths = np.diff(rows)
    curves.leaving[0, rows[:-1]], curves.arriving[0, rows[:-1]] = keys.right[:-1] / lengths, keys.left[1:] / lengths
    return bezier.evaluate(curves)[0, 0]


def _within(posed: Posed, wanted: Posed, radians: float, metres: Array) -> bool:
    """Whether all bones keep the bounds; ``metres`` (T,B)."""
    near = all(
        bool((np.linalg.norm(a - b, axis=-1) <= metres).all())
        for a, b in ((posed.heads, wanted.heads), (posed.tails, wanted.tails))
    )
    return near and float(rot.angle(posed.rotations, wanted.rotations).max()) <= radians


def _from_channels(values: Array, mode: str) -> Array:
    """``rotations.from_channels`` with the components first, (C,...) to (4,...): on long rows much faster in numpy."""
    if mode != "QUATERNION":
        return np.moveaxis(rot.from_channels(np.moveaxis(values, 0, -1), mode), -1, 0).astype(values.dtype)
    w, x, y, z = values
    return values / np.maximum(np.sqrt(w * w + x * x + y * y + z * z), 1e-12)


def _multiply(p: Array, q: Array) -> tuple[Array, Array, Array, Array]:
    """``rotations.multiply`` with the components first, (4,...) each."""
    return (
        p[0] * q[0] - p[1] * q[1] - p[2] * q[2] - p[3] * q[3],
        p[0] * q[1] + p[1] * q[0] + p[2] * q[3] - p[3] * q[2],
        p[0] * q[2] - p[1] * q[3] + p[2] * q[0] + p[3] * q[1],
        p[0] * q[3] + p[1] * q[2] - p[2] * q[1] + p[3] * q[0],
    )


def _dense(values: Array) -> Keys:
    third = np.full(len(values), 1 / 3)
    return Keys(np.arange(len(values)), values, np.gradient(values), third, third)


@dataclass(frozen=True)
class _Target:
    """What a bone's rotation has to be.

    Attributes:
        samples: (T,C) as its mode has it, compensating what the parent missed.
        wanted: (T,4) channel that gives it the orientation that it had.
        missing: (T,3) metres by which its head is off, in the axes of the bone as it was.
        points: (1 or T, P, 3) that it carries, likewise.
    """

    samples: Array
    wanted: Array
    missing: Array
    points: Array


class _Task:
    """One attempt to reduce a motion: ``result`` and the posed ``rotations`` and ``heads`` grow bone by bone."""

    def __init__(self, motion: Motion, wanted: Posed, channels: list[Channels], radians: float, metres: Array) -> None:
        self.channels, self.keys = channels, [[] for _ in channels]  # type: list[Channels], list[list[Keys]]
        self.count = len(motion.frames)
        windows = max(1, round((self.count - 1) / _WINDOW))
        length = -(-(self.count - 1) // windows)
        # (W,F), the last frame of one the first of the next. Beyond the end the last frame is repeated.
        self.rows = np.minimum(np.arange(windows)[:, None] * length + np.arange(length + 1), self.count - 1)
        self.held = np.zeros(self.rows.shape, bool)
        self.held[:, [0, -1]] = True
        self.held |= self.rows == self.count - 1
        self.wanted, self.radians, self.metres = wanted, _NEAR * radians, _NEAR * metres
        self.motion = motion
        self.result = replace(motion, rotations=motion.rotations.copy(), locations=motion.locations.copy())
        self.rotations, self.heads = wanted.rotations.copy(), wanted.heads.copy()
        self.allowed = self._allowed(motion.rig)

    def _allowed(self, rig: Rig) -> Array:
        """How far the ends of each bone (T,B) may be off, metres."""
        depth = np.zeros(len(rig.names))
        below = np.zeros(len(rig.names))
        for bone, parent in enumerate(rig.parents):
            depth[bone] = 0 if parent < 0 else depth[parent] + 1
        for bone in reversed(range(len(rig.names))):
            if rig.parents[bone] >= 0:
                below[rig.parents[bone]] = max(below[rig.parents[bone]], below[bone] + 1)
        share = np.where(below > 0, depth / np.maximum(depth + below, 1), 1.0)
        return self.metres * (_ROOT + (1 - _ROOT) * share)

    def run(self) -> None:
        """Reduces generation by generation."""
        places = {item.bone: row for row, item in enumerate(self.channels) if item.located}
        turns = {item.bone: row for row, item in enumerate(self.channels) if not item.located}
        rig = self.motion.rig
        for bones in generations(rig.parents):
            for bone in bones:
                if bone in places:
                    self._reduce_location(int(bone), places[bone])
            for bone in bones:
                self._pose(int(bone))
            mine = [int(bone) for bone in bones if bone in turns]
            for mode in {rig.modes[bone] for bone in mine}:
                same = [bone for bone in mine if rig.modes[bone] == mode]
                each = max(1, _TOGETHER // len(self.rows))
                for first in range(0, len(same), each):
                    part = same[first : first + each]
                    self._reduce_rotations(part, [turns[bone] for bone in part], mode)

    def _reduce_location(self, bone: int, row: int) -> None:
        """Reduces the location of a bone, so that its head is where it was."""
        rig = self.motion.rig
        _, head = base_in_armature(rig, bone, self.rotations, self.heads)
        axes = location_axes(rig, bone, self.rotations)
        target = rot.rotate(rot.inverse(axes), self.wanted.heads[:, bone] - head)
        limit = (_PLACE * self.metres[:, bone])[self.rows]

        def miss(fitted: Array, items: Array) -> Array:
            return np.linalg.norm(fitted - samples[:, items], axis=0) / limit[items]

        samples = np.ascontiguousarray(target.T[:, self.rows])
        tangents = bezier.slopes(target.T)[:, self.rows]
        curves, fitted = key_placement.choose(samples, tangents, self.held, limit.min(axis=1), miss)
        self.keys[row] = [self._gathered(part) for part in curves]
        self._spread(self.result.locations, bone, fitted)

    def _pose(self, bone: int) -> None:
        """Poses a bone on its reduced parent, with its own rotation as it was."""
        base, head = base_in_armature(self.motion.rig, bone, self.rotations, self.heads)
        axes = location_axes(self.motion.rig, bone, self.rotations)
        self.heads[:, bone] = head + rot.rotate(axes, self.result.locations[:, bone])
        if not self.motion.rig.inherits[bone]:
            base = self.motion.rig.rest[bone]
        self.rotations[:, bone] = rot.multiply(base, self.motion.rotations[:, bone])

    def _reduce_rotations(self, bones: list[int], rows: list[int], mode: str) -> None:
        """Reduces the rotations of some bones of one generation; ``rows`` of them in the channels."""
        windows = len(self.rows)
        targets = [self._target(bone, row, mode) for bone, row in zip(bones, rows, strict=True)]
        # Of the whole curve: windows must agree where they meet. Single precision, as F-curves have it, is faster.
        samples, tangents = (
            np.concatenate([curve[:, self.rows] for curve in curves], axis=1).astype(np.float32)
            for curves in zip(*((item.samples.T, bezier.slopes(item.samples.T)) for item in targets), strict=True)
        )
        points = self._points_by_window(targets)
        allowed = np.concatenate([self.allowed[:, bone][self.rows] for bone in bones]).astype(np.float32)
        angle = np.minimum(
            self.radians, allowed.min(axis=1) / np.maximum(np.linalg.norm(points, axis=-1).max(axis=(1, 2)), 1e-6)
        )
        curves, fitted = key_placement.choose(
            samples,
            tangents,
            np.tile(self.held, (len(bones), 1)),
            angle / 2 if samples.shape[0] == 4 else angle,
            self._miss(targets, points, allowed, mode),
        )
        for index, (bone, row) in enumerate(zip(bones, rows, strict=True)):
            mine = np.arange(index * windows, (index + 1) * windows)
            self.keys[row] = [self._gathered(part.take(mine)) for part in curves]
            values = np.empty((self.count, len(fitted)))
            values[self.rows] = np.moveaxis(fitted[:, mine], 0, -1)
            local = rot.from_channels(values, mode)
            self.result.rotations[:, bone] = local
            self.rotations[:, bone] = rot.multiply(self._rotation_base(bone), local)

    def _rotation_base(self, bone: int) -> Array:
        """The orientation (T,4) or (4,) of a bone without keys, on its reduced parent."""
        rig = self.motion.rig
        return base_in_armature(rig, bone, self.rotations, self.heads)[0] if rig.inherits[bone] else rig.rest[bone]

    def _target(self, bone: int, row: int, mode: str) -> _Target:
        """What a bone's rotation has to be on its reduced parent."""
        base, wanted = self._rotation_base(bone), self.wanted.rotations[:, bone]
        # Everything in the axes of the bone as it was.
        missing = rot.rotate(rot.inverse(wanted), self.heads[:, bone] - self.wanted.heads[:, bone])
        points = self._points(bone)
        target = rot.multiply(wanted, self._compensation(missing, points, self.metres[:, bone]))
        local = rot.multiply(rot.inverse(base), target)
        samples = rot.nearest_channels(local, mode, self.channels[row].values)
        return _Target(samples, rot.multiply(rot.inverse(base), wanted), missing, points)

    def _points_by_window(self, targets: Sequence[_Target]) -> Array:
        """The points of some bones (M, 1 or F, P, 3), M windows; a bone with fewer points repeats its head."""
        most = max(item.points.shape[1] for item in targets)
        padded = [np.pad(item.points, ((0, 0), (0, most - item.points.shape[1]), (0, 0))) for item in targets]
        if not any(len(points) > 1 for points in padded):
            return np.concatenate([np.repeat(each[None], len(self.rows), 0) for each in padded])
        return np.concatenate([np.broadcast_to(each, (self.count, most, 3))[self.rows] for each in padded])

    def _miss(self, targets: Sequence[_Target], points: Array, allowed: Array, mode: str) -> key_placement.Miss:
        """How much of the bound fitted rotations use, as ``key_placement.choose`` asks for it.

        Args:
            targets: of the bones.
            points: (M, 1 or F, P, 3), of ``_points_by_window``.
            allowed: (M,F) metres by which points may be off.
            mode: the bones' rotation mode.
        """
        back = np.concatenate([self._by_window(rot.inverse(item.wanted)) for item in targets], axis=1)
        missing = np.concatenate([self._by_window(item.missing) for item in targets], axis=1)
        places = np.ascontiguousarray(np.moveaxis(points, (2, 3), (0, 1)), np.float32)
        furthest = float(np.sin(min(self.radians / 2, np.pi / 2)))

        def miss(fitted: Array, items: Array) -> Array:
            w, x, y, z = _multiply(back[:, items], _from_channels(fitted, mode))
            used = np.sqrt(x * x + y * y + z * z) / furthest
            used[w < 0] = np.inf
            off = missing[:, items]
            farthest = np.zeros_like(used)
            for a, b, c in places[:, :, items]:
                # By the small rotation, as in ``rotations.rotate``.
                s, t, u = 2 * (y * c - z * b), 2 * (z * a - x * c), 2 * (x * b - y * a)
                i = off[0] + w * s + (y * u - z * t)
                j = off[1] + w * t + (z * s - x * u)
                k = off[2] + w * u + (x * t - y * s)
                farthest = np.maximum(farthest, i * i + j * j + k * k)
            return np.maximum(used, np.sqrt(farthest) / allowed[items])

        return miss

    def _points(self, bone: int) -> Array:
        """Points that a bone carries, in its own axes from its head: (1,P,3), or (T,P,3) where they move on it.

        Its tail, the heads of its children, and the same of those children that are not reduced themselves.
        """
        rig = self.motion.rig
        turned = {item.bone for item in self.channels if not item.located}
        own = self.wanted.rotations[:, bone], self.wanted.heads[:, bone]
        found = [self.wanted.tails[:, bone]]
        waiting = rig.children(bone)
        while waiting:
            child = waiting.pop()
            found.append(self.wanted.heads[:, child])
            if child not in turned and rig.inherits[child]:
                found.append(self.wanted.tails[:, child])
                waiting += rig.children(child)
        points = rot.rotate(rot.inverse(own[0])[:, None], np.stack(found, axis=1) - own[1][:, None])
        if np.ptp(points, axis=0).max() < 1e-3 * self.metres.min():
            points = points[:1]
        # The farthest, then whatever is farthest from those.
        chosen = [int(np.linalg.norm(points, axis=-1).max(axis=0).argmax())]
        while len(chosen) < min(_MOST_POINTS, points.shape[1]):
            away = np.linalg.norm(points[:, :, None] - points[:, None, chosen], axis=-1).max(axis=0).min(axis=1)
            if away.max() < 0.01:
                break
            chosen.append(int(away.argmax()))
        return points[:, chosen]

    def _compensation(self, missing: Array, points: Array, metres: Array) -> Array:
        """The small rotation (T,4) after which ``points`` are nearest to their places, with the head off by ``missing``
        (T,3): by least squares, in shares of the bound on distance ``metres`` (T,) and angle."""
        squares = (points**2).sum(axis=-1)[..., None, None] * np.eye(3) - points[..., :, None] * points[..., None, :]
        matrix = squares.sum(axis=1) / metres[:, None, None] ** 2 + np.eye(3) / self.radians**2
        right = -np.cross(points, missing[:, None]).sum(axis=1) / metres[:, None] ** 2
        turn = np.linalg.solve(np.broadcast_to(matrix, (len(right), 3, 3)), right[..., None])[..., 0]
        return rot.normalise(np.concatenate([np.ones((len(turn), 1)), turn / 2], axis=-1))

    def _by_window(self, values: Array) -> Array:
        """(T,C) as (C,W,F), single precision."""
        return np.ascontiguousarray(values.T[:, self.rows], np.float32)

    def _gathered(self, curves: bezier.Curves) -> Keys:
        """The keys of one curve from its windows (1,W,F)."""
        keys = curves.keys.copy()
        keys[:-1, -1] = False  # it is the first of the next window
        last = np.flatnonzero(keys[-1] & (self.rows[-1] == self.count - 1))
        keys[-1, last[1:]] = False  # repeated at the end
        lengths = bezier.following(curves.keys) - np.arange(keys.shape[1])
        right = (curves.leaving * lengths)[keys]
        arriving = (curves.arriving * lengths)[keys]
        left = np.concatenate([right[:1], arriving[:-1]])
        right[-1] = left[-1]
        return Keys(self.rows[keys], curves.values[0][keys], curves.slopes[0][keys], left, right)

    def _spread(self, target: Array, bone: int, fitted: Array) -> None:
        """Writes curves (C,W,F) of windows to (T,B,C)."""
        target[self.rows, bone] = np.moveaxis(fitted, 0, -1)
