import numpy as np
import pytest

from pose3d_engine.research.evaluation.footing import measure
from pose3d_engine.solve.kinematics import ANKLES, LEGS, SOLE_ROWS

HELD = slice(10, 30)


@pytest.fixture
def still():
    """Somebody on straight legs, whose left foot is in contact for a while."""
    points = np.zeros((40, 21, 3))
    for hip, knee, ankle in LEGS:
        points[:, [hip, knee, ankle], 2] = [0.92, 0.5, 0.08]
    contacts = np.zeros((40, 2, 2), bool)
    contacts[HELD, 0] = True
    return points, contacts


def test_nothing_is_wrong_with_somebody_who_stands_still(still):
    points, contacts = still
    feet = measure(points, contacts, contacts.all(axis=2), points)
    assert feet.stances == 1
    faults = (feet.spread_mm, feet.drift_mm, feet.ankle_mm, feet.depth_mm, feet.knee_deg)
    assert faults == pytest.approx((0, 0, 0, 0, 0), abs=1e-9)


def test_each_fault_is_found(still):
    free, contacts = still
    points = free.copy()
    contacts[32:38, 1] = True
    points[32:38, SOLE_ROWS[1], 2] = 0.2  # the other stance is higher
    points[20, SOLE_ROWS[0, 1], 0] = 0.019  # a toe slides: 19 mm less a twentieth
    points[20, ANKLES[0], 1] = 0.038
    points[5, SOLE_ROWS[1], 2] = -0.03
    points[HELD.start :, LEGS[0][1], 1] = 0.42  # the knee bends where the stance begins
    feet = measure(points, contacts, contacts.all(axis=2), free)
    assert feet.stances == 2
    assert feet.spread_mm == pytest.approx(200)
    assert feet.drift_mm == pytest.approx(18.05)
    assert feet.ankle_mm == pytest.approx(36.1)
    assert feet.depth_mm == pytest.approx(30)
    assert feet.knee_deg == pytest.approx(90, abs=1)
    assert measure(points, contacts, contacts.all(axis=2), points).knee_deg == 0
