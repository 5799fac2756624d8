"""Camera tilt and foot lock, on a generated walker."""

import numpy as np
import pytest

from pose3d_engine import pipeline
from pose3d_engine.contract.errors import UserError
from pose3d_engine.contract.skeletons import H36M17
from pose3d_engine.research.data_sets.stand_ins import walker
from pose3d_engine.solve import contacts, floor, foot_lock, gravity, skeleton
from pose3d_engine.take import LEVEL_CAMERA, CameraTilt

TIMES = np.arange(120) / 30
CAMERA = np.array([0.0, -4.0, 1.2])


def world_walk():
    """(120,17,3) a walker on the floor, with constant bone lengths, who slides and sinks as in a capture."""
    world = walker(120, 30.0, np.random.default_rng(0))
    lengths = skeleton.bone_lengths(world, np.ones((120, 17)), 1.7)
    world = skeleton.with_lengths(world, lengths) + world[:, :1]
    world[..., 2] -= np.quantile(world[:, floor.ANKLES, 2], 0.02) - 0.08
    wander = np.stack([0.05 * np.sin(TIMES * 2), 0.1 * np.cos(TIMES * 1.5), 0.02 * np.sin(TIMES * 3)], axis=-1)
    return world + wander[:, None]


def slide(world, planted):
    speed = np.linalg.norm(np.diff(world[:, floor.ANKLES, :2], axis=0), axis=-1) * 30
    return speed[planted[1:] & planted[:-1]]


def lengths_of(world):
    return np.stack([np.linalg.norm(world[:, c] - world[:, p], axis=-1) for p, c in H36M17.bones], axis=1)


@pytest.fixture
def walking():
    world = world_walk()
    planted = contacts.contacts(world, np.ones((120, 17)), TIMES, CAMERA)
    assert 0.2 < planted.mean() < 0.95
    return world, planted


class TestFeet:
    def test_planted_feet_neither_slide_nor_sink_and_bones_keep_their_lengths(self, walking):
        world, planted = walking
        locked, used = foot_lock.lock(world, planted, TIMES, 1.7, "auto", CAMERA)
        np.testing.assert_array_equal(used, planted)
        assert slide(world, planted).mean() > 0.1
        assert slide(locked, planted).mean() < 0.01
        assert locked[:, floor.ANKLES, 2].min() > 0.08 - 0.005
        np.testing.assert_allclose(lengths_of(locked), lengths_of(world), atol=1e-5)

    def test_knees_do_not_pop(self, walking):
        world, planted = walking
        locked, _ = foot_lock.lock(world, planted, TIMES, 1.7, "auto", CAMERA)

        def bend(joints):
            hip, knee, ankle = (joints[:, H36M17.index(j)] for j in ("LHip", "LKnee", "LAnkle"))
            a, b = knee - hip, ankle - knee
            cosine = (a * b).sum(-1) / np.linalg.norm(a, axis=-1) / np.linalg.norm(b, axis=-1)
            return np.degrees(np.arccos(np.clip(cosine, -1, 1)))

        assert np.abs(np.diff(bend(locked))).max() < np.abs(np.diff(bend(world))).max() + 8

    def test_a_jump_stays_in_the_air(self):
        world = np.repeat(world_walk()[:1], 120, axis=0)
        world[..., 2] -= world[:, floor.ANKLES, 2].min() - 0.08
        air = np.clip(TIMES - 1.5, 0, 0.5)
        world[..., 2] += (9.81 / 2 * 0.5 * air - 9.81 / 2 * air**2)[:, None]
        planted = contacts.contacts(world, np.ones((120, 17)), TIMES, CAMERA)
        locked, _ = foot_lock.lock(world, planted, TIMES, 1.7, "auto", CAMERA)
        top = np.argmax(world[:, 0, 2])
        assert not planted[top].any()
        assert locked[top, 0, 2] == pytest.approx(world[top, 0, 2], abs=0.03)
        _, always = foot_lock.lock(world, planted, TIMES, 1.7, "always", CAMERA)
        assert always.any(axis=1).all()

    def test_modes(self, walking):
        world, planted = walking
        assert foot_lock.lock(world, planted, TIMES, 1.7, "never", CAMERA)[0] is world
        grounded, _ = foot_lock.lock(world, planted, TIMES, 1.7, "ground", CAMERA)
        assert grounded[:, floor.ANKLES, 2].min() > 0.08 - 0.005
        assert slide(grounded, planted).mean() > 0.05

    def test_a_person_on_a_wall_stays_there(self, walking):
        world, planted = walking
        high = world + [0, 0, 2.0]
        locked, _ = foot_lock.lock(high, planted, TIMES, 1.7, "auto", CAMERA)
        assert np.abs(locked[:, 0, 2] - high[:, 0, 2]).max() < 0.1

    def distance_in_picture(self, locked, world):
        """(T,17) metres by which joints were moved across the line of sight."""
        moved, sight = locked - world, world - CAMERA
        sight = sight / np.linalg.norm(sight, axis=-1, keepdims=True)
        return np.linalg.norm(moved - (moved * sight).sum(axis=-1, keepdims=True) * sight, axis=-1)

    def test_errors_of_depth_are_corrected_along_the_line_of_sight(self):
        world = np.repeat(world_walk()[:1], 120, axis=0)
        world[..., 2] += 0.08 - world[:, floor.ANKLES, 2].max()
        planted = np.ones((120, 2), bool)
        sight = world[:, :1] - CAMERA
        sight /= np.linalg.norm(sight, axis=-1, keepdims=True)
        wrong = world + 0.1 * np.sin(TIMES * 2)[:, None, None] * sight
        locked, used = foot_lock.lock(wrong, planted, TIMES, 1.7, "auto", CAMERA)
        assert used.all()
        assert slide(locked, planted).max() < 0.01
        assert np.ptp(((locked - world)[:, 0] * sight[:, 0]).sum(axis=-1)) < 0.08 < np.ptp(wrong[:, 0, 1])
        assert self.distance_in_picture(locked, wrong)[:, 0].max() < 0.02

    def test_short_legs_do_not_move_the_body_in_the_picture(self):
        world = np.repeat(world_walk()[:1], 120, axis=0)
        world[..., 2] += 0.08 + 0.08 - world[:, floor.ANKLES, 2].max()
        planted = np.ones((120, 2), bool)
        high = CAMERA + [0, 0, 2.0]  # it looks down: nearer is lower
        locked, _ = foot_lock.lock(world, planted, TIMES, 1.7, "auto", high)
        assert np.abs(locked[:, floor.ANKLES, 2] - 0.08).max() < 0.01
        sight = world - high
        sight /= np.linalg.norm(sight, axis=-1, keepdims=True)
        moved = (locked - world)[:, 0]
        along = (moved * sight[:, 0]).sum(axis=-1)
        assert np.abs(along).mean() > 2 * np.linalg.norm(moved - along[:, None] * sight[:, 0], axis=-1).mean()

    def test_a_foot_that_slides_in_the_picture_is_released(self, walking):
        world, planted = walking
        planted = np.stack([np.ones(120, bool), np.zeros(120, bool)], axis=1)
        standing = np.repeat(world[:1], 120, axis=0)
        drift = standing + np.stack([0.4 * np.clip(TIMES - 2, 0, 1), 0 * TIMES, 0 * TIMES], axis=-1)[:, None]
        locked, used = foot_lock.lock(drift, planted, TIMES, 1.7, "auto", CAMERA)
        assert used[:30, 0].all()
        assert not used[72:78, 0].any()
        assert np.quantile(self.distance_in_picture(locked, drift), 0.95) < 0.08
        assert slide(locked, used).max() < 0.01
        _, kept = foot_lock.lock(drift, planted, TIMES, 1.7, "always", CAMERA)
        assert kept[:, 0].all()

    @pytest.mark.parametrize("frames", [1, 2, 3])
    def test_short(self, walking, frames):
        world, planted = walking
        locked, _ = foot_lock.lock(world[:frames], planted[:frames], TIMES[:frames], 1.7, "auto", CAMERA)
        assert np.isfinite(locked).all()


class TestTilt:
    def filmed(self, pitch, roll, world=None):
        world = world_walk() if world is None else world
        true = CameraTilt(pitch, roll, True)
        return gravity.Body((world - [0, -5, 1.5]) @ true.rotation, np.ones(world.shape[:2]), TIMES)

    @pytest.mark.parametrize(("pitch", "roll"), [(-15, 0), (0, 3), (25, -2), (40, 0), (20, 13)])
    def test_a_walker_gives_the_tilt(self, pitch, roll):
        found = gravity.estimate_tilt([self.filmed(pitch, roll)])
        assert found.known
        assert found.pitch == pytest.approx(pitch, abs=3)
        assert found.roll == pytest.approx(roll, abs=4)

    def test_the_rotation_is_orthogonal(self):
        R = CameraTilt(20, 5, True).rotation
        np.testing.assert_allclose(R @ R.T, np.eye(3), atol=1e-12)
        np.testing.assert_array_equal(gravity.UNKNOWN.rotation, LEVEL_CAMERA)
        # A camera that looks down sees what is ahead of it lower in the world.
        assert (CameraTilt(20, 0, True).rotation @ [0, 0, 1])[2] < 0

    def test_a_lying_person_is_no_evidence(self):
        world = world_walk()
        lying = world[..., [0, 2, 1]] * [1, 1, 1]
        assert gravity.estimate_tilt([self.filmed(0, 0, lying)]) == gravity.UNKNOWN

    def test_without_people_the_tilt_is_unknown(self):
        assert gravity.estimate_tilt([]) == gravity.UNKNOWN
        body = self.filmed(20, 0)
        assert not gravity.estimate_tilt([gravity.Body(body.joints, body.confidence * 0, TIMES)]).known


class TestSettings:
    @pytest.mark.parametrize("wrong", [{"feet": "glued"}, {"tilt": 120.0}, {"roll": float("nan")}])
    def test_bad_ones_are_refused(self, wrong):
        with pytest.raises(UserError):
            pipeline.CaptureSettings(**wrong)

    def test_stages_by_name(self):
        assert pipeline.CaptureSettings.of({"motion": "fit,level"}).motion == {"fit", "level"}
        with pytest.raises(UserError):
            pipeline.CaptureSettings.of({"motion": "magic"})
