"""scripts/batch.py: what it prints, what it leaves, what it skips."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import bpy
import numpy as np
import pytest

from blender_addon import cli
from blender_addon.cli import captures, options, run
from blender_addon.contract import settings_file
from tests.support import synthetic
from tests.support.blenders import ROOT, run_script

SCRIPT = ROOT / "scripts" / "batch.py"
HOSTS = {
    "module": [sys.executable, str(SCRIPT)],
    "blender": ["blender", "-b", "--factory-startup", "--python", str(SCRIPT), "--"],
}


def call(host: str, *words: str | Path) -> tuple[int, list[dict[str, Any]], str]:
    """Exit status, results, stderr. On stdout there is nothing but results, and perhaps Blender's own greeting."""
    done = subprocess.run(
        [*HOSTS[host], *map(str, words)], capture_output=True, text=True, encoding="utf-8", timeout=240, check=False
    )
    lines = done.stdout.splitlines()
    if lines and lines[0].startswith("Blender "):  # it greets before any script runs; where to, depends on buffering
        del lines[0]
    return done.returncode, [json.loads(line) for line in lines], done.stderr


def left_over(temporary: Path) -> list[str]:
    """Temporary files that are ours. libpulse, which Debian's Blender loads, leaves a folder in a new user's home."""
    return [path.name for path in temporary.iterdir() if not path.name.startswith("pulse-")]


@pytest.mark.parametrize("host", HOSTS)
def test_a_motion_file_becomes_all_formats_once(host: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    motion = synthetic.save_motion(tmp_path / "clip ü 1.npz", *synthetic.walk(20))
    folder = tmp_path / "out"
    kinds = ("fbx", "bvh", "glb", "blend")
    words = [motion, "--output-dir", folder, *(f"--format={kind.replace('glb', 'gltf')}" for kind in kinds)]
    temporary, home = tmp_path / "temporary", tmp_path / "home"
    temporary.mkdir()
    home.mkdir()
    monkeypatch.setenv("TMPDIR", str(temporary))
    monkeypatch.setenv("HOME", str(home))  # Blender's first start, as a new user has it
    status, results, stderr = call(host, *words)
    assert status == 0, stderr
    assert left_over(temporary) == []
    (result,) = results
    assert result["input"] == str(motion)
    assert (result["person"], result["frames"], result["error"], result["warnings"]) == (1, 20, None, [])
    assert [Path(path).name for path in result["outputs"]] == [
        f"clip ü 1.{kind}" for kind in ("fbx", "bvh", "glb", "blend")
    ]
    outputs = [path for path in folder.iterdir() if path.is_file()]
    assert sorted(path.name for path in outputs) == sorted(Path(path).name for path in result["outputs"])
    assert "writing clip ü 1.fbx" in (folder / "logs" / "clip ü 1.log").read_text(encoding="utf-8")
    assert "1 done; 20 new frames" in stderr
    assert not result["skipped"]
    assert "Frames: 20" in (folder / "clip ü 1.bvh").read_text(encoding="utf-8")

    times = {path: path.stat().st_mtime_ns for path in outputs}
    status, results, _ = call(host, *words)
    assert status == 0
    assert results[0]["skipped"]
    assert {path: path.stat().st_mtime_ns for path in folder.iterdir() if path.is_file()} == times


def test_keys_lie_on_whole_frames_from_the_start_frame_on(tmp_path: Path) -> None:
    """As in the panel: 31 frames of a phone's 25.05 fps at 25 fps, unless the video's own frames are asked for."""
    motion = synthetic.save_motion(tmp_path / "clip.npz", *synthetic.walk(31, 25.05), rate=25.05)
    for words, frames in (
        (["--start-frame", "1001"], [1001.0, 1030.0]),
        (["--keys", "video"], [1.0, 1 + 30 / 25.05 * 25]),
    ):
        status, (result,), stderr = call(
            "module", motion, "--output-dir", tmp_path / "out", "--format", "blend", *words
        )
        assert status == 0 and not result["skipped"], stderr
        bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "out" / "clip.blend"))
        assert bpy.context.scene.render.fps == 25
        action = bpy.data.objects["clip"].animation_data.action
        np.testing.assert_allclose(action.frame_range, frames, atol=1e-4)


@pytest.mark.parametrize("host", HOSTS)
def test_bad_usage_is_status_2(host: str, tmp_path: Path) -> None:
    status, results, stderr = call(host, tmp_path / "a.npz", "--output-dir", tmp_path, "--format", "gif")
    assert (status, results) == (2, [])
    assert "gif" in stderr


def test_a_failure_does_not_stop_the_others(tmp_path: Path) -> None:
    good = synthetic.save_motion(tmp_path / "good.npz", *synthetic.walk(5))
    (tmp_path / "bad.npz").write_text("no")
    status, results, _ = call("module", tmp_path / "bad.npz", tmp_path / "no.mp4", good, "--output-dir", tmp_path / "o")
    assert status == 1
    assert [result["error"] is None for result in results] == [False, False, True]
    assert "not a motion file" in results[0]["error"]
    assert "no such file" in results[1]["error"]
    assert sorted(path.name for path in (tmp_path / "o").iterdir()) == ["good.fbx", "logs"]


def test_a_video_becomes_an_armature_in_blender(demo_clip: Path, detector_model: Path, tmp_path: Path) -> None:
    words = [demo_clip, "--output-dir", tmp_path, "--format", "bvh", "--end", "1"]
    status, results, stderr = call("blender", *words)
    assert status == 0, stderr + str(results)
    (result,) = results
    names = [f"{demo_clip.stem}.npz", f"{demo_clip.stem}.bvh"]
    assert [Path(path).name for path in result["outputs"]] == names
    assert result["frames"] == 30
    assert "Frames: 30" in (tmp_path / names[1]).read_text(encoding="utf-8")
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([*names, f"{demo_clip.stem}.batch.json", "logs"])
    status, results, _ = call("blender", *words)
    assert (status, results[0]["skipped"]) == (0, True)


def walking_at(x: float) -> tuple[np.ndarray, np.ndarray]:
    """Six frames of somebody who starts at that place."""
    world, contacts = synthetic.walk(6)
    return world + [x, 0, 0], contacts


class FakeEngine:
    """Stands in for EngineClient: captures two people out of any video, at once."""

    requests: list[tuple[str, dict[str, Any]]]
    failure: str | None = None

    def __init__(self, command: object) -> None:
        self._answers: dict[int, dict[str, Any]] = {}

    def start(self) -> None:
        pass

    def stop(self) -> None:
        pass

    def request(self, method: str, params: dict[str, Any]) -> int:
        FakeEngine.requests.append((method, params))
        result: dict[str, Any] = {"people": params.get("output")}
        if method == "capture":
            output = Path(params["output"])
            result = {"motions": []}
            for person in (1, 2):
                path = output.with_name(f"{output.stem}.person{person}.npz")
                synthetic.save_motion(path, *walking_at(person - 1), person=person)
                result["motions"].append({"person": person, "path": str(path), "frames": 6, "warnings": [f"w{person}"]})
        answer = {"type": "result", "result": result}
        if FakeEngine.failure and method == "analyse":
            answer = {"type": "error", "code": "bad_input", "message": FakeEngine.failure}
        self._answers[len(self._answers) + 1] = answer
        return len(self._answers)

    def wait(self, request_id: int, on_event: Callable[[dict[str, Any]], None], timeout: float | None = None) -> Any:
        on_event({"type": "progress", "stage": "detect", "done": 1, "total": 2})
        return self._answers[request_id]


@pytest.fixture(autouse=True)
def engine(monkeypatch: pytest.MonkeyPatch) -> None:
    FakeEngine.requests, FakeEngine.failure = [], None
    monkeypatch.setattr(captures, "EngineClient", FakeEngine)


def work(*words: str | Path) -> tuple[int, list[dict[str, Any]]]:
    results: list[dict[str, Any]] = []
    return run.batch([str(word) for word in words], (), "batch.py", results.append), results


@pytest.fixture
def video(tmp_path: Path) -> Path:
    """Only its name and its time matter where the engine is a stand-in."""
    path = tmp_path / "clip.mp4"
    path.write_bytes(b"")
    return path


def test_several_people_are_several_results(video: Path, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    folder.mkdir()
    words = (video, "--output-dir", folder, "--person", "all", "--start", "1", "--end", "2.5", "--tds", "3")
    status, results = work(*words, "--height", "1.8", "--fov", "60", "--format", "bvh")
    assert status == 0
    assert [result["person"] for result in results] == [1, 2]
    assert [result["warnings"] for result in results] == [["w1"], ["w2"]]
    outputs = [[Path(path).name for path in result["outputs"]] for result in results]
    assert outputs == [[f"clip.person{n}.npz", f"clip.person{n}.bvh"] for n in (1, 2)]
    (_, analyse), (_, capture) = FakeEngine.requests
    assert (analyse["start"], analyse["end"]) == (1.0, 2.5)
    assert "person" not in analyse and "start" not in capture
    assert {key: capture[key] for key in ("person", "tds", "height", "fov")} == {
        "person": "all",
        "tds": 3,
        "height": 1.8,
        "fov": 60.0,
    }


def test_several_people_share_one_scene(video: Path, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    words = (video, "--output-dir", folder, "--person", "all", "--format", "blend", "--format", "bvh")
    status, results = work(*words)
    assert status == 0
    outputs = [[Path(path).name for path in result["outputs"]] for result in results]
    assert outputs == [[f"clip.person{n}.npz", "clip.blend", f"clip.person{n}.bvh"] for n in (1, 2)]
    assert _armatures(folder / "clip.blend") == {"clip.person1": 0.0, "clip.person2": 1.0}
    assert [result["skipped"] for result in work(*words)[1]] == [True, True]
    # One whose motion is newer makes the scene of all anew.
    future = video.stat().st_mtime + 100
    os.utime(folder / "clip.person2.npz", (future, future))
    assert [result["skipped"] for result in work(*words)[1]] == [False, False]


def test_motion_files_of_one_video_share_one_scene(tmp_path: Path) -> None:
    people = [tmp_path / f"clip.person{person}.npz" for person in (1, 2)]
    for person, path in enumerate(people):
        synthetic.save_motion(path, *walking_at(person), person=person + 1)
    other = synthetic.save_motion(tmp_path / "other.npz", *synthetic.walk(6))
    words = (people[0], other, people[1], "--output-dir", tmp_path / "out", "--format", "blend")
    status, results = work(*words)
    assert status == 0
    assert [result["input"] for result in results] == [str(path) for path in (*people, other)]
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["clip.blend", "logs", "other.blend"]
    assert _armatures(tmp_path / "out" / "clip.blend") == {"clip.person1": 0.0, "clip.person2": 1.0}


def _armatures(path: Path) -> dict[str, float]:
    """The armatures of a file, and where along x the hips of each are in the first frame, rounded to half metres."""
    bpy.ops.wm.open_mainfile(filepath=str(path))
    bpy.context.scene.frame_set(1)
    return {
        item.name: round(2 * (item.matrix_world @ item.pose.bones["hips"].head).x) / 2
        for item in bpy.context.scene.objects
        if item.type == "ARMATURE"
    }


def test_the_engine_works_again_only_for_other_settings_or_a_newer_video(video: Path, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    folder.mkdir()
    words = (video, "--output-dir", folder, "--format", "bvh")
    work(*words)
    asked = len(FakeEngine.requests)
    assert [result["skipped"] for result in work(*words)[1]] == [True, True]
    # Another format is exported from the same motion.
    assert [result["skipped"] for result in work(*words, "--format", "fbx")[1]] == [False, False]
    assert len(FakeEngine.requests) == asked
    assert [result["skipped"] for result in work(*words, "--height", "1.5")[1]] == [False, False]
    assert len(FakeEngine.requests) == 2 * asked
    future = video.stat().st_mtime + 100
    os.utime(video, (future, future))
    work(*words, "--height", "1.5")
    assert len(FakeEngine.requests) == 3 * asked


def test_the_engines_message_is_the_error(video: Path, tmp_path: Path) -> None:
    FakeEngine.failure = "clip.mp4: nobody is in it; choose another video"
    status, results = work(video, "--output-dir", tmp_path / "out")
    assert status == 1
    assert [result["error"] for result in results] == [FakeEngine.failure]
    assert results[0]["outputs"] == []


def test_a_folder_that_cannot_be_written_is_found_before_the_work(video: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    status, results = work(video, "--output-dir", tmp_path / "file")
    assert status == 1
    assert "cannot write" in results[0]["error"]
    assert FakeEngine.requests == []


def test_inputs_of_one_name_are_bad_usage(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    with pytest.raises(SystemExit) as leave:
        work(tmp_path / "a" / "clip.mp4", tmp_path / "b" / "clip.npz", "--output-dir", tmp_path)
    assert leave.value.code == 2
    assert "clip" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("option", "value"), [("--person", "0"), ("--person", "biggest"), ("--tds", "0"), ("--tds", "x")]
)
def test_wrong_values_are_bad_usage(tmp_path: Path, option: str, value: str) -> None:
    with pytest.raises(SystemExit) as leave:
        work(tmp_path / "clip.mp4", "--output-dir", tmp_path, option, value)
    assert leave.value.code == 2


def test_every_setting_is_an_option_and_a_file_can_say_it(video: Path, tmp_path: Path) -> None:
    file = tmp_path / "s.json"
    said = {"height": 1.5, "fov": 90, "repair": "gaps", "person": "2", "max_people": 3, "tilt": -5, "start": 1}
    settings_file.save(file, said)
    words = ["--feet", "never", "--roll", "3", "--motion", "filter,fit", "--device", "cpu", "--fov", "45", "--no-flip"]
    words += ["--person-at", "10,20,0.5", "--tds", "auto", "--lifter", "L", "--keypoints", "2d/{name}.json"]
    status, _ = work(video, "--output-dir", tmp_path / "out", "--format", "bvh", "--settings", file, *words)
    assert status == 0
    (_, analyse), (_, capture) = FakeEngine.requests
    for request in (analyse, capture):
        del request["output"]
    keypoints = str(Path("2d/clip.json").absolute())
    assert analyse == {"video": str(video), "max_people": 3, "start": 1.0, "keypoints": keypoints}
    del capture["people"]
    assert capture == {
        "height": 1.5, "fov": 45.0, "repair": "gaps", "person_at": "10,20,0.5", "tilt": -5.0, "feet": "never",
        "roll": 3.0,
        "motion": "filter,fit", "device": "cpu", "flip": False, "lifter": "L",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--settings", "no.json"], "give a settings file"),
        (["--person", "1", "--person-at", "1,2,3"], "give one of them"),
        (["--jobs", "0"], "give a number from 1"),
        (["--fov", "900"], "give a number (degrees) from 5 to 170"),
        (["b.mp4", "--keypoints", "k.json"], "different file for each clip"),
        (["nothing*.mp4"], "no file matches"),
    ],
)
def test_settings_that_are_none_are_bad_usage(
    words: list[str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    with pytest.raises(SystemExit) as leave:
        work("a.mp4", *words, "--output-dir", tmp_path)
    assert leave.value.code == 2 and said in capsys.readouterr().err


@pytest.mark.parametrize("host", HOSTS)
def test_two_processes_share_the_clips(host: str, tmp_path: Path) -> None:
    for number in range(4):
        synthetic.save_motion(tmp_path / f"clip{number}.npz", *synthetic.walk(5))
    (tmp_path / "clip9.npz").write_text("no")
    words = [tmp_path / "*.npz", "--output-dir", tmp_path / "out", "--format", "bvh", "--jobs", "2"]
    status, results, said = call(host, *words)
    assert status == 1
    failed = [result for result in results if result["error"]]
    assert [Path(result["input"]).name for result in failed] == ["clip9.npz"]
    assert len({result["input"] for result in results}) == len(results) == 5
    assert sorted(path.name for path in (tmp_path / "out").glob("*.bvh")) == [f"clip{n}.bvh" for n in range(4)]
    assert len(list((tmp_path / "out" / "logs").iterdir())) == 5
    assert "1 failed, 4 done; 20 new frames" in said


def test_blender_has_the_same_as_a_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture
) -> None:
    """``blender -c video_to_mocap``: this module has the interface for it, but no command line."""
    commands: dict[str, Callable[[list[str]], int]] = {}
    if hasattr(bpy.utils, "register_cli_command"):
        cli.register()  # as Blender takes it
        cli.unregister()
    monkeypatch.setattr(bpy.utils, "register_cli_command", lambda *of: commands.update([of]) or of[0], raising=False)
    monkeypatch.setattr(bpy.utils, "unregister_cli_command", commands.pop, raising=False)
    cli.register()
    motion = synthetic.save_motion(tmp_path / "clip.npz", *synthetic.walk(5))
    capfd.readouterr()
    words = [str(motion), "--output-dir", str(tmp_path / "out"), "--format", "bvh"]
    assert commands["video_to_mocap"](words) == 0
    (result,) = map(json.loads, capfd.readouterr().out.splitlines())
    assert result["frames"] == 5 and Path(result["outputs"][0]).is_file()
    assert commands["video_to_mocap"]([*words, "--fov", "900"]) == 2
    cli.unregister()
    assert not commands


def test_a_blender_without_commands(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(bpy.utils, "register_cli_command", raising=False)
    cli.register()
    cli.unregister()


@pytest.mark.parametrize("host", HOSTS)
def test_a_motion_goes_to_the_users_own_rig(host: str, tmp_path: Path) -> None:
    motion = synthetic.save_motion(tmp_path / "clip.npz", *synthetic.stroll(10))
    library, folder = tmp_path / "rigs.blend", tmp_path / "out"
    run_script("bpy" if host == "module" else "blender", tmp_path, ROOT / "tests" / "blender" / "rig_file.py", library)
    words = [motion, "--output-dir", folder, "--format", "bvh"]
    if host == "module":
        assert call(host, *words)[0] == 0
    status, (result,), said = call(host, *words, "--armature", f"{library}:hero")
    assert (status, result["error"], result["skipped"]) == (0, None, False), said
    text = (folder / "clip.bvh").read_text()
    assert "JOINT upperarm_l" in text and "Frames: 10" in text
    if host == "module":
        assert call(host, *words, "--armature", f"{library}:hero")[1][0]["skipped"]
        wide = call(host, *words, "--armature", f"{library}:hero", "--arm-space", "30")[1][0]
        assert not wide["skipped"] and (folder / "clip.bvh").read_text() != text
        status, (result,), _ = call(host, *words, "--armature", f"{library}:villain")
        assert status == 1 and "no armature villain in its scene; there are: hero" in result["error"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--armature", "hero"], "give FILE.blend:OBJECT"),
        (["--armature", "no.blend:hero"], "no such file"),
        (["--preset", "mixamo"], "--preset=mixamo is about the rig of --armature; give that too"),
        (["--ik-limbs"], "--ik-limbs is about the rig of --armature"),
        (["--arm-space", "90", "--armature", "{}/rigs.blend:hero"], "90: give degrees from 0 to 85"),
        (["--armature", "{}/rigs.blend:hero", "--preset", "biped"], "no such preset; there are"),
    ],
)
def test_a_rig_that_is_none_is_bad_usage(
    words: list[str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    (tmp_path / "rigs.blend").touch()
    with pytest.raises(SystemExit) as leave:
        options.parse(["a.mp4", "--output-dir", "out", *(word.format(tmp_path) for word in words)], "batch.py")
    assert leave.value.code == 2 and said in capsys.readouterr().err
