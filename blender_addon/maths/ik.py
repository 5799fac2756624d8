"""Two-bone inverse kinematics: legs and arms whose end has to be at a given place."""

from __future__ import annotations

import numpy as np

from .arrays import Array
from .rotations import reject, rotate, shortest_arc, unit


def bend_direction(root: Array, mid: Array, end: Array, pole: Array, straight: float) -> Array:
    """The direction in which the middle joint of a limb points, at right angles to the line from root to end.

    Args:
        root, mid, end: (T,3) joints, such as hip, knee, ankle.
        pole: (T,3) the direction in which ``mid`` points while the limb is straight, so that its joints do not show it.
        straight: distance of ``mid`` from the line, as a share of the first bone, below which ``pole`` is blended in.

    Returns:
        (T,3), not of length 1 where ``pole`` takes part.
    """
    line, upper = unit(end - root), mid - root
    off = reject(upper, line)
    bend = np.linalg.norm(off, axis=-1, keepdims=True) / np.linalg.norm(upper, axis=-1, keepdims=True)
    weight = np.clip(bend / straight, 0.0, 1.0)
    return unit(off) * weight + reject(pole, line) * (1.0 - weight)


def two_bone_ik(
    root: Array, mid: Array, end: Array, target: Array, pole: Array, reach: float = 0.9995, straight: float = 0.1
) -> tuple[Array, Array]:
    """Bends a limb in its plane until its end is at ``target``, or as near as the limb reaches.

    The plane turns with the line from root to end, the shortest way; bones keep their lengths (law of cosines).

    Args:
        root, mid, end: (T,3) joints before, such as hip, knee, ankle.
        target: (T,3) where the end has to be.
        pole: (T,3) the direction in which ``mid`` points while the limb is straight.
        reach: share of its length to which the limb stretches, unless it was straighter already.
        straight: see ``bend_direction``.

    Returns:
        The middle joint and the end (T,3), in the axes of ``root``.
    """
    span = target - root
    upper, lower = np.linalg.norm(mid - root, axis=-1), np.linalg.norm(end - mid, axis=-1)
    longest = np.maximum(reach * (upper + lower), np.linalg.norm(end - root, axis=-1))
    distance = np.clip(np.linalg.norm(span, axis=-1), np.abs(upper - lower) * 1.001 + 1e-6, longest)
    cosine = np.clip((upper**2 + distance**2 - lower**2) / (2 * upper * distance), -1.0, 1.0)
    line = unit(span)
    side = rotate(shortest_arc(end - root, line), bend_direction(root, mid, end, pole, straight))
    side = unit(reject(side, line))
    along, away = upper * cosine, upper * np.sqrt(1.0 - cosine**2)
    return root + line * along[:, None] + side * away[:, None], root + line * distance[:, None]
