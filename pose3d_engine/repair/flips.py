"""Left and right put right where a detector took one for the other for a moment."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..contract.skeletons import COCO17

LONGEST_S = 0.6
"""A longer stretch of the other labelling is taken for the truth: the detector has seen the person turn."""

_ARMS = ("shoulder", "elbow", "wrist")
_LEGS = ("hip", "knee", "ankle")

_RELUCTANCE = 0.005
"""What it costs to doubt the detector for a thirtieth of a second, in shares of the person's size: enough to decide
where limbs lie on each other, too little to outweigh a jump."""

_ODD = 0.005
"""What it costs besides to doubt it for the arms and not for the legs, or the other way round: mostly a detector takes
the whole person for turned."""

_STRANGE = 0.08
"""Of the person's size by which limbs jump to and fro in a frame however they are called. In slow clips limbs really go
that far from frame to frame."""

_ROWS = 20_000
"""Frames whose accelerations are worked out together: those of an hour would fill half a gigabyte."""

_GAIN = 0.02
"""A stretch is swapped back only if that saves this much at its ends: a jump of a limb, not a wobble."""


def unswap(track: np.ndarray, present: np.ndarray, fps: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A track with short swaps of left and right undone.

    track: (T,17,3) pixels and score, every value finite (a filled track); present: (T,) bool, where the detector saw
    the person; fps: frames a second. Returns the track, (T,2) bool: where arms and where legs were swapped back, and
    (T,17) int: which keypoint of the track each one was.

    Of the labellings of arms and legs, as seen and exchanged, the sequence is taken in which limbs accelerate least
    (dynamic programming over pairs of frames): limbs that really cross keep their speed, labels that are exchanged
    jump. Arms and legs are mostly exchanged together.
    """
    swapped = np.zeros((len(track), 2), bool)
    order = np.tile(np.arange(track.shape[1]), (len(track), 1))
    seen = track[..., 2] > 0
    extent = np.where(seen[..., None], track[..., :2], np.nan)
    with np.errstate(all="ignore"):
        boxes = np.nanmax(extent, axis=1, initial=-np.inf) - np.nanmin(extent, axis=1, initial=np.inf)
    sizes = boxes.max(axis=1)
    size = float(np.median(sizes[np.isfinite(sizes)])) if np.isfinite(sizes).any() else 0.0
    rows = np.flatnonzero(present)
    if size <= 0 or len(rows) < 4:
        return track, swapped, order
    points = track[..., :2] / size
    limbs = [_Limbs(points, seen, names) for names in (_ARMS, _LEGS)]
    bends = [limb.bends(rows) for limb in limbs]
    # Over what no labelling makes plausible, as before somebody is lost, labels would change without a jump.
    strange = np.max([bend.min(axis=(1, 2, 3)) for bend in bends], axis=0) > _STRANGE * max(1.0, 30.0 / fps) ** 2
    left_out = rows[1:-1][strange]
    if len(left_out):
        rows = np.setdiff1d(rows, left_out)
        if len(rows) < 4:
            return track, swapped, order
        bends = [limb.bends(rows) for limb in limbs]
    paths = _calmest(bends, fps)
    for first, last in _runs(paths.any(axis=0)):
        short = rows[last - 1] - rows[first] < LONGEST_S * fps
        runs = [(limb, run) for limb, path in zip(limbs, paths, strict=True) for run in _runs(path[first:last])]
        if short and max(limb.saved(rows, first + a, first + b) for limb, (a, b) in runs) > _GAIN:
            swapped[rows[first:last]] = paths[:, first:last].T
    for column, limb in enumerate(limbs):
        beside = np.interp(left_out, rows, swapped[rows, column]) > 0
        swapped[left_out, column] = beside & limb.nearer(left_out, rows, swapped[rows, column])
        changed = np.flatnonzero(swapped[:, column])[:, None]
        order[changed, limb.as_seen] = limb.exchanged
    return np.take_along_axis(track, order[..., None], axis=1), swapped, order


class _Limbs:
    """Both arms or both legs: where they are, in shares of the person's size, if labels are as seen or exchanged."""

    def __init__(self, points: np.ndarray, seen: np.ndarray, names: Sequence[str]) -> None:
        left = [COCO17.index(f"left_{name}") for name in names]
        right = [COCO17.index(f"right_{name}") for name in names]
        self.as_seen, self.exchanged = left + right, right + left
        self._choices = np.stack([points[:, self.as_seen], points[:, self.exchanged]], axis=1)
        self._known = seen[:, self.as_seen].all(axis=1)

    def bends(self, rows: np.ndarray) -> np.ndarray:
        """(R,) frames -> (R-2,2,2,2): by how much the keypoints' velocity changes, a frame, at a frame with labelling
        b between its neighbours with labellings a and c; 0 where one of the three is not known."""
        bend = np.empty((len(rows) - 2, 2, 2, 2), self._choices.dtype)
        gaps = np.diff(rows).astype(bend.dtype)[:, None, None, None, None, None]
        for first in range(0, len(bend), _ROWS):
            some = self._choices[rows[first : first + _ROWS + 2]]
            before, middle, after = some[:-2, :, None, None], some[1:-1, None, :, None], some[2:, None, None, :]
            here = slice(first, first + len(middle))
            come, go = (middle - before) / gaps[:-1][here], (after - middle) / gaps[1:][here]
            bend[here] = np.linalg.norm(go - come, axis=-1).mean(axis=-1)
        known = self._known[rows]
        trusted = known[:-2] & known[1:-1] & known[2:]
        return np.where(trusted[:, None, None, None], bend, 0.0)

    def nearer(self, frames: np.ndarray, rows: np.ndarray, swapped: np.ndarray) -> np.ndarray:
        """(F,) bool: in which ``frames`` the exchanged labelling is nearer to where the limbs are on the way between
        ``rows``, in which they are exchanged where ``swapped`` (R,) says."""
        known = self._choices[rows, swapped.astype(int)]
        between = np.stack([np.interp(frames, rows, column) for column in known.reshape(len(rows), -1).T], axis=-1)
        off = self._choices[frames] - between.reshape(len(frames), 1, *known.shape[1:])
        distance = np.linalg.norm(off, axis=-1).mean(axis=-1)
        return distance[:, 1] < distance[:, 0]

    def saved(self, rows: np.ndarray, first: int, last: int) -> float:
        """By how much less the keypoints jump at the ends of ``rows[first:last]`` if that stretch is exchanged."""
        saved = []
        for inside, outside in ((first, first - 1), (last - 1, last)):
            if 0 <= outside < len(rows):
                (kept, changed), (there, _) = self._choices[rows[inside]], self._choices[rows[outside]]
                jumps = [np.linalg.norm(here - there, axis=-1).mean() for here in (kept, changed)]
                saved.append(float(jumps[0] - jumps[1]))
        return float(np.mean(saved)) if saved else 0.0


def _calmest(bends: Sequence[np.ndarray], fps: float) -> np.ndarray:
    """Bends of arms and of legs over T frames -> (2,T) bool, where the exchanged labelling is calmer.

    States are 0 as seen, 1 arms exchanged, 2 legs, 3 both.
    """
    arms, legs = bends
    frames = len(arms) + 2
    arm, leg = np.arange(4) % 2, np.arange(4) // 2
    of_arms, of_legs = np.ix_(arm, arm, arm), np.ix_(leg, leg, leg)
    doubt = (_RELUCTANCE * (arm + leg) + _ODD * (arm != leg)) * 30 / fps
    best = doubt[:, None] + doubt[None, :]
    came = np.zeros((frames, 4, 4), np.int8)
    for t in range(2, frames):
        total = best[:, :, None] + arms[t - 2][of_arms] + legs[t - 2][of_legs] + doubt
        came[t] = total.argmin(axis=0)
        best = total.min(axis=0)
    path = np.zeros(frames, int)
    a, b = np.unravel_index(int(best.argmin()), best.shape)
    path[-2:] = a, b
    for t in range(frames - 1, 1, -1):
        a, b = came[t, a, b], a
        path[t - 2] = a
    return np.array([arm[path], leg[path]], bool)


def _runs(flags: np.ndarray) -> list[tuple[int, int]]:
    """[first, last) of every stretch of True."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], flags.astype(int), [0]])))
    return [(int(first), int(last)) for first, last in zip(edges[::2], edges[1::2], strict=True)]
