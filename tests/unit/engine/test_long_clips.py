"""What is worked off in pieces, so that a long clip fits into memory, is the same as in one go."""

from __future__ import annotations

import numpy as np
import pytest

from pose3d_engine.contract.skeletons import COCO17
from pose3d_engine.repair import flips, outliers
from pose3d_engine.solve import limits
from tests.support.filmed import project, walk

FRAMES = 150


@pytest.fixture
def track() -> np.ndarray:
    """(FRAMES,17,3) of a walker, with jumps, gaps and swaps, also where pieces join."""
    rng = np.random.default_rng(0)
    points = project(walk(FRAMES, 30.0, 0)) + rng.normal(0, 1.0, (FRAMES, 17, 2))
    result = np.concatenate([points, np.full((FRAMES, 17, 1), 0.9)], axis=-1).astype(np.float32)
    for row in (20, 21, 41, 80, 139):
        result[row, rng.integers(5, 17, 3), :2] += 150
    result[60:63, 9] = result[118:120] = np.nan, np.nan, 0
    for first, last in ((18, 23), (98, 101)):
        result[first:last] = result[first:last][:, COCO17.mirror]
    return result


@pytest.mark.parametrize("rows", [1, 7, 20, 149])
def test_outliers(track: np.ndarray, rows: int, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = outliers.outliers(track, 30.0)
    assert whole.any()
    monkeypatch.setattr(outliers, "_BATCH", rows)
    np.testing.assert_array_equal(outliers.outliers(track, 30.0), whole)


@pytest.mark.parametrize("rows", [1, 7, 20, 149])
def test_swaps(track: np.ndarray, rows: int, monkeypatch: pytest.MonkeyPatch) -> None:
    filled, present = np.nan_to_num(track), track[..., 2].any(axis=1)
    whole = flips.fix_left_right_flips(filled, present, 30.0)
    assert whole[0].any()
    monkeypatch.setattr(flips, "_BATCH", rows)
    for found, expected in zip(flips.fix_left_right_flips(filled, present, 30.0), whole, strict=True):
        np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("rows", [1, 7, 20, 149])
def test_depth_flips(rows: int, monkeypatch: pytest.MonkeyPatch) -> None:
    camera = walk(FRAMES, 30.0, 0)
    joints, root = camera - camera[:, :1], camera[:, 0]
    elbow, wrist = limits.LIMBS[2][1:]
    joints[40:44, [elbow, wrist], 2] += 0.4
    whole = limits.resolve_depth_flips(joints, root, 30.0)
    assert not np.allclose(whole, joints)
    monkeypatch.setattr(limits, "_ROWS", rows)
    np.testing.assert_array_equal(limits.resolve_depth_flips(joints, root, 30.0), whole)
