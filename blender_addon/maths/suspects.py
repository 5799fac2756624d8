"""Frames that an animator should look at: those that move in a way that nobody moves."""

from __future__ import annotations

import numpy as np

from . import quaternions as quat
from .motion import Motion


def jerky(motion: Motion, bones: list[int], times: float = 8.0) -> np.ndarray:
    """Rows (T,; bool) in which one of ``bones`` changes its speed ``times`` as fast as is usual in this motion.

    Usual is the 90th percentile of the bone's own angular acceleration, and at least 600 degrees/s2.
    """
    flags = np.zeros(len(motion.frames), bool)
    if len(flags) < 4 or not bones:
        return flags
    q = motion.rotations[:, bones]
    turn = quat.multiply(q[1:], quat.inverse(q[:-1]))
    turn = np.where(turn[..., :1] < 0, -turn, turn)
    speed = 2 * turn[..., 1:] / motion.step
    change = np.linalg.norm(np.diff(speed, axis=0), axis=-1) / motion.step
    usual = np.maximum(np.percentile(change, 90, axis=0), np.radians(600.0))
    flags[1:-1] = (change > times * usual).any(axis=1)
    return flags


def stretches(flags: np.ndarray, gap: int = 3) -> list[tuple[int, int]]:
    """First and last row of every run of flags (T,); runs with at most ``gap`` rows between them are one."""
    rows = np.flatnonzero(flags)
    if not len(rows):
        return []
    breaks = np.flatnonzero(np.diff(rows) > gap + 1)
    firsts, lasts = [rows[0], *rows[breaks + 1]], [*rows[breaks], rows[-1]]
    return [(int(first), int(last)) for first, last in zip(firsts, lasts, strict=True)]
