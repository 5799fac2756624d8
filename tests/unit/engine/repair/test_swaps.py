import numpy as np
import pytest

from pose3d_engine.contract.skeletons import COCO17
from pose3d_engine.repair import fix_left_right_flips
from tests.support.filmed import project, walk

BODY = np.arange(17) >= 5
ALL = np.ones(300, bool)


def seen(seed, noise=0.006):
    points = project(walk(300, seed=seed))
    rng = np.random.default_rng(seed)
    points = points + rng.normal(0, noise * np.ptp(points[..., 1]), points.shape)
    return np.concatenate([points, np.ones((300, 17, 1))], axis=-1)


def repaired(track, order):
    return np.take_along_axis(track, order[..., None], axis=1)


def flip(track, when):
    result = track.copy()
    rows = np.flatnonzero(when)
    result[rows] = np.where(BODY[:, None], track[rows][:, COCO17.mirror], track[rows])
    return result


@pytest.mark.parametrize("seed", range(4))
def test_a_walk_in_circles_is_left_alone(seed):
    track = seen(seed)
    flipped, order = fix_left_right_flips(track, ALL, 30.0)
    assert not flipped.any()
    np.testing.assert_array_equal(repaired(track, order), track)


def test_flips_are_undone():
    wrong, before = 0, 0
    for seed in range(6):
        true = np.zeros(300, bool)
        rng = np.random.default_rng(seed + 10)
        for slot in range(20, 280, 40):  # apart from each other, so that the truth is the majority
            true[slot : slot + rng.integers(1, 10)] = True
        truth, broken = seen(seed), flip(seen(seed), true)
        _, order = fix_left_right_flips(broken, ALL, 30.0)
        size = np.ptp(truth[..., 1])
        # Where left and right lie on each other, their names do not matter.
        before += int((np.abs(broken - truth).max(axis=(1, 2)) > 0.04 * size).sum())
        wrong += int((np.abs(repaired(broken, order) - truth).max(axis=(1, 2)) > 0.04 * size).sum())
    assert before > 150
    assert wrong <= 0.1 * before


def test_a_long_stretch_is_believed():
    when = np.zeros(300, bool)
    when[100:200] = True
    flipped, _ = fix_left_right_flips(flip(seen(0), when), ALL, 30.0)
    # But for moments at its ends, where either is plausible.
    assert flipped.mean() < 0.1
    assert not flipped[130:190].any()


@pytest.mark.parametrize("seed", [1, 2, 3])  # the walker of 0 is seen from the side then, and has no left and right
def test_flipped_when_detected_again(seed):
    """A detector that loses a person contracts the pose first, and may find the person flipped."""
    truth = seen(seed)
    when = (np.arange(300) >= 104) & (np.arange(300) < 120)
    broken, present = flip(truth, when), ALL.copy()
    present[102:104] = False
    broken[101, 5:, :2] = truth[101, 5:, :2].mean(axis=0)
    for row in (102, 103):  # as gaps are filled
        broken[row] = broken[101] + (broken[104] - broken[101]) * (row - 101) / 3
    _, order = fix_left_right_flips(broken, present, 30.0)
    off = np.abs(repaired(broken, order) - truth).max(axis=(1, 2)) > 0.04 * np.ptp(truth[..., 1])
    assert not off[104:].any()
    assert not off[:101].any()


@pytest.mark.parametrize("frames", [1, 2, 3, 4, 5])
def test_short_clips_and_still_people(frames):
    track = np.ones((frames, 17, 3))
    flipped, order = fix_left_right_flips(track, ALL[:frames], 30.0)
    assert not flipped.any()
    np.testing.assert_array_equal(repaired(track, order), track)
