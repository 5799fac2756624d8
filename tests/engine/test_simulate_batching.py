"""The simulation of one card for several clips, where the answer is known."""

import pytest

from scripts.simulate_batching import Costs, rate


def test_one_clip_gains_nothing() -> None:
    costs = Costs(call=4, picture=1, host=5, cores=4)
    assert rate(costs, 1, 1) == rate(costs, 1, 16) == pytest.approx(1000 / 10)


def test_a_card_that_is_always_busy() -> None:
    costs = Costs(call=4, picture=1, host=0.001, cores=64)
    assert rate(costs, 16, 1) == pytest.approx(1000 / 5, rel=0.01), "a call for each picture"
    # While one half is on the card the other half waits, or all go together: 16 pictures a call at most.
    assert 1000 * 8 / 12 * 0.99 < rate(costs, 16, 16) < 1000 * 16 / 20 * 1.01


def test_calls_that_cost_nothing_need_no_batch() -> None:
    costs = Costs(call=0, picture=1, host=3, cores=8)
    assert rate(costs, 8, 8) == pytest.approx(rate(costs, 8, 1), rel=0.01)


def test_cores_bound_it_all() -> None:
    costs = Costs(call=1, picture=0.1, host=10, cores=2)
    assert rate(costs, 16, 16) == pytest.approx(2 * 1000 / 10, rel=0.02)
