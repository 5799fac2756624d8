"""Curves through few keys: cubic pieces with one slope a key, as F-curves with aligned handles have them.

A handle that reaches a third of the way to its neighbour makes a Bezier piece a cubic polynomial of time, so the best
values and slopes at given keys are a linear least-squares problem, and all curves of a bone share its matrix. Many
bones are solved at once: arrays are (N,T,C) for N bones with keys of their own, T frames and C curves each.
"""

from __future__ import annotations

import numpy as np

_STIFF = 1e-2
"""How strongly slopes are held at those of the samples, where the samples between two keys do not tell."""

_FIRM = 1e9
"""The weight of keys that must not move."""


def slopes(values: np.ndarray) -> np.ndarray:
    """The slope at every frame (N,T,C) per frame, that of a parabola through five frames around it."""
    padded = np.concatenate(
        [2 * values[:, :1] - values[:, 2:0:-1], values, 2 * values[:, -1:] - values[:, -2:-4:-1]], 1
    )
    return (2 * (padded[:, 4:] - padded[:, :-4]) + padded[:, 3:-1] - padded[:, 1:-3]) / 10


def fit(values: np.ndarray, keys: np.ndarray, held: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Values and slopes (N,T,C), of meaning only at the keys (N,T; bool), that meet ``values`` (N,T,C) best.

    The first and the last frame are keys. Those keys that are ``held`` (N,T; bool) keep their values and slopes.
    """
    count, _, columns = values.shape
    wanted = slopes(values)
    a, b, u = _segments(keys)
    length = (b - a).astype(np.float64)
    basis = _basis(u, length)  # (N,T,4): of value and slope at the key before, and at the key after

    # One row of sums for every piece; a frame counts to the piece that begins at or before it.
    starts = np.flatnonzero(keys.ravel())
    flat = basis.reshape(-1, 4)
    target = values.reshape(-1, columns)
    products = np.empty((len(flat), 10 + 4 * columns))
    pairs = [(i, j) for i in range(4) for j in range(i, 4)]
    for column, (i, j) in enumerate(pairs):
        np.multiply(flat[:, i], flat[:, j], out=products[:, column])
    for i in range(4):
        np.multiply(flat[:, i : i + 1], target, out=products[:, 10 + i * columns : 10 + (i + 1) * columns])
    sums = np.add.reduceat(products, starts, axis=0)
    gram = np.empty((len(sums), 4, 4))
    for column, (i, j) in enumerate(pairs):
        gram[:, i, j] = gram[:, j, i] = sums[:, column]
    moment = sums[:, 10:].reshape(-1, 4, columns)

    # Keys in a table (N,K): block tridiagonal systems, short ones filled up with equations that say 0 = 0.
    order = np.cumsum(keys, axis=1) - 1
    most = int(order[:, -1].max()) + 1
    item, slot = np.repeat(np.arange(count), keys.sum(axis=1)), order[keys]
    diagonal = np.zeros((count, most, 2, 2))
    diagonal[..., 0, 0] = diagonal[..., 1, 1] = 1e-12
    above = np.zeros((count, most, 2, 2))
    right = np.zeros((count, most, 2, columns))
    last = slot == order[item, -1]
    inner = ~last
    diagonal[item, slot] += gram[:, :2, :2]
    right[item, slot] += moment[:, :2]
    diagonal[item[inner], slot[inner] + 1] += gram[inner, 2:, 2:]
    right[item[inner], slot[inner] + 1] += moment[inner, 2:]
    above[item[inner], slot[inner]] = gram[inner, :2, 2:]
    diagonal[item, slot, 1, 1] += _STIFF
    right[item, slot, 1] += _STIFF * wanted[keys]
    fixed = held[keys]
    diagonal[item[fixed], slot[fixed]] += np.eye(2) * _FIRM
    right[item[fixed], slot[fixed], 0] += _FIRM * values[keys][fixed]
    right[item[fixed], slot[fixed], 1] += _FIRM * wanted[keys][fixed]
    solved = _solve(diagonal, above, right)
    at, slope = np.zeros_like(values), np.zeros_like(values)
    at[keys], slope[keys] = solved[item, slot, 0], solved[item, slot, 1]
    return at, slope


def evaluate(at: np.ndarray, slope: np.ndarray, keys: np.ndarray) -> np.ndarray:
    """The curves (N,T,C) at every frame, from what :func:`fit` gave."""
    a, b, u = _segments(keys)
    basis = _basis(u, (b - a).astype(np.float64))
    rows = np.arange(len(at))[:, None]
    return (
        basis[..., 0:1] * at[rows, a]
        + basis[..., 1:2] * slope[rows, a]
        + basis[..., 2:3] * at[rows, b]
        + basis[..., 3:4] * slope[rows, b]
    )


def _segments(keys: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """For every frame (N,T) the keys around it, and where it lies between them: 0 to 1, 0 at the last key."""
    frames = np.arange(keys.shape[1])
    a = np.maximum.accumulate(np.where(keys, frames, 0), axis=1)
    after = np.where(keys, frames, keys.shape[1] - 1)
    b = np.minimum.accumulate(after[:, ::-1], axis=1)[:, ::-1]
    b = np.concatenate([b[:, 1:], b[:, -1:]], axis=1)
    return a, b, (frames - a) / np.maximum(b - a, 1)


def _basis(u: np.ndarray, length: np.ndarray) -> np.ndarray:
    """Hermite's cubics (...,4); slopes are per frame."""
    v = 1 - u
    return np.stack([v * v * (1 + 2 * u), u * v * v * length, u * u * (1 + 2 * v), -u * u * v * length], axis=-1)


def _solve(diagonal: np.ndarray, above: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Symmetric block tridiagonal systems by elimination (Thomas): blocks (N,K,2,2), right sides (N,K,2,C)."""
    most = diagonal.shape[1]
    factors = np.empty_like(above)
    right = right.copy()
    pivot = diagonal[:, 0]
    inverse = _inverse(pivot)
    for k in range(most - 1):
        factors[:, k] = inverse @ above[:, k]
        right[:, k] = inverse @ right[:, k]
        lower = np.swapaxes(above[:, k], -1, -2)
        inverse = _inverse(diagonal[:, k + 1] - lower @ factors[:, k])
        right[:, k + 1] -= lower @ right[:, k]
    right[:, -1] = inverse @ right[:, -1]
    for k in range(most - 2, -1, -1):
        right[:, k] -= factors[:, k] @ right[:, k + 1]
    return right


def _inverse(m: np.ndarray) -> np.ndarray:
    """Of (N,2,2)."""
    result = np.empty_like(m)
    result[:, 0, 0], result[:, 1, 1] = m[:, 1, 1], m[:, 0, 0]
    result[:, 0, 1], result[:, 1, 0] = -m[:, 0, 1], -m[:, 1, 0]
    return result / (m[:, 0, 0] * m[:, 1, 1] - m[:, 0, 1] * m[:, 1, 0])[:, None, None]
