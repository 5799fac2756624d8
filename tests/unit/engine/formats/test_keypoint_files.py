import numpy as np
import pytest

from pose3d_engine.contract.errors import UserError
from pose3d_engine.contract.people_file import VideoInfo
from pose3d_engine.formats import keypoint_files
from tests.support.filmed import people, project, walk


def save(path, **arrays):
    np.savez(path, **arrays)
    return path


def test_one_track_with_its_facts(tmp_path):
    keypoints = np.concatenate([project(walk(20)), np.full((20, 17, 1), 0.7)], axis=-1)
    path = save(tmp_path / "k.npz", keypoints2d=keypoints, width=1280, height=720, fps=25.0)
    read = keypoint_files.read(path)
    assert read.keypoints2d.shape == (1, 20, 17, 3)
    np.testing.assert_allclose(read.times, np.arange(20) / 25)
    assert read.meta["video"]["width"] == 1280
    np.testing.assert_allclose(read.boxes[0, 0, :2], keypoints[0, :, :2].min(axis=0), rtol=1e-5)


def test_without_scores_all_finite_points_are_seen_and_facts_can_be_given(tmp_path):
    keypoints = project(walk(20))
    keypoints[3, 5] = np.nan
    read = keypoint_files.read(save(tmp_path / "k.npz", keypoints2d=keypoints), 1280, 720, 30.0)
    assert read.keypoints2d[0, 3, 5, 2] == 0
    assert (read.keypoints2d[0, 4, :, 2] == 1).all()


def test_scores_beyond_one_are_cut_and_nobody_in_a_frame_is_no_box(tmp_path):
    keypoints = np.concatenate([project(walk(5)), np.full((5, 17, 1), 6.0)], axis=-1)
    keypoints[2, :, 2] = -1
    read = keypoint_files.read(save(tmp_path / "k.npz", keypoints2d=keypoints), 1280, 720, 30.0)
    assert read.keypoints2d[..., 2].max() == 1
    assert np.isnan(read.keypoints2d[0, 2, :, :2]).all()
    assert np.isnan(read.boxes[0, 2]).all()


def test_our_own_people_are_read_as_they_are(tmp_path):
    before = people(project(walk(10)), project(walk(10, seed=1)))
    before.save(tmp_path / "people.npz")
    assert len(keypoint_files.read(tmp_path / "people.npz").keypoints2d) == 2


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"keypoints2d": np.zeros((5, 16, 2))}, "not \\(frames, 17"),
        ({"keypoints2d": np.zeros((0, 17, 2))}, "not \\(frames, 17"),
        ({"keypoints2d": np.full((5, 17, 2), "x")}, "not numbers"),
        ({"keypoints2d": np.full((5, 17, 2), np.nan)}, "no keypoint in it is visible"),
        ({"keypoints2d": np.zeros((5, 17, 2)), "fps": 0}, "fps is 0"),
        ({"keypoints2d": np.zeros((5, 17, 2)), "times": np.zeros(5)}, "do not rise"),
        ({"keypoints2d": np.zeros((5, 17, 2)), "frames": np.zeros(4)}, "frames is not one"),
        ({"other": np.zeros(3)}, "no keypoints2d"),
        ({"keypoints2d": np.full((5, 17, 2), 1e20)}, "millions of pixels"),
        ({"keypoints2d": np.zeros((5, 17, 2)), "meta": np.array("no json")}, "meta is not JSON"),
        ({"keypoints2d": np.zeros((5, 17, 2)), "meta": np.array('{"width": "wide"}')}, "width is not a number"),
    ],
)
def test_bad_files_are_one_clear_line(tmp_path, arrays, message):
    with pytest.raises(UserError, match=message) as caught:
        keypoint_files.read(save(tmp_path / "k.npz", **arrays), 1280, 720, 30.0)
    assert "k.npz" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_motion_file_says_all_that_is_needed(tmp_path):
    meta = np.array('{"width": 640, "height": 360, "fps": 12.5}')
    read = keypoint_files.read(save(tmp_path / "m.npz", keypoints2d=project(walk(5)), meta=meta))
    assert read.meta["video"]["height"] == 360
    assert read.times[1] == pytest.approx(0.08)


def test_a_missing_fact_is_named(tmp_path):
    with pytest.raises(UserError, match="--width"):
        keypoint_files.read(save(tmp_path / "k.npz", keypoints2d=np.zeros((5, 17, 2))))


def test_keypoints_of_another_video_are_refused(tmp_path):
    found = people(project(walk(50)))
    with pytest.raises(UserError, match="are they of one video"):
        keypoint_files.on_video(found, VideoInfo("v.mp4", 1280, 720, 30, 1, 30, 0), tmp_path / "k.npz")


def test_the_camera_motion_of_our_own_people_stays(tmp_path):
    before = people(project(walk(10)))
    before.background = np.tile(np.eye(3), (10, 1, 1))
    before.save(tmp_path / "people.npz")
    read = keypoint_files.read(tmp_path / "people.npz")
    found = keypoint_files.on_video(read, VideoInfo("v.mp4", 1280, 720, 30, 1, 10, 0), tmp_path / "people.npz")
    np.testing.assert_array_equal(found.background, before.background)
    assert found.meta["video"]["path"] == "v.mp4"
    assert keypoint_files.between(found, 0.0, 0.1).background.shape == (3, 3, 3)


def test_a_range_in_seconds():
    found = keypoint_files.between(people(project(walk(60))), 0.5, 1.0)
    np.testing.assert_array_equal(found.frames, np.arange(15, 30))
    with pytest.raises(UserError, match="no frame lies between"):
        keypoint_files.between(found, 5, 6)
