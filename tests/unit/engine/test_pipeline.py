import json
from dataclasses import replace

import numpy as np
import pytest

from pose3d_engine import pipeline
from pose3d_engine.contract import warnings
from pose3d_engine.contract.errors import Cancelled, UserError
from pose3d_engine.contract.motion_file import ARRAYS, Motion
from pose3d_engine.contract.people_file import People
from pose3d_engine.contract.skeletons import H36M17
from pose3d_engine.formats import keypoint_files
from tests.support.filmed import people, project, walk

CPU = pipeline.CaptureSettings(device="cpu")


@pytest.fixture(scope="module")
def motion():
    return pipeline.capture(people(project(walk())), CPU)[0]


def test_the_motion_file_is_as_designed(motion, tmp_path):
    path = tmp_path / "Bewegung ß.npz"
    assert pipeline.write([motion], path) == [path]
    with np.load(path, allow_pickle=False) as stored:
        for key, (shape, kind) in ARRAYS.items():
            assert stored[key].shape == (120, *shape)
            assert stored[key].dtype == kind
            assert np.isfinite(stored[key]).all()
        meta = json.loads(str(stored["meta"]))
    for key in ("fps", "width", "height", "focal_px", "principal_point", "person", "detector", "lifter", "checkpoint"):
        assert key in meta
    assert len(meta["checkpoint_sha256"]) == 64
    assert (meta["tds"], meta["height_m"], meta["person"]) == (1, 1.7, 1)
    loaded = Motion.load(path)
    np.testing.assert_array_equal(loaded.world, motion.world)


def test_bones_do_not_stretch(motion):
    for array in (motion.joints3d, motion.world):
        for parent, child in H36M17.bones:
            size = np.linalg.norm(array[:, child] - array[:, parent], axis=-1)
            assert np.ptp(size) < 1e-4
            twin = H36M17.mirror[child]
            other = np.linalg.norm(array[:, twin] - array[:, H36M17.parents[twin]], axis=-1)
            assert abs(size[0] - other[0]) < 1e-4


def test_the_camera_pose_maps_camera_to_world(motion):
    camera = motion.joints3d + motion.root[:, None]
    world = np.einsum("tij,tkj->tki", motion.camera_R, camera) + motion.camera_t[:, None]
    np.testing.assert_allclose(world, motion.world, atol=1e-4)
    np.testing.assert_allclose(motion.world[0, 0, :2], 0, atol=1e-5)
    assert np.quantile(motion.world[..., 2], 0.02) == pytest.approx(0.08, abs=0.05)


def test_the_walker_walks():
    """The path is the true one, up to the size of the person. Feet are not locked: the generated walker slides."""
    motion = pipeline.capture(people(project(walk())), pipeline.CaptureSettings(device="cpu", feet="never"))[0]
    truth = walk()[:, 0]
    path = motion.root.astype(np.float64)
    path, truth = path - path.mean(axis=0), truth - truth.mean(axis=0)
    scale = (path * truth).sum() / (path**2).sum()
    assert 0.7 < scale < 1.4
    assert np.linalg.norm(path * scale - truth, axis=-1).mean() < 0.25


def test_raw_stops_after_the_lifter():
    raw = pipeline.capture(people(project(walk())), pipeline.CaptureSettings(device="cpu", raw=True))[0]
    thigh = np.linalg.norm(raw.joints3d[:, 2] - raw.joints3d[:, 1], axis=-1)
    assert np.ptp(thigh) > 1e-3


def test_a_gap_is_interpolated_with_warnings(motion):
    track = project(walk())
    track[40:80] = np.nan
    track[100:104] = np.nan
    gappy = pipeline.capture(people(track), CPU)[0]
    assert np.isfinite(gappy.world).all()
    assert (gappy.confidence[45:75] == 0).all()
    assert (gappy.confidence[100:104] > 0).all()
    assert (gappy.confidence[100:104] < 1).all()
    assert not gappy.contacts[45:75].any()
    found = {notice.code: notice for notice in warnings.notices(gappy.meta)}
    assert found[warnings.NOT_VISIBLE].span == pytest.approx((1.3, 2.67), abs=0.01)
    assert "63 %" in found[warnings.PARTLY_VISIBLE].text


def test_a_person_is_motionless_outside_the_visible_range():
    track = project(walk())
    track[:30] = np.nan
    track[90:] = np.nan
    late = pipeline.capture(people(track), CPU)[0]
    np.testing.assert_array_equal(late.root[:30], np.tile(late.root[30], (30, 1)))
    np.testing.assert_array_equal(late.root[90:], np.tile(late.root[89], (30, 1)))


def test_a_child_beside_an_adult_stands_on_the_same_floor():
    adult = walk(60)
    floor_under_camera = np.array([0.0, 1.2, 5.0])  # camera axes: y is down
    child = (walk(60) - floor_under_camera) * 0.75 + floor_under_camera + [1.5, 0.0, -1.0]
    both = people(project(adult), project(child))
    settings = pipeline.CaptureSettings(person="all", device="cpu", tilt=0, roll=0)
    big, small = pipeline.capture(both, settings)
    assert small.meta["height_m"] == pytest.approx(0.75 * 1.7, rel=0.06)
    assert small.camera_t[0, 2] == pytest.approx(big.camera_t[0, 2], abs=0.08)
    for motion in (big, small):
        assert abs(float(motion.world[..., 2].min()) - motion.meta["height_m"] / 1.7 * 0.08) < 0.06
    # The height of the settings is that of the captured person.
    alone = pipeline.capture(both, replace(settings, person="2", height=1.3))[0]
    assert alone.meta["height_m"] == 1.3


def test_two_people_keep_their_relative_places(tmp_path):
    both = people(project(walk()), project(walk(seed=1) + [1.5, 0, 2.0]))
    motions = pipeline.capture(both, pipeline.CaptureSettings(person="all", device="cpu"))
    assert [motion.meta["person"] for motion in motions] == [1, 2]
    assert [path.name for path in pipeline.write(motions, tmp_path / "m.npz")] == ["m.person1.npz", "m.person2.npz"]
    alone = pipeline.capture(both, pipeline.CaptureSettings(person="2", device="cpu"))[0]
    # The height of the settings is that of the first captured person, so only the size changes.
    size = alone.meta["height_m"] / motions[1].meta["height_m"]
    np.testing.assert_allclose(alone.world, motions[1].world * size, atol=2e-3)
    apart = motions[1].root[0] - motions[0].root[0]
    world = motions[1].world[0, 0] - motions[0].world[0, 0]
    np.testing.assert_allclose(world[:2], (motions[0].camera_R[0] @ apart)[:2], atol=1e-4)


def test_height_scales_everything():
    small = pipeline.capture(people(project(walk())), pipeline.CaptureSettings(device="cpu", height=1.0))[0]
    tall = pipeline.capture(people(project(walk())), pipeline.CaptureSettings(device="cpu", height=2.0))[0]
    np.testing.assert_allclose(2 * small.joints3d, tall.joints3d, atol=1e-4)
    np.testing.assert_allclose(2 * small.root, tall.root, rtol=1e-4)


def test_portrait_and_one_frame():
    single = pipeline.capture(people(project(walk(1))), CPU)[0]
    assert len(single) == 1
    assert np.isfinite(single.world).all()


@pytest.mark.parametrize(
    ("values", "message"),
    [({"height": 0.0}, "height"), ({"fov": 200.0}, "fov"), ({"tds": 0}, "tds"), ({"height": float("nan")}, "height")],
)
def test_settings_out_of_bounds_are_refused(values, message):
    with pytest.raises(UserError, match=message):
        pipeline.CaptureSettings(**values)


def test_a_person_who_does_not_exist_is_refused():
    with pytest.raises(UserError, match="no person 3"):
        pipeline.capture(people(project(walk(10))), pipeline.CaptureSettings(person="3", device="cpu"))


def test_a_range_in_which_a_person_is_missing():
    """Numbers stay those of the whole clip; missing people are neither captured nor needed."""
    absent = project(walk(20))
    absent[:10] = np.nan
    part = keypoint_files.between(people(absent, project(walk(20, seed=1))), None, 0.3)
    for wanted in ("2", "all"):
        (motion,) = pipeline.capture(part, pipeline.CaptureSettings(person=wanted, device="cpu"))
        assert motion.meta["person"] == 2
        np.testing.assert_allclose(motion.world[0, 0, :2], 0, atol=1e-5)
    with pytest.raises(UserError, match="person 1 is not visible in this part"):
        pipeline.capture(part, pipeline.CaptureSettings(person="1", device="cpu"))


def test_cancelling_stops_a_capture():
    def cancel(stage, done, total):
        raise Cancelled

    with pytest.raises(Cancelled):
        pipeline.capture(people(project(walk(10))), CPU, cancel)


def test_people_file_round_trip(tmp_path):
    before = people(project(walk(10)))
    before.save(tmp_path / "people.npz")
    after = People.load(tmp_path / "people.npz")
    np.testing.assert_array_equal(after.keypoints2d, before.keypoints2d)
    assert after.meta == before.meta
