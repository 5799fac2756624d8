"""Rotations of many bones and frames as unit quaternions w, x, y, z, in arrays (...,4)."""

from __future__ import annotations

import numpy as np


def multiply(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """The rotation ``b`` and then ``a``."""
    aw, ax, ay, az = a[..., 0], a[..., 1], a[..., 2], a[..., 3]
    bw, bx, by, bz = b[..., 0], b[..., 1], b[..., 2], b[..., 3]
    result = np.empty(np.broadcast_shapes(a.shape, b.shape))
    result[..., 0] = aw * bw - ax * bx - ay * by - az * bz
    result[..., 1] = aw * bx + ax * bw + ay * bz - az * by
    result[..., 2] = aw * by - ax * bz + ay * bw + az * bx
    result[..., 3] = aw * bz + ax * by - ay * bx + az * bw
    return result


def inverse(q: np.ndarray) -> np.ndarray:
    """The rotation back."""
    return q * np.array([1.0, -1.0, -1.0, -1.0])


def rotate(q: np.ndarray, v: np.ndarray) -> np.ndarray:
    """Vectors (...,3) turned by ``q``."""
    w, x, y, z = q[..., 0], q[..., 1], q[..., 2], q[..., 3]
    a, b, c = v[..., 0], v[..., 1], v[..., 2]
    # Twice the cross product of the vector part with v.
    s, t, u = 2 * (y * c - z * b), 2 * (z * a - x * c), 2 * (x * b - y * a)
    result = np.empty(np.broadcast_shapes(q.shape[:-1], v.shape[:-1]) + (3,))
    result[..., 0] = a + w * s + y * u - z * t
    result[..., 1] = b + w * t + z * s - x * u
    result[..., 2] = c + w * u + x * t - y * s
    return result


def unit(q: np.ndarray) -> np.ndarray:
    """Scaled to length 1; no rotation where the length is 0."""
    w, x, y, z = q[..., 0], q[..., 1], q[..., 2], q[..., 3]
    length = np.sqrt(w * w + x * x + y * y + z * z)[..., None]
    return np.where(length > 1e-12, q / np.maximum(length, 1e-12), np.array([1.0, 0.0, 0.0, 0.0]))


def angle(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """The angle (...) in radians, 0 to pi, between two rotations; exact for small angles too."""
    near = np.where((a * b).sum(axis=-1, keepdims=True) < 0, -b, b)
    return 4 * np.arcsin(np.minimum(np.linalg.norm(a - near, axis=-1) / 2, 1.0))


def between(a: np.ndarray, b: np.ndarray, share: np.ndarray | float) -> np.ndarray:
    """From ``a`` (share 0) to ``b`` (share 1) the shorter way at an even speed (slerp); ``share`` (...)."""
    share = np.asarray(share)[..., None]
    cosine = (a * b).sum(axis=-1, keepdims=True)
    b = np.where(cosine < 0, -b, b)
    half = np.arccos(np.clip(np.abs(cosine), 0.0, 1.0))
    sine = np.sin(half)
    small = sine < 1e-6
    safe = np.where(small, 1.0, sine)
    first = np.where(small, 1 - share, np.sin((1 - share) * half) / safe)
    second = np.where(small, share, np.sin(share * half) / safe)
    return unit(first * a + second * b)


def about(axis: int, turn: np.ndarray) -> np.ndarray:
    """Turns (...) in radians about a coordinate axis: 0 is x, 1 is y, 2 is z."""
    turn = np.asarray(turn, np.float64)
    q = np.zeros((*turn.shape, 4))
    q[..., 0], q[..., 1 + axis] = np.cos(turn / 2), np.sin(turn / 2)
    return q


def shortest(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """The shortest rotation that takes directions ``a`` to ``b`` (...,3 each, any length)."""
    a = a / np.maximum(np.linalg.norm(a, axis=-1, keepdims=True), 1e-12)
    b = b / np.maximum(np.linalg.norm(b, axis=-1, keepdims=True), 1e-12)
    q = np.concatenate([1 + (a * b).sum(axis=-1, keepdims=True), np.cross(a, b)], axis=-1)
    return unit(q)


def from_euler(angles: np.ndarray, order: str) -> np.ndarray:
    """Rotations (...,4) of angles x, y, z (...,3) in radians, in Blender's ``order`` (XYZ: x is turned first)."""
    first, second, third = ("XYZ".index(letter) for letter in order)
    turns = [about(axis, angles[..., axis]) for axis in (first, second, third)]
    return multiply(turns[2], multiply(turns[1], turns[0]))


def to_euler(q: np.ndarray, order: str, start: np.ndarray) -> np.ndarray:
    """Angles x, y, z (T,N,3) in radians of rotations (T,N,4), without jumps from ``start`` (N,3) on.

    Every rotation has two triples of angles, and full turns more; the ones nearest to the frame before are taken.
    """
    pair = _euler_pairs(q, order)
    result = np.empty((*q.shape[:-1], 3))
    before = start
    for t in range(len(q)):
        near = pair[t] + 2 * np.pi * np.round((before[:, None] - pair[t]) / (2 * np.pi))
        better = np.abs(near - before[:, None]).sum(axis=-1).argmin(axis=-1)
        before = result[t] = np.take_along_axis(near, better[:, None, None], axis=1)[:, 0]
    return result


def _euler_pairs(q: np.ndarray, order: str) -> np.ndarray:
    """The two triples of angles (...,2,3) that every rotation (...,4) has, apart from full turns.

    The formulas are those of Blender's ``mat3_to_eulO``.
    """
    i, j, k = ("XYZ".index(letter) for letter in order)
    m = np.swapaxes(matrices(q), -1, -2)  # m[column][row], as Blender counts
    level = np.hypot(m[..., i, i], m[..., i, j])
    locked = level < 1e-6
    sign = 1.0 if (j - i) % 3 == 1 else -1.0
    pair = np.empty((*q.shape[:-1], 2, 3))
    for row, turn in ((0, 1.0), (1, -1.0)):
        free = np.arctan2(turn * m[..., j, k], turn * m[..., k, k])
        pair[..., row, i] = np.where(locked, np.arctan2(-m[..., k, j], m[..., j, j]), free)
        pair[..., row, j] = np.arctan2(-m[..., i, k], turn * level)
        pair[..., row, k] = np.where(locked, 0.0, np.arctan2(turn * m[..., i, j], turn * m[..., i, i]))
    pair *= sign
    return pair


def matrices(q: np.ndarray) -> np.ndarray:
    """Rotation matrices (...,3,3)."""
    return np.stack([rotate(q, axis) for axis in np.eye(3)], axis=-1)


def from_channels(values: np.ndarray, mode: str) -> np.ndarray:
    """Rotations (...,4) of what is keyed in a rotation ``mode`` of Blender's: (...,4), or angles (...,3)."""
    if mode == "QUATERNION":
        return unit(values)
    if mode == "AXIS_ANGLE":
        half = values[..., :1] / 2
        axis = values[..., 1:]
        axis = axis / np.maximum(np.linalg.norm(axis, axis=-1, keepdims=True), 1e-12)
        return unit(np.concatenate([np.cos(half), axis * np.sin(half)], axis=-1))
    return from_euler(values, mode)


def to_channels(q: np.ndarray, mode: str, start: np.ndarray) -> np.ndarray:
    """The numbers (T,4), or angles (T,3), to key for rotations (T,4); they run on from ``start`` without jumps."""
    if mode == "QUATERNION":
        sign = np.ones(len(q))
        sign[0] = -1.0 if (q[0] * start).sum() < 0 else 1.0
        sign[1:] = np.where((q[1:] * q[:-1]).sum(axis=-1) < 0, -1.0, 1.0)
        return q * np.cumprod(sign)[:, None]
    if mode == "AXIS_ANGLE":
        sine = np.linalg.norm(q[:, 1:], axis=-1, keepdims=True)
        turn = 2 * np.arctan2(sine, q[:, :1])
        axis = np.where(sine > 1e-9, q[:, 1:] / np.maximum(sine, 1e-9), np.array([0.0, 1.0, 0.0]))
        return np.concatenate([turn, axis], axis=-1)
    return to_euler(q[:, None], mode, start[None])[:, 0]


def near_channels(q: np.ndarray, mode: str, values: np.ndarray) -> np.ndarray:
    """The numbers (T,4), or angles (T,3), for rotations ``q`` (T,4) that are nearest to ``values``, which are those of
    rotations near them."""
    if mode == "QUATERNION":
        return np.where((q * values).sum(axis=-1, keepdims=True) < 0, -q, q)
    if mode == "AXIS_ANGLE":
        sine = np.linalg.norm(q[:, 1:], axis=-1, keepdims=True)
        axis = np.where(sine > 1e-9, q[:, 1:] / np.maximum(sine, 1e-9), values[:, 1:])
        flip = np.where((axis * values[:, 1:]).sum(axis=-1, keepdims=True) < 0, -1.0, 1.0)
        turn = 2 * np.arctan2(sine * flip, q[:, :1])
        turn = turn + 2 * np.pi * np.round((values[:, :1] - turn) / (2 * np.pi))
        return np.concatenate([turn, axis * flip], axis=-1)
    pair = _euler_pairs(q, mode)
    near = pair + 2 * np.pi * np.round((values[:, None] - pair) / (2 * np.pi))
    better = np.abs(near - values[:, None]).sum(axis=-1).argmin(axis=-1)
    return near[np.arange(len(q)), better]
