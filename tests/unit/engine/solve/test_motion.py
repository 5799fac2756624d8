import numpy as np
import pytest

from pose3d_engine.contract.skeletons import BLAZEPOSE_ROWS, COCO_ROWS, H36M17, H36M_ROWS, HALPE26
from pose3d_engine.pose import fusion
from pose3d_engine.pose.lifters import view
from pose3d_engine.solve import contacts, fit, floor, skeleton, smoothing, trajectory
from pose3d_engine.solve.body import CHAIN
from pose3d_engine.take import LEVEL_CAMERA
from tests.support.filmed import FOCAL, HEIGHT, WIDTH, project, walk


def lengths_of(joints):
    return {child: np.linalg.norm(joints[:, child] - joints[:, parent], axis=-1) for parent, child in H36M17.bones}


CAMERA = np.array([0.0, -4.0, 1.2])


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

    @pytest.mark.parametrize("rate", [30.0, 60.0])
    def test_a_punch_keeps_its_reach_and_jitter_is_removed(self, rate):
        time = np.arange(round(4 * rate)) / rate
        blow = np.where(np.abs(time - 2) < 0.2, 0.3 * (1 + np.cos(2 * np.pi * (time - 2) / 0.4)), 0.0)
        noise = np.random.default_rng(0).normal(0, 0.01, len(time))
        noise[np.abs(time - 2) < 0.5] = 0
        hand = np.stack([blow + noise, np.zeros_like(time), np.zeros_like(time)], axis=-1)[:, None]
        smooth = smoothing.smooth_joints(hand, np.ones((len(time), 1)), rate)[:, 0, 0]
        assert 0.95 * blow.max() < smooth.max() < 1.05 * blow.max()
        assert abs(int(np.argmax(smooth)) - int(np.argmax(blow))) <= 1
        rest = time < 1.4
        assert np.abs(np.diff(smooth[rest], 2)).mean() < 0.2 * np.abs(np.diff(noise[rest], 2)).mean()

    def test_joints_without_confidence_weigh_little(self):
        path, confidence = np.zeros((60, 1, 3)), np.ones((60, 1))
        path[28:31], confidence[28:31] = 0.3, 0
        detected = smoothing.smooth_joints(path, np.ones((60, 1)), 30.0)
        assert np.abs(smoothing.smooth_joints(path, confidence, 30.0)).max() < 0.5 * np.abs(detected).max()

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


class TestFit:
    """A walker whose lifted pose has errors of depth and jitter."""

    def wrong(self, frames=90, noise=0.12):
        truth = walk(frames)
        lengths = skeleton.bone_lengths(truth, np.ones((frames, 17)), 1.7)
        truth = skeleton.with_lengths(truth, lengths) + truth[:, :1]
        rng = np.random.default_rng(0)
        lifted = truth - truth[:, :1] + smoothing.smooth(rng.normal(0, noise, truth.shape), 30.0, 3.0)
        lifted = skeleton.with_lengths(lifted, lengths)
        points = (project(truth) - [WIDTH / 2, HEIGHT / 2]) / FOCAL
        return truth, lifted, lengths, points

    def test_it_agrees_with_the_picture_and_is_closer_to_the_truth(self):
        truth, lifted, lengths, points = self.wrong()
        joints, root = fit.fit(lifted, truth[:, 0] + 0.05, lengths, points, np.ones((90, 17)), 30.0)
        before = np.linalg.norm(lifted - (truth - truth[:, :1]), axis=-1).mean()
        after = np.linalg.norm(joints - (truth - truth[:, :1]), axis=-1).mean()
        assert after < 0.85 * before
        after_2d = (project(joints + root[:, None])[:, COCO_ROWS] - [WIDTH / 2, HEIGHT / 2]) / FOCAL
        before_2d = (project(lifted + truth[:, :1])[:, COCO_ROWS] - [WIDTH / 2, HEIGHT / 2]) / FOCAL
        aim = points[:, COCO_ROWS]
        assert np.linalg.norm(after_2d - aim, axis=-1).mean() < 0.5 * np.linalg.norm(before_2d - aim, axis=-1).mean()

    def test_bones_keep_their_lengths_and_the_pelvis_is_rigid(self):
        truth, lifted, lengths, points = self.wrong()
        joints, _ = fit.fit(lifted, truth[:, 0], lengths, points, np.ones((90, 17)), 30.0)
        for child, size in lengths_of(joints).items():
            np.testing.assert_allclose(size, lengths[child], atol=1e-5)
        np.testing.assert_allclose(joints[:, 1] + joints[:, 4], 0, atol=1e-6)
        assert (joints[:, 0] == 0).all()

    def test_without_observations_the_lifters_pose_stays(self):
        truth, lifted, lengths, points = self.wrong(noise=0.02)
        joints, _ = fit.fit(lifted, truth[:, 0], lengths, points * 3, np.zeros((90, 17)), 30.0)
        assert np.linalg.norm(joints - lifted, axis=-1).mean() < 0.01

    def test_pieces_join_smoothly(self, monkeypatch):
        truth, lifted, lengths, points = self.wrong()
        whole = fit.fit(lifted, truth[:, 0], lengths, points, np.ones((90, 17)), 30.0)
        monkeypatch.setattr(fit, "CHUNK", 50)
        monkeypatch.setattr(fit, "OVERLAP", 20)
        pieces = fit.fit(lifted, truth[:, 0], lengths, points, np.ones((90, 17)), 30.0)
        assert np.abs(pieces[0] - whole[0]).max() < 0.03
        assert np.abs(pieces[1] - whole[1]).max() < 0.03
        for child, size in lengths_of(pieces[0]).items():
            np.testing.assert_allclose(size, lengths[child], atol=1e-5)

    @pytest.mark.parametrize("frames", [1, 2, 3])
    def test_short(self, frames):
        truth, lifted, lengths, points = self.wrong(frames)
        joints, root = fit.fit(lifted, truth[:, 0], lengths, points, np.ones((frames, 17)), 30.0)
        assert np.isfinite(joints).all()
        assert np.isfinite(root).all()


class TestFloor:
    def test_camera_axes_become_world_axes(self):
        right, down, forward = np.eye(3)
        np.testing.assert_array_equal(LEVEL_CAMERA @ right, [1, 0, 0])
        np.testing.assert_array_equal(LEVEL_CAMERA @ down, [0, 0, -1])
        np.testing.assert_array_equal(LEVEL_CAMERA @ forward, [0, 1, 0])
        assert np.linalg.det(LEVEL_CAMERA) == pytest.approx(1)

    def test_the_lowest_feet_stand_on_the_floor(self):
        heights = np.full((100, 2), 0.5)
        heights[:50, 0] = 0.3
        heights[0, 0] = -4.0  # one wrong frame is not the floor
        ground = floor.floor_height(heights, np.ones((100, 2), bool), height=1.7)
        assert ground == pytest.approx(0.3 - 0.08, abs=1e-6)


class TestContacts:
    def test_contacts_are_low_and_slow(self):
        world = np.zeros((90, 17, 3))
        left, right = floor.ANKLES
        times = np.arange(90) / 30
        world[:, left, 2] = 0.08
        world[:, right, 2] = 0.08
        world[30:60, left, 2] += 0.3 * np.sin(np.linspace(0, np.pi, 30))
        world[30:60, left, 0] = np.linspace(0, 0.8, 30)
        world[60:, left, 0] = 0.8
        found = contacts.contacts(world, np.ones((90, 17)), times, CAMERA)
        assert found[:, 1].all()
        assert found[:28, 0].all()
        assert found[63:, 0].all()
        assert not found[34:56, 0].any()
        world[..., 2] += 2.0  # the same on a wall
        np.testing.assert_array_equal(contacts.contacts(world, np.ones((90, 17)), times, CAMERA), found)
        unseen = contacts.contacts(world, np.zeros((90, 17)), times, CAMERA)
        assert not unseen.any()

    def test_a_jump_is_in_the_air(self):
        world = np.zeros((90, 17, 3))
        times = np.arange(90) / 30
        air = np.clip(times - 1.0, 0, 0.6)
        world[:, :, 2] = 0.08 + (0.6 * 9.81 / 2 * air - 9.81 / 2 * air**2)[:, None]
        found = contacts.contacts(world, np.ones((90, 17)), times, CAMERA)
        assert found[:29].all()
        assert not found[32:46].any()
        assert found[50:].all()

    def test_a_foot_whose_heel_and_toe_move_does_not_stand(self):
        world, times = np.zeros((90, 17, 3)), np.arange(90) / 30
        world[:, floor.ANKLES, 2] = 0.08
        ankles, depths = np.full((90, 2, 2), 500.0), np.full((90, 2), 4.0)
        points = np.zeros((90, 26, 3))
        points[..., :2], points[..., 2] = 500.0, 1.0
        heel, toe = HALPE26.rows("left_heel", "left_toe")
        swing = 120 * np.sin(np.arange(90) / 30 * 2 * np.pi)  # 0.48 m, once a second
        points[:, toe, 0] += swing

        def found():
            soles = contacts.sole_offsets(points, "halpe26", ankles, depths, 1000.0, 30.0)
            return contacts.contacts(world, np.ones((90, 17)), times, CAMERA, soles)

        assert found().all()  # it rotates about the heel
        points[:, heel, 0] -= swing
        assert found()[:, 0].mean() < 0.5
        assert found()[:, 1].all()
        points[..., 2] = 0
        assert found().all()  # heel and toe are not observed


class TestFusion:
    def test_two_right_poses_stay_right(self):
        joints = walk()
        relative = (joints - joints[:, :1]).astype(np.float32)
        rotation = view.look_at_torso((project(joints) - [WIDTH / 2, HEIGHT / 2]) / FOCAL)[1]
        blazepose = np.full((120, 33, 3), 5.0)
        rotated = np.matmul(relative[:, H36M_ROWS], np.swapaxes(rotation, 1, 2))
        blazepose[:, BLAZEPOSE_ROWS] = 1.3 * rotated
        blazepose[30:40] = np.nan
        fused = fusion.fuse(relative, blazepose, rotation)
        np.testing.assert_allclose(fused, relative, atol=1e-4)

    def test_without_landmarks_the_lifters_pose_stays(self):
        joints = walk(5)
        alone = fusion.fuse(joints, np.full((5, 33, 3), np.nan), np.tile(np.eye(3), (5, 1, 1)))
        np.testing.assert_array_equal(alone, joints)
