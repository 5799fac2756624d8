"""Reading motion files: what is right is read, what is wrong is said in one line."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from blender_addon.maths.motion_file import MotionFileError, load
from tests.support import synthetic


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return synthetic.save_motion(tmp_path / "walk ü.npz", *synthetic.walk(12), rate=25.0, first=50)


def facts(**changes: object) -> np.ndarray:
    meta = {"fps": 30, "width": 640, "height": 360, "focal_px": 500, "principal_point": [320, 180]}
    return np.array(json.dumps(meta | changes))


def changed(path: Path, **arrays: object) -> Path:
    """The motion file with some arrays replaced, or left out where None is given."""
    with np.load(path) as archive:
        content = {key: archive[key] for key in archive.files} | arrays
    np.savez(path, **{key: value for key, value in content.items() if value is not None})
    return path


def test_reads_what_the_add_on_needs(path: Path) -> None:
    motion = load(str(path))
    world, contacts = synthetic.walk(12)
    np.testing.assert_allclose(motion.world, world, atol=1e-6)
    np.testing.assert_array_equal(motion.contacts, contacts)
    assert len(motion) == 12
    assert motion.fps == 25.0
    np.testing.assert_allclose(motion.times[:2], [2.0, 2.04])
    assert motion.world.dtype == np.float32 and motion.times.dtype == np.float64
    assert motion.contacts.dtype == np.bool_


def orientations(count: int = 12) -> dict[str, object]:
    parts = ("head", "left_hand", "right_hand", "left_foot", "right_foot")
    valid = np.zeros((count, 5), bool)
    valid[:, 1], valid[3:, 4] = True, True
    turned = {f"{part}_R": np.repeat(np.eye(3)[None] * (row + 1), count, 0) for row, part in enumerate(parts)}
    return {**turned, "orientation_valid": valid}


def test_reads_which_parts_were_seen(path: Path) -> None:
    assert load(path).parts == {}
    feet = {"right_foot_R": np.repeat(np.eye(3)[None] * 5, 12, 0), "right_foot_valid": np.arange(12) >= 3}
    parts = load(changed(path, **feet)).parts
    assert set(parts) == {"foot.R"}
    assert parts["foot.R"][1].sum() == 9 and parts["foot.R"][0][0, 0, 0] == 5.0
    # Feet of version 0.1 do not agree with the floor, so they are dropped.
    parts = load(changed(path, **orientations())).parts
    assert set(parts) == {"hand.L"}
    assert parts["hand.L"][1].all() and parts["hand.L"][0][0, 0, 0] == 2.0


def test_refuses_parts_that_do_not_fit(path: Path) -> None:
    with pytest.raises(MotionFileError, match="left_hand_R"):
        load(changed(path, **{**orientations(), "left_hand_R": np.zeros((12, 3))}))
    with pytest.raises(MotionFileError, match="not finite"):
        load(changed(path, **{**orientations(), "right_hand_R": np.full((12, 3, 3), np.nan)}))


def test_ignores_arrays_that_it_does_not_know(path: Path) -> None:
    plain = load(path)
    motion = load(changed(path, orientation_of_head=np.zeros((12, 4))))
    np.testing.assert_array_equal(motion.world, plain.world)
    assert not hasattr(motion, "orientation_of_head")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"world": None}, "world"),
        ({"world": np.zeros((12, 16, 3))}, "(12, 16, 3)"),
        ({"world": np.zeros((11, 17, 3))}, "(11, 17, 3)"),
        ({"world": np.full((12, 17, 3), np.nan)}, "not finite"),
        ({"world": np.full((12, 17, 3), "x")}, "<U1, not (12, 17, 3) float32"),
        ({"world": np.full((12, 17, 3), 1e300)}, "not finite"),
        ({"times": np.zeros(12)}, "ascend"),
        ({"times": np.zeros(())}, "no frames"),
        ({"times": np.zeros(0)}, "no frames"),
        ({"meta": np.array("{")}, "facts"),
        ({"meta": np.array("[]")}, "facts"),
        ({"meta": np.array("{}")}, "fps"),
        ({"meta": facts(fps=0)}, "fps"),
        ({"meta": facts(focal_px="wide")}, "facts"),
        ({"meta": facts(principal_point=[])}, "facts"),
    ],
)
def test_says_what_is_wrong_in_one_line(path: Path, change: dict[str, object], words: str) -> None:
    with pytest.raises(MotionFileError) as caught:
        load(changed(path, **change))
    message = str(caught.value)
    assert words in message
    assert str(path) in message
    assert "\n" not in message


def test_never_unpickles(path: Path) -> None:
    class Bomb:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return (pytest.fail, ("a pickle was executed",))

    with pytest.raises(MotionFileError):
        load(changed(path, world=np.array([Bomb()], dtype=object)))


@pytest.mark.parametrize("content", [b"", b"not a zip", b"PK\x03\x04 cut off"])
def test_other_files_are_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "x.npz"
    path.write_bytes(content)
    with pytest.raises(MotionFileError, match="not a motion file"):
        load(path)


def test_damage_in_the_header_of_an_array_is_refused(path: Path) -> None:
    whole = changed(path).read_bytes()
    header = whole.index(b"{'descr'", whole.index(b"world.npy"))
    for place in range(header, header + 60):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 0x5A]) + whole[place + 1 :])
        with pytest.raises(MotionFileError):
            load(path)


def test_a_lone_array_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.npz"
    with path.open("wb") as stream:
        np.save(stream, np.zeros(3))
    with pytest.raises(MotionFileError, match="not a motion file"):
        load(path)


def test_a_missing_file_is_said(tmp_path: Path) -> None:
    with pytest.raises(MotionFileError, match="File not found"):
        load(tmp_path / "none.npz")
