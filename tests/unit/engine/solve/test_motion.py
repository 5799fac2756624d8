from dataclasses import replace

import numpy as np
import pytest

from pose3d_engine.contract.skeletons import COCO_ROWS, H36M17, H36M_ROWS
from pose3d_engine.solve import skeleton, smoothing, solver, trajectory
from pose3d_engine.solve.body import CHAIN
from pose3d_engine.take import LEVEL_CAMERA
from tests.support.filmed import FOCAL, HEIGHT, WIDTH, problem, project, walk, wobble


def lengths_of(joints):
    return {child: np.linalg.norm(joints[:, child] - joints[:, parent], axis=-1) for parent, child in H36M17.bones}


class TestBones:
    def test_lengths_are_constant_symmetric_and_of_the_height(self):
        rng = np.random.default_rng(0)
        joints = walk() + rng.normal(0, 0.02, (120, 17, 3))
        lengths = skeleton.bone_lengths(joints, np.ones((120, 17)), height=1.85)
        fixed = skeleton.with_lengths(joints, lengths)
        for child, size in lengths_of(fixed).items():
            np.testing.assert_allclose(size, lengths[child], atol=1e-9)
            assert lengths[child] == pytest.approx(lengths[H36M17.mirror[child]])
        double = skeleton.bone_lengths(joints, np.ones((120, 17)), height=3.70)
        np.testing.assert_allclose(double, 2 * lengths)

    def test_the_hip_is_the_middle_of_the_hips(self):
        fixed = skeleton.with_lengths(walk(), skeleton.bone_lengths(walk(), np.ones((120, 17)), 1.7))
        np.testing.assert_allclose(fixed[:, 1] + fixed[:, 4], 2 * fixed[:, 0], atol=1e-12)

    def test_frames_without_confidence_do_not_count(self):
        joints, confidence = walk(), np.ones((120, 17))
        joints[50:] *= 3
        confidence[50:] = 0
        a = skeleton.bone_lengths(joints, confidence, 1.7)
        b = skeleton.bone_lengths(joints[:50], confidence[:50], 1.7)
        np.testing.assert_allclose(a, b)

    def test_directions_stay(self):
        joints = walk()
        fixed = skeleton.with_lengths(joints, np.full(17, 0.3))
        knee, hip = H36M17.index("RKnee"), H36M17.index("RHip")
        a, b = joints[:, knee] - joints[:, hip], fixed[:, knee] - fixed[:, hip]
        cosine = (a * b).sum(-1) / np.linalg.norm(a, axis=-1) / np.linalg.norm(b, axis=-1)
        np.testing.assert_allclose(cosine, 1, atol=1e-12)

    def test_a_body_of_the_canonical_proportions_has_its_height(self):
        lengths = skeleton.bone_lengths(walk(), np.ones((120, 17)), 1.7)
        chain = sum(lengths[H36M17.index(joint)] for joint in CHAIN)
        assert chain == pytest.approx(1.537)

    def test_joints_that_fall_together_stay_finite(self):
        fixed = skeleton.with_lengths(np.zeros((3, 17, 3)), np.full(17, 0.3))
        assert np.isfinite(fixed).all()


class TestSmoothing:
    def test_jitter_is_removed_without_delay(self):
        time = np.arange(300) / 30
        slow = np.sin(2 * np.pi * 1.0 * time)
        noisy = slow + np.random.default_rng(0).normal(0, 0.05, 300)
        smooth = smoothing.smooth(noisy[:, None], 30.0)[:, 0]
        assert np.abs(np.diff(smooth - slow, 2)).mean() < 0.4 * np.abs(np.diff(noisy - slow, 2)).mean()
        middle = slice(30, -30)
        lags = [np.corrcoef(slow[middle], np.roll(smooth, lag)[middle])[0, 1] for lag in (-1, 0, 1)]
        assert np.argmax(lags) == 1

    @pytest.mark.parametrize("frames", [1, 2, 3])
    def test_short_clips_stay_unchanged(self, frames):
        values = np.arange(frames, dtype=float)[:, None]
        np.testing.assert_array_equal(smoothing.smooth(values, 30.0), values)

    def test_low_rates_stay_unchanged(self):
        values = np.random.default_rng(0).normal(size=(50, 3))
        np.testing.assert_array_equal(smoothing.smooth(values, 12.0), values)


class TestTrajectory:
    def observe(self, joints, noise=0.0):
        points = (project(joints)[:, COCO_ROWS] - [WIDTH / 2, HEIGHT / 2]) / FOCAL
        points = points + np.random.default_rng(0).normal(0, noise, points.shape)
        return (joints - joints[:, :1])[:, H36M_ROWS], points

    def test_the_path_agrees_with_the_picture(self):
        joints = walk()
        relative, points = self.observe(joints)
        path = trajectory.root_path(relative, points, np.ones((120, 12)), 30.0)
        assert np.linalg.norm(path - joints[:, 0], axis=-1).max() < 0.02

    def test_noise_and_a_wrong_limb_do_not_move_the_body(self):
        joints = walk()
        relative, points = self.observe(joints, noise=0.002)
        points[40:60, 3] += 0.2
        path = trajectory.root_path(relative, points, np.ones((120, 12)), 30.0)
        assert np.linalg.norm(path - joints[:, 0], axis=-1).mean() < 0.05

    def test_a_gap_is_bridged(self):
        joints = walk()
        relative, points = self.observe(joints)
        weights = np.ones((120, 12))
        weights[50:65] = 0
        points[50:65] = 0
        path = trajectory.root_path(relative, points, weights, 30.0)
        assert np.linalg.norm(path - joints[:, 0], axis=-1).max() < 0.15

    def test_all_joints_are_in_front_of_the_lens(self):
        joints = walk(20)
        relative, points = self.observe(joints)
        path = trajectory.root_path(-relative, points * 50, np.ones((20, 12)), 30.0)
        assert ((path[:, None, 2] - relative[..., 2]) > 0.19).all()

    @pytest.mark.parametrize("frames", [1, 2, 3])
    def test_short(self, frames):
        joints = walk(frames)
        relative, points = self.observe(joints)
        path = trajectory.root_path(relative, points, np.ones((frames, 12)), 30.0)
        assert np.linalg.norm(path - joints[:, 0], axis=-1).max() < 0.02


class TestSolve:
    """A walker whose lifted pose has errors of depth."""

    def wrong(self, frames=90, size=0.06):
        truth = walk(frames)
        lifted = truth - truth[:, :1] + wobble(truth.shape, size)
        known, start = problem(truth, lifted)
        return known, start, known.skeleton.points(problem(truth)[1])[:, :17]

    def off(self, known, pose, truth):
        joints = known.skeleton.points(pose)[:, :17]
        return np.linalg.norm(joints - joints[:, :1] - (truth - truth[:, :1]), axis=-1).mean()

    def in_picture(self, known, pose, truth):
        pixels = [project(joints)[:, COCO_ROWS] for joints in (known.skeleton.points(pose)[:, :17], truth)]
        return np.linalg.norm(pixels[0] - pixels[1], axis=-1).mean()

    def test_it_agrees_with_the_picture_and_is_closer_to_the_truth(self):
        known, start, truth = self.wrong()
        found = solver.solve(known, start)
        assert self.off(known, found, truth) < 0.93 * self.off(known, start, truth)
        assert self.in_picture(known, found, truth) < 0.75 * self.in_picture(known, start, truth)

    def test_each_switch_takes_its_term_out(self):
        known, start, truth = self.wrong()
        found = solver.solve(known, start)
        blind = solver.solve(replace(known, picture=False), start)
        assert self.in_picture(known, blind, truth) > 2 * self.in_picture(known, found, truth)
        known.views[0].rays[:] += np.random.default_rng(0).normal(0, 0.01, known.views[0].rays.shape)
        shake = [
            np.abs(np.diff(known.skeleton.points(solver.solve(replace(known, smooth=smooth), start)), 2, axis=0)).mean()
            for smooth in (True, False)
        ]
        assert shake[0] < 0.5 * shake[1]

    def test_without_observations_the_3d_models_pose_stays(self):
        truth = walk(60)
        known, start = problem(truth, weights=0.0)
        found = solver.solve(known, start)
        assert self.off(known, found, known.skeleton.points(start)[:, :17]) < 0.01

    def test_a_wrong_limb_does_not_move_the_body(self):
        known, start, _ = self.wrong(size=0.02)
        clean = known.skeleton.points(solver.solve(known, start))
        known.views[0].rays[30:50, 16] += 0.3
        found = known.skeleton.points(solver.solve(known, start))
        assert np.linalg.norm(found - clean, axis=-1)[:, :14].max() < 0.02

    def test_a_gap_is_bridged(self):
        truth, weights = walk(), np.ones((120, 17))
        weights[50:65] = 0
        known, start = problem(truth, weights=weights)
        known.views[0].rays[50:65] = 9.0
        start.root[50:65] += [0.2, 0, 0.3]
        found = solver.solve(known, start)
        assert np.linalg.norm(found.root - truth[:, 0], axis=-1).max() < 0.15

    def test_pieces_are_as_the_whole(self, monkeypatch):
        known, start, _ = self.wrong()
        whole = known.skeleton.points(solver.solve(known, start))
        monkeypatch.setattr(solver, "CHUNK", 60)
        monkeypatch.setattr(solver, "OVERLAP", 30)
        found = solver.solve(known, start)
        pieces = known.skeleton.points(found)
        assert 0 < np.abs(pieces - whole).max() < 0.03
        np.testing.assert_allclose(np.linalg.norm(found.directions, axis=-1), 1, atol=1e-9)

    @pytest.mark.parametrize("frames", [1, 2, 3])
    def test_short(self, frames):
        known, start, truth = self.wrong(frames)
        found = solver.solve(known, start)
        assert np.isfinite(known.skeleton.points(found)).all()
        assert self.in_picture(known, found, truth) < self.in_picture(known, start, truth)

    @pytest.mark.parametrize("rate", [30.0, 60.0])
    def test_a_punch_keeps_its_reach_and_jitter_is_removed(self, rate):
        """There and back in 0.3 s, across the picture; the shoulder stands still."""
        time = np.arange(round(2 * rate)) / rate - 1.0
        joints = np.repeat(walk(1), len(time), axis=0)
        shoulder, elbow, wrist = (H36M17.index(name) for name in ("LShoulder", "LElbow", "LWrist"))
        reach = 0.16 + 0.355 * np.where(np.abs(time) < 0.15, 0.5 * (1 + np.cos(2 * np.pi * time / 0.3)), 0)
        bend = np.arccos((0.275**2 + reach**2 - 0.245**2) / (2 * 0.275 * reach))
        joints[:, elbow] = joints[:, shoulder] + 0.275 * np.stack([np.cos(bend), np.sin(bend), 0 * bend], axis=-1)
        joints[:, wrist] = joints[:, shoulder] + np.stack([reach, 0 * reach, 0 * reach], axis=-1)
        known, start = problem(joints, fps=rate)
        truth = known.skeleton.points(start)
        noise = np.random.default_rng(0).normal(0, 0.002, known.views[0].rays.shape)
        known.views[0].rays[np.abs(time) > 0.3] += noise[np.abs(time) > 0.3]
        found = known.skeleton.points(solver.solve(known, start))

        def stretch(points):
            return points[:, wrist, 0] - points[:, shoulder, 0]

        middle = np.abs(time) < 0.25
        assert 0.95 < np.ptp(stretch(found)[middle]) / np.ptp(stretch(truth)[middle]) < 1.05
        assert abs(int(stretch(found).argmax()) - int(stretch(truth).argmax())) <= 1
        rest = time < -0.5
        depth = found[0, wrist, 2]
        assert (
            np.abs(np.diff(found[rest, wrist], 2, axis=0)).mean()
            < 0.2 * np.abs(np.diff(noise[rest, wrist] * depth, 2, axis=0)).mean()
        )


def test_camera_axes_become_world_axes():
    right, down, forward = np.eye(3)
    np.testing.assert_array_equal(LEVEL_CAMERA @ right, [1, 0, 0])
    np.testing.assert_array_equal(LEVEL_CAMERA @ down, [0, 0, -1])
    np.testing.assert_array_equal(LEVEL_CAMERA @ forward, [0, 1, 0])
    assert np.linalg.det(LEVEL_CAMERA) == pytest.approx(1)
