import pickle
from dataclasses import asdict

import numpy as np
import pytest

from pose3d_engine.contract import arrays as npz
from pose3d_engine.contract import atomic
from pose3d_engine.contract.errors import UserError
from pose3d_engine.contract.motion_file import Motion
from pose3d_engine.contract.people_file import People, VideoInfo


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "Größe ß.txt"
    path.write_text("old")
    with pytest.raises(RuntimeError), atomic.replacing(path) as temporary:
        temporary.write_text("half")
        raise RuntimeError
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_that_cannot_be_written_is_one_clear_line(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="cannot write") as caught, atomic.replacing(tmp_path / "file" / "out.npz"):
        pass
    assert "\n" not in str(caught.value)


def test_meta_survives(tmp_path):
    npz.save_npz(tmp_path / "a.npz", {"meta": npz.pack_meta({"fps": 29.97, "name": "ö"})})
    loaded = npz.load_npz(tmp_path / "a.npz", ("meta",), "a test file")
    assert npz.unpack_meta(loaded["meta"]) == {"fps": 29.97, "name": "ö"}


def test_objects_are_neither_written_nor_read(tmp_path):
    with pytest.raises(TypeError):
        npz.save_npz(tmp_path / "a.npz", {"x": np.array([{}], dtype=object)})

    class Canary:
        def __reduce__(self):
            return (exec, (f"open({str(tmp_path / 'canary')!r}, 'w')",))

    np.savez(tmp_path / "evil.npz", x=np.array([Canary()], dtype=object))
    with pytest.raises(UserError, match=r"evil\.npz"):
        npz.load_npz(tmp_path / "evil.npz", ("x",), "a test file")
    assert not (tmp_path / "canary").exists()
    # The canary is a live one: a reader that unpickles would have sung.
    pickle.loads(pickle.dumps(Canary()))
    assert (tmp_path / "canary").exists()


def test_damage_anywhere_in_a_file_is_refused_in_one_line(tmp_path):
    path = tmp_path / "x.npz"
    npz.save_npz(path, {"x": np.random.default_rng(0).normal(size=500).round(1), "meta": npz.pack_meta({"a": 1})})
    whole = path.read_bytes()
    for place in range(0, len(whole), 7):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 0x5A]) + whole[place + 1 :])
        # Not every byte matters: some are dates.
        try:
            npz.load_npz(path, ("x", "meta"), "a test file")
        except UserError as error:
            assert "\n" not in str(error)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("keypoints2d", np.full((1, 5, 17, 3), "1")),
        ("boxes", np.zeros((1, 3, 4))),
        ("times", np.zeros(3)),
        ("times", np.zeros(5)),
        ("frames", np.zeros((5, 1))),
        ("blazepose33", np.zeros((1, 4, 33, 3))),
        ("meta", np.array("{}")),
        ("meta", npz.pack_meta({"people": [], "video": None, "detector": "x"})),
    ],
)
def test_people_that_do_not_fit_together_are_refused(tmp_path, key, value):
    arrays = {
        "keypoints2d": np.zeros((1, 5, 17, 3)),
        "boxes": np.zeros((1, 5, 4)),
        "frames": np.arange(5),
        "times": np.arange(5.0),
        "meta": npz.pack_meta({"people": [], "video": asdict(VideoInfo("v", 4, 3, 30.0, 1.0, 5, 0)), "detector": "x"}),
    }
    npz.save_npz(tmp_path / "fits.npz", arrays)
    assert People.load(tmp_path / "fits.npz").times[-1] == 4
    npz.save_npz(tmp_path / "x.npz", {**arrays, key: value})
    with pytest.raises(UserError, match=key):
        People.load(tmp_path / "x.npz")


@pytest.mark.parametrize("content", [b"", b"text", b"PK\x03\x04 not a zip"])
@pytest.mark.parametrize("kind", [Motion, People])
def test_other_files_are_refused_in_one_line(tmp_path, content, kind):
    path = tmp_path / "x.npz"
    path.write_bytes(content)
    with pytest.raises(UserError, match=r"x\.npz") as caught:
        kind.load(path)
    assert "\n" not in str(caught.value)


def test_missing_file(tmp_path):
    with pytest.raises(UserError, match="File not found"):
        Motion.load(tmp_path / "none.npz")
