"""Curves through few keys: Bezier pieces with one slope a key, whose handles are as long as serves the curve.

That is what F-curves with aligned handles are. How far the two handles of a piece reach is the same in all curves of a
bone, so that they share one timing. With handles of a third each, a piece is a cubic polynomial of time and the best
values and slopes are a linear least-squares problem; free handles bend time and meet about half as far from the
samples (geometric Hermite interpolation: de Boor, Hoellig and Sabin, 1987). Both are improved in turns, as Schneider
(1990) does for drawn curves. Nothing here has to be optimal: who calls measures what came out.

Many curves are fitted at once: M items with keys of their own over F frames, C curves each. Arrays are (C,M,F), and
flat over all frames of all items inside.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

_STIFF = 1e-3
"""How strongly slopes are held at those of the samples, where the samples between two keys do not tell."""
_EVEN = 1e-4
"""How strongly handles are held at a third, likewise."""
_SHORTEST, _LONGEST = 0.1, 0.7
"""Of a handle, as shares of its piece."""
_BOLD = 3.0
"""Steps of the handles are taken that much longer, because values and slopes follow them only afterwards."""
_SWEEPS = 2


@dataclass
class Curves:
    """Fitted curves. keys: (M,F) bool, the first and the last frame are keys. Of meaning at the keys alone are values
    and slopes (C,M,F), per frame, and the shares of the piece after a key that its two handles reach: ``leaving`` the
    key and ``arriving`` at the next one, (M,F)."""

    keys: np.ndarray
    values: np.ndarray
    slopes: np.ndarray
    leaving: np.ndarray
    arriving: np.ndarray

    def take(self, items: np.ndarray) -> Curves:
        """Some of the items."""
        return Curves(
            self.keys[items],
            self.values[:, items],
            self.slopes[:, items],
            self.leaving[items],
            self.arriving[items],
        )

    def put(self, items: np.ndarray, other: Curves) -> None:
        """Overwrites some of the items."""
        self.keys[items] = other.keys
        self.values[:, items], self.slopes[:, items] = other.values, other.slopes
        self.leaving[items], self.arriving[items] = other.leaving, other.arriving

    def with_keys(self, keys: np.ndarray, samples: np.ndarray, tangents: np.ndarray) -> Curves:
        """Other keys: new ones start at the ``samples`` and their ``tangents`` (C,M,F), changed pieces with handles
        of a third."""
        new = keys & ~self.keys
        # A piece is the same if it begins and ends where one did.
        same = keys & self.keys & (following(keys) == following(self.keys))
        return Curves(
            keys,
            np.where(new, samples, self.values),
            np.where(new, tangents, self.slopes),
            np.where(same, self.leaving, 1 / 3),
            np.where(same, self.arriving, 1 / 3),
        )


def start(keys: np.ndarray, samples: np.ndarray, tangents: np.ndarray) -> Curves:
    """Curves through the samples (C,M,F) at the keys (M,F), with their tangents."""
    third = np.full(keys.shape, 1 / 3)
    return Curves(keys, samples.copy(), tangents.copy(), third, third.copy())


def slopes(samples: np.ndarray) -> np.ndarray:
    """The slope at every frame (...,F) per frame, that of a parabola through five frames around it."""
    padded = np.pad(samples, [(0, 0)] * (samples.ndim - 1) + [(2, 2)], mode="reflect", reflect_type="odd")
    return (2 * (padded[..., 4:] - padded[..., :-4]) + padded[..., 3:-1] - padded[..., 1:-3]) / 10


def following(keys: np.ndarray) -> np.ndarray:
    """For every frame (M,F) the first key after it; the last frame for that itself."""
    frames = np.arange(keys.shape[1])
    at = np.minimum.accumulate(np.where(keys, frames, keys.shape[1] - 1)[:, ::-1], axis=1)[:, ::-1]
    return np.concatenate([at[:, 1:], at[:, -1:]], axis=1)


def fit(
    curves: Curves, samples: np.ndarray, tangents: np.ndarray, held: np.ndarray, rounds: int, free: bool = True
) -> np.ndarray:
    """Moves ``curves`` towards the ``samples`` (C,M,F) by least squares, in place; returns the curves (C,M,F).

    held: frames (M,F) whose keys keep value and slope. rounds: how often values and slopes are solved, and handles
    between. free: whether handles may change their lengths.
    """
    flat = _Pieces(curves)
    wanted, slopes_wanted = _flat(samples), _flat(tangents)[:, flat.starts]
    fixed = held.ravel()[flat.starts]
    for turn in range(rounds):
        flat.solve(wanted, slopes_wanted, fixed)
        if free and turn < rounds - 1:
            flat.stretch(wanted)
    flat.store(curves)
    return flat.evaluate().reshape(samples.shape)


def evaluate(curves: Curves) -> np.ndarray:
    """The curves (C,M,F) at every frame."""
    return _Pieces(curves).evaluate().reshape(curves.values.shape)


def _flat(array: np.ndarray) -> np.ndarray:
    return array.reshape(len(array), -1)


def _next(row: np.ndarray) -> np.ndarray:
    """What the next key has, (...,G)."""
    return np.concatenate([row[..., 1:], row[..., -1:]], axis=-1)


def _before(row: np.ndarray) -> np.ndarray:
    """What the key before has, (...,G); 0 for the first."""
    return np.concatenate([np.zeros_like(row[..., :1]), row[..., :-1]], axis=-1)


class _Pieces:
    """All keys of all items in one row of G, each with the piece that begins at it; S frames in another.

    The last key of an item begins a piece of one frame.
    """

    def __init__(self, curves: Curves) -> None:
        frames = curves.keys.shape[1]
        flags = curves.keys.ravel()
        self.starts = np.flatnonzero(flags)
        self.piece = np.cumsum(flags) - 1
        self.last = self.starts % frames == frames - 1
        counts = np.diff(np.append(self.starts, flags.size))
        self.length = np.where(self.last, 1, counts).astype(np.float64)
        self.value, self.slope = _flat(curves.values)[:, self.starts], _flat(curves.slopes)[:, self.starts]
        self.leaving, self.arriving = curves.leaving.ravel()[self.starts], curves.arriving.ravel()[self.starts]
        self.time = (np.arange(flags.size) - self.starts[self.piece]) / self.length[self.piece]
        self.u = self.time
        self.pace = np.ones(flags.size)
        self._warp()

    def store(self, curves: Curves) -> None:
        """Puts the keys back."""
        item, frame = np.divmod(self.starts, curves.keys.shape[1])
        curves.values[:, item, frame], curves.slopes[:, item, frame] = self.value, self.slope
        curves.leaving[item, frame], curves.arriving[item, frame] = self.leaving, self.arriving

    def _warp(self) -> None:
        """The Bezier parameter u of every frame, by Newton's method, and time's pace there."""
        one, two = 3 * self.leaving, 3 * (1 - self.arriving)
        first, second, third = (x[self.piece] for x in (one, two - 2 * one, 1 + one - two))
        u = self.u
        for _ in range(20):
            pace = first + u * (2 * second + 3 * third * u)
            step = (u * (first + u * (second + u * third)) - self.time) / np.maximum(pace, 1e-2)
            u = np.clip(u - step, 0.0, 1.0)
            if np.abs(step).max() < 1e-4:  # squared by the step that was just taken
                break
        self.u = u
        self.pace = np.maximum(first + u * (2 * second + 3 * third * u), 1e-2)

    def _powers(self) -> tuple[np.ndarray, ...]:
        """The pieces as polynomials of u: (C,G) each."""
        end = _next(self.value)
        one = 3 * (self.leaving * self.length) * self.slope
        two = 3 * (end - self.value - (self.arriving * self.length) * _next(self.slope)) - one * 2
        return self.value, one, two, end - self.value - one - two

    def evaluate(self) -> np.ndarray:
        """The curves (C,S)."""
        zero, one, two, three = (power[:, self.piece] for power in self._powers())
        return zero + self.u * (one + self.u * (two + self.u * three))

    def solve(self, wanted: np.ndarray, slopes_wanted: np.ndarray, fixed: np.ndarray) -> None:
        """Values and slopes by least squares for the handles as they are: block tridiagonal systems, by some sweeps
        over every other key (red-black Gauss-Seidel), which is near enough because far keys hardly matter."""
        u, v = self.u, 1 - self.u
        one, two = 3 * u * v * v, 3 * u * u * v
        basis = (
            v * v * v + one,
            (self.leaving * self.length)[self.piece] * one,
            two + u * u * u,
            -(self.arriving * self.length)[self.piece] * two,
        )

        def total(product: np.ndarray) -> np.ndarray:
            return np.add.reduceat(product, self.starts, axis=-1)

        inner = ~self.last
        gram = {(i, j): total(basis[i] * basis[j]) * (inner | (j < 2)) for i in range(4) for j in range(i, 4)}
        moment = [total(b * wanted) * (inner | (i < 2)) for i, b in enumerate(basis)]
        # Of a key: its own block, the block to the next key, the right side.
        own = gram[0, 0] + _before(gram[2, 2]), gram[0, 1] + _before(gram[2, 3]), gram[1, 1] + _before(gram[3, 3])
        own = own[0], own[1], own[2] + _STIFF
        determinant = own[0] * own[2] - own[1] * own[1]
        inverse = own[2] / determinant, -own[1] / determinant, own[0] / determinant
        ahead = np.array([[gram[0, 2], gram[0, 3]], [gram[1, 2], gram[1, 3]]]) * inner
        behind = _before(ahead)
        right = moment[0] + _before(moment[2]), moment[1] + _before(moment[3]) + _STIFF * slopes_wanted
        count = len(self.starts)
        for sweep in range(2 * _SWEEPS):
            rows = np.arange(sweep % 2, count, 2)
            rows = rows[~fixed[rows]]
            after, before = np.minimum(rows + 1, count - 1), np.maximum(rows - 1, 0)
            x = [right[k][:, rows] for k in (0, 1)]
            for k in (0, 1):
                x[k] = (
                    x[k]
                    - ahead[k, 0, rows] * self.value[:, after]
                    - ahead[k, 1, rows] * self.slope[:, after]
                    - behind[0, k, rows] * self.value[:, before]
                    - behind[1, k, rows] * self.slope[:, before]
                )
            self.value[:, rows] = inverse[0][rows] * x[0] + inverse[1][rows] * x[1]
            self.slope[:, rows] = inverse[1][rows] * x[0] + inverse[2][rows] * x[1]

    def stretch(self, wanted: np.ndarray) -> None:
        """A step of Gauss and Newton for the handles' lengths, with values and slopes as they are."""
        zero, one, two, three = (power[:, self.piece] for power in self._powers())
        u, v = self.u, 1 - self.u
        miss = wanted - (zero + u * (one + u * (two + u * three)))
        slope = (one + u * (2 * two + 3 * u * three)) / self.pace
        here, there = self.slope * self.length, _next(self.slope) * self.length
        leave = 3 * u * v * v * (here[:, self.piece] - slope)
        arrive = -3 * u * u * v * (there[:, self.piece] - slope)
        aa, ab, bb, ae, be = (
            np.add.reduceat((x * y).sum(axis=0), self.starts)
            for x, y in ((leave, leave), (leave, arrive), (arrive, arrive), (leave, miss), (arrive, miss))
        )
        aa, bb = aa + _EVEN, bb + _EVEN
        ae, be = ae + _EVEN * (1 / 3 - self.leaving), be + _EVEN * (1 / 3 - self.arriving)
        determinant = aa * bb - ab * ab
        leaving = np.clip(self.leaving + _BOLD * (bb * ae - ab * be) / determinant, _SHORTEST, _LONGEST)
        arriving = np.clip(self.arriving + _BOLD * (aa * be - ab * ae) / determinant, _SHORTEST, _LONGEST)
        # Handles that pass each other would have time run backwards; Blender shortens them.
        over = np.maximum(leaving + arriving, 1.0)
        self.leaving, self.arriving = leaving / over, arriving / over
        self._warp()
