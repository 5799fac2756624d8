"""Left/right flips: limbs whose sides a detector exchanged for a moment."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..contract.runs import runs
from ..contract.skeletons import COCO17

LONGEST_S = 0.6
"""Seconds: a longer stretch of the other labelling is taken for the truth, because the person may have turned."""

_ARMS, _LEGS = ("shoulder", "elbow", "wrist"), ("hip", "knee", "ankle")

_FLIP_PENALTY, _PARTIAL_PENALTY = 0.005, 0.005
"""Cost of a flip of arms or of legs for a thirtieth of a second, in shares of the person's size: enough to decide where
limbs lie on each other, too little to outweigh a jump. Further cost where only arms or only legs are flipped: detectors
mostly mistake the direction of the whole person."""

_MAX_ACCELERATION = 0.08
"""Shares of the person's size a frame squared at 30 frames a second: where limbs accelerate by more in every labelling,
the frame decides nothing. In clips with lower rates limbs really move that far from frame to frame."""

_RATE = 30.0
"""Frames a second to which these constants refer."""

_BATCH = 20_000
"""Frames whose accelerations are computed together: those of an hour would fill half a gigabyte."""

_MIN_GAIN = 0.02
"""In shares of the person's size: if jumps at the ends of a stretch shrink by less, it was a wobble and no flip."""

_MIN_FRAMES = 4


def fix_left_right_flips(track: np.ndarray, detected: np.ndarray, fps: float) -> tuple[np.ndarray, np.ndarray]:
    """Finds the order of a track's keypoints that undoes short left/right flips.

    There are four labellings of each frame: arms and legs as detected or flipped. The sequence is chosen in which limbs
    accelerate least (Viterbi 1967, over pairs of frames): limbs that really cross keep their velocity, flipped limbs
    jump.

    Args:
        track: (T,17,3) pixels and score, finite.
        detected: (T,) bool, where the detector reports the person.

    Returns:
        The flips (T,2) bool of arms and of legs, and the order (T,17) int: which keypoint of the track each one is.
    """
    flipped = np.zeros((len(track), 2), bool)
    order = np.tile(np.arange(track.shape[1]), (len(track), 1))
    visible = track[..., 2] > 0
    size = _median_size(np.where(visible[..., None], track[..., :2], np.nan))
    rows = np.flatnonzero(detected)
    if size <= 0 or len(rows) < _MIN_FRAMES:
        return flipped, order
    points = track[..., :2] / size
    limbs = [_Limbs(points, visible, names) for names in (_ARMS, _LEGS)]
    accelerations = [limb.accelerations(rows) for limb in limbs]
    # In frames that no labelling makes plausible, as before a person is lost, labels would change without a jump.
    smoothest = np.max([acceleration.min(axis=(1, 2, 3)) for acceleration in accelerations], axis=0)
    ambiguous = rows[1:-1][smoothest > _MAX_ACCELERATION * max(1.0, _RATE / fps) ** 2]
    if len(ambiguous):
        rows = np.setdiff1d(rows, ambiguous)
        if len(rows) < _MIN_FRAMES:
            return flipped, order
        accelerations = [limb.accelerations(rows) for limb in limbs]
    paths = _viterbi(accelerations, fps)
    for first, last in runs(paths.any(axis=0)):
        is_short = rows[last - 1] - rows[first] < LONGEST_S * fps
        parts = [(limb, run) for limb, path in zip(limbs, paths, strict=True) for run in runs(path[first:last])]
        if is_short and max(limb.gain(rows, first + a, first + b) for limb, (a, b) in parts) > _MIN_GAIN:
            flipped[rows[first:last]] = paths[:, first:last].T
    for column, limb in enumerate(limbs):
        is_beside_flip = np.interp(ambiguous, rows, flipped[rows, column]) > 0
        flipped[ambiguous, column] = is_beside_flip & limb.fits_flipped(ambiguous, rows, flipped[rows, column])
        changed = np.flatnonzero(flipped[:, column])[:, None]
        order[changed, limb.detected] = limb.flipped
    return flipped, order


def _median_size(points: np.ndarray) -> float:
    """The median of the longer side of the person's box, pixels; 0 where no keypoint is visible."""
    with np.errstate(all="ignore"):
        boxes = np.nanmax(points, axis=1, initial=-np.inf) - np.nanmin(points, axis=1, initial=np.inf)
    sizes = boxes.max(axis=1)
    return float(np.median(sizes[np.isfinite(sizes)])) if np.isfinite(sizes).any() else 0.0


class _Limbs:
    """Both arms or both legs, as detected and flipped: points (T,17,2) in shares of the person's size."""

    def __init__(self, points: np.ndarray, visible: np.ndarray, names: Sequence[str]) -> None:
        left, right = (COCO17.rows(*(f"{side}_{name}" for name in names)) for side in ("left", "right"))
        self.detected, self.flipped = left + right, right + left
        self._labellings = np.stack([points[:, self.detected], points[:, self.flipped]], axis=1)
        self._known = visible[:, self.detected].all(axis=1)

    def accelerations(self, rows: np.ndarray) -> np.ndarray:
        """Mean acceleration of the keypoints in some frames (R,), in shares of the person's size, by labelling.

        Returns:
            (R-2,2,2,2): at a frame with labelling b between its neighbours with labellings a and c; 0 where one of the
            three is not known.
        """
        result = np.empty((len(rows) - 2, 2, 2, 2), self._labellings.dtype)
        gaps = np.diff(rows).astype(result.dtype)[:, None, None, None, None, None]
        for first in range(0, len(result), _BATCH):
            batch = self._labellings[rows[first : first + _BATCH + 2]]
            before, middle, after = batch[:-2, :, None, None], batch[1:-1, None, :, None], batch[2:, None, None, :]
            here = slice(first, first + len(middle))
            velocity_in, velocity_out = (middle - before) / gaps[:-1][here], (after - middle) / gaps[1:][here]
            result[here] = np.linalg.norm(velocity_out - velocity_in, axis=-1).mean(axis=-1)
        known = self._known[rows]
        all_known = known[:-2] & known[1:-1] & known[2:]
        return np.where(all_known[:, None, None, None], result, 0.0)

    def fits_flipped(self, frames: np.ndarray, rows: np.ndarray, flipped: np.ndarray) -> np.ndarray:
        """(F,) bool: whether flipped limbs are nearer than detected ones to those interpolated between other frames.

        The other frames are ``rows`` (R,), with the labelling ``flipped`` (R,).
        """
        known = self._labellings[rows, flipped.astype(int)]
        columns = known.reshape(len(rows), -1).T
        interpolated = np.stack([np.interp(frames, rows, column) for column in columns], axis=-1)
        off = self._labellings[frames] - interpolated.reshape(len(frames), 1, *known.shape[1:])
        distances = np.linalg.norm(off, axis=-1).mean(axis=-1)
        return np.asarray(distances[:, 1] < distances[:, 0])

    def gain(self, rows: np.ndarray, first: int, last: int) -> float:
        """By how much the jumps at the ends of ``rows[first:last]`` shrink if that stretch is flipped."""
        gains = []
        for inside, outside in ((first, first - 1), (last - 1, last)):
            if 0 <= outside < len(rows):
                neighbour = self._labellings[rows[outside]][0]
                jumps = [np.linalg.norm(one - neighbour, axis=-1).mean() for one in self._labellings[rows[inside]]]
                gains.append(float(jumps[0] - jumps[1]))
        return float(np.mean(gains)) if gains else 0.0


def _viterbi(accelerations: Sequence[np.ndarray], fps: float) -> np.ndarray:
    """(2,T) bool, where arms and where legs are flipped, with the least sum of accelerations and flip penalties."""
    # States: 0 as detected, 1 arms flipped, 2 legs, 3 both.
    arms, legs = accelerations
    frames = len(arms) + 2
    arm, leg = np.arange(4) % 2, np.arange(4) // 2
    of_arms, of_legs = np.ix_(arm, arm, arm), np.ix_(leg, leg, leg)
    penalty = (_FLIP_PENALTY * (arm + leg) + _PARTIAL_PENALTY * (arm != leg)) * _RATE / fps
    best = penalty[:, None] + penalty[None, :]
    predecessor = np.zeros((frames, 4, 4), np.int8)
    for t in range(2, frames):
        total = best[:, :, None] + arms[t - 2][of_arms] + legs[t - 2][of_legs] + penalty
        predecessor[t] = total.argmin(axis=0)
        best = total.min(axis=0)
    path = np.zeros(frames, int)
    a, b = (int(state) for state in np.unravel_index(int(best.argmin()), best.shape))
    path[-2:] = a, b
    for t in range(frames - 1, 1, -1):
        a, b = int(predecessor[t, a, b]), a
        path[t - 2] = a
    return np.array([arm[path], leg[path]], bool)
