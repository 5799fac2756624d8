"""A motion on whole frames of a scene that has another rate than the video."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from blender_addon.contract.runs import runs
from blender_addon.contract.skeletons import H36M17
from blender_addon.maths import motion_file, resampling, rotations
from blender_addon.maths.motion_file import MotionFile
from blender_addon.maths.timeline import Timing
from tests.support import synthetic

SECONDS = 4.0


def motion_at(rate: float, folder: Path) -> MotionFile:
    path = synthetic.save_motion(folder / "stroll.npz", *synthetic.stroll(round(SECONDS * rate), rate), rate=rate)
    return motion_file.load(path)


@pytest.mark.parametrize(("video", "scene"), [(20.0, 24.0), (30.0, 24.0), (30.0, 25.0), (25.051, 25.0), (60.0, 24.0)])
def test_it_is_the_same_motion_at_other_moments(video: float, scene: float, tmp_path: Path) -> None:
    motion = motion_at(video, tmp_path)
    timing = Timing(scene, start=1001)
    found = resampling.on_timeline(motion, timing)
    frames = timing.frames(found.times)
    np.testing.assert_array_equal(frames, np.arange(1001, 1001 + len(found)))
    assert found.rate == scene and found.fps == pytest.approx(video)
    truth = motion_at(scene, tmp_path).world[: len(found)]
    off = np.linalg.norm(found.world[: len(truth)] - truth, axis=-1)
    assert off.mean() < 0.0005 and off.max() < 0.006, (off.mean(), off.max())  # metres


def test_bones_keep_their_lengths_and_feet_their_place(tmp_path: Path) -> None:
    motion = motion_at(30.0, tmp_path)
    found = resampling.on_timeline(motion, Timing(24.0))
    for parent, child in H36M17.bones:
        lengths = np.linalg.norm(found.world[:, child] - found.world[:, parent], axis=-1)
        assert np.ptp(lengths) < 1e-5, H36M17.joints[child]
    for foot, ankle in ((0, "LAnkle"), (1, "RAnkle")):
        stances = runs(found.contacts[:, foot])
        assert len(stances) == len(runs(motion.contacts[:, foot])) > 2
        for first, after in stances:
            assert np.ptp(found.world[first:after, H36M17.index(ankle)], axis=0).max() < 1e-5


def test_contacts_stay_runs_of_their_own(tmp_path: Path) -> None:
    """Also one that is shorter than a frame, and two with less than a frame between them."""
    motion = motion_at(60.0, tmp_path)
    contacts = np.zeros_like(motion.contacts)
    contacts[31, 0] = True
    contacts[60:90, 1] = contacts[91:120, 1] = True
    found = resampling.on_timeline(replace(motion, contacts=contacts), Timing(24.0))
    assert [len(runs(found.contacts[:, foot])) for foot in (0, 1)] == [1, 2]


def test_orientations_go_the_shorter_way_at_an_even_pace(tmp_path: Path) -> None:
    motion = motion_at(10.0, tmp_path)
    angles = np.linspace(0.0, 3.0, len(motion))
    turn = rotations.to_matrices(rotations.about(np.array([[0.0, 0.0, 1.0]]), angles))
    valid = np.ones(len(motion), bool)
    valid[10] = False
    found = resampling.on_timeline(
        replace(motion, camera_R=turn, parts={"hand.L": (turn, valid)}), Timing(24.0, whole=True)
    )
    wanted = rotations.about(np.array([[0.0, 0.0, 1.0]]), np.interp(found.times, motion.times, angles))
    for matrices in (found.camera_R, found.parts["hand.L"][0]):
        assert rotations.angle(rotations.to_quaternions(matrices.astype(float)), wanted).max() < 1e-3
    unknown = found.times[~found.parts["hand.L"][1]]
    assert len(unknown) and unknown.min() > motion.times[9] and unknown.max() < motion.times[11]


def test_whole_frames_and_the_videos_own_are_left_alone(tmp_path: Path) -> None:
    motion = motion_at(25.0, tmp_path)
    assert resampling.on_timeline(motion, Timing(25.0)) is motion
    assert resampling.on_timeline(motion, Timing(50.0)) is motion
    assert resampling.on_timeline(motion, Timing(24.0, whole=False)) is motion


def test_a_single_frame_between_two(tmp_path: Path) -> None:
    motion = motion_at(30.0, tmp_path)
    one = replace(
        motion,
        **{name: getattr(motion, name)[10:11] for name in ("world", "camera_R", "camera_t", "confidence", "contacts")},
        times=motion.times[10:11] + 0.01,
    )
    found = resampling.on_timeline(one, Timing(24.0))
    assert len(found) == 1 and Timing(24.0).frames(found.times)[0] % 1 == 0
    np.testing.assert_allclose(found.world[0], one.world[0], atol=1e-5)


def test_what_is_made_up_before_and_after_is_left_out(tmp_path: Path) -> None:
    motion = motion_at(30.0, tmp_path)
    confidence = motion.confidence.copy()
    confidence[:12] = confidence[50:60] = confidence[100:] = 0.0
    found = resampling.visible(replace(motion, confidence=confidence))
    np.testing.assert_array_equal(found.times, motion.times[12:100])
    np.testing.assert_array_equal(found.world, motion.world[12:100])
    nobody = replace(motion, confidence=np.zeros_like(confidence))
    assert resampling.visible(nobody) is nobody and resampling.visible(motion) is motion
