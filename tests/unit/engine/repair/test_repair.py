"""Faults put into a generated track, and what repair leaves of them."""

import numpy as np
import pytest

from pose3d_engine import pipeline
from pose3d_engine.contract.skeletons import COCO17
from pose3d_engine.repair import REPAIR_STEPS, fill_gaps, repair
from pose3d_engine.repair.outliers import outliers
from pose3d_engine.repair.resampling import MAX_FACTOR, upsample, upsampling_factor
from tests.support.filmed import people, project, walk

FPS = 30.0
FRAMES = 200
TIMES = np.arange(FRAMES) / FPS
WRISTS = [COCO17.index("left_wrist"), COCO17.index("right_wrist")]


def walker(seed: int = 0) -> np.ndarray:
    """(FRAMES,17,3): a clean track of a walker, all scores 0.9."""
    points = project(walk(FRAMES, FPS, seed))
    return np.concatenate([points, np.full((FRAMES, 17, 1), 0.9)], axis=-1).astype(np.float32)


def size(track: np.ndarray) -> float:
    return float(np.median(np.ptp(track[..., 1], axis=1)))


def all_steps(track: np.ndarray, steps: frozenset[str] = REPAIR_STEPS):
    return repair(track, TIMES[: len(track)], FPS, FPS, steps)


@pytest.mark.parametrize("seed", range(4))
def test_a_clean_track_is_left_as_it_is(seed: int) -> None:
    track = walker(seed)
    result = all_steps(track)
    np.testing.assert_array_equal(result.keypoints, track)
    np.testing.assert_array_equal(result.dense, track)
    assert result.counts == {"swaps": 0, "outliers": 0, "gaps": 0, "rate": 0}
    assert result.detected.all() and not result.flipped.any() and result.factor == 1


def test_keypoints_that_jump_away_come_back() -> None:
    left, before = 0, 0
    for seed in range(4):
        track = walker(seed)
        rng = np.random.default_rng(seed)
        broken, wrong = track.copy(), np.zeros((FRAMES, 17), bool)
        for _ in range(30):
            frame, keypoint = rng.integers(5, FRAMES - 7), rng.integers(17)
            wrong[frame : frame + rng.integers(1, 3), keypoint] = True
        angle = rng.uniform(0, 2 * np.pi, (FRAMES, 17))
        away = np.stack([np.cos(angle), np.sin(angle)], axis=-1) * 0.3 * size(track)
        broken[..., :2] += np.where(wrong[..., None], away, 0)
        result = all_steps(broken)
        error = np.linalg.norm(result.keypoints[..., :2] - track[..., :2], axis=-1)
        before += int(wrong.sum())
        left += int((error > 0.05 * size(track)).sum())
        repaired = wrong & (error < 0.05 * size(track)) & (result.keypoints[..., 2] < 0.9)
        assert (result.keypoints[..., 2][repaired] > 0).all()
        assert result.counts["outliers"] > 0 and result.counts["gaps"] == 0
    assert before > 150
    assert left <= 0.1 * before


def test_outliers_beside_gaps_and_in_short_clips() -> None:
    track = walker()
    track[10:30, WRISTS[0], :2], track[10:30, WRISTS[0], 2] = np.nan, 0
    track[32, WRISTS[0], :2] += 100
    found = outliers(track, FPS)
    assert np.argwhere(found).tolist() == [[32, WRISTS[0]]]
    for frames in (1, 2, 3):
        assert not outliers(walker()[:frames], FPS).any()
    assert not outliers(np.full((5, 17, 3), np.nan), FPS).any()


def test_a_swap_is_no_dozen_of_outliers() -> None:
    track = walker()
    broken = track.copy()
    legs = slice(COCO17.index("left_hip"), None)
    broken[100:103, legs] = track[100:103][:, COCO17.mirror][:, legs]
    result = all_steps(broken)
    assert result.counts["swaps"] == 3 and result.counts["outliers"] == 0
    np.testing.assert_array_equal(result.keypoints, track)


def test_a_swap_takes_its_gaps_along() -> None:
    whole = walker()
    track = whole.copy()
    track[101, WRISTS[0], :2], track[101, WRISTS[0], 2] = np.nan, 0
    broken = track.copy()
    broken[98:104, 5:] = track[98:104][:, COCO17.mirror][:, 5:]
    result = all_steps(broken)
    assert result.counts["swaps"] == 6 and result.counts["gaps"] == 1
    assert result.keypoints[101, WRISTS[0], :2] == pytest.approx(whole[101, WRISTS[0], :2], abs=0.01 * size(whole))
    assert result.keypoints[101, WRISTS[0], 2] == pytest.approx(0.45)
    assert (result.keypoints[[100, 102], WRISTS[0], 2] == np.float32(0.9)).all()


def test_steps_can_be_left_out() -> None:
    track = walker()
    track[50, WRISTS[0], :2] += size(track)
    track[60:64, :, :2], track[60:64, :, 2] = np.nan, 0
    nothing = all_steps(track, frozenset())
    assert nothing.counts == {}
    assert nothing.keypoints[50] == pytest.approx(track[50])
    assert (nothing.keypoints[60:64, :, 2] == 0).all() and np.isfinite(nothing.keypoints).all()
    gaps = all_steps(track, frozenset({"gaps"}))
    assert gaps.counts == {"gaps": 4 * 17}
    assert (gaps.keypoints[60:64, :, 2] > 0).all()


def test_a_gap_is_closed_better_than_by_a_straight_line_and_never_overshoots() -> None:
    t = np.arange(60) / FPS
    truth = np.ones((60, 17, 3), np.float32)
    truth[..., 0] = 300 + 100 * np.sin(2 * np.pi * t)[:, None]
    truth[..., 1] = np.where(t < 1, 100, 200)[:, None]
    holes = truth.copy()
    holes[10:16] = holes[28:33] = np.nan
    filled, _ = fill_gaps(holes, t)
    straight, _ = fill_gaps(holes, t, keep_scores=False)
    gap = slice(10, 16)
    assert np.abs(filled[gap] - truth[gap])[..., 0].max() < 0.7 * np.abs(straight[gap] - truth[gap])[..., 0].max()
    assert filled[..., 1].min() >= 100 and filled[..., 1].max() <= 200


@pytest.mark.parametrize(
    ("fps", "factor"),
    [(60, 1), (30, 1), (25, 1), (20, 1), (15.02, 2), (12, 2), (10, 3), (6, 5), (1, MAX_FACTOR), (0, 1)],
)
def test_frames_that_are_made_of_one(fps: float, factor: int) -> None:
    assert upsampling_factor(fps, 30.0) == factor


@pytest.mark.parametrize("step", [2, 3])
def test_a_slow_clip_gets_the_frames_between(step: int) -> None:
    truth = walker()
    slow, times = truth[::step], TIMES[::step]
    result = repair(slow, times, FPS / step, FPS, REPAIR_STEPS)
    assert result.factor == step
    np.testing.assert_array_equal(result.dense[::step], result.keypoints)
    np.testing.assert_array_equal(result.keypoints, slow)
    assert result.counts["rate"] == (len(slow) - 1) * (step - 1) == len(result.dense) - len(slow)
    error = np.linalg.norm(result.dense - truth[: len(result.dense)], axis=-1)
    repeated = np.linalg.norm(np.repeat(slow, step, axis=0)[: len(result.dense)] - truth[: len(result.dense)], axis=-1)
    assert error.max() < 0.03 * size(truth)
    assert error.mean() < 0.2 * repeated.mean()


def test_nothing_between_where_nothing_is_wanted() -> None:
    track = walker()[:20]
    assert repair(track, TIMES[:20], 10.0, None, REPAIR_STEPS).factor == 1
    assert repair(track, TIMES[:20], 10.0, 30.0, REPAIR_STEPS - {"rate"}).factor == 1
    assert upsample(track[:1], TIMES[:1], 3).shape == (1, 17, 3)


def test_a_slow_clip_is_lifted_at_the_rate_of_the_lifter_and_given_back_at_its_own() -> None:
    """What a clip of 10 frames a second becomes is nearer to what one of 30 becomes than without the step."""
    points = project(walk(91, FPS, seed=3))
    fast = pipeline.capture(people(points), pipeline.CaptureSettings(device="cpu", raw=True))[0].joints3d[::3]
    slow = people(points[::3], fps=FPS / 3)
    joints = {}
    for name, steps in (("with", REPAIR_STEPS), ("without", REPAIR_STEPS - {"rate"})):
        motion = pipeline.capture(slow, pipeline.CaptureSettings(device="cpu", raw=True, repair=steps))[0]
        assert len(motion) == 31 and motion.meta["fps"] == pytest.approx(10) and motion.meta["tds"] == 1
        assert motion.meta["repairs"].get("rate") == (60 if name == "with" else None)
        joints[name] = motion.joints3d
    apart = {name: np.linalg.norm(value - fast, axis=-1).mean() for name, value in joints.items()}
    assert apart["with"] < 0.5 * apart["without"]
    strided = pipeline.capture(slow, pipeline.CaptureSettings(device="cpu", raw=True, tds=1))[0]
    np.testing.assert_array_equal(strided.joints3d, joints["without"])
