"""The time left, on a clock that is made up."""

from __future__ import annotations

import numpy as np
import pytest

from blender_addon.engine.pace import Pace

TOTAL = 216_000
EVERY_S = 0.1
"""The engine tells no more often."""


def told(seconds_a_frame: np.ndarray, first: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """When something was told, the predicted whole of the stage then, and what it took in truth; seconds.

    seconds_a_frame: (n,), of the frames from ``first`` on.
    """
    ends = np.cumsum(seconds_a_frame)
    pace, last = Pace(0.0, first), 0.0
    moments, wholes = [], []
    for done, now in enumerate(ends, first + 1):
        if now - last < EVERY_S:
            continue
        last = now
        pace.take(now, done)
        left = pace.left(now, first + len(ends))
        if left is not None:
            moments.append(now)
            wholes.append(now + left)
    return np.array(moments), np.array(wholes), ends


@pytest.mark.parametrize("seconds", [20.0, 250.0, 12_000.0])
@pytest.mark.parametrize("first", [0, 150_000])
def test_at_an_even_pace_it_is_true_from_a_tenth_on(seconds: float, first: int) -> None:
    """Frames and scenes differ, every 5th is searched for newcomers, and at the end of a chunk it is written."""
    count = (TOTAL - first) // 10
    rng = np.random.default_rng(0)
    cost = np.repeat(rng.uniform(0.8, 1.2, count // 100 + 1), 100)[:count] * rng.uniform(0.7, 1.3, count)
    cost[::5] *= 2
    cost[2999::3000] += 50
    moments, wholes, ends = told(cost * seconds / cost.sum(), first)
    later = moments > 0.1 * ends[-1]
    assert later.any()
    assert np.abs(wholes[later] / ends[-1] - 1).max() < 0.1


@pytest.mark.parametrize("change", [0.25, 0.5, 2.0, 4.0])
@pytest.mark.parametrize("at", [0.2, 0.5, 0.7])
def test_after_a_change_of_speed_it_is_soon_true_again(change: float, at: float) -> None:
    cost = np.full(20_000, 0.05)
    cost[int(at * len(cost)) :] *= change
    moments, wholes, ends = told(cost)
    changed = ends[int(at * len(cost)) - 1]
    within = moments < changed
    assert wholes[within][-1] == pytest.approx(ends[int(at * len(cost)) - 1] / at, rel=0.02), "nobody knows it before"
    # The old speed is forgotten when half as long as it lasted has gone by.
    again = moments > 1.5 * changed + 1
    assert np.abs(wholes[again] - ends[-1]).max(initial=0) < 0.1 * ends[-1]
    if change > 1:
        assert again.any()


def test_nothing_is_told_too_early_or_without_any_progress() -> None:
    pace = Pace(100.0, 40)
    assert pace.left(101.0, 100) is None
    assert pace.left(110.0, 100) is None
    pace.take(110.0, 55)
    assert pace.left(110.0, 100) == pytest.approx(30.0)
    # It stands still: the longer, the longer it will take.
    assert pace.left(150.0, 100) == pytest.approx(150.0)
    pace.take(150.0, 100)
    assert pace.left(150.0, 100) == 0.0


def test_what_is_remembered_does_not_grow() -> None:
    pace = Pace(0.0, 0)
    for second in range(100_000):
        pace.take(float(second), second)
    assert len(pace._marks) < 200
