import os
import shlex
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from pose3d_engine.contract.errors import Cancelled, UserError
from pose3d_engine.contract.people_file import VideoInfo
from pose3d_engine.formats import detector_command
from pose3d_engine.progress import silent
from tests.support import keypoint_writers as write
from tests.support.filmed import project, walk

INFO = VideoInfo("a video's name.mp4", 1280, 720, 30.0, 0.4, 12, 0)


@pytest.fixture
def program(tmp_path):
    """Makes a command of Python code; VIDEO and OUTPUT are its arguments."""

    def make(code: str) -> str:
        path = tmp_path / "a program.py"
        path.write_text(f"import sys, time, os\nVIDEO, OUTPUT = sys.argv[1:]\n{code}\n", encoding="utf-8")
        return f'"{Path(sys.executable).as_posix()}" "{path.as_posix()}" {{video}} {{output}}'

    return make


def test_its_results_are_read_and_its_words_passed_on(tmp_path, program, capsys):
    people = np.concatenate([project(walk(12)), np.full((12, 17, 1), 0.8)], axis=-1)[None]
    results = write.alphapose(tmp_path / "results.json", people)
    command = program(
        f"import shutil\nprint('frame 12/12', VIDEO)\nshutil.copy({str(results)!r}, OUTPUT + '/alphapose-results.json')"
    )
    found = detector_command.people_of(command, INFO)
    np.testing.assert_allclose(found.keypoints2d, people, rtol=1e-5)
    assert found.meta["video"]["path"] == INFO.path
    captured = capsys.readouterr()
    assert "frame 12/12" in captured.err
    assert "a video's name.mp4" in captured.err
    assert captured.out == ""


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("print('no GPU here'); sys.exit(3)", "status 3: no GPU here"),
        ("sys.exit(1)", "it printed nothing"),
        ("pass", "wrote nothing"),
        ("open(OUTPUT + '/a.json', 'w').write('[{')", "cut off"),
    ],
)
def test_failures_are_one_clear_line(program, code, message):
    with pytest.raises(UserError, match=message) as caught:
        detector_command.people_of(program(code), INFO)
    assert "\n" not in str(caught.value)


def test_commands_that_cannot_be_run():
    for command, message in (
        ("alphapose {video}", "lacks {output}"),
        ("alphapose {output}", "lacks {video}"),
        ('alphapose "{video} {output}', "check its quotes"),
        ("no-such-program {video} {output}", "cannot be started .*no-such-program"),
    ):
        with pytest.raises(UserError, match=message):
            detector_command.people_of(command, INFO)


def test_no_shell_sees_the_command(tmp_path):
    parts = detector_command.arguments_of("x {video} --out={output}/r.json '$HOME;' &", Path("/a b;c.mp4"), tmp_path)
    if os.name != "nt":
        assert parts == ["x", "/a b;c.mp4", f"--out={tmp_path}/r.json", "$HOME;", "&"]
    assert shlex.join(parts).count("&") == 1


@pytest.mark.skipif(os.name == "nt", reason="signals and process groups are POSIX's; Windows has taskkill /T")
def test_a_cancel_and_a_hang_end_the_whole_tree(tmp_path, program):
    pid_file = tmp_path / "pid"
    command = program(
        "import subprocess\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
        f"path = {str(pid_file)!r}\n"
        "open(path + '~', 'w').write(str(child.pid))\n"
        "os.rename(path + '~', path)\n"
        "time.sleep(60)"
    )

    def cancel(stage, done, total):
        if pid_file.exists():
            raise Cancelled

    with pytest.raises(Cancelled):
        detector_command.people_of(command, INFO, cancel)
    assert gone(int(pid_file.read_text()))
    pid_file.unlink()
    with pytest.raises(UserError, match="did nothing for 1 s"):
        detector_command.people_of(command, INFO, silent, patience=1.0)
    assert not pid_file.exists() or gone(int(pid_file.read_text()))


def gone(pid: int) -> bool:
    """Whether a process ends within a moment; one that nobody has waited for counts as ended."""
    for _ in range(40):
        try:
            os.kill(pid, 0)
            state = Path(f"/proc/{pid}/stat")
            if state.exists() and state.read_text().rpartition(")")[2].split()[0] == "Z":
                return True
        except (ProcessLookupError, FileNotFoundError):
            return True
        time.sleep(0.05)
    return False
