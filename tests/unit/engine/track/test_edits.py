"""A track in two, two tracks in one: what becomes of rows, numbers, records and extras."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from pose3d_engine.__main__ import main
from pose3d_engine.contract.errors import UserError
from pose3d_engine.contract.people_file import People
from pose3d_engine.track import Merge, Split, numbered
from tests.support.filmed import people, project, walk

FRAMES = 60


def crowd() -> People:
    """A walker close by, and one farther off of whom the middle is missing; an extra that names each row."""
    far = project(walk(FRAMES, seed=1)) * 0.5 + [300, 200]
    far[20:30] = np.nan
    found = people(project(walk(FRAMES)), far)
    found.boxes[1, 20:30] = np.nan
    found.extras["row"] = np.repeat([[1.0], [2.0]], FRAMES, axis=1)
    return numbered(found)


def test_a_split_makes_two_of_one_and_a_merge_undoes_it() -> None:
    before = crowd()
    split = Split(1, 0.5).apply(before)
    assert [(record["person"], record["first"], record["last"]) for record in split.meta["people"]] == [
        (1, 15, 59),
        (2, 0, 14),
        (3, 0, 59),
    ], "the larger part of the near one, then the smaller, then the far one"
    assert np.isnan(split.boxes[0, :15]).all() and (split.keypoints2d[0, :15, :, 2] == 0).all()
    np.testing.assert_array_equal(split.extras["row"][0, 15:], 1.0)
    assert np.isnan(split.extras["row"][0, :15]).all()
    np.testing.assert_array_equal(before.keypoints2d, crowd().keypoints2d)
    whole = Merge(1, 2).apply(split)
    np.testing.assert_array_equal(whole.keypoints2d, before.keypoints2d)
    np.testing.assert_array_equal(whole.boxes, before.boxes)
    np.testing.assert_array_equal(whole.extras["row"], before.extras["row"])
    assert whole.meta == before.meta


def test_where_both_are_seen_the_first_counts() -> None:
    one = Merge(2, 1).apply(crowd())
    assert len(one.keypoints2d) == 1
    assert one.extras["row"][0].tolist() == [2.0] * 20 + [1.0] * 10 + [2.0] * 30
    assert one.meta["people"][0]["coverage"] == 1


def test_who_is_never_whole_stays_last() -> None:
    before = crowd()
    before.keypoints2d[0, :40, 11:, 2] = 0.05
    split = Split(1, 1.0).apply(before)
    assert [record["complete"] for record in split.meta["people"]] == [0.6667, 1.0, 0.0]


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (Split(3, 1.0), "no person 3; the file has people 1 to 2"),
        (Split(1, 0.0), "from 0.00 to 1.97 s; give a time between"),
        (Split(1, 2.5), "cannot be split at 2.5 s"),
        (Merge(1, 1), "merged with itself"),
        (Merge(0, 1), "no person 0"),
    ],
)
def test_what_cannot_be(edit: Split | Merge, message: str) -> None:
    with pytest.raises(UserError, match=message):
        edit.apply(crowd())


def test_words() -> None:
    assert Split.parse("2@3.5") == Split(2, 3.5) and Merge.parse("1, 3") == Merge(1, 3)
    for text in ("", "2", "2@", "a@1", "1@nan", "1@2@3", "1.5@2"):
        with pytest.raises(UserError, match="give ID@SECONDS"):
            Split.parse(text)
    for text in ("", "1", "1,2,3", "a,b"):
        with pytest.raises(UserError, match="give two numbers"):
            Merge.parse(text)


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    crowd().save(tmp_path / "people.npz")
    source, output = str(tmp_path / "people.npz"), str(tmp_path / "out.npz")
    assert main(["people", source]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 2
    assert main(["people", source, "--split", "1@0.5", "-o", output]) == 0
    said = capsys.readouterr().out.splitlines()
    assert said[0].startswith("person1: frames 15 to 59") and said[-1] == output
    assert main(["people", output, "--merge", "1,2", "-o", output]) == 0
    assert len(People.load(Path(output)).keypoints2d) == 2
    capsys.readouterr()
    for words in (["--split", "1@0.5"], ["-o", output], ["--split", "9@1", "-o", str(tmp_path / "none.npz")]):
        assert main(["people", source, *words]) == 2
        assert len(capsys.readouterr().err.splitlines()) == 1
    assert not (tmp_path / "none.npz").exists()
