import numpy as np
import pytest

from pose3d_engine.research.data_sets.kinematics import rotation_vectors
from pose3d_engine.research.evaluation.reference import Reference, score


@pytest.fixture
def truth(root):
    with np.load(root / "tests" / "golden" / "ref_single_cam01.npz") as stored:
        return Reference(stored["joints3d"], stored["valid"])


def test_the_truth_itself_at_any_size_is_without_error(truth):
    scores = score(np.nan_to_num(truth.joints) * 2.5 + 1, truth)
    assert scores.n_mpjpe_mm == pytest.approx(0, abs=0.01)
    assert scores.pa_mpjpe_mm == pytest.approx(0, abs=0.01)
    assert scores.accel_mm == pytest.approx(0, abs=0.01)


def test_a_turned_truth_is_wrong_until_aligned_and_a_mirrored_one_always(truth):
    turned = np.nan_to_num(truth.joints) @ rotation_vectors(np.array([0.0, 0.5, 0.0])).T
    assert score(turned, truth).n_mpjpe_mm > 50
    assert score(turned, truth).pa_mpjpe_mm == pytest.approx(0, abs=0.01)
    assert score(np.nan_to_num(truth.joints) * [1, 1, -1], truth).pa_mpjpe_mm > 20


def test_the_frozen_mean_pose_scores_what_it_is_known_to(truth):
    """The number of the reference's own table: about 170 mm and 105 mm (both views)."""
    centred = truth.joints - truth.joints[:, [1, 4]].mean(axis=1, keepdims=True)
    mean = np.nanmean(np.where(truth.valid[..., None], centred, np.nan), axis=0)
    scores = score(np.tile(np.nan_to_num(mean), (len(centred), 1, 1)), truth)
    assert 100 < scores.n_mpjpe_mm < 240
    assert 60 < scores.pa_mpjpe_mm < 150
    assert scores.accel_mm < 4


def test_joints_that_are_not_valid_do_not_count(truth):
    wrong = np.nan_to_num(truth.joints).copy()
    valid = truth.valid.copy()
    valid[:, 13] = False
    wrong[:, 13] += 5
    assert score(wrong, Reference(truth.joints, valid)).n_mpjpe_mm == pytest.approx(0, abs=0.01)
