"""Camera tilt, floor and feet, on generated people before a virtual camera; the 3D model's part is played by a file."""

import numpy as np
import pytest

from pose3d_engine import pipeline
from pose3d_engine.contract import warnings
from pose3d_engine.contract.errors import UserError
from pose3d_engine.contract.runs import runs
from pose3d_engine.contract.skeletons import H36M17
from pose3d_engine.solve import gravity, solver
from pose3d_engine.solve.body import centre_of_mass
from pose3d_engine.solve.terms import Ground
from pose3d_engine.take import LEVEL_CAMERA, CameraTilt
from tests.support.filmed import (
    before_camera,
    body_of,
    captured,
    people,
    problem,
    project,
    soles,
    standing,
    strides,
    turned,
    walk,
    wobble,
)

LEVEL = {"tilt": 0.0, "roll": 0.0}


def lifted(joints, size=0.04):
    """What a 3D model says of joints in camera axes: wrong mostly in depth."""
    return joints - joints[:, :1] + wobble(joints.shape, size) * [0.3, 0.3, 1.0]


def stances(motion):
    """(foot, first, end) of every time that a foot stands."""
    return [(foot, *run) for foot in (0, 1) for run in runs(motion.contacts[:, foot])]


def drift(motion):
    """Metres that the sole of each stance moves along the floor from its mean place."""
    ends = soles(motion)[..., :2]
    parts = [ends[first:end, foot] for foot, first, end in stances(motion)]
    return [np.linalg.norm(part - part.mean(axis=0), axis=-1).max() for part in parts]


def lying():
    """(60,17,3) somebody who lies along X."""
    return standing(60)[..., [2, 1, 0]] * [1, 1, -1]


def bend(points, side="L"):
    """(T,) degrees of a knee."""
    hip, knee, ankle = (points[:, H36M17.index(side + joint)] for joint in ("Hip", "Knee", "Ankle"))
    a, b = knee - hip, ankle - knee
    cosine = (a * b).sum(-1) / np.linalg.norm(a, axis=-1) / np.linalg.norm(b, axis=-1)
    return np.degrees(np.arccos(np.clip(cosine, -1, 1)))


def notices(motion):
    return {notice.code: notice for notice in warnings.notices(motion.meta)}


@pytest.fixture(scope="module")
def walking(tmp_path_factory):
    """The truth in world axes, and the capture."""
    truth = turned(strides()[0], 60)
    camera = before_camera(truth)
    return truth, captured(tmp_path_factory.mktemp("walk"), camera, lifted(camera), noise=1.0, **LEVEL)


class TestFeet:
    def test_planted_soles_lie_on_the_floor_and_do_not_slide(self, walking):
        _, motion = walking
        assert len(stances(motion)) == 6 and 0.35 < motion.contacts.mean() < 0.65
        assert max(drift(motion)) < 0.005
        for foot, first, end in stances(motion):
            assert np.abs(soles(motion)[first:end, foot, :, 2]).max() < 0.005

    def test_no_part_of_a_sole_is_below_the_floor(self, walking):
        _, motion = walking
        assert soles(motion)[..., 2].min() > -0.005

    def test_knees_do_not_pop(self, walking):
        truth, motion = walking
        for side in "LR":
            assert np.abs(np.diff(bend(motion.world, side))).max() < np.abs(np.diff(bend(truth, side))).max() + 8

    def test_feet_roll_over_the_toe(self, tmp_path):
        joints, toes, down = strides()
        joints, toes = before_camera(turned(joints, 60)), before_camera(turned(toes, 60))
        motion = captured(tmp_path, joints, lifted(joints), toes, **LEVEL)
        ends, rolled = soles(motion), 0
        for foot in (0, 1):
            for first, end in runs(down[:, foot]):
                late = slice(end - 4, end)
                if first > 5 and end < len(down):
                    lift = ends[late, foot, 0, 2] - ends[late, foot, 1, 2]
                    rolled += lift.max() > 0.03
                    assert ends[late, foot, 1, 2].max() < 0.03, "the toe is still on the floor"
        assert rolled >= 3

    def test_a_jump_stays_in_the_air(self, tmp_path):
        world, air = standing(90), np.clip(np.arange(90) / 30 - 1.2, 0, 0.5)
        world[..., 2] += (9.81 / 2 * 0.5 * air - 9.81 / 2 * air**2)[:, None]
        camera = before_camera(turned(world, 40))
        motion = captured(tmp_path, camera, lifted(camera, 0.02), **LEVEL)
        top = int(world[:, 0, 2].argmax())
        assert not motion.contacts[top].any() and motion.contacts[:30].all()
        rise = motion.world[top, 0, 2] - np.median(motion.world[:25, 0, 2])
        assert rise == pytest.approx(np.ptp(world[:, 0, 2]), abs=0.04)
        always = captured(tmp_path, camera, lifted(camera, 0.02), feet="always", **LEVEL)
        assert soles(always)[top, ..., 2].min() < 0.5 * soles(motion)[top, ..., 2].min()

    def test_the_centre_of_mass_of_a_jump_falls_freely(self, tmp_path):
        """Though the 3D model and the keypoints tremble."""
        world, air = standing(90), np.clip(np.arange(90) / 30 - 1.2, 0, 0.6)
        world[..., 2] += (9.81 / 2 * 0.6 * air - 9.81 / 2 * air**2)[:, None]
        camera = before_camera(world)
        motion = captured(tmp_path, camera, lifted(camera, 0.02), noise=2.0, **LEVEL)
        fall = np.diff(motion.world[38:52, 0, 2], n=2) * 900
        assert fall.mean() == pytest.approx(-9.81, abs=1.5)

    def test_modes(self, tmp_path):
        joints = before_camera(turned(strides()[0], 60))
        wrong = lifted(joints)
        wrong[..., 2] += 0.06 * np.sin(np.arange(90) / 5)[:, None] * np.linspace(-1, 1, 17)
        free, ground, auto = (
            captured(tmp_path, joints, wrong, feet=mode, **LEVEL) for mode in ("never", "ground", "auto")
        )
        assert max(drift(auto)) < 0.005 < 2 * max(drift(auto)) + 0.01 < max(drift(ground))
        assert soles(ground)[..., 2].min() > -0.01
        assert soles(free)[..., 2].min() < soles(ground)[..., 2].min()

    def test_a_person_on_a_wall_stays_there(self, tmp_path):
        """On the floor, then 0.6 m over it, and each for some footsteps of both feet."""
        steps = strides(150)[0]
        wall = np.repeat(np.array([0.0, 0.6]), 75)
        camera = before_camera(turned(steps + wall[:, None, None] * [0, 0, 1], 60) + [0, 1.0, 0])
        motion = captured(tmp_path, camera, lifted(camera, 0.02), **LEVEL)
        for rows, height in ((slice(0, 60), 0.0), (slice(95, 145), 0.6)):
            planted = soles(motion)[rows][motion.contacts[rows]][..., 2]
            assert np.median(planted) == pytest.approx(height, abs=0.06)

    def test_a_foot_that_slides_in_the_picture_is_released(self, tmp_path):
        time = np.arange(120) / 30
        drifts = standing(120)
        drifts[..., 0] += 0.3 * np.clip(time - 2, 0, 1)[:, None]
        camera = before_camera(drifts)
        motion = captured(tmp_path, camera, lifted(camera, 0.02), **LEVEL)
        assert motion.contacts[:45].all() and not motion.contacts[72:78].any()
        assert np.ptp(motion.world[:, 0, 0]) == pytest.approx(0.3, abs=0.05)
        assert max(drift(motion)) < 0.01

    def test_errors_of_depth_do_not_move_who_stands(self, tmp_path):
        camera = before_camera(standing(90))
        sway = 0.06 * np.sin(np.arange(90) / 15)[:, None, None] * np.array([0, 0, 1.0])
        feet_only = np.zeros((1, 17, 1))
        feet_only[:, [2, 3, 5, 6]] = 1.0
        motion = captured(tmp_path, camera, camera + sway * feet_only, **LEVEL)
        assert motion.contacts.all() and max(drift(motion)) < 0.003

    def test_stances_of_a_level_walk_are_at_one_height(self, tmp_path):
        """Also where the size in the picture, and with it depth, errs slowly."""
        world = turned(strides(150)[0], 75) + [1.5, 0, 0]
        camera = before_camera(world, pitch=20)
        size = 1 + 0.03 * np.sin(np.arange(150) / 40)[:, None, None]
        centre = camera[:, :1]
        motion = captured(tmp_path, (camera - centre) * size + centre, lifted(camera, 0.02), tilt=20.0, roll=0.0)
        heights = [np.median(soles(motion)[first:end, foot, :, 2]) for foot, first, end in stances(motion)]
        assert len(heights) >= 8 and np.ptp(heights) < 0.02

    def test_somebody_who_stands_has_straight_legs_and_a_squat_stays_bent(self, tmp_path):
        """The 3D model bends both knees by 25 degrees too much, towards the camera."""
        found = []
        for degrees in (0.0, 60.0):
            truth = before_camera(standing(60, bend=np.radians(degrees)))
            wrong = before_camera(standing(60, bend=np.radians(degrees + 25)))
            wrong[..., 1] += (truth - wrong)[:, :1, 1]
            found.append(np.median(bend(captured(tmp_path, truth, wrong, **LEVEL).world)))
        assert found[0] < 12
        assert 48 < found[1] < 90

    @pytest.mark.parametrize("frames", [1, 2, 3])
    def test_short(self, tmp_path, frames):
        joints = before_camera(strides(30)[0][:frames])
        motion = captured(tmp_path, joints)
        assert np.isfinite(motion.world).all() and np.isfinite(soles(motion)).all()

    def test_the_layer_is_the_rotation_of_flat_soles(self, tmp_path):
        camera = before_camera(standing(40))
        motion = captured(tmp_path, camera, **LEVEL)
        for side in ("left", "right"):
            assert motion.extras[f"{side}_foot_valid"].all()
            turn = motion.extras[f"{side}_foot_R"]
            np.testing.assert_allclose(turn @ np.swapaxes(turn, 1, 2), np.tile(np.eye(3), (40, 1, 1)), atol=1e-5)
            np.testing.assert_allclose(turn[:, 2], np.tile([0, 0, 1.0], (40, 1)), atol=0.03)
        assert "left_foot_R" not in captured(tmp_path, camera, layers="none", **LEVEL).extras


class TestTermsOfTheGround:
    """With and without what a ground says of the same frames, where nothing else decides."""

    def ground(self, frames, **flags):
        none = np.zeros(frames, bool)
        up, held = np.array([0.0, -1.0, 0.0]), np.zeros((frames, 2, 2), bool)
        return Ground(up, -9.0, held, np.zeros((frames, 2)), **{"airborne": none, "standing": none, **flags})

    def test_a_body_in_the_air_falls(self):
        known, start = problem(before_camera(standing(30)), weights=0.0)
        every = np.ones(30, bool)
        falls = []
        for air in (every, ~every):
            points = known.skeleton.points(solver.solve(known, start, self.ground(30, airborne=air)))
            centre = centre_of_mass(points[:, :17])[3:-3, 1]
            falls.append(np.diff(centre, n=2).mean() * 900)
        assert abs(falls[1]) < 0.5 and falls[0] > 4  # down is +y; smoothness still takes its part

    def test_legs_of_who_stands_are_straight(self):
        truth = before_camera(standing(30))
        wrong = before_camera(standing(30, bend=np.radians(30)))
        known, start = problem(truth, wrong)
        every = np.ones(30, bool)
        bends = [
            bend(known.skeleton.points(solver.solve(known, start, self.ground(30, standing=still)))).mean()
            for still in (every, ~every)
        ]
        assert bends[0] < 0.7 * bends[1]


class TestPicture:
    def test_a_body_that_fits_is_on_the_picture(self, walking):
        facts = walking[1].meta["reprojection"]
        assert 0 < facts["mean_percent"] < 2.5 and facts["mean_percent"] <= facts["worst_percent"] < 4
        assert warnings.OFF_PICTURE not in notices(walking[1])

    def test_where_it_does_not_there_is_a_notice(self, tmp_path):
        camera = before_camera(standing(90))
        pixels_of_nobody = camera.copy()
        limbs = [H36M17.index(joint) for joint in ("RKnee", "LKnee", "RAnkle", "LAnkle")]
        pixels_of_nobody[40:60, limbs, 0] += np.array([2.0, -2.0, 2.5, -2.5])
        motion = captured(tmp_path, pixels_of_nobody, camera, repair="none", **LEVEL)
        notice = notices(motion)[warnings.OFF_PICTURE]
        assert 1.2 < notice.span[0] < 1.45 and 1.8 < notice.span[1] < 2.1
        facts = motion.meta["reprojection"]
        assert facts["worst_percent"] > 5 and 1.2 < facts["worst_s"] < 2.1
        assert motion.confidence[50].max() < motion.confidence[10].max()


class TestBadInput:
    def check(self, motion, tallest=3.0):
        assert np.isfinite(motion.world).all()
        assert np.ptp(motion.world[..., 2], axis=1).max() < tallest
        return motion

    def test_who_floats_for_seconds_is_not_pulled_down(self, tmp_path):
        """In a pool: the body stays in the middle of the picture, and moves as slowly as there."""
        time = np.arange(180) / 30
        world = standing(180, bend=0.4)
        world[:, :, 2] += (0.25 * np.sin(time * 2.5))[:, None] + 0.5
        world[:, :, 0] += (0.4 * np.sin(time * 1.7))[:, None]
        camera = before_camera(world)
        motion = self.check(captured(tmp_path, camera, lifted(camera, 0.02), **LEVEL))
        moved = motion.world[:, 0, 2] - world[:, 0, 2]
        assert np.std(moved) < 0.1

    def test_a_focal_length_that_is_40_percent_wrong(self, tmp_path):
        camera = before_camera(turned(strides()[0], 60))
        for fov in (2 * np.degrees(np.arctan(np.tan(np.radians(30)) / f)) for f in (0.6, 1.4)):
            motion = self.check(captured(tmp_path, camera, lifted(camera, 0.02), fov=float(fov)))
            assert 0.5 < np.median(np.ptp(motion.world[..., 2], axis=1)) < 2
            assert np.linalg.norm(np.diff(motion.world[:, 0], axis=0), axis=-1).max() * 30 < 6

    def test_feet_that_are_never_seen(self, tmp_path):
        joints = walk(60)
        track = project(joints)
        track[:, 15:] = np.nan
        clip = people(track)
        motion = self.check(pipeline.capture(clip, pipeline.CaptureSettings(device="cpu"))[0])
        assert not motion.contacts.any()
        assert warnings.FEET_NOT_VISIBLE in notices(motion)

    def test_detections_that_are_no_numbers(self, tmp_path):
        track = project(walk(60))
        track[10:20, 7] = np.nan
        track[30] = np.nan
        track[40, 3] = np.inf
        self.check(pipeline.capture(people(track), pipeline.CaptureSettings(device="cpu"))[0])

    def test_who_lies_throughout(self, tmp_path):
        camera = before_camera(lying() + [-0.9, 0, 0.25])
        motion = self.check(captured(tmp_path, camera, lifted(camera, 0.02)))
        assert warnings.TILT_UNKNOWN in notices(motion)
        assert np.ptp(motion.world[..., 2], axis=1).max() < 1.0


class TestTilt:
    @pytest.mark.parametrize(("pitch", "roll"), [(-15, 0), (0, 3), (25, -2), (40, 0), (20, 13)])
    def test_a_walker_gives_the_tilt(self, tmp_path, pitch, roll):
        camera = before_camera(turned(strides(120)[0], 60) + [1.0, 0, 0], pitch, roll)
        motion = captured(tmp_path, camera)
        found = motion.meta["camera"]
        assert found["known"]
        assert found["pitch_deg"] == pytest.approx(pitch, abs=4)
        assert found["roll_deg"] == pytest.approx(roll, abs=4)
        assert warnings.TILT_UNKNOWN not in notices(motion)

    def test_the_rotation_is_orthogonal(self):
        R = CameraTilt(20, 5, True).rotation
        np.testing.assert_allclose(R @ R.T, np.eye(3), atol=1e-12)
        np.testing.assert_array_equal(gravity.UNKNOWN.rotation, LEVEL_CAMERA)
        # A camera that looks down sees what is ahead of it lower in the world.
        assert (CameraTilt(20, 0, True).rotation @ [0, 0, 1])[2] < 0

    def test_a_lying_person_is_no_evidence(self):
        found = gravity.balance([(before_camera(lying()), np.ones((60, 17)))])
        assert gravity.tilt_of(found.up, found.share, 9.0) == gravity.UNKNOWN

    def test_balance_gives_a_first_tilt(self):
        for pitch in (0, 25):
            camera = before_camera(standing(60), pitch)
            found = gravity.balance([(camera, np.ones((60, 17)))])
            tilt = gravity.tilt_of(found.up, found.share, 0.0)
            assert found.share == 1 and tilt.known
            assert tilt.pitch == pytest.approx(pitch, abs=5)

    def test_without_people_the_tilt_is_unknown(self):
        assert gravity.balance([]).share == 0
        unseen = gravity.balance([(before_camera(standing(60), 20), np.zeros((60, 17)))])
        assert unseen.share == 0
        assert not gravity.tilt_of(unseen.up, unseen.share, 9.0).known
        assert gravity.tilt_of(np.array([0.0, 0.0, -1.0]), 1.0, 9.0) == gravity.UNKNOWN  # straight down: who lies

    def test_how_far_somebody_walked(self):
        points = body_of(*strides(120)[:2])
        found = [gravity.Stance(n % 2, slice(first, first + 10), 0.0) for n, first in enumerate(range(0, 110, 20))]
        assert gravity.extent(points, found) == pytest.approx(2.6, abs=0.5)
        assert gravity.extent(points, found[:2]) == 0


class TestSettings:
    @pytest.mark.parametrize("wrong", [{"feet": "glued"}, {"tilt": 120.0}, {"roll": float("nan")}])
    def test_bad_ones_are_refused(self, wrong):
        with pytest.raises(UserError):
            pipeline.CaptureSettings(**wrong)

    def test_stages_by_name(self):
        assert pipeline.CaptureSettings.of({"motion": "fit,level"}).motion == {"fit", "level"}
        with pytest.raises(UserError):
            pipeline.CaptureSettings.of({"motion": "magic"})

    def test_a_stage_of_older_versions_is_ignored(self):
        assert pipeline.CaptureSettings.of({"motion": "fusion,fit,level"}).motion == {"fit", "level"}
        assert pipeline.CaptureSettings.of({"motion": "fusion"}).motion == frozenset()
