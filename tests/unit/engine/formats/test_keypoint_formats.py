"""Each format is written from known people, read, and must give the same numbers."""

import json

import numpy as np
import pytest

from pose3d_engine.__main__ import main
from pose3d_engine.contract.errors import UserError
from pose3d_engine.contract.motion_file import Motion
from pose3d_engine.contract.people_file import VideoInfo
from pose3d_engine.formats import keypoint_files
from tests.support import keypoint_writers as write
from tests.support.filmed import project, walk

FRAMES = 12
FACE = [1, 2, 3, 4]


def track(shift: float = 0.0, size: float = 1.0) -> np.ndarray:
    """(FRAMES,17,3) a walker with a score of 0.8."""
    pixels = project(walk(FRAMES))
    middle = pixels.mean(axis=(0, 1))
    pixels = (pixels - middle) * size + middle + [shift, 0]
    return np.concatenate([pixels, np.full((FRAMES, 17, 1), 0.8)], axis=-1)


@pytest.fixture
def pair() -> np.ndarray:
    """(2,FRAMES,17,3): one far to the right and smaller; nobody is in frame 5; one wrist is not seen in frame 2."""
    people = np.stack([track(-200), track(300, 0.6)])
    people[:, 5] = np.nan
    people[0, 2, 9] = np.nan
    people[..., 2] = np.nan_to_num(people[..., 2])
    return people


def read(path):
    return keypoint_files.read(path, 1280, 720, 30.0)


def same(found, people, missing=()):
    """The persons and their numbers are those that were written, in order of area."""
    assert found.keypoints2d.shape == people.shape
    np.testing.assert_array_equal(found.frames, np.arange(people.shape[1]))
    np.testing.assert_allclose(found.times, np.arange(people.shape[1]) / 30)
    wanted = people.copy()
    wanted[:, :, list(missing), :2] = np.nan
    wanted[:, :, list(missing), 2] = 0
    np.testing.assert_allclose(found.keypoints2d, wanted, rtol=1e-5)
    assert np.isnan(found.boxes[:, 5]).all()
    np.testing.assert_allclose(found.boxes[1, 0, :2], np.nanmin(wanted[1, 0, :, :2], axis=0), rtol=1e-5)
    assert [record["person"] for record in found.meta["people"]] == [1, 2]


FORMATS = {
    "alphapose-coco17": lambda folder, people: write.alphapose(folder / "a.json", people),
    "alphapose-tracks": lambda folder, people: write.alphapose(folder / "a.json", people, tracks=True),
    "alphapose-halpe26": lambda folder, people: write.alphapose(folder / "a.json", people, "halpe26", tracks=True),
    "alphapose-halpe136": lambda folder, people: write.alphapose(folder / "a.json", people, "halpe136"),
    "alphapose-to-6": lambda folder, people: write.alphapose(folder / "a.json", people, scale=6.0),
    "alphapose-padded": lambda folder, people: write.alphapose(folder / "a.json", people, name="frame_{:06d}.jpg"),
    "alphapose-from-1": lambda folder, people: write.alphapose(
        folder / "a.json", people, name="frame_{:06d}.jpg", first=1
    ),
    "alphapose-cmu": lambda folder, people: write.alphapose_pictures(folder / "a.json", people, "cmu"),
    "alphapose-open": lambda folder, people: write.alphapose_pictures(folder / "a.json", people, "open"),
    "poseflow": lambda folder, people: write.poseflow(folder / "a.json", people),
    "openpose-body25": lambda folder, people: write.openpose(folder / "json", people),
    "openpose-coco18": lambda folder, people: write.openpose(folder / "json", people, "coco18"),
    "sports2d": lambda folder, people: write.openpose(folder / "json", people, "halpe26", "demo_{:06d}.json"),
    "mmpose": lambda folder, people: write.mmpose(folder / "a.json", people),
    "mmpose-demo": lambda folder, people: write.mmpose(folder / "a.json", people, demo=True),
    "coco-results": lambda folder, people: write.coco_results(folder / "a.json", people),
}


@pytest.mark.parametrize("name", FORMATS)
def test_round_trip(tmp_path, pair, name):
    same(read(FORMATS[name](tmp_path, pair)), pair)


def test_round_trip_of_layouts_without_a_face(tmp_path, pair):
    same(read(write.lighttrack(tmp_path / "a.json", pair)), pair, FACE)
    faceless = read(write.alphapose(tmp_path / "b.json", pair, "mpii16", tracks=True))
    same(faceless, pair, [0, *FACE])


def test_round_trip_of_videopose3d(tmp_path):
    found = keypoint_files.read(write.videopose3d(tmp_path / "data_2d_custom_me.npz", track()[..., :2]), fps=30.0)
    np.testing.assert_allclose(found.keypoints2d[0, ..., :2], track()[..., :2], rtol=1e-5)
    assert found.meta["video"]["width"] == 1280
    assert found.meta["people"][0]["score"] == 1


def test_points_beyond_coco_are_kept(tmp_path, pair):
    found = read(write.alphapose(tmp_path / "a.json", pair, "halpe26"))
    assert found.extras["halpe26"].shape == (2, FRAMES, 26, 3)
    np.testing.assert_allclose(found.extras["halpe26"][0, 0, 20], pair[0, 0, 15] + [20, 10, 0], rtol=1e-5)
    found.save(tmp_path / "people.npz")
    assert "halpe26" in keypoint_files.read(tmp_path / "people.npz").extras
    hands = read(write.openpose(tmp_path / "json", pair, hands=True)).extras
    assert hands["openpose_hand_left21"][1, 7, 3, 0] == 7
    assert "openpose_face70" not in hands


def test_the_order_of_the_entries_does_not_matter(tmp_path, pair):
    path = write.alphapose(tmp_path / "a.json", pair)
    entries = json.loads(path.read_text())
    write.dump(path, [entries[row] for row in np.random.default_rng(0).permutation(len(entries))])
    same(read(path), pair)


def test_tracks_of_the_file_are_kept_where_ours_would_differ(tmp_path, pair):
    crossed = pair.copy()
    crossed[:, 6:] = pair[::-1, 6:]
    found = read(write.alphapose(tmp_path / "a.json", crossed, tracks=True)).keypoints2d
    swapped = read(write.alphapose(tmp_path / "b.json", crossed)).keypoints2d
    assert np.abs(found[0, 6, 0, 0] - found[0, 4, 0, 0]) > 300
    assert np.abs(swapped[0, 6, 0, 0] - swapped[0, 4, 0, 0]) < 300


def test_only_the_largest_tracks_are_kept_and_the_rest_is_told(tmp_path):
    many = np.stack([track(10 * row, 1 - row / 30) for row in range(14)])
    found = read(write.poseflow(tmp_path / "a.json", many))
    np.testing.assert_allclose(found.keypoints2d, many[:10], rtol=1e-5)
    assert "4 tracks" in found.meta["warnings"][0]["text"]


def test_frames_keep_their_numbers(tmp_path, pair):
    found = read(write.alphapose(tmp_path / "a.json", pair, first=40))
    assert (found.frames[0], found.frames[-1]) == (40, 51)
    assert found.times[0] == pytest.approx(40 / 30)
    with pytest.raises(UserError, match="one video"):
        keypoint_files.on_video(found, VideoInfo("v.mp4", 1280, 720, 30, 1, 30, 0), tmp_path / "a.json")


def person(numbers=None, image="0.jpg", **more):
    return {
        "image_id": image,
        "category_id": 1,
        "keypoints": [300.0, 200.0, 0.9] * 17 if numbers is None else numbers,
    } | more


BAD = {
    "truncated": ('[{"image_id": "0.jpg", "keyp', "cut off"),
    "empty list": ("[]", "no people in it"),
    "another format": ('{"a": 1}', "unknown format"),
    "binary": (b"\xff\xfe\x00\x80", "not JSON"),
    "length": ([person([1.0] * 51 + [2.0])], "has 52 numbers"),
    "layout": ([person([1.0] * 60)], "has 60 numbers"),
    "NaN": ([person([float("nan"), 1, 1] * 17)], "not a finite number"),
    "null": ([person([None, 1, 1] * 17)], "not a finite number"),
    "negative": ([person([300, 200, -0.5] * 17)], "a score is -0.5"),
    "words": ([person(["x", 1, 1] * 17)], "not a list of numbers"),
    "no keypoints": ([person(), {"image_id": "1.jpg"}], "has no keypoints"),
    "not objects": ([person(), 3], "not a list of objects"),
    "names": ([person(image="walk.jpg")], "no frame number"),
    "odd names": ([person(image=["1.jpg"])], "no frame number"),
    "two videos": ([person(image="a_1.jpg"), person(image="b_1.jpg")], "results of one video"),
    "a data set": ([person(image=row * 10**6) for row in range(9)], "no frames of one video"),
    "thousands": ([person() for _ in range(3000)], "3000 people in frame 0"),
    "all false": ([person(image=f"{row}.jpg", numbers=[300, 200, 0.01] * 17) for row in range(9)], "sure enough"),
    "unseen": ([person([0, 0, 0] * 17)], "score above 0"),
    "times for frames": ([person(image=17 * 10**8 + row) for row in range(9)], "no frames of one video"),
    "far": ([person([1e30, 1, 0.9] * 17)], "not a finite number"),
    "huge": ([person([10**400, 1, 0.9] * 17)], "not a list of numbers"),
    "picture": ([{"image": {"name": 10**400}, "candidates": [{"pose_keypoints_2d": [1] * 51}]}], "no frames of one"),
    "shares": ([person([0.3, 0.2, 0.9] * 17)], "keypoint_scale"),
    "another size": ([person([5000, 200, 0.9] * 17)], "outside of a picture"),
    "mixed": ([person(), person([300, 200, 0.9] * 26, "1.jpg")], "mixes the layouts"),
    "track": ([person(idx="two")], "not the number of a track"),
    "nobody": ({"0.jpg": [], "1.jpg": []}, "no people in it"),
    "one frame": ({"version": 1.3, "people": []}, "give the folder"),
    "frame_id": ([{"frame_id": "x", "instances": []}], "frame_id is"),
    "shape": ([{"frame_id": 0, "instances": [{"keypoints": [[1, 2]], "keypoint_scores": []}]}], "not \\(K, 2\\)"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_files_are_one_clear_line(tmp_path, name):
    content, message = BAD[name]
    path = tmp_path / "results.json"
    text = content if isinstance(content, (str, bytes)) else json.dumps(content)
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(UserError, match=message) as caught:
        read(path)
    assert "results.json" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_bad_folders_are_one_clear_line(tmp_path, pair):
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(UserError, match=r"no \.json in it"):
        read(empty)
    folder = write.openpose(tmp_path / "json", pair)
    (folder / "walk_000000000003_keypoints.json").write_text('{"people": [{"pose_')
    with pytest.raises(UserError, match=r"000003_keypoints\.json: not JSON, or cut off"):
        read(folder)
    write.dump(folder / "walk_000000000003_keypoints.json", {"other": 1})
    with pytest.raises(UserError, match="not a frame of OpenPose"):
        read(folder)


def test_scores_of_other_programs_are_brought_below_one(tmp_path, pair):
    people = pair.copy()
    people[..., 2] *= 5
    people[0, 0, 0, 2] = 8
    found = read(write.openpose(tmp_path / "json", people))
    assert found.keypoints2d[..., 2].max() == 1
    assert found.keypoints2d[1, 0, 3, 2] == pytest.approx(0.5)


def test_a_folder_that_a_program_wrote_its_results_into(tmp_path, pair):
    output = tmp_path / "output"
    write_to = output / "clip"
    write_to.mkdir(parents=True)
    write.openpose(write_to / "clip_json", pair)
    same(read(output), pair)
    write.openpose(output / "sep-json", pair[:1])
    write.alphapose_pictures(output / "alphapose-results.json", pair, "open")
    same(read(output), pair)
    write.openpose(output / "other_json", pair)
    (output / "alphapose-results.json").unlink()
    with pytest.raises(UserError, match="several folders"):
        read(output)


def test_the_content_counts_and_not_the_suffix(tmp_path, pair):
    same(read(write.coco_results(tmp_path / "results.txt", pair)), pair)


def test_the_command_line_lifts_them(tmp_path, pair):
    folder = write.openpose(tmp_path / "json", pair)
    facts = ["--frame-width", "1280", "--frame-height", "720", "--fps", "30", "--device", "cpu", "--no-flip"]
    assert main(["lift", str(folder), "-o", str(tmp_path / "out.npz"), "--person", "2", *facts]) == 0
    motion = Motion.load(tmp_path / "out.npz")
    assert (len(motion), motion.meta["detector"], motion.meta["person"]) == (FRAMES, "openpose", 2)


def test_a_missing_file_and_a_missing_fact(tmp_path, pair):
    with pytest.raises(UserError, match="File not found"):
        read(tmp_path / "results.json")
    with pytest.raises(UserError, match="--fps"):
        keypoint_files.read(write.coco_results(tmp_path / "a.json", pair), 1280, 720)


def test_bad_archives_of_videopose3d(tmp_path):
    with pytest.raises(UserError, match="2 videos"):
        read(write.videopose3d(tmp_path / "two.npz", track()[..., :2], ("a", "b")))
    with pytest.raises(UserError, match=r"not \(frames, 17, 2\)"):
        read(write.videopose3d(tmp_path / "short.npz", track()[:, :16, :2]))
    with pytest.raises(UserError, match="finite"):
        read(write.videopose3d(tmp_path / "nan.npz", np.full((5, 17, 2), np.nan)))


class Evil:
    def __reduce__(self):
        return print, ("executed",)


def test_nothing_of_a_pickle_is_executed(tmp_path, capsys):
    np.savez(tmp_path / "evil.npz", positions_2d=np.array(Evil(), dtype=object), metadata=np.array({}, dtype=object))
    with pytest.raises(UserError, match="no data file needs"):
        read(tmp_path / "evil.npz")
    assert "executed" not in capsys.readouterr().out
