"""The papers' metrics: the published numbers, and what must hold for any pose."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from pose3d_engine.research.evaluation import metrics, mpi_inf_3dhp
from tests.support import GOLDEN


@pytest.fixture(scope="module")
def losses() -> dict[str, np.ndarray]:
    return dict(np.load(GOLDEN / "losses.npz"))


@pytest.mark.parametrize("name", ["mpjpe", "p_mpjpe", "n_mpjpe", "mean_velocity_error"])
def test_published_losses(losses: dict[str, np.ndarray], name: str) -> None:
    found = getattr(metrics, name)(losses["predicted"], losses["target"])
    assert found == pytest.approx(float(losses[name]), abs=1e-6)


def test_published_weighted_loss(losses: dict[str, np.ndarray]) -> None:
    found = metrics.weighted_mpjpe(losses["predicted"], losses["target"], losses["w"])
    assert found == pytest.approx(float(losses["weighted_mpjpe"]), abs=1e-6)


def test_published_alignment_of_each_frame(losses: dict[str, np.ndarray]) -> None:
    aligned = metrics.procrustes(losses["predicted"], losses["target"])
    found = metrics.joint_errors(aligned, losses["target"].astype(float)).mean(axis=-1)
    assert np.abs(found - losses["p_mpjpe_per_frame"]).max() < 1e-6


def test_published_alignment_never_mirrors(losses: dict[str, np.ndarray]) -> None:
    mirrored = losses["target"] * np.float32([-1, 1, 1])
    found = metrics.p_mpjpe(losses["predicted"], mirrored)
    assert found == pytest.approx(float(losses["p_mpjpe_mirrored_target"]), abs=1e-6)


def test_published_pck_and_auc() -> None:
    golden = np.load(GOLDEN / "pck_auc.npz")
    scores = mpi_inf_3dhp.score(golden["error_mm"])
    assert tuple(golden["group_names"]) == (*mpi_inf_3dhp.GROUPS, "Total")
    assert np.abs(scores.pck - golden["pck"]).max() < 1e-9
    assert np.abs(scores.auc - golden["auc"]).max() < 1e-9
    assert np.abs(scores.joints[:-1] - golden["mpjpe_per_joint"]).max() < 1e-9
    assert scores.mpjpe == pytest.approx(float(golden["mpjpe_all17"]))
    assert np.array_equal(metrics.AUC_THRESHOLDS_MM, golden["thresholds_mm"])


def test_an_error_of_exactly_150_mm_is_no_hit() -> None:
    assert metrics.pck(np.array([149.999, 150.0])) == 50.0


def test_no_error_counts_for_thirty_of_thirty_one_thresholds() -> None:
    assert metrics.auc(np.zeros((2, 3))) == pytest.approx(100 * 30 / 31)


def test_nothing_scored_is_not_a_number() -> None:
    scores = mpi_inf_3dhp.score(np.zeros((17, 0)))
    assert np.isnan(scores.mpjpe)
    assert np.isnan(scores.pck).all()


def test_shapes_must_agree() -> None:
    with pytest.raises(ValueError, match="predicted"):
        metrics.p_mpjpe(np.zeros((2, 17, 3)), np.zeros((1, 17, 3)))


@given(st.integers(0, 2**32 - 1), st.floats(0.2, 5))
def test_alignment_undoes_any_similarity(seed: int, scale: float) -> None:
    rng = np.random.default_rng(seed)
    target = rng.normal(size=(4, 17, 3))
    moved = scale * target @ Rotation.random(random_state=seed).as_matrix() + rng.normal(size=3)
    assert metrics.p_mpjpe(moved, target) < 1e-9


@given(st.integers(0, 2**32 - 1), st.floats(0.2, 5))
def test_scale_does_not_matter_to_n_mpjpe_and_helps(seed: int, scale: float) -> None:
    rng = np.random.default_rng(seed)
    predicted, target = rng.normal(size=(2, 4, 17, 3))
    assert metrics.n_mpjpe(scale * predicted, target) == pytest.approx(metrics.n_mpjpe(predicted, target))
    assert metrics.n_mpjpe(scale * target, target) < 1e-9


def test_a_pose_in_one_point_can_be_aligned_to_itself_and_gives_a_number() -> None:
    assert np.isfinite(metrics.p_mpjpe(np.zeros((1, 17, 3)), np.ones((1, 17, 3))))
    assert np.isfinite(metrics.n_mpjpe(np.zeros((1, 17, 3)), np.ones((1, 17, 3))))
