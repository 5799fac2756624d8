"""What the panel says and keeps, without Blender: jobs as plain data, the words."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from blender_addon.engine import job, report
from blender_addon.engine.client import EngineClient, Event
from blender_addon.engine.job import BusyError, Job, Runner
from blender_addon.engine.locate import EngineCommand
from blender_addon.features.common import words
from tests.support import fake_engine

FAKE = Path(fake_engine.__file__)
COMMAND = EngineCommand((sys.executable, str(FAKE)), Path(sys.executable), "the tests")


@pytest.fixture
def runner() -> Iterator[Runner]:
    runner = Runner()
    yield runner
    runner.stop()


def finish(runner: Runner, seconds: float = 30.0) -> Job:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if ended := runner.tick():
            return ended
        time.sleep(0.01)
    raise AssertionError("the job does not end")


class TestRunner:
    def test_a_job_from_start_to_end(self, runner: Runner) -> None:
        started = runner.start(COMMAND, "steps", {"steps": 5, "pause": 0.05})
        assert (started.state, started.fraction) == (job.STARTING, None)
        fractions = set()
        while not (ended := runner.tick()):
            fractions.add(started.fraction)
            time.sleep(0.005)
        assert ended is started and ended.state == job.DONE and ended.result["steps"] == 5
        assert {None, 0.2, 0.4} <= fractions
        assert runner.job is None and runner.tick() is None

    def test_one_job_at_a_time(self, runner: Runner) -> None:
        runner.start(COMMAND, "steps", {"steps": 3})
        with pytest.raises(BusyError, match="cancel"):
            runner.start(COMMAND, "echo", {})
        assert finish(runner).state == job.DONE

    def test_cancel(self, runner: Runner) -> None:
        started = runner.start(COMMAND, "steps", {"steps": 1_000_000, "pause": 0.01})
        while started.state == job.STARTING:
            assert not runner.tick()
        runner.cancel()
        runner.cancel()
        assert started.state == job.CANCELLING
        assert finish(runner).state == job.CANCELLED
        runner.cancel()

    def test_an_engine_that_ignores_a_cancel_is_ended(self, runner: Runner, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(job, "CANCEL_GRACE", 0.2)
        started = runner.start(COMMAND, "deaf", {})
        while started.state == job.STARTING:
            assert not runner.tick()
        runner.cancel()
        assert finish(runner).state == job.CANCELLED
        runner.start(COMMAND, "echo", {})
        assert finish(runner).state == job.DONE

    def test_a_crash_is_said_and_the_next_job_works(self, runner: Runner) -> None:
        runner.start(COMMAND, "exit", {})
        ended = finish(runner)
        assert ended.state == job.FAILED and "exit status 3" in ended.message and not runner.restarted
        for restarted in (True, False):
            runner.start(COMMAND, "echo", {"a": 1})
            assert runner.run().result == {"a": 1} and runner.restarted == restarted

    def test_the_engine_stays_warm_until_another_is_chosen(self, runner: Runner) -> None:
        made: list[EngineCommand] = []

        def make(command: EngineCommand) -> EngineClient:
            made.append(command)
            return EngineClient(command)

        runner._make_client = make
        other = EngineCommand((*COMMAND.arguments, ""), COMMAND.python, "elsewhere")
        for command in (COMMAND, COMMAND, other):
            runner.start(command, "echo", {})
            assert runner.run().state == job.DONE
        assert made == [COMMAND, other]

    def test_run_without_a_window(self, runner: Runner) -> None:
        started = runner.start(COMMAND, "steps", {"steps": 3})
        assert runner.run() is started
        assert (started.state, started.stage, started.fraction) == (job.DONE, "detect", 2 / 3)
        with pytest.raises(RuntimeError, match="no job"):
            runner.run()

    def test_a_question_beside_the_jobs(self, runner: Runner) -> None:
        answers: list[dict[str, object]] = []
        runner.ask(COMMAND, "doctor", {}, answers.append)
        assert runner.waiting and runner.job is None
        runner.start(COMMAND, "echo", {"a": 1})
        assert finish(runner).result == {"a": 1}
        assert answers == [fake_engine.REPORT] and not runner.waiting

    def test_two_questions_at_once(self, runner: Runner) -> None:
        answers: list[dict[str, object]] = []
        runner.ask(COMMAND, "echo", {"a": 1}, answers.append)
        runner.ask(COMMAND, "echo", {"a": 2}, answers.append)
        while runner.waiting:
            assert runner.tick() is None
            time.sleep(0.01)
        assert answers == [{"a": 1}, {"a": 2}] and runner.engine == "0.0.0"

    def test_a_question_without_an_answer_disturbs_nothing(self, runner: Runner) -> None:
        answers: list[dict[str, object]] = []
        refusals: list[str] = []
        runner.ask(COMMAND, "exit", {}, answers.append, refusals.append)
        while runner.waiting:
            assert runner.tick() is None
            time.sleep(0.01)
        runner.start(COMMAND, "echo", {"a": 1})
        assert finish(runner).result == {"a": 1} and not answers
        assert len(refusals) == 1 and "exit status 3" in refusals[0]
        runner.ask(COMMAND, "deaf", {}, answers.append)
        runner.stop(grace=0.0)
        assert not runner.waiting and not answers


@pytest.mark.parametrize(
    ("event", "state"),
    [
        ({"type": "result", "result": {}}, job.DONE),
        ({"type": "error", "code": "cancelled", "message": ""}, job.CANCELLED),
        ({"type": "error", "code": "bad_input", "message": "a.mp4: not a video"}, job.FAILED),
        ({"type": "error"}, job.FAILED),
        ({"type": "progress", "stage": "detect", "done": 1, "total": None}, job.RUNNING),
        ({"type": "progress"}, job.RUNNING),
    ],
)
def test_states(event: Event, state: str) -> None:
    started = Job("analyse", {})
    started.take(event)
    assert started.state == state
    assert started.ended == (state != job.RUNNING)
    assert bool(started.message) == (state == job.FAILED)
    assert started.broken == (state == job.FAILED and event.get("code") != "bad_input")
    assert started.fraction is None


def test_the_time_left(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    monkeypatch.setattr(job.time, "monotonic", lambda: now)
    started = Job("analyse", {})
    assert started.left(now) is None
    # An analysis that goes on: only what it does itself says how fast it is.
    started.take({"type": "progress", "stage": "detect", "done": 40, "total": 100})
    now += 1.0
    started.take({"type": "progress", "stage": "detect", "done": 42, "total": 100})
    assert started.left(now) is None, "too early to tell"
    now += 9.0
    started.take({"type": "progress", "stage": "detect", "done": 55, "total": 100})
    assert started.left(now) == pytest.approx(30.0)
    started.take({"type": "progress", "stage": "thumbnails", "done": 0, "total": 2})
    assert started.left(now + 10.0) is None


def test_the_lifters_that_are_there() -> None:
    there = report.names(fake_engine.REPORT, "lifters")
    assert there[0] == fake_engine.REPORT["lifter"]
    weights = fake_engine.REPORT["weights"]
    assert set(there) == {item["name"] for item in weights if item["kind"] == "lifter" and item["present"]}
    assert report.names({}, "lifters") == () == report.names({}, "sources")


class TestText:
    @pytest.mark.parametrize(("value", "said"), [(0, "0.0 s"), (7.24, "7.2 s"), (59.96, "1:00"), (125.4, "2:05")])
    def test_seconds(self, value: float, said: str) -> None:
        assert words.seconds(value) == said

    def test_the_facts_of_a_video(self) -> None:
        assert words.facts(1080, 1920, 30000 / 1001, 8.0, 90) == "1080 x 1920, rotated by 90°\n29.97 fps, 8.0 s"

    def test_a_report_of_a_capture(self) -> None:
        notice = {"code": "partly_visible", "text": "visible in 60 % of the frames", "span": None}
        motion = {"person": 1, "frames": 30, "fps": 60.0, "tds": 2, "repairs": {"swaps": 3, "gaps": 0}}
        lines = words.report([{**motion, "warnings": [notice]}])
        assert [line.text for line in lines[:2]] == [
            "Person 1: 30 frames, frame step 2",
            "Repaired: 3 left/right flips",
        ]
        assert lines[2].warns and "choose a range" in lines[2].text
        assert words.used_frames([motion]) == "Every second frame is used (30 fps)"
        assert words.used_frames([{**motion, "tds": 1}]) == "Every frame is used (60 fps)"
        assert words.used_frames([]) == ""

    def test_when_a_person_is_visible(self) -> None:
        assert words.visible(0.0, 9.3, 1.0) == "Visible 0.0-9.3 s, full body in 100 %"
        assert words.visible(5.0, 125.0, 0.5) == "Visible 5.0 s to 2:05, full body in 50 %"

    @pytest.mark.parametrize(
        ("said", "kept"),
        [
            ("no file: /home/anna b/My Clips/a clip.mp4. Choose", "no file: a clip.mp4. Choose"),
            ("C:\\Users\\x\\v.mp4: bad", "v.mp4: bad"),
            ('File "/usr/lib/x.py", line 3', 'File "x.py", line 3'),
            ("10/20 and/or ~/x/y.mp4", "10/20 and/or y.mp4"),
        ],
    )
    def test_no_personal_folder_in_a_report(self, said: str, kept: str) -> None:
        assert words.without_folders(said) == kept

    def test_stages(self) -> None:
        named = [words.stage(stage) for stage in ("detect", "lift", "thumbnails", "")]
        assert all(named) and len(set(named)) == len(named)
        assert words.stage("foot_contacts") == "Foot contacts", "one that the panel does not know"

    @pytest.mark.parametrize("scale", [1.0, 2.0])
    def test_nothing_is_cut_off(self, scale: float) -> None:
        path = "/home/" + "long_folder/" * 10 + "video.mp4"
        lines = words.wrap(f"There is no such file: {path}.\nChoose the video again.", 300 * scale, scale)
        assert max(map(len, lines)) <= 35
        assert "".join(lines).replace(" ", "").count(path) == 1
        assert lines[-1] == "Choose the video again."

    def test_a_region_that_is_too_narrow(self) -> None:
        assert words.wrap("some words of text", 10, 1.0) == ["some words", "of text"]

    def test_capitals_are_wide(self) -> None:
        assert len(words.wrap("x" * 60, 225, 1.0)) < len(words.wrap("X" * 60, 225, 1.0))

    def test_what_happened(self) -> None:
        assert len({words.found(count) for count in range(4)}) == 4 and "3" in words.found(3)
        warning = {"code": "feet_not_visible", "text": "the feet are not visible", "span": None}
        motion = {"person": 2, "frames": 30, "tds": 2, "warnings": [warning]}
        said, warned, note = words.captured([motion], {}, ["The cube is hidden."]).splitlines()
        assert "2" in said and "30 frames" in said and "feet are not visible" in warned and "cube" in note
        assert words.captured([motion], {2: "Anna"}).startswith("Captured Anna: 30 frames")
        assert "python3-numpy" in words.trouble(ModuleNotFoundError("No module named 'numpy'", name="numpy"))
        assert words.trouble(ValueError("odd")).endswith(": odd")
