"""Properties of the solver for any motion: finite results, constant shapes and lengths, and invariance to side, place
and direction."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pose3d_engine.contract.settings import FEET
from pose3d_engine.contract.skeletons import COCO17, COCO_ROWS, H36M17, H36M_ROWS
from pose3d_engine.solve import contacts, fit, floor, foot_lock, gravity, limits, skeleton, smoothing, trajectory
from pose3d_engine.take import LEVEL_CAMERA
from tests.support.filmed import FOCAL, HEIGHT, WIDTH, project, walk

RATE = 30.0
seeds = st.integers(0, 2**32 - 1)
lengths = st.integers(1, 40)


def rng_of(seed):
    return np.random.default_rng(seed)


def odd_motion(seed, frames):
    """Joints (T,17,3), root-relative, in front of a camera; confidence (T,17) with gaps; root (T,3). Some limbs fall
    together, some frames are of no body at all."""
    rng = rng_of(seed)
    walked = walk(max(frames, 2))[:frames]
    joints = walked - walked[:, :1] + rng.normal(0, rng.choice([0.0, 0.02, 0.5]), walked.shape)
    joints[:, 0] = 0
    if rng.random() < 0.3:
        joints[rng.random(frames) < 0.3] = 0
    confidence = np.where(rng.random((frames, 17)) < rng.choice([0.0, 0.3, 1.0]), 0, rng.random((frames, 17)))
    return joints, confidence, walked[:, 0]


def rotation(rng):
    q, r = np.linalg.qr(rng.normal(size=(3, 3)))
    q = q * np.sign(np.diag(r))
    return q * np.sign(np.linalg.det(q))


def bone_sizes(joints):
    return np.stack([np.linalg.norm(joints[:, c] - joints[:, p], axis=-1) for p, c in H36M17.bones], axis=1)


def mirrored(joints):
    return joints[:, H36M17.mirror] * [-1.0, 1, 1]


class TestSmoothing:
    @given(seeds, lengths)
    @settings(max_examples=10, deadline=None)
    def test_it_is_invariant_to_place_rotation_side_and_time(self, seed, frames):
        joints, confidence, _ = odd_motion(seed, frames)
        R, shift = rotation(rng_of(seed)), rng_of(seed).normal(size=3)
        smooth = smoothing.smooth_joints(joints, confidence, RATE)
        assert smooth.shape == joints.shape
        assert np.isfinite(smooth).all()

        def same(other, expected):
            np.testing.assert_allclose(other, expected, atol=1e-6)

        same(smoothing.smooth_joints(joints @ R.T + shift, confidence, RATE), smooth @ R.T + shift)
        same(smoothing.smooth_joints(joints[::-1], confidence[::-1], RATE), smooth[::-1])
        same(smoothing.smooth_joints(mirrored(joints), confidence[:, H36M17.mirror], RATE), mirrored(smooth))


class TestBones:
    @given(seeds, lengths)
    @settings(max_examples=10, deadline=None)
    def test_lengths_are_constant_and_invariant_to_rotation_and_side(self, seed, frames):
        joints, confidence, _ = odd_motion(seed, frames)
        R = rotation(rng_of(seed))
        sizes = skeleton.bone_lengths(joints, confidence, 1.7)
        fixed = skeleton.with_lengths(joints, sizes)
        assert np.isfinite(fixed).all()
        np.testing.assert_allclose(bone_sizes(fixed), np.tile(sizes[1:], (frames, 1)), atol=1e-9)
        np.testing.assert_allclose(skeleton.bone_lengths(joints @ R.T, confidence, 1.7), sizes, atol=1e-9)
        np.testing.assert_allclose(sizes, sizes[H36M17.mirror])


class TestLimits:
    @given(seeds, lengths)
    @settings(max_examples=10, deadline=None)
    def test_lengths_stay_and_limits_are_invariant_to_rotation_and_side(self, seed, frames):
        joints, _, root = odd_motion(seed, frames)
        R = rotation(rng_of(seed))
        found = limits.resolve_depth_flips(joints, root, RATE)
        inside = limits.clamp_to_limits(found)
        for changed in (found, inside):
            assert np.isfinite(changed).all()
            np.testing.assert_allclose(bone_sizes(changed), bone_sizes(joints), atol=1e-6)
        np.testing.assert_allclose(limits.clamp_to_limits(found @ R.T), inside @ R.T, atol=1e-5)
        np.testing.assert_allclose(limits.clamp_to_limits(mirrored(found)), mirrored(inside), atol=1e-5)
        np.testing.assert_array_equal(
            limits.violates_limits(mirrored(joints)), limits.violates_limits(joints)[:, [1, 0, 3, 2]]
        )

    @given(seeds)
    @settings(max_examples=8, deadline=None)
    def test_it_is_invariant_to_the_direction_of_time(self, seed):
        rng = rng_of(seed)
        joints = walk(30)
        limb = limits.LIMBS[rng.integers(4)][1]
        joints[8:20, limb, 2] += rng.normal(0, 0.3)  # in the wrong depth, for a while
        relative, root = joints - joints[:, :1], joints[:, 0]
        forwards = limits.resolve_depth_flips(relative, root, RATE)
        backwards = limits.resolve_depth_flips(relative[::-1], root[::-1], RATE)[::-1]
        np.testing.assert_allclose(backwards, forwards, atol=1e-9)


class TestTrajectoryAndFit:
    @given(seeds, st.integers(1, 12))
    @settings(max_examples=4, deadline=None)
    def test_any_motion_and_any_gaps(self, seed, frames):
        joints, confidence, root = odd_motion(seed, frames)
        sizes = skeleton.bone_lengths(joints, confidence, 1.7)
        joints = skeleton.with_lengths(joints, sizes)
        points = np.nan_to_num((project(joints + root[:, None]) - [WIDTH / 2, HEIGHT / 2]) / FOCAL).clip(-3, 3)
        scores = rng_of(seed).random((frames, 17)) * (rng_of(seed + 1).random((frames, 1)) < 0.7)
        path = trajectory.root_path(joints[:, H36M_ROWS], points[:, COCO_ROWS], scores[:, COCO_ROWS], RATE)
        assert np.isfinite(path).all()
        assert ((path[:, None] + joints)[..., 2] > 0.1).all()
        fitted, fitted_path = fit.fit(joints, path, sizes, points, scores, RATE)
        assert fitted.shape == joints.shape
        assert np.isfinite(fitted).all()
        assert np.isfinite(fitted_path).all()
        np.testing.assert_allclose(bone_sizes(fitted), np.tile(sizes[1:], (frames, 1)), atol=1e-4)

    def test_sides_are_equal(self):
        joints = walk(25)
        root, sizes = joints[:, 0], skeleton.bone_lengths(joints, np.ones((25, 17)), 1.7)
        start = skeleton.with_lengths(joints, sizes)
        points = (project(joints) - [WIDTH / 2, HEIGHT / 2]) / FOCAL
        points += rng_of(0).normal(0, 0.004, points.shape)
        fitted, fitted_path = fit.fit(start, root, sizes, points, np.ones((25, 17)), RATE)
        flipped = points[:, COCO17.mirror] * [-1, 1]
        other, other_path = fit.fit(mirrored(start), root * [-1, 1, 1], sizes, flipped, np.ones((25, 17)), RATE)
        np.testing.assert_allclose(other, mirrored(fitted), atol=5e-3)
        np.testing.assert_allclose(other_path, fitted_path * [-1, 1, 1], atol=5e-3)


class TestContactsAndFeet:
    @given(seeds, lengths, st.sampled_from([choice.name for choice in FEET]))
    @settings(max_examples=10, deadline=None)
    def test_any_motion(self, seed, frames, mode):
        joints, confidence, root = odd_motion(seed, frames)
        joints = skeleton.with_lengths(joints, skeleton.bone_lengths(walk(2), np.ones((2, 17)), 1.7))
        world = (joints + root[:, None]) @ LEVEL_CAMERA.T
        times, camera = np.arange(frames) / RATE, np.zeros(3)
        planted = contacts.contacts(world, confidence, times, camera)
        assert planted.shape == (frames, 2)
        assert not planted[confidence[:, floor.ANKLES] == 0].any()
        locked, used = foot_lock.lock(world, planted, times, 1.7, mode, camera)
        assert np.isfinite(locked).all()
        assert used.shape == planted.shape
        np.testing.assert_allclose(bone_sizes(locked), bone_sizes(world), atol=1e-4)

    @given(seeds, lengths)
    @settings(max_examples=10, deadline=None)
    def test_contacts_are_invariant_to_time_place_and_side(self, seed, frames):
        joints, confidence, root = odd_motion(seed, frames)
        world = (joints + root[:, None]) @ LEVEL_CAMERA.T
        times, camera = np.arange(frames) / RATE, np.zeros(3)
        planted = contacts.contacts(world, confidence, times, camera)
        backwards = contacts.contacts(world[::-1], confidence[::-1], times, camera)[::-1]
        np.testing.assert_array_equal(backwards, planted)
        shift = rng_of(seed).normal(size=3)
        np.testing.assert_array_equal(contacts.contacts(world + shift, confidence, times, camera + shift), planted)
        other = contacts.contacts(mirrored(world), confidence[:, H36M17.mirror], times, camera)
        np.testing.assert_array_equal(other[:, ::-1], planted)


class TestTilt:
    @given(seeds, lengths)
    @settings(max_examples=10, deadline=None)
    def test_any_motion_has_a_finite_tilt_that_is_invariant_to_side(self, seed, frames):
        joints, confidence, root = odd_motion(seed, frames)
        times = np.arange(frames) / RATE
        found = gravity.estimate_tilt([gravity.Body(joints + root[:, None], confidence, times)])
        assert np.isfinite([found.pitch, found.roll]).all()
        np.testing.assert_allclose(found.rotation @ found.rotation.T, np.eye(3), atol=1e-9)
        other = gravity.estimate_tilt(
            [gravity.Body(mirrored(joints + root[:, None]), confidence[:, H36M17.mirror], times)]
        )
        assert other.known == found.known
        assert other.pitch == pytest.approx(found.pitch, abs=1e-3)
        assert other.roll == pytest.approx(-found.roll, abs=1e-3)


def test_a_punch_keeps_its_reach_through_smoothing_and_fit():
    """There and back in 0.3 s, across the picture; the shoulder stands still."""
    joints = np.repeat(walk(1), 60, axis=0)
    shoulder, elbow, wrist = (H36M17.index(name) for name in ("LShoulder", "LElbow", "LWrist"))
    time = np.arange(60) / RATE - 1.0
    reach = 0.16 + 0.355 * np.where(np.abs(time) < 0.15, 0.5 * (1 + np.cos(2 * np.pi * time / 0.3)), 0)
    bend = np.arccos((0.275**2 + reach**2 - 0.245**2) / (2 * 0.275 * reach))
    joints[:, elbow] = joints[:, shoulder] + 0.275 * np.stack([np.cos(bend), np.sin(bend), 0 * bend], axis=-1)
    joints[:, wrist] = joints[:, shoulder] + np.stack([reach, 0 * reach, 0 * reach], axis=-1)
    confidence = np.ones((60, 17))
    sizes = skeleton.bone_lengths(joints, confidence, 1.7)
    truth = skeleton.with_lengths(joints, sizes)
    points = (project(truth + joints[:, :1]) - [WIDTH / 2, HEIGHT / 2]) / FOCAL
    smooth = skeleton.with_lengths(smoothing.smooth_joints(truth, confidence, RATE), sizes)
    fitted, _ = fit.fit(smooth, joints[:, 0], sizes, points, confidence, RATE)
    after = skeleton.with_lengths(smoothing.smooth_joints(fitted, confidence, RATE), sizes)

    def amplitude(body):
        return np.ptp(body[:, wrist, 0] - body[:, shoulder, 0])

    assert 0.95 < amplitude(after) / amplitude(truth) < 1.05
