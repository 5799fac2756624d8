"""Few keys in place of one a frame, within a bound that is measured where it matters: on the posed character."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from . import hermite
from . import quaternions as quat
from .errors import CleanUpError
from .motion import Motion, Posed, Rig, pose

_WINDOW = 240
"""Frames that are solved together; where two windows meet, every bone has a key."""
_REACH = 4
"""Frames to either side over which the bend of a curve is judged."""
_LONGEST = 60
"""Frames between two keys at most: an animator wants to find some."""
_BOLD = 2.0
"""How far the first choice of keys goes beyond the bound. What is missing is added; what is too much would stay."""
_DENSER, _SPARSE = 1.25, 0.15
"""By how much keys move together where the bound is broken; twice, where there are fewer a frame."""


@dataclass(frozen=True)
class Keys:
    """The keys of a bone's curves: rows (K,) of the motion, values and slopes per row (K,C).

    The C curves are those of the rotation as the bone's mode has them, then those of the location if it has keys.
    """

    rows: np.ndarray
    values: np.ndarray
    slopes: np.ndarray


@dataclass(frozen=True)
class Curves:
    """What is to be reduced: of a bone (its row in the rig) the keyed rotation (T,4) or (T,3), and whether its location
    is keyed too."""

    bone: int
    rotation: np.ndarray
    located: bool


def reduce(motion: Motion, curves: list[Curves], degrees: float, metres: float) -> list[Keys]:
    """Keys for ``curves`` with which, at every frame and in armature space, no bone of the rig turns by more than
    ``degrees`` and no head or tail moves by more than ``metres`` against ``motion``.

    All curves of a bone have keys at the same frames; the first and the last frame keep what they have. Keys are laid
    so that every piece between two of them has the same share of the curve's bend (the fourth root of its fourth
    derivative: de Boor, 1973), the curves are fitted by least squares, the character is posed, and where the bound is
    broken, the keys of the bone that is most to blame move together; until it holds.
    Raises CleanUpError for a bound or a range that leaves nothing to do.
    """
    if degrees <= 0 or metres <= 0:
        raise CleanUpError("A bound of 0 would need every key; give more than 0 degrees and millimetres")
    count = len(motion.frames)
    if count < 3:
        raise CleanUpError("There are too few frames to take keys away from; choose a longer range")
    windows = max(1, round((count - 1) / _WINDOW))
    length = -(-(count - 1) // windows)
    padding = windows * length + 1 - count
    rows = np.arange(windows)[:, None] * length + np.arange(
        length + 1
    )  # (W,L+1), the last of one the first of the next
    motion = Motion(
        motion.rig,
        np.arange(count + padding),
        motion.rate,
        quat.unit(_continued(motion.rotations, padding)),
        _continued(motion.locations, padding),
    )
    task = _Task(motion, curves, np.radians(degrees), metres)
    density = task.density()
    held = rows == count - 1
    held[:, [0, -1]] = True
    solved = [task.solve(part, density[:, part], held[index], part < count) for index, part in enumerate(rows)]
    keys, at, slope = (np.stack(arrays) for arrays in zip(*solved, strict=True))

    result = []
    for row, curve in enumerate(curves):
        mine = keys[:, row]
        mine[:-1, -1] = False  # it is the first of the next window
        mine = mine & (rows < count)
        width = curve.rotation.shape[1]
        columns = [*range(width), *(range(4, 7) if curve.located else ())]
        result.append(Keys(rows[mine], at[:, row][mine][:, columns], slope[:, row][mine][:, columns]))
    return result


class _Task:
    """The motion that is to be kept, and how far an attempt is from it."""

    def __init__(self, motion: Motion, curves: list[Curves], radians: float, metres: float) -> None:
        self.motion, self.curves, self.radians, self.metres = motion, curves, radians, metres
        self.values = np.zeros((len(curves), len(motion.frames), 7 if any(c.located for c in curves) else 4))
        for row, curve in enumerate(curves):
            padding = len(motion.frames) - len(curve.rotation)
            self.values[row, :, : curve.rotation.shape[1]] = _continued(curve.rotation, padding)
            if curve.located:
                self.values[row, :, 4:] = motion.locations[:, curve.bone]
        self.bones = np.array([curve.bone for curve in curves])
        self.reach = _reaches(motion.rig)
        self.posed = pose(motion)

    def density(self) -> np.ndarray:
        """Keys a frame (N,T) that would about do."""
        values, slope = self.values, hermite.slopes(self.values)
        h = min(_REACH, (values.shape[1] - 1) // 2)
        # How far a piece of 2h frames would miss its middle; the miss grows with the fourth power of its length.
        middle = (values[:, : -2 * h] + values[:, 2 * h :]) / 2 + (slope[:, : -2 * h] - slope[:, 2 * h :]) * h / 4
        miss = np.pad(np.abs(values[:, h:-h] - middle), ((0, 0), (h, h), (0, 0)), mode="edge")
        share = np.zeros(values.shape[:2])
        for row, curve in enumerate(self.curves):
            turned = np.linalg.norm(miss[row, :, :4], axis=-1) * (2.0 if curve.rotation.shape[1] == 4 else 1.0)
            allowed = min(self.radians, self.metres / max(self.reach[curve.bone], 1e-6))
            share[row] = turned / allowed
            if curve.located:
                share[row] = np.maximum(share[row], np.linalg.norm(miss[row, :, 4:], axis=-1) / self.metres)
        kernel = np.full(2 * h + 1, 1 / (2 * h + 1))
        density = (share / _BOLD) ** 0.25 / (2 * h)
        padded = np.pad(density, ((0, 0), (h, h)), mode="edge")
        density = np.stack([np.convolve(row, kernel, mode="valid") for row in padded])
        return np.clip(density, 1 / _LONGEST, 1.0)

    def solve(
        self, frames: np.ndarray, density: np.ndarray, held: np.ndarray, counts: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Keys (N,L), values and slopes (N,L,C) of a window of ``frames`` (L,) that keep the bound where it ``counts``.

        density: keys a frame (N,L) to begin with. held: frames (L,) that keep what they have.
        """
        rig, wanted = self.motion.rig, self.values[:, frames]
        rotations, locations = self.motion.rotations[frames], self.motion.locations[frames]
        keys = np.zeros(density.shape, bool)
        at, slope, score = np.zeros_like(wanted), np.zeros_like(wanted), np.zeros(density.shape)
        stale = np.arange(len(self.curves))
        while len(stale):
            keys[stale] = _lay(density[stale]) | held
            at[stale], slope[stale] = hermite.fit(wanted[stale], keys[stale], np.broadcast_to(held, keys[stale].shape))
            fitted = hermite.evaluate(at[stale], slope[stale], keys[stale])
            turned = quat.unit(fitted[..., :4])
            for row, values in enumerate(fitted):
                curve = self.curves[stale[row]]
                if rig.modes[curve.bone] != "QUATERNION":
                    turned[row] = quat.from_channels(values[:, : curve.rotation.shape[1]], rig.modes[curve.bone])
                if curve.located:
                    locations[:, curve.bone] = values[:, 4:]
            bones = self.bones[stale]
            miss = quat.angle(turned, self.motion.rotations[frames[:, None], bones].swapaxes(0, 1))
            score[stale] = miss * np.maximum(1 / self.radians, self.reach[bones] / self.metres)[:, None]
            rotations[:, bones] = turned.swapaxes(0, 1)
            if self.values.shape[-1] > 4:
                away = np.linalg.norm(fitted[..., 4:] - wanted[stale, :, 4:], axis=-1) / self.metres
                score[stale] = np.maximum(score[stale], away)
            broken = self._broken(pose(Motion(rig, frames, self.motion.rate, rotations, locations)), frames)
            blame = self._blame(broken & counts[:, None], score.T).T
            stale = np.flatnonzero(blame.any(axis=1))
            density[stale] = _denser(density[stale], blame[stale], keys[stale])
        return keys, at, slope

    def _broken(self, posed: Posed, frames: np.ndarray) -> np.ndarray:
        """Which bones (T,B) are beyond the bound."""
        turned = quat.angle(posed.rotations, self.posed.rotations[frames]) > self.radians
        for mine, wanted in ((posed.heads, self.posed.heads), (posed.tails, self.posed.tails)):
            turned |= ((mine - wanted[frames]) ** 2).sum(axis=-1) > self.metres**2
        return turned

    def _blame(self, broken: np.ndarray, score: np.ndarray) -> np.ndarray:
        """For every broken bone (T,B) the one of its chain that missed most: (T,N)."""
        blame = np.zeros(score.shape, bool)
        columns = {curve.bone: row for row, curve in enumerate(self.curves)}
        for bone in np.flatnonzero(broken.any(axis=0)):
            chain = np.array([columns[link] for link in self.motion.rig.chain(int(bone)) if link in columns], int)
            frames = np.flatnonzero(broken[:, bone])
            blame[frames, chain[score[np.ix_(frames, chain)].argmax(axis=1)]] = True
        return blame


def _reaches(rig: Rig) -> np.ndarray:
    """How far the farthest tail below each bone (B,) is from its head, the limbs stretched out."""
    reach = rig.lengths.copy()
    for bone in reversed(range(len(rig.names))):
        parent = rig.parents[bone]
        if parent >= 0:
            offset = float(np.linalg.norm(rig.heads[bone] - rig.heads[parent]))
            reach[parent] = max(reach[parent], offset + reach[bone])
    return reach


def _lay(density: np.ndarray) -> np.ndarray:
    """Keys (W,N,L) so that between two of them lies about one unit of ``density`` (W,N,L) keys a frame."""
    grown = np.cumsum((density[..., 1:] + density[..., :-1]) / 2, axis=-1)
    total = grown[..., -1:]
    # A whole number of pieces, so that the last one is no shorter than the others.
    grown = grown * np.ceil(total - 1e-9) / total
    before = np.concatenate([np.zeros_like(grown[..., :1]), grown], axis=-1)
    keys = np.zeros(density.shape, bool)
    keys[..., 1:] = np.floor(before[..., 1:] + 1e-9) > np.floor(before[..., :-1] + 1e-9)
    keys[..., 0] = keys[..., -1] = True
    return keys


def _denser(density: np.ndarray, blame: np.ndarray, keys: np.ndarray) -> np.ndarray:
    """More keys a frame (N,L) over the pieces between ``keys`` (N,L) in which there is ``blame`` (N,L)."""
    piece = np.cumsum(keys, axis=1) - 1
    hit = np.zeros(blame.shape, bool)
    rows = np.broadcast_to(np.arange(len(blame))[:, None], blame.shape)
    hit[rows[blame], piece[blame]] = True
    # A long piece needs more of it, or a hand that was still would be asked again and again.
    growth = np.where(density < _SPARSE, _DENSER**2, _DENSER)
    return np.where(hit[rows, piece], np.minimum(density * growth, 1.0), density)


def _continued(values: np.ndarray, count: int) -> np.ndarray:
    """``count`` more rows, by the reflection in the last one."""
    if count == 0:
        return values
    reflected = 2 * values[-1:] - values[-2 : -2 - count : -1]
    missing = count - len(reflected)
    return np.concatenate([values, reflected, np.repeat(reflected[-1:], missing, axis=0)])
