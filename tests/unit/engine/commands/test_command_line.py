"""The command line as a user calls it: a process, its exit status, what it leaves behind."""

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import av
import numpy as np
import pytest

from pose3d_engine.__main__ import COMMANDS, main
from pose3d_engine.commands import weights
from pose3d_engine.contract import atomic
from pose3d_engine.contract.motion_file import Motion
from pose3d_engine.contract.people_file import People
from tests.support import ROOT
from tests.support.filmed import people, project, walk


def pose3d(*arguments, **environment):
    return subprocess.run(
        [sys.executable, "-m", "pose3d_engine", *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **environment},
    )


def encode(path: Path, frames: int, rate: int = 30) -> Path:
    """A video of moving noise: nobody is in it."""
    rng = np.random.default_rng(0)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=rate)
        stream.width, stream.height, stream.pix_fmt = 320, 240, "yuv420p"
        for _ in range(frames):
            image = rng.integers(0, 80, (240, 320, 3), dtype=np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        container.mux(stream.encode())
    return path


def assert_refused(done, *words):
    assert done.returncode == 2, done.stderr
    lines = [line for line in done.stderr.splitlines() if line.startswith("pose3d")]
    assert len(lines) == 1, done.stderr
    for word in words:
        assert word in lines[0]
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


@pytest.fixture(scope="module")
def first_second(demo_clip, detector_model, tmp_path_factory):
    """The whole way on the real clip: two runs of the demo clip's seconds 2 to 3."""
    folder = tmp_path_factory.mktemp("Ordner mit Leerzeichen und Umläuten")
    clip = folder / "ein Übungs-Video.mp4"
    shutil.copy(demo_clip, clip)
    done = pose3d(
        "run", clip, "-o", folder / "out" / "motion.npz", "--start", 2, "--end", 3, "--preview", folder / "p.mp4"
    )
    assert done.returncode == 0, done.stderr
    return folder, done


def test_a_real_clip_becomes_motion(first_second):
    folder, done = first_second
    assert done.stdout.splitlines() == [str(folder / "out" / "motion.npz"), str(folder / "p.mp4")]
    motion = Motion.load(folder / "out" / "motion.npz")
    assert len(motion) == 30
    np.testing.assert_array_equal(motion.frames, np.arange(60, 90))
    np.testing.assert_allclose(motion.times, np.arange(60, 90) / 30, atol=1e-3)
    assert motion.confidence.mean() > 0.6
    # A man who stands with his back or face to a level camera: head above feet, about his height apart.
    height = motion.world[:, 10, 2] - motion.world[:, [3, 6], 2].mean(axis=1)
    assert 1.2 < np.median(height) < 1.7
    with av.open(str(folder / "p.mp4")) as preview:
        assert sum(1 for _ in preview.decode(video=0)) == 30


def test_the_same_again_from_its_own_keypoints(first_second, tmp_path):
    folder, _ = first_second
    done = pose3d(
        "lift",
        folder / "out" / "motion.npz",
        "-o",
        tmp_path / "again.npz",
        "--width",
        1768,
        "--frame-height",
        994,
        "--fps",
        30,
    )
    assert done.returncode == 0, done.stderr
    again, motion = Motion.load(tmp_path / "again.npz"), Motion.load(folder / "out" / "motion.npz")
    np.testing.assert_array_equal(again.frames, motion.frames)
    # Without the detector's own 3D the pose differs a little.
    assert np.linalg.norm(again.joints3d - motion.joints3d, axis=-1).mean() < 0.15


def test_detect_and_keypoints(first_second, tmp_path):
    folder, _ = first_second
    clip = next(folder.glob("*Video.mp4"))
    done = pose3d("detect", clip, "-o", tmp_path / "people.npz", "--end", 1)
    assert done.returncode == 0, done.stderr
    found = People.load(tmp_path / "people.npz")
    assert found.keypoints2d.shape[1:] == (30, 17, 3)
    done = pose3d("run", clip, "--keypoints", tmp_path / "people.npz", "-o", tmp_path / "m.npz")
    assert done.returncode == 0, done.stderr
    assert len(Motion.load(tmp_path / "m.npz")) == 30


@pytest.mark.parametrize("height", [[], ["--height", "1.9"]])
@pytest.mark.parametrize("width", ["--width", "--frame-width"])
def test_lift_of_bare_keypoints(tmp_path, width, height):
    np.savez(tmp_path / "k.npz", keypoints2d=project(walk(20)))
    facts = [width, 1280, "--frame-height", 720, "--fps", 30]
    done = pose3d("lift", tmp_path / "k.npz", "-o", tmp_path / "m.npz", *facts, *height, "--device", "cpu")
    assert done.returncode == 0, done.stderr
    motion = Motion.load(tmp_path / "m.npz")
    assert motion.meta["height"] == 720
    assert motion.meta["height_m"] == (1.9 if height else 1.7)


class TestBadInput:
    def test_missing_file(self, tmp_path):
        assert_refused(pose3d("run", tmp_path / "none.mp4", "-o", tmp_path / "o.npz"), "none.mp4")
        assert list(tmp_path.iterdir()) == []

    def test_text_named_mp4(self, tmp_path, detector_model):
        (tmp_path / "text.mp4").write_text("not a video\n" * 50)
        assert_refused(pose3d("run", tmp_path / "text.mp4", "-o", tmp_path / "o.npz"), "text.mp4")
        assert not (tmp_path / "o.npz").exists()

    def test_nobody_in_the_video(self, tmp_path, detector_model):
        clip = encode(tmp_path / "noise.mp4", 20)
        assert_refused(pose3d("run", clip, "-o", tmp_path / "o.npz"), "no person was detected")
        assert list(tmp_path.iterdir()) == [clip]

    def test_one_frame(self, tmp_path, demo_clip, detector_model):
        clip = encode(tmp_path / "one.mp4", 1)
        assert_refused(pose3d("run", clip, "-o", tmp_path / "o.npz"), "only one frame")
        assert list(tmp_path.iterdir()) == [clip]

    def test_cut_off_in_the_middle(self, tmp_path, demo_clip):
        clip = tmp_path / "cut.mp4"
        clip.write_bytes(demo_clip.read_bytes()[: demo_clip.stat().st_size // 2])
        assert_refused(pose3d("run", clip, "-o", tmp_path / "o.npz"), "cut off")
        assert list(tmp_path.iterdir()) == [clip]

    def test_unwritable_folder(self, tmp_path):
        (tmp_path / "file").write_text("")
        people(project(walk(5))).save(tmp_path / "p.npz")
        assert_refused(pose3d("lift", tmp_path / "p.npz", "-o", tmp_path / "file" / "o.npz"), "cannot write")
        # Before the video is looked at, not after.
        assert_refused(pose3d("run", tmp_path / "none.mp4", "-o", tmp_path / "file" / "o.npz"), "cannot write")
        assert_refused(pose3d("run", tmp_path / "none.mp4", "-o", tmp_path), "folder")

    @pytest.mark.parametrize(
        ("arguments", "word"),
        [
            (["--preview", "p.avi"], "p.avi"),
            (["--preview", "{file}/p.mp4"], "cannot write"),
            (["--lifter", "nobody-s"], "nobody-s"),
            (["--checkpoint", "{file}"], "checkpoint"),
            (["--start", "nan"], "start"),
            (["--end", "nan"], "end"),
        ],
    )
    def test_what_cannot_go_well_is_refused_before_the_video_is_read(self, tmp_path, capsys, arguments, word):
        (tmp_path / "file").write_text("")
        words = [argument.format(file=tmp_path / "file") for argument in arguments]
        assert main(["run", str(tmp_path / "none.mp4"), "-o", str(tmp_path / "o.npz"), *words]) == 2
        (line,) = capsys.readouterr().err.splitlines()
        assert word in line

    def test_missing_model(self, tmp_path, demo_clip):
        """Without the detector's model, the message names the command that fetches one."""
        package = ROOT / "pose3d_engine"
        shutil.copytree(package, tmp_path / "pose3d_engine", ignore=shutil.ignore_patterns("__pycache__"))
        (tmp_path / "checkpoint").mkdir()
        for shipped in ("register.json", "tcn-mocap.safetensors"):
            shutil.copy(package.parent / "checkpoint" / shipped, tmp_path / "checkpoint")
        done = subprocess.run(
            [sys.executable, "-m", "pose3d_engine", "run", str(demo_clip), "-o", str(tmp_path / "o.npz")],
            capture_output=True,
            text=True,
            check=False,
            cwd=tmp_path,
            env={"PATH": "", "HOME": str(tmp_path), "PYTHONPATH": str(tmp_path)},
        )
        assert_refused(done, "pose3d weights fetch mediapipe-full")
        assert not (tmp_path / "o.npz").exists()

    @pytest.mark.parametrize(
        "arguments",
        [
            ["run"],
            ["frobnicate"],
            [],
            ["run", "a.mp4", "-o", "o.npz", "--raw"],
        ],
    )
    def test_bad_usage(self, arguments):
        assert_refused(pose3d(*arguments), "--help")

    @pytest.mark.parametrize("height", ["nan", "inf", "-1", "720"])
    def test_a_height_that_is_not_in_metres(self, tmp_path, capsys, height):
        assert main(["lift", str(tmp_path / "k.npz"), "-o", str(tmp_path / "o.npz"), "--height", height]) == 2
        assert "height" in capsys.readouterr().err

    def test_numbers_that_make_no_sense(self, tmp_path):
        assert_refused(pose3d("run", "a.mp4", "-o", tmp_path / "o.npz", "--height", 17), "height")


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no signals that a program could catch")
def test_a_terminated_command_leaves_no_half_written_file(tmp_path, monkeypatch):
    def write_and_be_terminated(args):
        with atomic.replacing(tmp_path / "o.npz") as temporary:
            temporary.write_text("half")
            os.kill(os.getpid(), signal.SIGTERM)
            pytest.fail("still alive")

    monkeypatch.setattr(weights, "execute", write_and_be_terminated)
    before = signal.getsignal(signal.SIGTERM)
    try:
        with pytest.raises(SystemExit) as leave:
            main(["weights", "list"])
    finally:
        signal.signal(signal.SIGTERM, before)
    assert leave.value.code == 143
    assert list(tmp_path.iterdir()) == []


def test_doctor_knows_that_all_is_well(detector_model):
    done = pose3d("doctor")
    assert done.returncode == 0, done.stderr
    for word in ("torch", "tcn-mocap", "mediapipe-full", "no problems found"):
        assert word in done.stdout


def test_help_names_every_command():
    done = pose3d("--help")
    assert done.returncode == 0
    for command in COMMANDS:
        assert f"    {command} " in done.stdout


def test_numpy_is_told_not_to_spin_before_it_is_loaded():
    code = (
        "import os, sys; from pose3d_engine.__main__ import main; early = 'numpy' in sys.modules; "
        "main(['people', 'none.npz']); print('numpy' in sys.modules, early, os.environ['OPENBLAS_NUM_THREADS'])"
    )
    environment = {key: value for key, value in os.environ.items() if not key.endswith("_NUM_THREADS")}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=120, check=True
    )
    assert done.stdout.splitlines()[-1] == "True False 1"
