"""Places few keys such that the curves through them stay within a bound of their targets.

Keys are first laid so that every piece between two of them has the same share of the curve's bend (the fourth root of
its fourth derivative: de Boor, 1973). Where the bound is broken, the piece is cut in two; where it holds with room to
spare, keys are taken away again, many at once, and those put back that were missed. At last each of an item's curves
loses the keys that it does without: a knee has one channel that moves and three that do not. Keys are only tried to be
taken away where a guess has it that they may go, for a trial costs a fit.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ..arrays import Array
from . import bezier

_REACH = 4
"""Frames to either side over which the bend of a curve is judged."""
_LONGEST = 60
"""Frames between two keys at most: an animator wants to find some."""
_NEW, _WARM = 3, 2
"""Rounds of fitting from scratch, and after a change of a few keys."""
_HOPELESS = 4.0
"""A key is tried to be removed if the estimated miss without it is at most that many times the bound."""
_LIKELY = 2.0
"""Likewise, for a key of one curve alone."""
_HALVINGS = 3
"""How often a curve alone loses every other key, at most: a fourth time takes a tenth of a percent of all keys more,
for a fifth of the time."""
_WORTH = 3
"""Keys of one curve that must be likely to go in a window, for the fit of the window to be worth its time."""
Miss = Callable[[Array, Array], Array]


def choose(
    samples: Array, tangents: Array, held: Array, tolerance: Array, miss: Miss
) -> tuple[list[bezier.Curves], Array]:
    """Fits curves with few keys to samples: C channels of M items over F frames.

    Args:
        samples: (C,M,F) targets.
        tangents: (C,M,F) of the samples; items that are parts of one curve have the same where they meet.
        held: (M,F) frames that keep value and tangent, the first and the last among them.
        tolerance: (M,) about how far a sample may be off.
        miss: of curves (C,m,F) and the rows (m,) of their items, the share of the bound (m,F) that they use, at most 1.

    Returns:
        For every channel its curves (1,M,F), and the values (C,M,F) at all frames.
    """
    search = _Search(samples, tangents, held, tolerance, miss)
    search.lay()
    search.cut()
    search.thin()
    return search.apart(), search.fitted


class _Search:
    def __init__(self, samples: Array, tangents: Array, held: Array, tolerance: Array, miss: Miss) -> None:
        self.samples, self.tangents, self.held, self.tolerance, self.miss = samples, tangents, held, tolerance, miss
        self.density = self._density()

    def _density(self) -> Array:
        """Keys a frame (M,F) that would about do."""
        values, slope, h = self.samples, self.tangents, _REACH
        if values.shape[-1] <= 2 * h:
            return np.full(values.shape[1:], 0.5)
        # How far a piece of 2h frames would miss its middle; the miss grows with the fourth power of its length.
        middle = (values[..., : -2 * h] + values[..., 2 * h :]) / 2
        middle += (slope[..., : -2 * h] - slope[..., 2 * h :]) * h / 4
        off = np.linalg.norm(values[..., h:-h] - middle, axis=0) / self.tolerance[:, None]
        density = np.pad(off**0.25 / (2 * h), ((0, 0), (2 * h, 2 * h)), mode="edge")
        total = np.cumsum(np.pad(density, ((0, 0), (1, 0))), axis=1)
        return np.clip((total[:, 2 * h + 1 :] - total[:, : -2 * h - 1]) / (2 * h + 1), 1 / _LONGEST, 0.7)

    def lay(self) -> None:
        """First keys, and the curves through them."""
        grown = np.cumsum((self.density[:, 1:] + self.density[:, :-1]) / 2, axis=1)
        grown *= np.ceil(grown[:, -1:]) / grown[:, -1:]
        before = np.pad(grown, ((0, 0), (1, 0)))
        keys = self.held.copy()
        keys[:, 1:] |= np.floor(before[:, 1:] + 1e-9) > np.floor(before[:, :-1] + 1e-9)
        keys[:, [0, -1]] = True
        self.curves = bezier.start(keys, self.samples, self.tangents)
        self.fitted = bezier.fit(self.curves, self.samples, self.tangents, self.held, _NEW)
        self.used = self.miss(self.fitted, np.arange(len(keys)))

    def _tried(self, keys: Array, items: Array) -> tuple[bezier.Curves, Array, Array]:
        """The curves of some items with other keys, their values, and the share of the bound that they use."""
        samples, tangents = self.samples[:, items], self.tangents[:, items]
        curves = self.curves.take(items).with_keys(keys, samples, tangents)
        fitted = bezier.fit(curves, samples, tangents, self.held[items], _WARM)
        return curves, fitted, self.miss(fitted, items)

    def _keep(self, items: Array, curves: bezier.Curves, fitted: Array, used: Array) -> None:
        self.curves.put(items, curves)
        self.fitted[:, items], self.used[items] = fitted, used

    def cut(self) -> None:
        """Cuts the pieces that break the bound, until none does."""
        items = np.arange(len(self.held))
        while True:
            items = items[(self.used[items] > 1).any(axis=1)]
            if not len(items):
                return
            keys = self.curves.keys[items]
            starts, lengths, worst = _pieces(keys, self.used[items])
            broken = (worst > 1) & (lengths > 1)
            # Where as much bend lies before as after.
            total = np.cumsum(np.pad(self.density[items].ravel(), (1, 0)))
            first, after = starts[broken], (starts + lengths)[broken]
            middle = np.searchsorted(total, (total[first] + total[after]) / 2)
            keys.ravel()[np.clip(middle, first + 1, after - 1)] = True
            if broken.any():
                self._keep(items, *self._tried(keys, items))
            else:  # every frame has a key: the rest is rounding
                return

    def thin(self) -> None:
        """Removes keys that are not needed, never two neighbours. Once: what a second time finds, curves lose by
        themselves."""
        keys = self.curves.keys
        starts, lengths, worst = _pieces(keys, self.used)
        before = np.concatenate([lengths[:1], lengths[:-1]])
        longer = (lengths + before) / np.maximum(lengths, before)
        guess = np.maximum(worst, np.concatenate([worst[:1], worst[:-1]])) * longer**4
        guess = np.where(self.held.ravel()[starts] | (lengths + before > _LONGEST), np.inf, guess)
        least = (guess < np.append(np.inf, guess[:-1])) & (guess <= np.append(guess[1:], np.inf))
        gone = np.zeros(keys.shape, bool)
        gone.ravel()[starts[least & (guess < _HOPELESS)]] = True
        items = np.flatnonzero(gone.any(axis=1))
        trial, gone = (keys & ~gone)[items], gone[items]
        for _ in range(3):
            if not len(items):
                return
            curves, fitted, used = self._tried(trial, items)
            broken = (used > 1).any(axis=1)
            fine = np.flatnonzero(~broken)
            self._keep(items[fine], curves.take(fine), fitted[:, fine], used[fine])
            items, trial, gone = items[broken], trial[broken], gone[broken]
            back = gone & _around(trial, used[broken] > 1)
            back |= gone & ~back.any(axis=1)[:, None]
            trial, gone = trial | back, gone & ~back

    def apart(self) -> list[bezier.Curves]:
        """Each curve for itself; each loses every other key as often as it can."""
        parts = [
            bezier.Curves(c.keys.copy(), c.values[i : i + 1], c.slopes[i : i + 1], c.leaving.copy(), c.arriving.copy())
            for c in [self.curves]
            for i in range(len(self.samples))
        ]
        for channel in np.argsort(self.samples.std(axis=-1).max(axis=1)):  # the quietest first
            self._quieten(int(channel), parts[channel])
        return parts

    def _quieten(self, channel: int, part: bezier.Curves) -> None:
        """Takes keys from one curve alone, as far as the bound stands it."""
        samples, tangents, held = self.samples[channel][None], self.tangents[channel][None], self.held
        tried = held.copy()
        for _ in range(_HALVINGS):
            free = part.keys & ~tried
            starts, off = bezier.without(part)
            free.ravel()[starts[off > _LIKELY * self.tolerance[starts // free.shape[1]]]] = False
            gone = free & (np.cumsum(free, axis=1) % 2 == 1)
            items = np.flatnonzero(gone.sum(axis=1) >= _WORTH)
            for last in (False, True):
                if not len(items):
                    break
                mine, keys = samples[:, items], part.keys[items] & ~gone[items]
                trial = part.take(items).with_keys(keys, mine, tangents[:, items])
                one = bezier.fit(trial, mine, tangents[:, items], held[items], 1, free=False)
                fitted = self.fitted[:, items]
                fitted[channel] = one[0]
                broken = self.miss(fitted, items) > 1
                failed = broken.any(axis=1)
                fine = np.flatnonzero(~failed)
                part.put(items[fine], trial.take(fine))
                self.fitted[channel, items[fine]] = one[0, fine]
                items = items[failed]
                back = gone[items] if last else gone[items] & _around(keys[failed], broken[failed])
                tried[items] |= back
                gone[items] &= ~back


def _pieces(keys: Array, used: Array) -> tuple[Array, Array, Array]:
    """Of every piece of all items, flat: its first frame, its length (the last of an item has one frame), and the most
    that it uses of the bound, the keys at both its ends included."""
    flags = keys.ravel()
    starts = np.flatnonzero(flags)
    last = starts % keys.shape[1] == keys.shape[1] - 1
    lengths = np.where(last, 1, np.diff(np.append(starts, flags.size)))
    worst = np.maximum.reduceat(used.ravel(), starts)
    end = np.append(used.ravel()[starts[1:]], 0.0)
    return starts, lengths, np.where(last, 0.0, np.maximum(worst, end))


def _around(keys: Array, marked: Array) -> Array:
    """Frames (M,F) in pieces with a marked frame, and in the pieces beside these."""
    _starts, _lengths, hit = _pieces(keys, marked.astype(np.float64))
    hit = np.maximum(hit, np.maximum(np.append(hit[1:], 0.0), np.append(0.0, hit[:-1])))
    return (hit > 0)[np.cumsum(keys.ravel()) - 1].reshape(keys.shape)
