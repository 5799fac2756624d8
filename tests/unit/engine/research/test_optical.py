from types import SimpleNamespace

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from pose3d_engine.research.evaluation.optical import JOINTS, Optical, bends, score


@pytest.fixture
def walk(root):
    with np.load(root / "tests" / "golden" / "ref_single_cam01.npz") as stored:
        camera = np.nan_to_num(stored["joints3d"])
        return (camera - stored["t_world_to_cam"].reshape(3)) @ stored["R_world_to_cam"]


def errors(joints, reference):
    return score(SimpleNamespace(times=np.arange(len(joints)) / 60, world=joints), reference)


def test_a_turn_about_the_vertical_and_a_place_are_no_error(walk):
    known = Optical(np.arange(len(walk)) / 60, walk[:, JOINTS])
    turned = walk @ Rotation.from_euler("z", 130, degrees=True).as_matrix().T + [3.0, -2.0, 0.4]
    found = errors(turned, known)
    assert (found.hip_rel_mm, found.n_mm, found.pa_mm, found.knee_deg) == pytest.approx((0, 0, 0, 0), abs=1e-3)
    assert found.tilt_deg == pytest.approx(0, abs=0.01)


def test_a_lean_counts_except_in_pa_and_a_size_except_in_n(walk):
    known = Optical(np.arange(len(walk)) / 60, walk[:, JOINTS])
    leaning = errors(walk @ Rotation.from_euler("x", 12, degrees=True).as_matrix().T, known)
    assert leaning.tilt_deg == pytest.approx(12, abs=0.1)
    assert leaning.hip_rel_mm > 50
    assert leaning.pa_mm == pytest.approx(0, abs=1e-3)
    large = errors(1.1 * walk, known)
    assert large.hip_rel_mm > 30
    assert large.n_mm == pytest.approx(0, abs=1e-3)


def test_times_outside_the_measurement_are_left_out(walk):
    known = Optical(np.arange(20, 60) / 60, walk[20:60, JOINTS])
    wrong = walk.copy()
    wrong[:19] += np.random.default_rng(0).normal(size=(19, 17, 3))
    assert errors(wrong, known).pa_mm == pytest.approx(0, abs=1e-3)


def test_a_straight_leg_bends_by_nothing_and_a_right_angle_by_90():
    leg = np.array([[[0, 0, 2], [0, 0, 1], [0, 0, 0]], [[0, 0, 2], [0, 0, 1], [1, 0, 1]]], float)
    assert bends(leg, ((0, 1, 2),)) == pytest.approx(np.array([[0.0], [90.0]]))
