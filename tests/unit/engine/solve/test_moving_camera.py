"""Cameras that pan or are held by hand: their rotation is found and removed from the path."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest

from pose3d_engine import pipeline
from pose3d_engine.contract import warnings
from pose3d_engine.detect import camera_motion_2d
from pose3d_engine.solve import camera_motion
from tests.support.filmed import FOCAL, WIDTH, people, project, walk

CPU = pipeline.CaptureSettings(device="cpu")


def true_rotations(frames: int) -> np.ndarray:
    """(T,3,3): axes of the camera in a frame -> axes of the first; it pans by 20 degrees and shakes."""
    t = np.arange(frames) / 30
    angles = np.stack([0.02 * np.sin(9 * t), np.radians(20) * t / t[-1], 0.01 * np.sin(7 * t)], axis=-1)
    return np.array([cv2.Rodrigues(angle)[0] for angle in angles])


def homographies_of(rotations: np.ndarray) -> np.ndarray:
    lens = np.diag([FOCAL / WIDTH, FOCAL / WIDTH, 1.0])
    return lens @ rotations @ np.linalg.inv(lens)


def texture(height: int, width: int) -> np.ndarray:
    """(height,width,3) uint8 with corners of every size."""
    random = np.random.default_rng(3)
    image = sum(
        cv2.resize(random.uniform(0, 1, (height // size, width // size)), (width, height)) for size in (8, 16, 40)
    )
    return np.repeat((image / 3 * 255).astype(np.uint8)[..., None], 3, axis=-1)


def test_a_window_that_moves_over_a_picture_and_comes_back() -> None:
    whole, random = texture(600, 1400), np.random.default_rng(0)
    estimator, steps = camera_motion_2d.CameraMotionEstimator(), []
    x = np.concatenate([np.linspace(0, 600, 40), np.linspace(600, 0, 40)]).astype(int)
    y = (100 + 30 * np.sin(np.arange(80) / 5)).astype(int)
    for row in range(80):
        view = whole[y[row] : y[row] + 360, x[row] : x[row] + 640].astype(int)
        view[:, 200:300] = random.integers(0, 255, (360, 100, 1))  # a person, who is not of the background
        box = np.array([[200.0, 0.0, 300.0, 360.0]])
        noisy = np.clip(view + random.normal(0, 3, view.shape), 0, 255).astype(np.uint8)
        steps.append(estimator.estimate(row + 10, noisy, box))
    assert len({step.keyframe for step in steps}) > 1, "the last view shows nothing of the first"
    found = camera_motion_2d.homographies_to_first(steps, first_row=10)
    centres = found[:, :2, 2] / found[:, 2:, 2]
    wanted = np.stack([x - x[0], y - y[0]], axis=-1) / 640
    np.testing.assert_allclose(centres, wanted, atol=0.006)
    np.testing.assert_allclose(centres[-1], wanted[-1], atol=0.003)


def test_a_still_picture_with_noise_stands_still_and_a_blank_one_tells_nothing() -> None:
    whole, random = texture(360, 640).astype(float), np.random.default_rng(0)
    estimator, steps = camera_motion_2d.CameraMotionEstimator(), []
    for row in range(30):
        noisy = np.clip(whole + random.normal(0, 8, whole.shape), 0, 255).astype(np.uint8)
        steps.append(estimator.estimate(row, noisy, np.zeros((0, 4))))
    assert (
        camera_motion.camera_motion(camera_motion_2d.homographies_to_first(steps), 0.87, "auto") == camera_motion.STATIC
    )
    estimator = camera_motion_2d.CameraMotionEstimator()
    blank = [estimator.estimate(row, np.full((90, 160, 3), 90, np.uint8), np.zeros((0, 4))) for row in range(5)]
    found = camera_motion.camera_motion(camera_motion_2d.homographies_to_first(blank), 0.87, "auto")
    assert found.rotations is None and found.notices[0].code == warnings.CAMERA_UNKNOWN


def test_rotations_are_those_of_the_camera() -> None:
    truth = true_rotations(60)
    found = camera_motion.camera_motion(homographies_of(truth), FOCAL / WIDTH, "auto")
    assert found.rotations is not None and not found.notices
    relative = np.swapaxes(found.rotations[:1], 1, 2) @ found.rotations
    np.testing.assert_allclose(relative, truth, atol=1e-9)
    gaps = homographies_of(truth)
    gaps[20:30] = np.nan
    held = camera_motion.camera_motion(gaps, FOCAL / WIDTH, "auto")
    assert held.rotations is not None and "17 %" in held.notices[0].text
    np.testing.assert_array_equal(held.rotations[29], held.rotations[19])
    assert camera_motion.camera_motion(homographies_of(truth), FOCAL / WIDTH, "still") == camera_motion.STATIC


@pytest.mark.parametrize("fov", [35.0, 60.0, 90.0])
def test_the_rotation_gives_the_focal_length(fov: float) -> None:
    focal = 0.5 / np.tan(np.radians(fov) / 2)
    lens, random = np.diag([focal, focal, 1.0]), np.random.default_rng(0)
    observed = lens @ true_rotations(60) @ np.linalg.inv(lens)
    observed[:, :2] += random.normal(0, 1e-4, (60, 2, 3))
    observed[5] = np.nan
    assert camera_motion.focal_from_rotation(observed) == pytest.approx(focal, rel=0.05)


def test_little_rotation_or_travel_gives_no_focal_length() -> None:
    random = np.random.default_rng(0)
    still = np.tile(np.eye(3), (60, 1, 1)) + random.normal(0, 3e-4, (60, 3, 3))
    assert camera_motion.focal_from_rotation(still) is None
    travels = homographies_of(true_rotations(60))
    travels[:, 0, 1] += np.linspace(0, 0.2, 60)
    assert camera_motion.focal_from_rotation(travels) is None
    assert camera_motion.focal_from_rotation(np.full((60, 3, 3), np.nan)) is None
    assert camera_motion.focal_from_rotation(None) is None


def test_the_focal_length_is_found_without_a_setting() -> None:
    truth = true_rotations(60)
    observed = replace(people(project(walk(60) @ truth)), background=homographies_of(truth))
    found, given, still = (
        pipeline.capture(observed, replace(CPU, fov=fov, camera=camera))[0].meta["focal_px"]
        for fov, camera in ((None, "auto"), (40.0, "auto"), (None, "still"))
    )
    assert found == pytest.approx(FOCAL, rel=0.02)
    assert given == pytest.approx(WIDTH / 2 / np.tan(np.radians(20)))
    assert still == pytest.approx(WIDTH / 2 / np.tan(np.radians(30)))


def test_the_path_does_not_depend_on_the_camera_rotation() -> None:
    joints, truth = walk(90), true_rotations(90)
    still = pipeline.capture(people(project(joints)), CPU)[0]
    # What the camera of each frame sees: its axes, from those of the first.
    observed = people(project(joints @ truth))
    ignored = pipeline.capture(observed, CPU)[0]
    found = pipeline.capture(replace(observed, background=homographies_of(truth)), CPU)[0]

    def travelled(motion: pipeline.Motion) -> np.ndarray:
        path = motion.world[:, 0] - motion.world[0, 0]
        return np.linalg.norm(path[:, :2], axis=-1)

    off = np.abs(travelled(found) - travelled(still)).max()
    assert off < 0.1 < np.abs(travelled(ignored) - travelled(still)).max()
    camera = found.joints3d + found.root[:, None]
    world = np.einsum("tij,tkj->tki", found.camera_R, camera) + found.camera_t[:, None]
    np.testing.assert_allclose(world, found.world, atol=1e-4)

    def distance_in_picture(motion: pipeline.Motion, observed: np.ndarray) -> float:
        both = [motion.joints3d + motion.root[:, None], observed]
        pixels = [points[..., :2] / points[..., 2:] * FOCAL for points in both]
        return float(np.median(np.linalg.norm(pixels[0] - pixels[1], axis=-1)))

    # The armature lies over the person in every frame, as it does where the camera stands.
    assert distance_in_picture(found, joints @ truth) < distance_in_picture(still, joints) + 3
    relative = found.camera_R @ np.swapaxes(found.camera_R[:1], 1, 2)
    assert np.degrees(np.arccos((np.trace(relative[-1]) - 1) / 2)) == pytest.approx(20, abs=1.5)
    assert found.meta["camera"]["turns_deg"] > 9


def test_a_static_camera_changes_nothing() -> None:
    observed = people(project(walk(60)))
    trembling = homographies_of(
        np.array([cv2.Rodrigues(a)[0] for a in np.random.default_rng(0).normal(0, 2e-4, (60, 3))])
    )
    expected = pipeline.capture(observed, CPU)[0]
    found = pipeline.capture(replace(observed, background=trembling), CPU)[0]
    np.testing.assert_array_equal(found.world, expected.world)
    np.testing.assert_array_equal(found.camera_R, expected.camera_R)
    assert found.meta == expected.meta
