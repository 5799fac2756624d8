"""Where soles are on their ground, and how high that is."""

import numpy as np
import pytest
from scipy.ndimage import binary_dilation

from pose3d_engine.solve import contacts, floor
from pose3d_engine.solve.floor import Stance
from pose3d_engine.solve.kinematics import ANKLES, SOLE_ROWS
from pose3d_engine.solve.terms import Ground
from tests.support.filmed import body_of, standing, strides

CAMERA = np.array([0.0, -4.0, 1.2])
UP = np.array([0.0, 0.0, 1.0])


def found(points, observed=None, camera=CAMERA):
    times = np.arange(len(points)) / 30
    observed = np.ones((len(points), 2), bool) if observed is None else observed
    return contacts.contacts(points, observed, times, camera)


def jump():
    """(90,21,3) a body that is in the air from 1.0 to 1.6 s."""
    points, air = body_of(standing(90)), np.clip(np.arange(90) / 30 - 1.0, 0, 0.6)
    points[..., 2] += (0.6 * 9.81 / 2 * air - 9.81 / 2 * air**2)[:, None]
    return points


class TestContacts:
    def test_contacts_are_low_and_slow_wherever_the_ground_is(self):
        joints, toes, down = strides()
        points = body_of(joints, toes)
        on = found(points)
        assert (on.any(axis=2) == down).mean() > 0.85
        assert not (on.any(axis=2) & ~binary_dilation(down, np.ones((7, 1)))).any()
        np.testing.assert_array_equal(found(points + 2 * UP, camera=CAMERA + 2 * UP), on)  # the same on a wall
        assert not found(points, np.zeros((90, 2), bool)).any()

    def test_the_toe_stays_while_the_heel_rises(self):
        joints, toes, _ = strides()
        on = found(body_of(joints, toes))
        rolling = on[:, :, 1] & ~on[:, :, 0]
        assert rolling.sum() >= 6
        ends = [np.flatnonzero(np.diff(on[:, 0, part].astype(int)) == -1) for part in (0, 1)]
        assert (ends[1] > ends[0]).all()

    def test_a_jump_is_in_the_air(self):
        points = jump()
        on, times = found(points), np.arange(90) / 30
        assert on[:29].all() and not on[32:46].any() and on[50:].all()
        free = contacts.airborne(on, np.ones((90, 2), bool), times)
        assert free[32:46].all() and not free[:28].any() and not free[51:].any()

    def test_who_floats_for_seconds_does_not_fall(self):
        points, times = body_of(standing(120)), np.arange(120) / 30
        points[20:100, :, 2] += 0.5 + 0.2 * np.sin(times[20:100] * 9)[:, None]
        points[20:100, :, 0] += 0.5 * np.sin(times[20:100] * 5)[:, None]
        on = found(points)
        assert not on[30:90].all(axis=(1, 2)).any()
        assert not contacts.airborne(on, np.ones((120, 2), bool), times).any()

    def test_feet_that_were_not_seen_do_not_jump(self):
        points, observed = jump(), np.ones((90, 2), bool)
        observed[35] = False
        assert not contacts.airborne(found(points), observed, np.arange(90) / 30).any()

    def test_only_who_is_nearly_straight_and_still_stands(self):
        times = np.arange(60) / 30
        for degrees, wanted in ((0, True), (25, True), (60, False), (90, False)):
            points = body_of(standing(60, bend=np.radians(degrees)))
            assert contacts.standing(found(points), points, times).all() == wanted
            assert contacts.standing(found(points), points, times).any() == wanted
        points[:, 0, 0] += 0.3 * np.sin(times * 6)
        assert not contacts.standing(found(points), points, times).all()

    def test_at_least_one_end_is_on_the_ground_always(self):
        points = jump()
        on = contacts.at_least_one(found(points), points[..., 2])
        assert on.any(axis=(1, 2)).all()
        assert (on >= found(points)).all()

    def test_feet_that_the_contact_moves_across_the_picture_are_reported(self):
        free = body_of(standing(60)) + [0, 4.0, 0]  # camera at the origin
        held, ground = np.ones((60, 2, 2), bool), np.zeros((60, 2))
        floor_of = Ground(UP, 0.0, held, ground, np.zeros(60, bool), np.zeros(60, bool))
        moved = free.copy()
        moved[40:, SOLE_ROWS[0], 0] -= 0.2
        off = contacts.off_picture(moved, free, floor_of, 0.07)
        assert off[40:, 0].all() and not off[:40, 0].any() and not off[:, 1].any()
        far = free * 1.1  # along the line of sight
        assert not contacts.off_picture(far, free, floor_of, 0.07).any()

    @pytest.mark.parametrize("frames", [1, 2, 3])
    def test_short(self, frames):
        points, times = body_of(standing(frames)), np.arange(frames) / 30
        on = found(points)
        assert on.all()
        assert contacts.planted(on, points, times).all()
        assert contacts.standing(on, points, times).shape == (frames,)


def stance(foot, first, last, height):
    return Stance(foot, slice(first, last), height)


class TestFloor:
    def test_stances_are_in_order_and_as_high_as_the_lower_end_of_the_sole(self):
        points, on = body_of(standing(30)), np.zeros((30, 2, 2), bool)
        points[..., 2] += 0.3
        points[:, SOLE_ROWS[:, 0], 2] += 0.05
        on[10:20, 0], on[2:15, 1] = True, True
        one, two = floor.stances(points, on)
        assert (one.foot, one.rows, two.foot, two.rows) == (1, slice(2, 15), 0, slice(10, 20))
        assert one.height == pytest.approx(0.3, abs=1e-6)

    def test_most_stances_are_on_the_floor(self):
        level = [stance(n % 2, 20 * n, 20 * n + 18, h) for n, h in enumerate((0.31, 0.30, 0.29, 0.30, 0.9))]
        assert floor.floor_height(level, np.full(100, 0.3), 30.0) == pytest.approx(0.30, abs=0.01)
        # Somebody who is far below all stances comes down to the floor.
        assert floor.floor_height(level, np.linspace(-0.8, 0.3, 100), 30.0) < -0.5

    def test_without_stances_the_lowest_soles_are_on_the_floor(self):
        lowest = np.full(100, 0.5)
        lowest[:50], lowest[0] = 0.3, -4.0  # one wrong frame is not the floor
        assert floor.floor_height([], lowest, 30.0) == pytest.approx(0.3, abs=1e-6)

    def test_stances_of_a_level_walk_whose_depth_errs_are_on_the_floor(self):
        walk = [stance(n % 2, 20 * n, 20 * n + 18, 0.06 * np.sin(n)) for n in range(10)]
        height = floor.floor_height(walk, np.zeros(100), 30.0)
        assert not floor.levels(walk, height, 200).any()

    def test_a_stair_is_where_both_feet_agree(self):
        steps = [stance(n % 2, 20 * n, 20 * n + 18, h) for n, h in enumerate((0, 0, 0, 0.4, 0.42, 0.41, 0, 0))]
        levels = floor.levels(steps, 0.0, 160)
        np.testing.assert_allclose([levels[65, 1], levels[85, 0], levels[105, 1]], 0.41)
        assert not levels[:60].any() and not levels[120:].any()

    def test_a_single_high_stance_goes_to_the_floor(self):
        steps = [stance(n % 2, 20 * n, 20 * n + 18, h) for n, h in enumerate((0, 0, 0.4, 0, 0))]
        assert not floor.levels(steps, 0.0, 100).any()
        same_foot = [stance(0, 0, 18, 0.4), stance(0, 20, 38, 0.4), stance(1, 40, 58, 0.0)]
        assert not floor.levels(same_foot, 0.0, 60).any()
        apart = [stance(0, 0, 18, 0.3), stance(1, 20, 38, 0.6)]
        assert not floor.levels(apart, 0.0, 60).any()

    def test_a_child_is_smaller_where_the_floor_says_so(self):
        assert floor.relative_size(-1.6, -1.2, 0.05) == pytest.approx(0.75, abs=0.05)
        assert floor.relative_size(-1.6, -1.2, 5.0) == pytest.approx(1.0, abs=0.01)
        assert floor.relative_size(-0.2, -1.2, 0.05) == 1.0
        assert ANKLES == [6, 3]
