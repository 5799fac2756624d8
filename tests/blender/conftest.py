"""Runs the tests of this folder inside Blender, and reports each of them as an ordinary test of pytest's.

A file's tests share one process of each Blender (see blenders.py), as starting one costs seconds; inside.py puts
Blender back to its factory settings between them. Where one of them ends Blender, the others get a new one.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.blenders import BLENDERS, Result, run_tests


class InsideError(Exception):
    """A test has failed inside Blender; the message is its report there."""


class InsideFile(pytest.File):
    """A file of tests, of which only Blender imports anything. Its functions, once for each Blender."""

    def collect(self) -> Iterator[pytest.Item]:
        tree = ast.parse(self.path.read_text(encoding="utf-8"))
        names = [item.name for item in tree.body if isinstance(item, ast.FunctionDef) and item.name.startswith("test_")]
        for blender in BLENDERS:
            group = Group(self.path, blender)
            for name in names:
                yield InsideItem.from_parent(self, name=f"{name}[{blender}]", test=name, group=group)


class Group:
    """The tests of one file that run in one process of one Blender."""

    def __init__(self, path: Path, blender: str) -> None:
        self.path, self.blender = path, blender
        self.wanted: list[str] = []
        self.results: dict[str, Result] = {}
        self.broken = ""

    def result(self, name: str, home: Path) -> Result:
        """How a function went; runs it with all behind it where that is not known."""
        if self.broken:
            raise InsideError(self.broken)
        if name not in self.results:
            names = self.wanted[self.wanted.index(name) :]
            try:
                self.results |= run_tests(self.blender, home, self.path, names)
            except RuntimeError as error:
                self.broken = str(error)
                raise InsideError(self.broken) from error
        return self.results[name]


class InsideItem(pytest.Item):
    """One function of tests, in one Blender."""

    def __init__(self, *, test: str, group: Group, **words: Any) -> None:
        super().__init__(**words)
        self.test, self.group = test, group

    def runtest(self) -> None:
        homes: pytest.TempPathFactory = self.config._tmp_path_factory  # type: ignore[attr-defined]
        result = self.group.result(self.test, homes.mktemp(self.path.stem))
        if result.failed:
            raise InsideError("\n\n".join(result.failed))
        if not result.passed or result.skipped:
            pytest.skip("; ".join(result.skipped))

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        return str(excinfo.value) if isinstance(excinfo.value, InsideError) else super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, int, str]:
        return self.path, 0, self.name


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    if file_path.parent == Path(__file__).parent and file_path.match("test_*.py"):
        return InsideFile.from_parent(parent, path=file_path)
    return None


@pytest.hookimpl(tryfirst=True)
def pytest_pycollect_makemodule(module_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """Keeps pytest from collecting a file a second time, here, where it cannot be imported."""
    if module_path.parent == Path(__file__).parent:
        return Nothing.from_parent(parent, path=module_path)
    return None


class Nothing(pytest.File):
    def collect(self) -> list[pytest.Item]:
        return []


def pytest_collection_finish(session: pytest.Session) -> None:
    for item in session.items:
        if isinstance(item, InsideItem):
            item.group.wanted.append(item.test)
