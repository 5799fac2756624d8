"""Runs tests with pytest inside Blender, or beside the module bpy. Started by blenders.py.

Arguments after ``--``: the file for the reports (a line of JSON each), the folder that pytest is installed in, the file
of tests, and the names of its functions.
"""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import json
import os
import sys
import traceback
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]

PYTEST = ("pytest", "_pytest", "pluggy", "iniconfig", "packaging", "pygments", "py")
"""pytest, with all that it needs. It is pure Python, so that a Blender without it can borrow it."""


class Borrowed(importlib.abc.MetaPathFinder):
    """Finds pytest in the environment that has started this Blender, and nothing else that is installed there."""

    def __init__(self, folder: str) -> None:
        self._folder = folder

    def find_spec(self, name: str, path: Any, target: Any = None) -> importlib.machinery.ModuleSpec | None:
        return importlib.machinery.PathFinder.find_spec(name, [self._folder]) if name in PYTEST else None


class Reporter:
    """A plugin of pytest that writes down how each test went, at once: a later one may take Blender down."""

    def __init__(self, path: str) -> None:
        self._stream = Path(path).open("a", encoding="utf-8")  # noqa: SIM115 - until Blender ends

    def pytest_collectreport(self, report: Any) -> None:
        if report.failed:
            self._write(None, report)

    def pytest_runtest_logstart(self, nodeid: str, location: object) -> None:
        self._put({"name": name_of(nodeid), "outcome": "started"})

    def pytest_runtest_logreport(self, report: Any) -> None:
        self._write(name_of(report.nodeid), report)

    def pytest_sessionfinish(self) -> None:
        self._put({"name": None, "outcome": "finished"})

    def _write(self, name: str | None, report: Any) -> None:
        text = report.longrepr[2] if report.skipped else report.longreprtext
        if report.failed:
            text += "".join(f"\n-- {title}\n{content}" for title, content in report.sections)
            text = f"{report.nodeid.rpartition('/')[2]}\n{text}"
        self._put({"name": name, "outcome": report.outcome, "text": text})

    def _put(self, record: dict[str, object]) -> None:
        self._stream.write(json.dumps(record) + "\n")
        self._stream.flush()


def name_of(nodeid: str) -> str:
    """The function of a test: ``a/b.py::function[parameters]``."""
    return nodeid.partition("::")[2].partition("[")[0]


def main(reports: str, site: str, file: str, *names: str) -> int:
    sys.meta_path.insert(0, Borrowed(site))
    sys.path[:0] = [str(ROOT), str(HERE)]
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    import pytest

    options = ["-q", "-p", "inside", "--noconftest", "-p", "no:cacheprovider", "--import-mode=importlib", "--color=no"]
    options += ["-o", "addopts=", "-o", "pythonpath=", "--rootdir", str(ROOT), "--basetemp", str(Path.home() / "tests")]
    return pytest.main([*options, *(f"{file}::{name}" for name in names)], plugins=[Reporter(reports)])


if __name__ == "__main__":
    try:
        status = main(*sys.argv[sys.argv.index("--") + 1 :])
    except BaseException:  # noqa: BLE001 - whatever it is must become the status
        traceback.print_exc()
        status = 70
    sys.stdout.flush()
    sys.stderr.flush()
    # By force: some Blenders crash or wait for ever on their way out, with the module bpy or once Rigify was loaded.
    os._exit(status)
