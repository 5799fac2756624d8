"""The rules of the add-on's house: no import cycle, no globals that change, nothing heavy at import."""

from __future__ import annotations

import ast

import pytest

from tests.support import ROOT

ADDON = ROOT / "blender_addon"
MODULES = {
    ".".join(path.relative_to(ADDON).with_suffix("").parts).removesuffix(".__init__"): path
    for path in sorted(ADDON.rglob("*.py"))
}
FEATURES = [name for name in MODULES if name.startswith("features") or name == "session"]
MAKERS = {"list", "dict", "set", "deque", "defaultdict", "Counter", "Runner", "Session", "Thread"}


def imported(name: str, anywhere: bool = True) -> set[str]:
    """The add-on's modules that a module imports: ``anywhere``, or when it is imported itself."""
    tree = ast.parse(MODULES[name].read_text(encoding="utf-8"))
    package = name.split(".") if MODULES[name].name == "__init__.py" else name.split(".")[:-1]
    found = set()
    hidden = {
        inner
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef) or (isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test))
        for inner in ast.walk(node)
    }
    for node in ast.walk(tree):
        if not isinstance(node, ast.ImportFrom) or not node.level or (node in hidden and not anywhere):
            continue
        base = package[: len(package) - node.level + 1]
        start = [*base, *(node.module.split(".") if node.module else [])]
        for alias in node.names:
            full = ".".join([*start, alias.name])
            found.add(full if full in MODULES else ".".join(start))
    return (found & set(MODULES)) - {name, ""}


def test_no_import_cycle() -> None:
    # A package may have its own modules do the work, in functions.
    graph = {
        name: {needed for needed in imported(name) if not needed.startswith(f"{name}.")}
        for name in MODULES
        if name not in ("", "__init__")
    }
    done: set[str] = set()
    while layer := {name for name, needed in graph.items() if name not in done and needed & set(graph) <= done}:
        done |= layer
    assert set(graph) == done, f"in a circle or behind one: {sorted(set(graph) - done)}"


def test_no_module_is_long() -> None:
    lines = {name: len(path.read_text(encoding="utf-8").splitlines()) for name, path in MODULES.items()}
    assert not {name: count for name, count in lines.items() if count > 400}


@pytest.mark.parametrize("name", FEATURES)
def test_no_global_changes(name: str) -> None:
    tree = ast.parse(MODULES[name].read_text(encoding="utf-8"))
    assert not [node for node in ast.walk(tree) if isinstance(node, ast.Global)]
    for node in tree.body:
        if not isinstance(node, (ast.Assign, ast.AnnAssign)) or node.value is None:
            continue
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        names = [target.id for target in targets if isinstance(target, ast.Name)]
        made = node.value.func.id if isinstance(node.value, ast.Call) and isinstance(node.value.func, ast.Name) else ""
        empty = isinstance(node.value, (ast.List, ast.Dict)) and not ast.unparse(node.value)[1:-1]
        assert made not in MAKERS and not empty, names
        assert all(text.lstrip("_")[:1].isupper() for text in names), f"{names}: a constant, or a part of the session"


BEHIND_FUNCTIONS = {"features.video.camera", "features.capture.view"}


def test_nothing_heavy_when_the_add_on_is_enabled() -> None:
    """No numpy: Debian's Blender has none of its own, and it would take half of the time."""
    wanted, reached = {"features", *FEATURES}, set()
    while wanted:
        name = wanted.pop()
        reached.add(name)
        wanted |= imported(name, anywhere=False) - reached
    heavy = {name for name in reached if name not in BEHIND_FUNCTIONS and "numpy" in _at_the_top(name)}
    assert heavy <= _behind_functions(), heavy


def _at_the_top(name: str) -> set[str]:
    tree = ast.parse(MODULES[name].read_text(encoding="utf-8"))
    return {alias.name for node in tree.body if isinstance(node, ast.Import) for alias in node.names}


def _behind_functions() -> set[str]:
    """What only the camera of the video and the view import, which are imported by functions alone."""
    reached, wanted = set(), set(BEHIND_FUNCTIONS)
    while wanted:
        name = wanted.pop()
        reached.add(name)
        wanted |= imported(name, anywhere=False) - reached
    light = [name for name in MODULES if name not in BEHIND_FUNCTIONS]
    assert not any(BEHIND_FUNCTIONS & imported(name, anywhere=False) for name in light)
    return reached


def test_drawing_parses_nothing() -> None:
    for name in FEATURES:
        if name.endswith((".panel", ".table", ".layout", ".overlay")):
            text = MODULES[name].read_text(encoding="utf-8")
            assert "json" not in text, name
