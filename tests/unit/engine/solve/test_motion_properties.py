"""Properties of the solver for any motion: finite results, constant shapes and lengths, and invariance to side, place
and direction."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pose3d_engine.contract.settings import FEET
from pose3d_engine.contract.skeletons import COCO_ROWS, H36M17, H36M_ROWS
from pose3d_engine.solve import contacts, feet, floor, gravity, kinematics, limits, skeleton, solver, trajectory
from pose3d_engine.solve.kinematics import SOLE_ROWS
from pose3d_engine.solve.terms import Ground
from pose3d_engine.solve.vectors import unit
from pose3d_engine.take import LEVEL_CAMERA
from tests.support.filmed import FOCAL, HEIGHT, WIDTH, problem, project, walk

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


class TestTrajectoryAndSolver:
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

    @given(seeds, st.integers(1, 25), st.sampled_from([choice.name for choice in FEET]))
    @settings(max_examples=12, deadline=None)
    def test_any_motion_on_any_ground_is_solved(self, seed, frames, mode):
        rng = rng_of(seed)
        joints, confidence, root = odd_motion(seed, frames)
        joints = skeleton.with_lengths(joints, skeleton.bone_lengths(walk(2), np.ones((2, 17)), 1.7))
        known, start = problem(joints + root[:, None], weights=confidence)
        known.views[0].rays[:] += rng.normal(0, rng.choice([0.0, 0.01, 1.0]), known.views[0].rays.shape)
        up, contacts_ = unit(rng.normal(size=3)), rng.random((frames, 2, 2)) < 0.5
        air = rng.random(frames) < 0.2
        ground = Ground(up, rng.normal(), contacts_, rng.normal(size=(frames, 2)), air, ~air, mode == "ground")
        for floor_ in (None, ground):
            found = solver.solve(known, start, floor_)
            points = known.skeleton.points(found)
            assert points.shape == (frames, 21, 3)
            assert np.isfinite(points).all()
            np.testing.assert_allclose(bone_sizes(points), np.tile(known.skeleton.lengths[1:], (frames, 1)), atol=1e-9)
        information = np.eye(2) / 0.1**2
        found, turned = solver.solve_with_gravity(known, start, ground, information)
        assert np.isfinite(known.skeleton.points(found)).all()
        assert np.linalg.norm(turned.up) == pytest.approx(1) and np.isfinite(turned.height)

    def test_sides_are_equal(self):
        joints = walk(25)
        known, start = problem(joints)
        other, other_start = problem(mirrored(joints))
        noise = rng_of(0).normal(0, 0.004, known.views[0].rays.shape)
        known.views[0].rays[:] += noise
        other.views[0].rays[:, :17] += noise[:, H36M17.mirror] * [-1, 1]
        found = known.skeleton.points(solver.solve(known, start))[:, :17]
        twin = other.skeleton.points(solver.solve(other, other_start))[:, :17]
        np.testing.assert_allclose(twin, mirrored(found), atol=5e-3)


def with_soles(joints):
    """Points (T,21,3) of joints (T,17,3), with feet as they usually are."""
    body = kinematics.Skeleton(skeleton.bone_lengths(walk(2), np.ones((2, 17)), 1.7))
    toes = feet.usual_toes(joints)
    pose = kinematics.pose_of(joints, joints[:, 0], toes, body.foot_scale)
    points = body.points(pose)
    soles_ = points[:, 17:] - points[:, [6, 6, 3, 3]] + joints[:, [6, 6, 3, 3]]
    return np.concatenate([joints, soles_], axis=1)


class TestContacts:
    @given(seeds, lengths)
    @settings(max_examples=10, deadline=None)
    def test_they_are_invariant_to_time_place_and_side(self, seed, frames):
        joints, confidence, root = odd_motion(seed, frames)
        world = with_soles((joints + root[:, None]) @ LEVEL_CAMERA.T)
        times, camera, seen = np.arange(frames) / RATE, np.zeros(3), confidence[:, floor.ANKLES] > 0
        found = contacts.contacts(world, seen, times, camera)
        assert found.shape == (frames, 2, 2)
        assert not found[~seen].any()
        backwards = contacts.contacts(world[::-1], seen[::-1], times, camera)[::-1]
        np.testing.assert_array_equal(backwards, found)
        shift = rng_of(seed).normal(size=3)
        np.testing.assert_array_equal(contacts.contacts(world + shift, seen, times, camera + shift), found)
        rows = [*H36M17.mirror, *SOLE_ROWS[::-1].ravel()]
        other = contacts.contacts(world[:, rows] * [-1, 1, 1], seen[:, ::-1], times, camera)
        np.testing.assert_array_equal(other[:, ::-1], found)
        stances = floor.stances(world, found)
        height = floor.floor_height(stances, world[:, 17:, 2].min(axis=1), RATE)
        assert np.isfinite(height) and np.isfinite(floor.levels(stances, height, frames)).all()
        always = contacts.at_least_one(found, world[..., 2])
        assert always.any(axis=(1, 2)).all()


class TestTilt:
    @given(seeds, lengths)
    @settings(max_examples=10, deadline=None)
    def test_any_motion_has_a_finite_tilt_that_is_invariant_to_side(self, seed, frames):
        joints, confidence, root = odd_motion(seed, frames)
        found = gravity.balance([(joints + root[:, None], confidence)])
        tilt = gravity.tilt_of(found.up, found.share, 0.0)
        assert np.isfinite([tilt.pitch, tilt.roll]).all()
        np.testing.assert_allclose(tilt.rotation @ tilt.rotation.T, np.eye(3), atol=1e-9)
        other = gravity.balance([(mirrored(joints + root[:, None]), confidence[:, H36M17.mirror])])
        assert other.share == found.share
        np.testing.assert_allclose(other.up, found.up * [-1, 1, 1], atol=1e-6)
