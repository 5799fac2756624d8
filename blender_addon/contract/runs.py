"""Runs of set flags along a clip."""

from __future__ import annotations

from typing import Any

import numpy as np


def runs(flags: np.ndarray[Any, Any], gap: int = 0) -> list[tuple[int, int]]:
    """First row and the row after the last one, of every run of set flags (T,), ascending.

    gap: Runs with at most that many unset rows between them count as one.
    """
    rows = np.flatnonzero(flags)
    if not len(rows):
        return []
    breaks = np.flatnonzero(np.diff(rows) > gap + 1)
    firsts, lasts = [rows[0], *rows[breaks + 1]], [*rows[breaks], rows[-1]]
    return [(int(first), int(last) + 1) for first, last in zip(firsts, lasts, strict=True)]
