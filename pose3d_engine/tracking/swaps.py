"""Left and right put right where a detector took one for the other for a moment."""

from __future__ import annotations

import numpy as np

from ..skeletons import COCO17

LONGEST_S = 0.6
"""A longer stretch of the other labelling is taken for the truth: the detector has seen the person turn."""

_ARMS = ("shoulder", "elbow", "wrist")
_LEGS = ("hip", "knee", "ankle")

_RELUCTANCE = 0.005
"""What it costs to doubt the detector in a frame, in shares of the person's size: enough to decide where limbs lie on
each other, too little to outweigh a jump."""

_ROWS = 20_000
"""Frames whose accelerations are worked out together: those of an hour would fill half a gigabyte."""

_GAIN = 0.02
"""A stretch is swapped back only if that saves this much at its ends: a jump of a limb, not a wobble."""


def unswap(track: np.ndarray, fps: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A track with short swaps of left and right undone.

    track: (T,17,3) pixels and score, every value finite (a filled track); fps: frames a second. Returns the track,
    (T,2) bool: where arms and where legs were swapped back, and (T,17) int: which keypoint of the track each one was.

    Arms and legs are looked at apart. Of the labellings as seen and exchanged, the sequence is taken in which limbs
    accelerate least (dynamic programming over pairs of frames): limbs that really cross keep their speed, labels that
    are exchanged jump.
    """
    swapped = np.zeros((len(track), 2), bool)
    order = np.tile(np.arange(track.shape[1]), (len(track), 1))
    if len(track) < 4:
        return track, swapped, order
    seen = track[..., 2] > 0
    extent = np.where(seen[..., None], track[..., :2], np.nan)
    with np.errstate(all="ignore"):
        boxes = np.nanmax(extent, axis=1, initial=-np.inf) - np.nanmin(extent, axis=1, initial=np.inf)
    sizes = boxes.max(axis=1)
    size = float(np.median(sizes[np.isfinite(sizes)])) if np.isfinite(sizes).any() else 0.0
    if size <= 0:
        return track, swapped, order
    for column, names in enumerate((_ARMS, _LEGS)):
        left = [COCO17.index(f"left_{name}") for name in names]
        right = [COCO17.index(f"right_{name}") for name in names]
        as_seen = track[:, left + right, :2] / size
        exchanged = track[:, right + left, :2] / size
        both = (seen[:, left] & seen[:, right]).all(axis=1)
        path = _calmest(np.stack([as_seen, exchanged], axis=1), both)
        for first, last in _runs(path):
            if last - first <= LONGEST_S * fps and _saved(as_seen, exchanged, first, last) > _GAIN:
                swapped[first:last, column] = True
        rows = np.flatnonzero(swapped[:, column])[:, None]
        order[rows, left + right] = right + left
    return np.take_along_axis(track, order[..., None], axis=1), swapped, order


def _calmest(choices: np.ndarray, known: np.ndarray) -> np.ndarray:
    """(T,2,K,2) the two labellings, (T,) where all keypoints are known -> (T,) bool, where the second is calmer."""
    frames = len(choices)
    # cost[t, a, b, c]: mean acceleration of the keypoints at t - 1 with labellings a, b, c at t - 2, t - 1, t.
    bend = np.empty((frames - 2, 2, 2, 2), choices.dtype)
    for first in range(0, len(bend), _ROWS):
        some = choices[first : first + _ROWS + 2]
        before, middle, after = some[:-2, :, None, None], some[1:-1, None, :, None], some[2:, None, None, :]
        bend[first : first + _ROWS] = np.linalg.norm(before - 2 * middle + after, axis=-1).mean(axis=-1)
    trusted = known[:-2] & known[1:-1] & known[2:]
    bend = np.where(trusted[:, None, None, None], bend, 0.0)
    doubt = np.array([0.0, _RELUCTANCE])
    best = np.zeros((2, 2)) + doubt[:, None] + doubt[None, :]
    came = np.zeros((frames, 2, 2), int)
    for t in range(2, frames):
        total = best[:, :, None] + bend[t - 2] + doubt[None, None, :]
        came[t] = total.argmin(axis=0)
        best = total.min(axis=0)
    path = np.zeros(frames, bool)
    a, b = np.unravel_index(int(best.argmin()), best.shape)
    path[-2:] = a, b
    for t in range(frames - 1, 1, -1):
        a, b = came[t, a, b], a
        path[t - 2] = bool(a)
    return path


def _runs(flags: np.ndarray) -> list[tuple[int, int]]:
    """[first, last) of every stretch of True."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], flags.astype(int), [0]])))
    return [(int(first), int(last)) for first, last in zip(edges[::2], edges[1::2], strict=True)]


def _saved(as_seen: np.ndarray, exchanged: np.ndarray, first: int, last: int) -> float:
    """By how much less the keypoints jump at the ends of [first, last) if that stretch is exchanged."""
    saved = []
    for inside, outside in ((first, first - 1), (last - 1, last)):
        if 0 <= outside < len(as_seen):
            kept = np.linalg.norm(as_seen[inside] - as_seen[outside], axis=-1).mean()
            changed = np.linalg.norm(exchanged[inside] - as_seen[outside], axis=-1).mean()
            saved.append(float(kept - changed))
    return float(np.mean(saved)) if saved else 0.0
