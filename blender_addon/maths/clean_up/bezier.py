"""Curves through few keys: Bezier pieces with one slope a key, whose handles are as long as serves the curve.

F-curves with aligned handles are such curves. The reach of a piece's two handles is the same in all curves of a bone,
so that they share one timing. With handles of a third each, a piece is a cubic polynomial of time and the best
values and slopes are a linear least-squares problem; free handles bend time and meet about half as far from the
samples (geometric Hermite interpolation: de Boor, Hoellig and Sabin, 1987). Both are improved in turns, as Schneider
(1990) does for drawn curves. Nothing here has to be optimal: the caller measures the result.

Many curves are fitted at once: M items with keys of their own over F frames, C curves each. Arrays are (C,M,F); inside,
pieces of about one length lie side by side, whichever item they are of. The precision is that of the samples.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..arrays import Array

_STIFF = 1e-3
"""How strongly slopes are held at those of the samples, where the samples between two keys do not tell."""
_EVEN = 1e-4
"""How strongly handles are held at a third, likewise."""
_SHORTEST, _LONGEST = 0.1, 0.7
"""Of a handle, as shares of its piece."""
_BOLD = 3.0
"""Steps of the handles are taken that much longer, because values and slopes follow them only afterwards."""
_SWEEPS = 2
_PADDING = 2000
"""Frames that may be worked out in vain to spare another group of pieces."""
_STEEPEST = 2.5
"""Slope of the first guess of the Bezier parameter over time: a cubic with steeper ends swings."""
_SLOWEST = 1e-2
"""Pace of time that is divided by."""


@dataclass
class Curves:
    """Fitted curves. keys: (M,F) bool, the first and the last frame are keys. Of meaning at the keys alone are values
    and slopes (C,M,F), per frame, and the shares of the piece after a key that its two handles reach: ``leaving`` the
    key and ``arriving`` at the next one, (M,F)."""

    keys: Array
    values: Array
    slopes: Array
    leaving: Array
    arriving: Array

    def take(self, items: Array) -> Curves:
        """Some of the items."""
        return Curves(
            self.keys[items],
            self.values[:, items],
            self.slopes[:, items],
            self.leaving[items],
            self.arriving[items],
        )

    def put(self, items: Array, other: Curves) -> None:
        """Overwrites some of the items."""
        self.keys[items] = other.keys
        self.values[:, items], self.slopes[:, items] = other.values, other.slopes
        self.leaving[items], self.arriving[items] = other.leaving, other.arriving

    def with_keys(self, keys: Array, samples: Array, tangents: Array) -> Curves:
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


def start(keys: Array, samples: Array, tangents: Array) -> Curves:
    """Curves through the samples (C,M,F) at the keys (M,F), with their tangents."""
    third = np.full(keys.shape, 1 / 3, samples.dtype)
    return Curves(keys, samples.copy(), tangents.copy(), third, third.copy())


def slopes(samples: Array) -> Array:
    """The slope at every frame (...,F) per frame, that of a parabola through five frames around it."""
    padded = np.pad(samples, [(0, 0)] * (samples.ndim - 1) + [(2, 2)], mode="reflect", reflect_type="odd")
    return (2 * (padded[..., 4:] - padded[..., :-4]) + padded[..., 3:-1] - padded[..., 1:-3]) / 10


def following(keys: Array) -> Array:
    """For every frame (M,F) the first key after it; the last frame for that itself."""
    frames = np.arange(keys.shape[1])
    at = np.minimum.accumulate(np.where(keys, frames, keys.shape[1] - 1)[:, ::-1], axis=1)[:, ::-1]
    return np.concatenate([at[:, 1:], at[:, -1:]], axis=1)


def without(curves: Curves) -> tuple[Array, Array]:
    """Where the keys of all items are, flat (G,), and how far off (G,) the first curve would be there, about, if only
    that key was left out. What it says of the first and the last key of an item means nothing."""
    starts = np.flatnonzero(curves.keys.ravel())
    value, slope = curves.values[0].ravel()[starts], curves.slopes[0].ravel()[starts]
    ahead = np.diff(starts, append=starts[-1:]).astype(value.dtype)
    behind = _before(ahead)
    length = np.maximum(ahead + behind, 1)
    u = behind / length
    v = 1 - u
    # A cubic through the keys on either side.
    first = v * v * ((1 + 2 * u) * _before(value) + u * length * _before(slope))
    second = u * u * ((1 + 2 * v) * _next(value) - v * length * _next(slope))
    return starts, np.abs(first + second - value)


def fit(curves: Curves, samples: Array, tangents: Array, held: Array, rounds: int, free: bool = True) -> Array:
    """Moves ``curves`` towards the ``samples`` (C,M,F) by least squares, in place; returns the curves (C,M,F).

    held: frames (M,F) whose keys keep value and slope. rounds: how often values and slopes are solved, and handles
    between. free: whether handles may change their lengths.
    """
    pieces = _Pieces(curves)
    wanted = [group.gathered(samples) for group in pieces.groups]
    slopes_wanted, fixed = _flat(tangents)[:, pieces.starts], held.ravel()[pieces.starts]
    for turn in range(rounds):
        pieces.solve(wanted, slopes_wanted, fixed)
        if free and turn < rounds - 1:
            pieces.stretch(wanted)
    pieces.store(curves)
    return pieces.evaluate(samples.shape)


def evaluate(curves: Curves) -> Array:
    """The curves (C,M,F) at every frame."""
    return _Pieces(curves).evaluate(curves.values.shape)


def _flat(array: Array) -> Array:
    return array.reshape(len(array), -1)


def _next(row: Array) -> Array:
    """What the next key has, (...,G)."""
    return np.concatenate([row[..., 1:], row[..., -1:]], axis=-1)


def _alike(counts: Array) -> list[Array]:
    """The rows of pieces in groups of about one length; counts: (G,) frames."""
    size = np.ceil(np.log2(np.maximum(counts, 4))).astype(int)
    found: list[Array] = []
    waiting = np.empty(0, int)
    for each in range(size.min(), size.max() + 1):
        rows = np.concatenate([waiting, np.flatnonzero(size == each)])
        padding = ((1 << each + 1) - counts[rows]).sum()  # if these went along with the longer ones
        if padding < _PADDING and each < size.max():
            waiting = rows
        else:
            found.append(rows)
            waiting = rows[:0]
    return found


def _before(row: Array) -> Array:
    """What the key before has, (...,G); 0 for the first."""
    return np.concatenate([np.zeros_like(row[..., :1]), row[..., :-1]], axis=-1)


class _Group:
    """Pieces of about one length: n of them, padded to L frames (L,n).

    So that numbers of a piece (n,) meet its frames without being copied, and sums over frames are sums of rows. A frame
    of padding is the piece's first one again, at time 0, where only the first of the basis functions is not 0.

    rows: (n,) of all pieces. starts, lengths: (n,) of them, frames. leaving, arriving: (n,), their handles.
    """

    def __init__(self, rows: Array, starts: Array, lengths: Array, leaving: Array, arriving: Array) -> None:
        dtype = leaving.dtype
        steps = np.arange(lengths.max())[:, None]
        inside = steps < lengths
        steps = np.where(inside, steps, 0)
        self.rows = rows
        self.inside = inside.astype(dtype)
        self.frames = starts + steps
        self.time = (steps / lengths).astype(dtype)
        # A cubic of time that has about the right ends and slopes is near enough to begin with.
        first, last = np.minimum(1 / (3 * leaving), _STEEPEST), np.minimum(1 / (3 * arriving), _STEEPEST)
        t = self.time
        self.u = t * t * (3 - 2 * t) + t * (1 - t) * (first * (1 - t) - last * t)
        self.warp(leaving, arriving)

    def gathered(self, samples: Array) -> Array:
        """The values of (C,M,F) at the frames of the group, (C,L,n)."""
        return _flat(samples).take(self.frames, axis=1)

    def warp(self, leaving: Array, arriving: Array) -> None:
        """The Bezier parameter u of every frame, by Newton's method, and time's pace there; handles (n,)."""
        one, two = 3 * leaving, 3 * (1 - arriving)
        second, third = two - 2 * one, 1 + one - two
        twice, thrice, u = 2 * second, 3 * third, self.u
        for _ in range(20):
            pace = np.maximum(one + u * (twice + thrice * u), _SLOWEST)
            step = (u * (one + u * (second + u * third)) - self.time) / pace
            u = np.minimum(np.maximum(u - step, 0), 1)
            if np.abs(step).max() < 1e-3:  # squared by the step that was just taken
                break
        self.u = u
        self.pace = np.maximum(one + u * (twice + thrice * u), _SLOWEST)


class _Pieces:
    """All keys of all items in one row of G, each with the piece that begins at it.

    The last key of an item begins a piece of one frame.
    """

    def __init__(self, curves: Curves) -> None:
        frames, dtype = curves.keys.shape[1], curves.values.dtype
        self.starts = np.flatnonzero(curves.keys.ravel())
        counts = np.diff(np.append(self.starts, curves.keys.size))
        counts[self.starts % frames == frames - 1] = 1
        self.length = counts.astype(dtype)
        self.value, self.slope = (_flat(part).take(self.starts, axis=1) for part in (curves.values, curves.slopes))
        self.leaving, self.arriving = (part.ravel()[self.starts] for part in (curves.leaving, curves.arriving))
        self.groups = [
            _Group(rows, self.starts[rows], counts[rows], self.leaving[rows], self.arriving[rows])
            for rows in _alike(counts)
        ]

    def store(self, curves: Curves) -> None:
        """Puts the keys back."""
        item, frame = np.divmod(self.starts, curves.keys.shape[1])
        curves.values[:, item, frame], curves.slopes[:, item, frame] = self.value, self.slope
        curves.leaving[item, frame], curves.arriving[item, frame] = self.leaving, self.arriving

    def _reaches(self) -> tuple[Array, Array]:
        """How many frames the handles of the pieces reach, (G,) each."""
        return self.leaving * self.length, self.arriving * self.length

    def _powers(self) -> tuple[Array, ...]:
        """The pieces as polynomials of u: (C,G) each."""
        rise, (leave, arrive) = _next(self.value) - self.value, self._reaches()
        one = 3 * leave * self.slope
        two = 3 * (rise - arrive * _next(self.slope)) - 2 * one
        return self.value, one, two, rise - one - two

    def evaluate(self, shape: tuple[int, ...]) -> Array:
        """The curves (C,M,F)."""
        result = np.empty((len(self.value), shape[1] * shape[2]), self.value.dtype)
        powers = self._powers()
        for group in self.groups:
            zero, one, two, three = (power[:, None, group.rows] for power in powers)
            result[:, group.frames] = zero + group.u * (one + group.u * (two + group.u * three))
        return result.reshape(shape)

    def solve(self, wanted: list[Array], slopes_wanted: Array, fixed: Array) -> None:
        """Values and slopes by least squares for the handles as they are: block tridiagonal systems, by some sweeps
        over every other key (red-black Gauss-Seidel), which is near enough because far keys hardly matter.

        wanted: of every group (C,L,n). slopes_wanted: (C,G), fixed: (G,).
        """
        (channels, count), dtype = self.value.shape, self.value.dtype
        # One key more at either end, so that every key has neighbours.
        gram = np.zeros((4, 4, count + 2), dtype)
        moment = np.zeros((4, channels, count + 2), dtype)
        leave, arrive = self._reaches()
        for group, samples in zip(self.groups, wanted, strict=True):
            u, v = group.u, 1 - group.u
            one, two = 3 * u * v * v, 3 * u * u * v
            basis = (
                v * v * v * group.inside + one,
                leave[group.rows] * one,
                two + u * u * u,
                -arrive[group.rows] * two,
            )
            at = group.rows + 1
            for i in range(4):
                moment[i][:, at] = np.einsum("ln,cln->cn", basis[i], samples)
                for j in range(i, 4):
                    gram[i, j, at] = np.einsum("ln,ln->n", basis[i], basis[j])
        # Of a key: its own block, the block to the next key, that to the key before, the right side.
        here, before = slice(1, -1), slice(0, -2)
        a, b, d = (gram[i, j, here] + gram[i + 2, j + 2, before] for i, j in ((0, 0), (0, 1), (1, 1)))
        d = d + _STIFF
        determinant = a * d - b * b
        right = moment[:2, :, here] + moment[2:, :, before]
        right[1] += _STIFF * slopes_wanted
        ahead, behind = gram[:2, 2:, here], np.swapaxes(gram[:2, 2:, before], 0, 1)
        # Fixed keys are corrected by nothing.
        inverse = np.where(fixed, 0, np.stack([d, -b, a]) / determinant)
        state = np.zeros((2, channels, count + 2), dtype)
        state[0, :, here], state[1, :, here] = self.value, self.slope
        own = (a, b), (b, d)
        for sweep in range(2 * _SWEEPS):
            turn = slice(sweep % 2, None, 2)  # of the keys
            now, last, then = state[..., here][..., turn], state[..., before][..., turn], state[..., 2:][..., turn]
            off = [
                right[k][:, turn]
                - sum(
                    own[k][m][turn] * now[m] + ahead[k, m, turn] * then[m] + behind[k, m, turn] * last[m]
                    for m in (0, 1)
                )
                for k in (0, 1)
            ]
            now[0] += inverse[0, turn] * off[0] + inverse[1, turn] * off[1]
            now[1] += inverse[1, turn] * off[0] + inverse[2, turn] * off[1]
        self.value, self.slope = state[0, :, here].copy(), state[1, :, here].copy()

    def stretch(self, wanted: list[Array]) -> None:
        """A step of Gauss and Newton for the handles' lengths, with values and slopes as they are."""
        powers, dtype = self._powers(), self.value.dtype
        here, there = self.slope * self.length, _next(self.slope) * self.length
        products = np.empty((5, len(self.starts)), dtype)
        for group, samples in zip(self.groups, wanted, strict=True):
            rows, u, v = group.rows, group.u, 1 - group.u
            zero, one, two, three = (power[:, None, rows] for power in powers)
            miss = samples - (zero + u * (one + u * (two + u * three)))
            slope = (one + u * (2 * two + u * (3 * three))) / group.pace
            leave = 3 * u * v * v * (here[:, None, rows] - slope)
            arrive = -3 * u * u * v * (there[:, None, rows] - slope)
            for product, (x, y) in zip(
                products,
                ((leave, leave), (leave, arrive), (arrive, arrive), (leave, miss), (arrive, miss)),
                strict=True,
            ):
                product[rows] = np.einsum("cln,cln->n", x, y)
        aa, ab, bb, ae, be = products
        aa, bb = aa + _EVEN, bb + _EVEN
        ae, be = ae + _EVEN * (1 / 3 - self.leaving), be + _EVEN * (1 / 3 - self.arriving)
        determinant = aa * bb - ab * ab
        leaving = np.clip(self.leaving + _BOLD * (bb * ae - ab * be) / determinant, _SHORTEST, _LONGEST)
        arriving = np.clip(self.arriving + _BOLD * (aa * be - ab * ae) / determinant, _SHORTEST, _LONGEST)
        # Handles that pass each other, be it by rounding, would have time run backwards; Blender shortens them.
        over = np.maximum((leaving + arriving) * (1 + 1e-6), 1.0)
        self.leaving, self.arriving = leaving / over, arriving / over
        for group in self.groups:
            group.warp(self.leaving[group.rows], self.arriving[group.rows])
