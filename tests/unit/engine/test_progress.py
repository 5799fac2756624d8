import io
import sys

import pytest

from pose3d_engine.progress import OnStderr


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.mark.parametrize("total", [10, None])
def test_a_terminal_gets_one_line_that_is_redrawn(monkeypatch, total):
    stream = Terminal()
    monkeypatch.setattr(sys, "stderr", stream)
    progress = OnStderr()
    for done in range(11):
        progress("detect", done, total)
    text = stream.getvalue()
    assert text.startswith("\rdetect ")
    assert text.count("\n") == (1 if total else 0)
    assert ("[" + "#" * 30 + "]" in text) == bool(total)


def test_a_log_gets_lines(monkeypatch):
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    progress = OnStderr()
    for stage in ("detect", "lift"):
        for done in range(101):
            progress(stage, done, 100)
    lines = stream.getvalue().splitlines()
    assert [line.split(":")[0] for line in lines] == ["detect", "detect", "lift", "lift"]
    assert "100/100 (100 %)" in lines[1]
    assert "\r" not in stream.getvalue()


def test_a_resumed_run_counts_its_own_speed(monkeypatch):
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    progress = OnStderr()
    progress("train", 1_000_000, 2_000_000)
    assert ", 0/s" in stream.getvalue()
