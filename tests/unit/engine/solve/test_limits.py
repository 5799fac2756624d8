"""Joint limits and depth flips, on a generated walker."""

import numpy as np
import pytest

from pose3d_engine.contract.skeletons import H36M17
from pose3d_engine.solve import limits
from tests.support.filmed import walk


def lengths_of(joints):
    return np.stack([np.linalg.norm(joints[:, c] - joints[:, p], axis=-1) for p, c in H36M17.bones], axis=1)


def relative(joints):
    return joints - joints[:, :1]


def bent_back(joints, limb, rows):
    """Joints whose limb is mirrored, hinge and all, across the line from its upper to its lower end."""
    broken = joints.copy()
    upper, hinge, lower = (joints[rows, row] for row in limb)
    line = (lower - upper) / np.linalg.norm(lower - upper, axis=-1, keepdims=True)
    across = (hinge - upper) - ((hinge - upper) * line).sum(axis=-1, keepdims=True) * line
    broken[rows, limb[1]] = hinge - 2 * across
    return broken


@pytest.fixture
def runner():
    """A walker in camera axes whose limbs are well bent: elbows forward, knees as on stairs."""
    joints = walk(90)
    row = H36M17.index
    forward = np.cross(joints[:, row("LHip")] - joints[:, row("RHip")], joints[:, row("Thorax")] - joints[:, 0])
    forward /= np.linalg.norm(forward, axis=-1, keepdims=True)
    down = -(joints[:, row("Thorax")] - joints[:, 0])
    down /= np.linalg.norm(down, axis=-1, keepdims=True)
    swing = 0.25 * np.sin(np.arange(90) / 5)[:, None]
    for side, sign in (("L", 1), ("R", -1)):
        thigh = down + (0.55 + sign * swing) * forward
        shin = down - (0.4 - sign * swing) * forward
        arm, forearm = down - sign * swing * forward, 0.5 * down + forward
        chains = (("Hip", "Knee", thigh, 0.43), ("Knee", "Ankle", shin, 0.41))
        chains += (("Shoulder", "Elbow", arm, 0.28), ("Elbow", "Wrist", forearm, 0.25))
        for start, end, direction, size in chains:
            unit = direction / np.linalg.norm(direction, axis=-1, keepdims=True)
            joints[:, row(side + end)] = joints[:, row(side + start)] + size * unit
    return joints


class TestViolatesLimits:
    def test_only_mirrored_limbs_violate_limits(self, runner):
        assert not limits.violates_limits(walk()).any()
        assert not limits.violates_limits(runner).any()
        for number, limb in enumerate(limits.LIMBS):
            wrong = limits.violates_limits(bent_back(runner, limb, np.arange(90)))
            assert wrong[:, number].all()
            assert not np.delete(wrong, number, axis=1).any()

    def test_sides_are_equal(self, runner):
        mirrored = runner[:, H36M17.mirror] * [-1, 1, 1]
        broken = bent_back(runner, limits.LIMBS[0], np.arange(40))
        both = limits.violates_limits(broken[:, H36M17.mirror] * [-1, 1, 1])
        np.testing.assert_array_equal(both, limits.violates_limits(broken)[:, [1, 0, 3, 2]])
        assert not limits.violates_limits(mirrored).any()


class TestResolveDepthFlips:
    def test_a_right_pose_stays(self, runner):
        found = limits.resolve_depth_flips(relative(runner), runner[:, 0], 30.0)
        np.testing.assert_allclose(found, relative(runner), atol=1e-9)

    @pytest.mark.parametrize("number", range(4))
    @pytest.mark.parametrize("length", [4, 30])
    def test_a_depth_flip_is_resolved(self, runner, number, length):
        limb = list(limits.LIMBS[number])
        wrong = relative(runner)
        rows = slice(30, 30 + length)
        wrong[rows, limb] = (limits._hypotheses(runner[rows][:, limb]) - runner[rows, None, :1])[:, 3]
        before = np.linalg.norm(wrong - relative(runner), axis=-1)[rows, limb[1:]].mean()
        assert before > 0.1
        found = limits.resolve_depth_flips(wrong, runner[:, 0], 30.0)
        assert np.linalg.norm(found - relative(runner), axis=-1)[rows, limb[1:]].mean() < 0.35 * before
        np.testing.assert_allclose(lengths_of(found), lengths_of(runner), atol=1e-6)
        # The hinge stays on its ray.
        ray, true = (found + runner[:, :1])[:, limb[1]], runner[:, limb[1]]
        np.testing.assert_allclose(ray[:, :2] / ray[:, 2:], true[:, :2] / true[:, 2:], atol=1e-6)


class TestClampToLimits:
    def test_no_limb_violates_limits_afterwards_and_bones_keep_their_lengths(self, runner):
        broken = relative(runner)
        for limb in limits.LIMBS:
            broken = bent_back(broken, limb, np.arange(90))
        found = limits.clamp_to_limits(broken)
        assert limits.violates_limits(broken).all()
        assert not limits.violates_limits(found).any()
        np.testing.assert_allclose(lengths_of(found), lengths_of(broken), atol=1e-9)

    def test_a_folded_neck_is_unfolded_with_the_head(self, runner):
        broken = relative(runner)
        row = H36M17.index
        neck = broken[:, row("Neck/Nose")] - broken[:, row("Thorax")]
        broken[:, [row("Neck/Nose"), row("Head")]] -= 1.9 * neck[:, None]
        found = limits.clamp_to_limits(broken)
        below = found[:, row("Thorax")] - found[:, row("Spine")]
        bone = found[:, row("Neck/Nose")] - found[:, row("Thorax")]
        cosine = (below * bone).sum(-1) / np.linalg.norm(below, axis=-1) / np.linalg.norm(bone, axis=-1)
        assert np.degrees(np.arccos(cosine)).max() < 70.1
        np.testing.assert_allclose(lengths_of(found), lengths_of(broken), atol=1e-9)

    def test_a_human_pose_stays(self, runner):
        np.testing.assert_allclose(limits.clamp_to_limits(relative(runner)), relative(runner), atol=1e-9)

    @pytest.mark.parametrize("frames", [0, 1, 2])
    def test_short(self, frames):
        joints = relative(walk(3))[:frames]
        assert limits.clamp_to_limits(
            limits.resolve_depth_flips(joints, np.zeros((frames, 3)) + [0, 0, 4], 30.0)
        ).shape == (frames, 17, 3)
