"""The errors that papers report on 3DPW: MPJPE and PA-MPJPE over 14 joints, in millimetres, by frame.

Poses are aligned at the middle of the hips. The truth is the joints in the sequence files. Papers regress theirs from
SMPL's mesh, which needs the licensed model; errors differ by some millimetres.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np

from ..data_sets.three_dpw import OURS, Track
from . import metrics
from .tables import Table

_HIPS = [2, 3]


def rooted(joints: np.ndarray) -> np.ndarray:
    """(T,14,3) relative to the middle of the hips."""
    return np.asarray(joints - joints[:, _HIPS].mean(axis=1, keepdims=True))


def evaluate(tracks: Iterable[Track], predict: Callable[[Track], np.ndarray]) -> Table:
    """The errors of each person of each sequence, and of all frames.

    Args:
        predict: Gives joints (T,17,3) Human3.6M, camera axes, metres, of a track.
    """
    rows: list[tuple[str | float, ...]] = []
    every = []
    for track in tracks:
        found = rooted(predict(track)[:, OURS].astype(np.float64))[track.valid] * 1000
        true = rooted(track.joints)[track.valid] * 1000
        if len(true):
            aligned = metrics.joint_errors(metrics.procrustes(found, true), true).mean(axis=1)
            errors = np.stack([metrics.joint_errors(found, true).mean(axis=1), aligned], axis=1)
            rows.append((track.name, *map(float, errors.mean(axis=0))))
            every.append(errors)
    mean = np.concatenate(every).mean(axis=0) if every else np.full(2, np.nan)
    return Table("3DPW", ("sequence", "MPJPE", "PA-MPJPE"), (*rows, ("all frames", *map(float, mean))))
