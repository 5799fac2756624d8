"""Two-bone IK: bones keep their lengths, the end is where it has to be, the middle joint stays on its side."""

from __future__ import annotations

import numpy as np
import pytest

from blender_addon.maths.ik import bend_direction, two_bone_ik
from blender_addon.maths.rotations import unit


def legs(count: int = 40) -> tuple[np.ndarray, ...]:
    """Hips, knees, ankles, and targets within reach, (T,3) each."""
    random = np.random.default_rng(0)
    hip = random.normal(size=(count, 3))
    knee = hip + 0.45 * unit(random.normal(size=(count, 3)) + [0.0, -1.0, -4.0])
    ankle = knee + 0.4 * unit(random.normal(size=(count, 3)) + [0.0, 1.0, -4.0])
    target = hip + unit(ankle - hip + 0.2 * random.normal(size=(count, 3))) * random.uniform(0.3, 0.84, (count, 1))
    return hip, knee, ankle, target


def test_the_end_is_at_its_target_and_bones_keep_their_lengths() -> None:
    hip, knee, ankle, target = legs()
    front = np.tile([0.0, -1.0, 0.0], (len(hip), 1))
    mid, end = two_bone_ik(hip, knee, ankle, target, front)
    np.testing.assert_allclose(end, target, atol=1e-9)
    np.testing.assert_allclose(np.linalg.norm(mid - hip, axis=-1), 0.45, atol=1e-9)
    np.testing.assert_allclose(np.linalg.norm(end - mid, axis=-1), 0.4, atol=1e-9)


def test_where_the_end_already_is_nothing_changes() -> None:
    hip, knee, ankle, _ = legs()
    mid, end = two_bone_ik(hip, knee, ankle, ankle, np.tile([0.0, -1.0, 0.0], (len(hip), 1)), straight=1e-3)
    np.testing.assert_allclose(mid, knee, atol=1e-6)
    np.testing.assert_allclose(end, ankle, atol=1e-6)


@pytest.mark.parametrize("reach", [0.9, 0.9995])
def test_a_target_out_of_reach_is_met_as_far_as_the_limb_goes(reach: float) -> None:
    hip, knee, ankle = np.zeros((1, 3)), np.array([[0.0, -0.3, -0.3]]), np.array([[0.0, 0.0, -0.6]])
    mid, end = two_bone_ik(hip, knee, ankle, np.array([[0.0, 0.0, -5.0]]), np.array([[0.0, -1.0, 0.0]]), reach)
    length = np.linalg.norm(knee) + np.linalg.norm(ankle - knee)
    np.testing.assert_allclose(end, [[0.0, 0.0, -reach * length]], atol=1e-9)
    assert mid[0, 1] < 0 and abs(mid[0, 0]) < 1e-12


def test_a_straight_limb_bends_towards_its_pole() -> None:
    hip, knee, ankle = np.zeros((1, 3)), np.array([[0.0, 0.0, -0.4]]), np.array([[0.0, 0.0, -0.8]])
    front = np.array([[0.0, -1.0, 0.3]])
    assert np.allclose(bend_direction(hip, knee, ankle, front, 0.1), [[0.0, -1.0, 0.0]])
    mid, end = two_bone_ik(hip, knee, ankle, np.array([[0.0, 0.0, -0.6]]), front)
    assert mid[0, 1] < -0.2 and np.allclose(end, [[0.0, 0.0, -0.6]])
