import pickle

import numpy as np
import pytest

from pose3d_engine import files
from pose3d_engine.data import Motion, People
from pose3d_engine.errors import UserError


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "Größe ß.txt"
    path.write_text("old")
    with pytest.raises(RuntimeError), files.replacing(path) as temporary:
        temporary.write_text("half")
        raise RuntimeError
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_that_cannot_be_written_is_one_clear_line(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="cannot write") as caught, files.replacing(tmp_path / "file" / "out.npz"):
        pass
    assert "\n" not in str(caught.value)


def test_meta_survives(tmp_path):
    files.save_npz(tmp_path / "a.npz", {"meta": files.pack_meta({"fps": 29.97, "name": "ö"})})
    loaded = files.load_npz(tmp_path / "a.npz", ("meta",), "a test file")
    assert files.unpack_meta(loaded["meta"]) == {"fps": 29.97, "name": "ö"}


def test_objects_are_neither_written_nor_read(tmp_path):
    with pytest.raises(TypeError):
        files.save_npz(tmp_path / "a.npz", {"x": np.array([{}], dtype=object)})

    class Canary:
        def __reduce__(self):
            return (exec, (f"open({str(tmp_path / 'canary')!r}, 'w')",))

    np.savez(tmp_path / "evil.npz", x=np.array([Canary()], dtype=object))
    with pytest.raises(UserError, match=r"evil\.npz"):
        files.load_npz(tmp_path / "evil.npz", ("x",), "a test file")
    assert not (tmp_path / "canary").exists()
    # The canary is a live one: a reader that unpickles would have sung.
    pickle.loads(pickle.dumps(Canary()))
    assert (tmp_path / "canary").exists()


@pytest.mark.parametrize("content", [b"", b"text", b"PK\x03\x04 not a zip"])
@pytest.mark.parametrize("kind", [Motion, People])
def test_other_files_are_refused_in_one_line(tmp_path, content, kind):
    path = tmp_path / "x.npz"
    path.write_bytes(content)
    with pytest.raises(UserError, match=r"x\.npz") as caught:
        kind.load(path)
    assert "\n" not in str(caught.value)


def test_missing_file(tmp_path):
    with pytest.raises(UserError, match="no such file"):
        Motion.load(tmp_path / "none.npz")
