"""Small helpers for arrays over frames."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Array: TypeAlias = NDArray[Any]
"""Any array; docstrings give shapes, units and axes."""


class SinglePrecision(dict[Any, Array]):
    """Arrays of many frames by key, kept as float32: an hour at 60 frames a second has 216,000 of them."""

    def __setitem__(self, key: Any, value: Array) -> None:
        super().__setitem__(key, value.astype(np.float32, copy=False))


def smoothstep(x: Array) -> Array:
    """A ramp of any shape from 0 (x <= 0) to 1 (x >= 1), flat at both ends: 3 x^2 - 2 x^3."""
    x = np.clip(x, 0.0, 1.0)
    return x * x * (3 - 2 * x)
