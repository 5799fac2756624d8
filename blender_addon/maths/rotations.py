"""Rotations of many bones and frames at once: quaternions, matrices, Euler angles, and the numbers that are keyed.

One convention everywhere:

- Quaternions are (...,4) unit quaternions, w first as in Blender. ``multiply(a, b)`` rotates by ``b``, then by ``a``.
- Matrices are (...,3,3) and right-handed. Their columns are the rotated x, y and z axes; a bone points along y.
- Euler angles are (...,3) radians, always stored as x, y, z. Blender's order ``XYZ`` rotates about x first.
- Vectors are columns: a rotation acts from the left.

Leading dimensions broadcast. T stands for frames, B for bones.
"""

from __future__ import annotations

import numpy as np

from .arrays import Array

AXES = np.eye(3)
"""The unit vectors along x, y and z, as rows."""
IDENTITY = np.array([1.0, 0.0, 0.0, 0.0])
"""The quaternion of no rotation."""

_TINY = 1e-9
"""Length below which a vector has no direction."""
_OPPOSITE = 1e-9
"""1 + cosine below which two directions are opposite, so that no rotation between them is the shortest."""
_LOCKED = 1e-6
"""Cosine of the middle Euler angle below which first and last angle turn about one axis (gimbal lock)."""


# Vectors


def unit(vectors: Array) -> Array:
    """Vectors (...,N) scaled to length 1; a zero vector stays zero."""
    return vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), _TINY)


def perpendicular(vectors: Array) -> Array:
    """Unit vectors (...,3) at right angles to the given unit vectors (...,3)."""
    helper = AXES[np.abs(vectors).argmin(axis=-1)]  # the coordinate axis that is farthest from parallel
    return unit(np.cross(vectors, helper))


def reject(vectors: Array, axis: Array) -> Array:
    """The part of vectors (...,3) at right angles to unit vectors ``axis`` (...,3)."""
    return vectors - axis * (vectors * axis).sum(axis=-1, keepdims=True)


# Quaternions


def multiply(a: Array, b: Array) -> Array:
    """The rotation ``b`` followed by ``a``, (...,4) each."""
    aw, ax, ay, az = a[..., 0], a[..., 1], a[..., 2], a[..., 3]
    bw, bx, by, bz = b[..., 0], b[..., 1], b[..., 2], b[..., 3]
    result = np.empty(np.broadcast_shapes(a.shape, b.shape))
    result[..., 0] = aw * bw - ax * bx - ay * by - az * bz
    result[..., 1] = aw * bx + ax * bw + ay * bz - az * by
    result[..., 2] = aw * by - ax * bz + ay * bw + az * bx
    result[..., 3] = aw * bz + ax * by - ay * bx + az * bw
    return result


def inverse(q: Array) -> Array:
    """The opposite rotations (...,4)."""
    return q * np.array([1.0, -1.0, -1.0, -1.0])


def rotate(q: Array, v: Array) -> Array:
    """Vectors ``v`` (...,3) rotated by ``q`` (...,4)."""
    w, x, y, z = q[..., 0], q[..., 1], q[..., 2], q[..., 3]
    a, b, c = v[..., 0], v[..., 1], v[..., 2]
    # Twice the cross product of the vector part with v.
    s, t, u = 2 * (y * c - z * b), 2 * (z * a - x * c), 2 * (x * b - y * a)
    result = np.empty(np.broadcast_shapes(q.shape[:-1], v.shape[:-1]) + (3,))
    result[..., 0] = a + w * s + y * u - z * t
    result[..., 1] = b + w * t + z * s - x * u
    result[..., 2] = c + w * u + x * t - y * s
    return result


def normalise(q: Array) -> Array:
    """Quaternions (...,4) scaled to length 1; no rotation where the length is 0."""
    w, x, y, z = q[..., 0], q[..., 1], q[..., 2], q[..., 3]
    length = np.sqrt(w * w + x * x + y * y + z * z)[..., None]
    return np.where(length > 1e-12, q / np.maximum(length, 1e-12), IDENTITY)


def nearest_sign(q: Array, reference: Array) -> Array:
    """``q`` or ``-q`` (...,4), which are one rotation: the one within half a turn of ``reference`` (...,4)."""
    return np.where((q * reference).sum(axis=-1, keepdims=True) < 0, -q, q)


def angle(a: Array, b: Array) -> Array:
    """The angle (...) in radians, 0 to pi, between two rotations (...,4); exact for small angles too."""
    return 4 * np.arcsin(np.minimum(np.linalg.norm(a - nearest_sign(b, a), axis=-1) / 2, 1.0))


def slerp(a: Array, b: Array, share: Array | float) -> Array:
    """Spherical interpolation (Shoemake, SIGGRAPH 1985), the shorter way.

    Args:
        a, b: (...,4) rotations at share 0 and at share 1.
        share: (...) 0 to 1.
    """
    share = np.asarray(share)[..., None]
    b = nearest_sign(b, a)
    half = np.arccos(np.clip((a * b).sum(axis=-1, keepdims=True), 0.0, 1.0))
    sine = np.sin(half)
    small = sine < 1e-6
    safe = np.where(small, 1.0, sine)
    first = np.where(small, 1 - share, np.sin((1 - share) * half) / safe)
    second = np.where(small, share, np.sin(share * half) / safe)
    return normalise(first * a + second * b)


def about(axis: Array, turn: Array | float) -> Array:
    """Rotations (...,4) by ``turn`` (...) radians about unit vectors ``axis`` (...,3)."""
    half = np.asarray(turn, np.float64) / 2
    q = np.empty((*np.broadcast_shapes(half.shape, axis.shape[:-1]), 4))
    q[..., 0] = np.cos(half)
    q[..., 1:] = np.sin(half)[..., None] * axis
    return q


def shortest_arc(a: Array, b: Array, hinge: Array | None = None) -> Array:
    """The smallest rotations (...,4) that take directions ``a`` to ``b``.

    Args:
        a, b: (...,3) of any length but 0.
        hinge: (...,3) unit vectors perpendicular to ``a``: the axis of a half turn, where the directions are opposite.
    """
    a, b = unit(a), unit(b)
    scalar = 1 + (a * b).sum(axis=-1, keepdims=True)
    opposite = scalar < _OPPOSITE
    axis = np.where(opposite, perpendicular(a) if hinge is None else hinge, np.cross(a, b))
    return normalise(np.concatenate([np.where(opposite, 0.0, scalar), axis], axis=-1))


def continuous(q: Array, start: Array | None = None) -> Array:
    """Quaternions (T,...,4) with signs such that neighbours in time are never more than half a turn apart.

    q and -q are one rotation, but keys are interpolated number by number.

    Args:
        q: (T,...,4).
        start: (...,4) to which the first row is nearest; without it the first row has w >= 0.
    """
    first = q[0, ..., 0] if start is None else (q[0] * start).sum(axis=-1)
    sign = np.ones(q.shape[:-1])
    sign[0] = np.where(first < 0, -1.0, 1.0)
    sign[1:] = np.where((q[1:] * q[:-1]).sum(axis=-1) < 0, -1.0, 1.0)
    return q * np.cumprod(sign, axis=0)[..., None]


# Matrices


def to_quaternions(matrices: Array) -> Array:
    """Rotation matrices (...,3,3) to unit quaternions (...,4), stable for every angle (Shepperd, JGCD 1978)."""
    m = matrices
    # Four times each component squared; the largest is safe to divide by.
    xx, yy, zz = m[..., 0, 0], m[..., 1, 1], m[..., 2, 2]
    squares = np.stack([1 + xx + yy + zz, 1 + xx - yy - zz, 1 - xx + yy - zz, 1 - xx - yy + zz], axis=-1)
    wx, wy, wz = m[..., 2, 1] - m[..., 1, 2], m[..., 0, 2] - m[..., 2, 0], m[..., 1, 0] - m[..., 0, 1]
    xy, xz, yz = m[..., 1, 0] + m[..., 0, 1], m[..., 2, 0] + m[..., 0, 2], m[..., 2, 1] + m[..., 1, 2]
    table = np.stack(
        [
            np.stack([squares[..., 0], wx, wy, wz], axis=-1),
            np.stack([wx, squares[..., 1], xy, xz], axis=-1),
            np.stack([wy, xy, squares[..., 2], yz], axis=-1),
            np.stack([wz, xz, yz, squares[..., 3]], axis=-1),
        ],
        axis=-2,
    )
    best = squares.argmax(axis=-1)[..., None, None]
    q = np.take_along_axis(table, best, axis=-2)[..., 0, :]
    return q / np.linalg.norm(q, axis=-1, keepdims=True)


def to_matrices(q: Array) -> Array:
    """Unit quaternions (...,4) to rotation matrices (...,3,3)."""
    w, x, y, z = np.moveaxis(q, -1, 0)
    return np.stack(
        [
            np.stack([1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)], axis=-1),
            np.stack([2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)], axis=-1),
            np.stack([2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)], axis=-1),
        ],
        axis=-2,
    )


def nearest_rotation(matrix: Array) -> Array:
    """The rotation (3,3) nearest to a matrix (3,3): without scale and shear."""
    u, _, v = np.linalg.svd(matrix)
    return u @ v


def frame(y: Array, x_hint: Array) -> Array:
    """Matrices (...,3,3) whose y axis is exactly along ``y`` (...,3), and whose x axis is nearest to ``x_hint``."""
    y = unit(y)
    x = reject(x_hint, y)
    lost = np.linalg.norm(x, axis=-1, keepdims=True) < 1e-6
    x = unit(np.where(lost, perpendicular(y), x))
    return np.stack([x, y, np.cross(x, y)], axis=-1)


def swing(matrices: Array, direction: Array) -> Array:
    """Matrices (...,3,3) rotated the shortest way so that their y axis points along ``direction`` (...,3)."""
    x, y = matrices[..., 0], matrices[..., 1]
    # Half a turn has no shortest way: turn about x, as a hinge does.
    return frame(direction, rotate(shortest_arc(y, direction, hinge=x), x))


def twist(matrices: Array, turn: Array) -> Array:
    """Matrices (T,3,3) rotated by ``turn`` (T,) radians about their own y axis."""
    c, s = np.cos(turn)[:, None], np.sin(turn)[:, None]
    x, y, z = matrices[..., 0], matrices[..., 1], matrices[..., 2]
    return np.stack([c * x - s * z, y, s * x + c * z], axis=-1)


def blend(a: Array, b: Array, weight: Array) -> Array:
    """Matrices (T,3,3) between ``a`` (weight 0) and ``b`` (weight 1), the shorter way; ``weight`` (T,)."""
    qa, qb = to_quaternions(a), to_quaternions(b)
    q = qa + (nearest_sign(qb, qa) - qa) * weight[:, None]
    return to_matrices(q / np.linalg.norm(q, axis=-1, keepdims=True))


# Euler angles, and whatever else Blender keys


def from_euler(angles: Array, order: str) -> Array:
    """Rotations (...,4) from angles x, y, z (...,3) in radians, in Blender's ``order``."""
    first, second, third = (about(AXES[axis], angles[..., axis]) for axis in map("XYZ".index, order))
    return multiply(third, multiply(second, first))


def to_euler(q: Array, order: str, start: Array | None = None) -> Array:
    """Angles x, y, z (T,3) in radians of rotations (T,4), in Blender's ``order``, without jumps over time.

    Args:
        q: (T,4).
        order: ``XYZ`` rotates about x first.
        start: (3,) the angles before the first row; without it the middle angle of the first row is within 90 degrees.
    """
    pairs = _euler_pairs(q, order)
    result = np.empty((len(q), 3))
    before = pairs[0, 0] if start is None else start
    for t, pair in enumerate(pairs):
        near = pair + 2 * np.pi * np.round((before - pair) / (2 * np.pi))
        before = result[t] = near[np.abs(near - before).sum(axis=-1).argmin()]
    return result


def _euler_pairs(q: Array, order: str) -> Array:
    """The two triples of angles (...,2,3) that every rotation (...,4) has, apart from full turns.

    The formulas are those of Blender's ``mat3_to_eulO``.
    """
    i, j, k = map("XYZ".index, order)
    m = to_matrices(q)
    sign = 1.0 if (j - i) % 3 == 1 else -1.0
    cosine = np.hypot(m[..., i, i], m[..., j, i])
    locked = cosine < _LOCKED
    pairs = np.empty((*q.shape[:-1], 2, 3))
    for row, side in ((0, 1.0), (1, -1.0)):
        first = np.arctan2(side * m[..., k, j], side * m[..., k, k])
        pairs[..., row, i] = np.where(locked, np.arctan2(-m[..., j, k], m[..., j, j]), first)
        pairs[..., row, j] = np.arctan2(-m[..., k, i], side * cosine)
        pairs[..., row, k] = np.where(locked, 0.0, np.arctan2(side * m[..., j, i], side * m[..., i, i]))
    pairs *= sign
    return pairs


def _axis_and_sine(q: Array) -> tuple[Array, Array]:
    """The unit axes (...,3) of rotations (...,4), y for no rotation, and the sines (...,1) of their half angles."""
    sine = np.linalg.norm(q[..., 1:], axis=-1, keepdims=True)
    return np.where(sine > _TINY, q[..., 1:] / np.maximum(sine, _TINY), AXES[1]), sine


def _to_axis_angle(q: Array, start: Array | None) -> Array:
    """Angle in radians and axis x, y, z (T,4) of sign-continuous rotations (T,4), without jumps from ``start`` on."""
    axis, sine = _axis_and_sine(q)
    # An axis may point either way; it keeps to the side on which it was.
    flip = np.ones(len(q))
    flip[0] = -1.0 if start is not None and axis[0] @ start[1:] < 0 else 1.0
    flip[1:] = np.where((axis[1:] * axis[:-1]).sum(axis=-1) < 0, -1.0, 1.0)
    flip = np.cumprod(flip)
    turn = np.unwrap(2 * np.arctan2(sine[:, 0] * flip, q[:, 0]))
    if start is not None:
        turn = turn + 2 * np.pi * np.round((start[0] - turn[0]) / (2 * np.pi))
    return np.concatenate([turn[:, None], axis * flip[:, None]], axis=-1)


def from_channels(values: Array, mode: str) -> Array:
    """Rotations (...,4) from the numbers that are keyed in a rotation mode of Blender's.

    Args:
        values: (...,4) for ``QUATERNION`` and ``AXIS_ANGLE`` (radians, then the axis), else (...,3) Euler angles.
        mode: a pose bone's ``rotation_mode``.
    """
    if mode == "QUATERNION":
        return normalise(values)
    if mode == "AXIS_ANGLE":
        return normalise(about(unit(values[..., 1:]), values[..., 0]))
    return from_euler(values, mode)


def to_channels(q: Array, mode: str, start: Array | None = None) -> Array:
    """The numbers to key for rotations (T,4) in a rotation mode, as in ``from_channels``, without jumps over time.

    Args:
        q: (T,4).
        mode: a pose bone's ``rotation_mode``.
        start: (4,) or (3,) the numbers from which the first row goes on.
    """
    if mode == "QUATERNION":
        return continuous(q, start)
    if mode == "AXIS_ANGLE":
        return _to_axis_angle(continuous(q), start)
    return to_euler(q, mode, start)


def nearest_channels(q: Array, mode: str, values: Array) -> Array:
    """The numbers to key for rotations (T,4) that are nearest to the numbers ``values`` (T,4 or 3) of similar ones."""
    if mode == "QUATERNION":
        return nearest_sign(q, values)
    if mode == "AXIS_ANGLE":
        axis, sine = _axis_and_sine(q)
        axis = np.where(sine > _TINY, axis, values[:, 1:])
        flip = np.where((axis * values[:, 1:]).sum(axis=-1, keepdims=True) < 0, -1.0, 1.0)
        turn = 2 * np.arctan2(sine * flip, q[:, :1])
        turn = turn + 2 * np.pi * np.round((values[:, :1] - turn) / (2 * np.pi))
        return np.concatenate([turn, axis * flip], axis=-1)
    pairs = _euler_pairs(q, mode)
    near = pairs + 2 * np.pi * np.round((values[:, None] - pairs) / (2 * np.pi))
    better = np.abs(near - values[:, None]).sum(axis=-1).argmin(axis=-1)
    return near[np.arange(len(q)), better]
