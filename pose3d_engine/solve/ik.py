"""Two-bone inverse kinematics: limbs whose end has to be at a given place."""

from __future__ import annotations

import numpy as np

from .vectors import norm, reject, rotate_shortest, unit


def two_bone_ik(
    root: np.ndarray,
    mid: np.ndarray,
    end: np.ndarray,
    target: np.ndarray,
    pole: np.ndarray,
    reach: float = 0.995,
    straight: float = 0.02,
) -> tuple[np.ndarray, np.ndarray]:
    """Bends a limb in its plane until its end is at ``target``, or as near as the limb reaches.

    The plane rotates with the line from root to end by the shortest arc; bones keep their lengths (law of cosines).

    Args:
        root, mid, end: (T,3) joints before, such as hip, knee, ankle.
        target: (T,3) where the end has to be.
        pole: (T,3) unit vectors, the direction in which ``mid`` points while the limb is straight.
        reach: Share of its length to which the limb stretches, unless it was straighter already.
        straight: Weight of ``pole``: the distance of ``mid`` from the line, in the joints' unit, that counts as much.

    Returns:
        The middle joint and the end (T,3), in the axes of ``root``.
    """
    upper, lower = norm(mid - root), norm(end - mid)
    span, line_before = target - root, unit(end - root)
    size = norm(span)
    longest = np.maximum(reach * (upper + lower), np.minimum(norm(end - root), size))
    distance = np.clip(size, np.abs(upper - lower) + 1e-4, np.minimum(longest, upper + lower - 1e-6))
    line = span / np.maximum(size, 1e-9)
    side = rotate_shortest(reject(mid - root + straight * pole, line_before), line_before, line)
    side = unit(reject(side, line))
    along = (upper**2 - lower**2 + distance**2) / (2 * distance)
    across = np.sqrt(np.maximum(upper**2 - along**2, 0))
    return root + along * line + across * side, root + distance * line
