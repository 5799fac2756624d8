"""Who is who after a new analysis, a split and a merge."""

from __future__ import annotations

import numpy as np

from pose3d_engine.contract.people_file import People
from pose3d_engine.track import edits, identity

FRAMES = 40


def people(*spans: tuple[float, int, int], start: int = 0) -> People:
    """People who stand at ``x`` from one frame to another (the last one not), as (x, first, last)."""
    boxes = np.full((len(spans), FRAMES, 4), np.nan, np.float32)
    keypoints = np.full((len(spans), FRAMES, 17, 3), np.nan, np.float32)
    for row, (x, first, last) in enumerate(spans):
        boxes[row, first:last] = [x, 100, x + 100, 400]
        keypoints[row, first:last] = [x + 50, 250, 1.0]
    frames = np.arange(start, start + FRAMES, dtype=np.int32)
    return People(keypoints, boxes, frames, frames / 25.0, {"video": {}, "people": []})


def test_a_new_analysis_finds_the_same_people_in_another_order() -> None:
    before = people((100, 0, 40), (600, 0, 40), (900, 0, 10))
    after = people((605, 0, 40), (300, 0, 40), (95, 5, 40), start=5)
    assert identity.predecessors(after, before) == [[2], [], [1]]
    assert identity.predecessors(before, people(start=1000)) == [[], [], []]
    assert identity.predecessors(people(), before) == []
    assert identity.predecessors(people((100, 0, 40), start=1000), before) == [[]]


def test_a_split_leaves_the_earlier_part_its_identity() -> None:
    before = people((100, 0, 40), (600, 0, 40))
    after = edits.Split(1, 10 / 25.0).apply(before)
    rows = identity.predecessors(after, before, earliest=True)
    first = [row for row, numbers in enumerate(rows) if numbers == [1]]
    assert sorted(map(len, rows)) == [0, 1, 1]
    assert np.isfinite(after.boxes[first[0], :10]).all() and np.isnan(after.boxes[first[0], 10:]).all()


def test_a_merge_has_both_identities() -> None:
    before = people((100, 0, 20), (600, 0, 40), (300, 20, 40))
    after = edits.Merge(1, 3).apply(before)
    assert sorted(identity.predecessors(after, before)) == [[1, 3], [2]]
