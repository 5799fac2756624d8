"""Rotations of many frames at once: unit vectors, 3 x 3 frames whose columns are axes, quaternions w, x, y, z."""

from __future__ import annotations

from typing import Any

import numpy as np

_TINY = 1e-9


class Kept(dict[Any, np.ndarray]):
    """Arrays of many frames by key, kept in single precision: an hour of 60 frames a second has 216,000 of them."""

    def __setitem__(self, key: Any, value: np.ndarray) -> None:
        super().__setitem__(key, value.astype(np.float32, copy=False))


def unit(vectors: np.ndarray) -> np.ndarray:
    """(...,3) scaled to length 1; a zero vector stays zero."""
    return vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), _TINY)


def perpendicular(vectors: np.ndarray) -> np.ndarray:
    """(...,3) unit vectors at right angles to the given unit vectors."""
    # The coordinate axis that is farthest from parallel.
    helper = np.eye(3)[np.abs(vectors).argmin(axis=-1)]
    return unit(np.cross(vectors, helper))


def frame(y: np.ndarray, x_hint: np.ndarray) -> np.ndarray:
    """Right-handed frames (...,3,3) whose y axis is exactly ``y`` and whose x axis is as near ``x_hint`` as can be."""
    y = unit(y)
    x = x_hint - y * (x_hint * y).sum(axis=-1, keepdims=True)
    lost = np.linalg.norm(x, axis=-1, keepdims=True) < 1e-6
    x = unit(np.where(lost, perpendicular(y), x))
    return np.stack([x, y, np.cross(x, y)], axis=-1)


def swing(frames: np.ndarray, direction: np.ndarray) -> np.ndarray:
    """The frames (T,3,3) turned the shortest way so that their y axis points along ``direction`` (T,3)."""
    y, d = frames[..., 1], unit(direction)
    cosine = (y * d).sum(axis=-1, keepdims=True)
    axis = np.cross(y, d)
    # Half a turn has no shortest way: turn about x, as a hinge does.
    opposite = cosine < -1 + 1e-9
    scale = 1.0 / np.where(opposite, 1.0, 1.0 + cosine)

    def turned(v: np.ndarray) -> np.ndarray:
        once = np.cross(axis, v)
        return v + once + np.cross(axis, once) * scale

    x = np.where(opposite, frames[..., 0], turned(frames[..., 0]))
    return frame(d, x)


def twist(frames: np.ndarray, angle: np.ndarray) -> np.ndarray:
    """The frames (T,3,3) turned by ``angle`` (T,) radians about their own y axis."""
    c, s = np.cos(angle)[:, None], np.sin(angle)[:, None]
    x, y, z = frames[..., 0], frames[..., 1], frames[..., 2]
    return np.stack([c * x - s * z, y, s * x + c * z], axis=-1)


def about(axis: np.ndarray, angle: np.ndarray) -> np.ndarray:
    """Rotation matrices (T,3,3) by ``angle`` (T,) radians about unit vectors ``axis`` (T,3) or (3,)."""
    half = np.asarray(angle)[:, None] / 2
    return from_quaternions(np.concatenate([np.cos(half), np.sin(half) * axis], axis=-1))


def between(start: np.ndarray, end: np.ndarray) -> np.ndarray:
    """Rotation matrices (T,3,3) that turn unit vectors ``start`` (T,3) the shortest way onto ``end`` (T,3)."""
    first = frame(start, perpendicular(start))
    return swing(first, end) @ np.swapaxes(first, -1, -2)


_EULER_AXES = {
    "XYZ": (0, 1, 2),
    "XZY": (0, 2, 1),
    "YXZ": (1, 0, 2),
    "YZX": (1, 2, 0),
    "ZXY": (2, 0, 1),
    "ZYX": (2, 1, 0),
}


def to_eulers(q: np.ndarray, order: str) -> np.ndarray:
    """Unit quaternions (T,4) to Blender's Euler angles (T,3) in radians, x, y, z, without jumps over time.

    order: ``XYZ`` turns about x first. Every rotation has two sets of angles, apart from full turns; each frame takes
    the one nearer to the frame before.
    """
    i, j, k = _EULER_AXES[order]
    sign = 1.0 if (i, j, k) in ((0, 1, 2), (1, 2, 0), (2, 0, 1)) else -1.0
    m = from_quaternions(q)
    middle = np.arctan2(-sign * m[:, k, i], np.hypot(m[:, i, i], m[:, j, i]))
    locked = np.hypot(m[:, i, i], m[:, j, i]) < 1e-6
    first = np.where(locked, np.arctan2(-sign * m[:, j, k], m[:, j, j]), np.arctan2(sign * m[:, k, j], m[:, k, k]))
    last = np.where(locked, 0.0, np.arctan2(sign * m[:, j, i], m[:, i, i]))
    one = np.stack([first, middle, last], axis=-1)
    other = np.stack([first + np.pi, np.pi - middle, last + np.pi], axis=-1)
    pairs = np.stack([one, other], axis=1)
    turn = 2 * np.pi
    best = pairs[0, 0]
    found = [best]
    for pair in pairs[1:]:
        near = pair - turn * np.round((pair - best) / turn)
        best = near[np.abs(near - best).sum(axis=-1).argmin()]
        found.append(best)
    result = np.empty((len(q), 3))
    result[:, [i, j, k]] = found
    return result


def to_axis_angles(q: np.ndarray) -> np.ndarray:
    """Sign-continuous unit quaternions (T,4) to Blender's angle and axis (T,4): radians, x, y, z."""
    length = np.linalg.norm(q[:, 1:], axis=-1)
    axis = np.where(length[:, None] > 1e-9, q[:, 1:] / np.maximum(length, 1e-9)[:, None], [0.0, 1.0, 0.0])
    # An axis may point either way; it keeps to the side on which it was.
    flip = np.ones(len(q))
    flip[1:] = np.where((axis[1:] * axis[:-1]).sum(axis=-1) < 0, -1.0, 1.0)
    flip = np.cumprod(flip)
    angle = np.unwrap(2 * np.arctan2(length * flip, q[:, 0]))
    return np.concatenate([angle[:, None], axis * flip[:, None]], axis=-1)


def to_quaternions(frames: np.ndarray) -> np.ndarray:
    """Rotation matrices (...,3,3) to unit quaternions (...,4), stable for every angle."""
    m = frames
    # Four times each component squared; the largest is safe to divide by (Shepperd, 1978).
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


def from_quaternions(q: np.ndarray) -> np.ndarray:
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


def continuous(q: np.ndarray) -> np.ndarray:
    """Quaternions (T,...,4) with signs such that neighbours in time are never more than half a turn apart.

    q and -q are one rotation, but keys are interpolated number by number. The first row has w >= 0.
    """
    sign = np.ones(q.shape[:-1])
    sign[0] = np.where(q[0, ..., 0] < 0, -1.0, 1.0)
    sign[1:] = np.where((q[1:] * q[:-1]).sum(axis=-1) < 0, -1.0, 1.0)
    return q * np.cumprod(sign, axis=0)[..., None]


def blend(a: np.ndarray, b: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Frames (T,3,3) between ``a`` (weight 0) and ``b`` (weight 1), the shorter way; ``weight`` is (T,)."""
    qa, qb = to_quaternions(a), to_quaternions(b)
    qb = np.where((qa * qb).sum(axis=-1, keepdims=True) < 0, -qb, qb)
    q = qa + (qb - qa) * weight[:, None]
    return from_quaternions(q / np.linalg.norm(q, axis=-1, keepdims=True))
