"""The orientation of heads and hands, on a figure in T-pose."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from pose3d_engine.layers import orientations

AT_REST = {
    11: (0.2, 0, 1.4),
    12: (-0.2, 0, 1.4),  # shoulders
    23: (0.1, 0, 0.9),
    24: (-0.1, 0, 0.9),  # hips
    0: (0, -0.12, 1.60),  # nose
    7: (0.08, 0, 1.62),
    8: (-0.08, 0, 1.62),  # ears
    2: (0.03, -0.09, 1.64),
    5: (-0.03, -0.09, 1.64),  # eyes
    15: (0.7, 0, 1.4),
    17: (0.78, 0.03, 1.4),
    19: (0.79, -0.03, 1.4),  # left wrist, little finger, index
    16: (-0.7, 0, 1.4),
    18: (-0.78, 0.03, 1.4),
    20: (-0.79, -0.03, 1.4),
}


def figure(frames=40):
    points = np.zeros((frames, 33, 3))
    for row, place in AT_REST.items():
        points[:, row] = place
    return points


def estimate(points, to_world=None, scores=None, flipped=None):
    """The layer's arrays, and (T,3) bool, where each part was observed."""
    frames = len(points)
    flipped = np.zeros((frames, 2), bool) if flipped is None else flipped
    to_world = np.tile(np.eye(3), (frames, 1, 1)) if to_world is None else to_world
    scores = np.ones((frames, 33)) if scores is None else scores
    arrays = orientations.orientations(points, scores, to_world, flipped, 30.0)
    return arrays, np.stack([arrays[f"{part}_valid"] for part in orientations.PARTS], axis=1)


def angle(a, b):
    return np.degrees(Rotation.from_matrix(np.swapaxes(a, -1, -2) @ b).magnitude())


@pytest.mark.parametrize("part", orientations.PARTS)
def test_at_rest_there_is_no_rotation(part):
    rotations, valid = estimate(figure())
    assert valid.all()
    assert angle(rotations[f"{part}_R"], np.eye(3)).max() < 15


@pytest.mark.parametrize("part", orientations.PARTS)
def test_parts_rotate_with_the_figure(part):
    R = Rotation.from_euler("xyz", [20, -30, 70], degrees=True).as_matrix()
    rest, _ = estimate(figure())
    rotated, _ = estimate(figure(), np.tile(R, (40, 1, 1)))
    assert angle(rotated[f"{part}_R"], R @ rest[f"{part}_R"]).max() < 0.1


def test_frames_without_observation_are_interpolated_and_not_valid():
    points, scores = figure(), np.ones((40, 33))
    points[10:14] = np.nan
    scores[20:, 17] = 0.1
    rotations, valid = estimate(points, scores=scores)
    assert not valid[10:14].any()
    assert not valid[20:, 1].any()
    assert valid[20:, 2].all()
    for part in orientations.PARTS:
        R = rotations[f"{part}_R"]
        np.testing.assert_allclose(R @ np.swapaxes(R, 1, 2), np.tile(np.eye(3), (40, 1, 1)), atol=1e-5)


def test_without_detections_the_layer_is_empty():
    points, flipped = np.full((5, 33, 3), np.nan), np.zeros((5, 2), bool)
    assert orientations.orientations(points, np.ones((5, 33)), np.tile(np.eye(3), (5, 1, 1)), flipped, 30.0) == {}


def test_limbs_with_exchanged_sides_are_not_valid():
    flipped = np.zeros((40, 2), bool)
    flipped[10:15, 0] = True  # arms
    flipped[12:20, 1] = True  # legs
    points = figure()
    points[10:15, 15:23] *= [1, -1, 1]
    rotations, valid = estimate(points, flipped=flipped)
    columns = {part: ~valid[:, i] for i, part in enumerate(orientations.PARTS)}
    for hand in ("left_hand", "right_hand"):
        assert (columns[hand] == flipped[:, 0]).all()
        np.testing.assert_allclose(rotations[f"{hand}_R"], estimate(figure())[0][f"{hand}_R"], atol=1e-6)
    assert (columns["head"] == flipped.all(axis=1)).all()


def test_a_face_on_the_back_of_a_body_is_not_valid():
    head = [0, 2, 5, 7, 8]
    points = figure()
    neck = np.array([0, 0, 1.6])
    for rows, degrees in (((0, 10), 85), ((10, 20), 150), ((20, 30), 180), ((30, 40), -85)):
        R = Rotation.from_euler("z", degrees, degrees=True).as_matrix()
        points[rows[0] : rows[1], head] = (points[rows[0] : rows[1], head] - neck) @ R.T + neck
    rotations, valid = estimate(points)
    assert (valid[:, 0] == np.repeat([True, False, False, True], 10)).all()
    assert valid[:, 1:].all()
    # Interpolation takes the short way, over the front, and never the back.
    face = -rotations["head_R"][..., 1]
    assert (face[:, 1] < 0.2).all()
