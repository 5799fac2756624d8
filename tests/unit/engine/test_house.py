"""The house rules that no other test sees: who may import whom, and that the documents name what exists."""

from __future__ import annotations

import ast
import re
import sys
from pathlib import Path

import pytest

from tests.support import ROOT

ENGINE = ROOT / "pose3d_engine"
ADDON = ROOT / "blender_addon"

ROOMS = (
    "contract",
    "foundation",
    "media",
    "weights",
    "detect",
    "track",
    "formats",
    "repair",
    "take",
    "pose",
    "solve",
    "layers",
    "show",
    "stages",
    "pipeline",
    "service",
    "batch",
    "commands",
    "research",
)
"""The rooms of the engine in the order in which data flows through them. A room imports none that comes after it."""

FOUNDATION = {"extras", "interrupts", "object_archive", "progress", "user_folders", "__init__"}
"""Single modules that stand beside the rooms: helpers that every room but the contract may use."""

INSIDE_BLENDER = {
    "bpy",
    "bl_operators",
    "bpy_extras",
    "mathutils",
    "bmesh",
    "gpu",
    "gpu_extras",
    "blf",
    "bl_ui",
    "addon_utils",
    "rna_prop_ui",
}


def modules(folder: Path) -> list[tuple[str, Path]]:
    """(name relative to the folder's own package, file) of every module under ``folder``."""
    return [
        (".".join(path.relative_to(folder).with_suffix("").parts).removesuffix("__init__").rstrip("."), path)
        for path in sorted(folder.rglob("*.py"))
    ]


def first(value: object) -> str:
    """Names a test by its module alone."""
    return value or "package" if isinstance(value, str) else ""


def imports(path: Path) -> set[str]:
    """Absolute dotted names of all that a file imports anywhere, also inside functions.

    ``from package import name`` gives ``package.name``, because the name may be a module.
    """
    package = path.relative_to(ROOT).parent.parts
    found = set()
    tree = ast.parse(path.read_text(encoding="utf-8"))
    # What only a type checker reads is no import: a noun may name the results of a later room.
    tree.body = [
        node for node in tree.body if not (isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING")
    ]
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            start = ".".join([*base, *([node.module] if node.module else [])])
            found |= {f"{start}.{alias.name}" for alias in node.names}
    return found


def room_of(name: str) -> str:
    """The room of a dotted name below the engine's package."""
    first = name.split(".")[0] or "__init__"
    return "foundation" if first in FOUNDATION else first


def rooms_imported(path: Path) -> set[str]:
    """The rooms of the engine that a file of the engine imports."""
    names = {name.removeprefix("pose3d_engine.") for name in imports(path) if name.startswith("pose3d_engine.")}
    return {room_of(name) for name in names if room_of(name) in ROOMS}


def top_names(path: Path) -> set[str]:
    return {name.split(".")[0] for name in imports(path)}


@pytest.mark.parametrize(("name", "path"), modules(ENGINE), ids=first)
def test_the_engine_never_imports_blender(name: str, path: Path) -> None:
    assert not top_names(path) & (INSIDE_BLENDER | {"blender_addon"})


@pytest.mark.parametrize(("name", "path"), modules(ENGINE), ids=first)
def test_no_room_imports_a_later_one(name: str, path: Path) -> None:
    room = room_of(name)
    if room == "__main__" or path == ENGINE / "__init__.py":  # the entry points, which stand above all rooms
        return
    later = set(ROOMS[ROOMS.index(room) + 1 :])
    assert not rooms_imported(path) & later


def graph(folder: Path) -> dict[str, set[str]]:
    """Module -> modules of the same package that it imports, at its top or in a function."""
    dotted = {f"{folder.name}.{name}".rstrip("."): path for name, path in modules(folder)}
    return {
        name: {
            target if target in dotted else target.rpartition(".")[0]
            for target in imports(path)
            if target in dotted or target.rpartition(".")[0] in dotted
        }
        - {name}
        for name, path in dotted.items()
    }


def cycle(edges: dict[str, set[str]]) -> list[str]:
    """Modules that import each other in a circle; none if there are none."""
    rest = dict(edges)
    while leaves := [name for name, targets in rest.items() if not targets & rest.keys()]:
        for name in leaves:
            del rest[name]
    return sorted(rest)


@pytest.mark.parametrize("folder", [ENGINE, ADDON], ids=lambda folder: folder.name)
def test_no_modules_import_each_other_in_a_circle(folder: Path) -> None:
    assert cycle(graph(folder)) == []
    assert cycle({"a": {"b"}, "b": {"c"}, "c": {"a"}, "d": {"a"}}) == ["a", "b", "c", "d"]


@pytest.mark.parametrize(("name", "path"), modules(ENGINE), ids=first)
def test_modules_and_functions_are_short(name: str, path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= (200 if name == "pipeline" else 400)
    functions = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.FunctionDef)]
    assert [node.name for node in functions if (node.end_lineno or 0) - node.lineno >= 60] == []


def test_the_engine_without_research_is_small() -> None:
    lines = sum(
        len(path.read_text("utf-8").splitlines()) for name, path in modules(ENGINE) if room_of(name) != "research"
    )
    assert lines <= 14_750


@pytest.mark.parametrize(("name", "path"), modules(ADDON), ids=first)
def test_the_addon_needs_python_numpy_and_blender_alone(name: str, path: Path) -> None:
    allowed = INSIDE_BLENDER | {"numpy", "blender_addon"} | sys.stdlib_module_names
    assert top_names(path) <= allowed


@pytest.mark.parametrize(("name", "path"), modules(ADDON), ids=first)
def test_the_addon_finds_its_own_modules_by_relative_imports(name: str, path: Path) -> None:
    # An installed extension is called bl_ext.REPOSITORY.video_to_mocap, not blender_addon.
    tree = ast.parse(path.read_text(encoding="utf-8"))
    absolute = [node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and not node.level]
    absolute += [alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names]
    assert not [module for module in absolute if module.split(".")[0] == "blender_addon"]


@pytest.mark.parametrize(("name", "path"), modules(ADDON), ids=first)
def test_maths_and_engine_client_run_without_blender(name: str, path: Path) -> None:
    if name.split(".")[0] in {"maths", "engine", "contract"}:
        assert not top_names(path) & INSIDE_BLENDER


def documents() -> list[Path]:
    top = [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md", "examples/README.md")]
    return [*top, *sorted((ROOT / "docs").rglob("*.md"))]


@pytest.mark.parametrize("document", documents(), ids=lambda path: path.relative_to(ROOT).as_posix())
def test_documents_name_what_exists(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z-]+):.*##", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    named = {word for line in re.findall(r"\bmake ((?:[a-z]+ ?)+)", code(text)) for word in line.split()}
    assert named <= targets

    commands = {path.stem.rstrip("_") for path in ENGINE.glob("**/commands/*.py")} - {"__init__"}
    assert set(re.findall(r"\bpose3d ([a-z]+)\b", code(text))) <= commands

    files = set(re.findall(r"\b(?:scripts|tests|docs|pose3d_engine|blender_addon)/[\w/.-]+\.\w+", code(text)))
    files |= {target for target, _ in links(text)}
    missing = [name for name in files if not ((ROOT / name).exists() or (document.parent / name).exists())]
    assert not missing


def links(text: str) -> list[tuple[str, str]]:
    """(file, heading) of every link inside the project; empty for this file or for all of a file."""
    return [link for link in re.findall(r"\]\(([^)#]*)#?([^)]*)\)", text) if "://" not in link[0]]


def headings(text: str) -> set[str]:
    """The names by which the headings of a document are linked, as GitHub makes them."""
    found = re.findall(r"^#+ (.+)$", re.sub(r"```.*?```", "", text, flags=re.DOTALL), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in found}


@pytest.mark.parametrize("document", documents(), ids=lambda path: path.relative_to(ROOT).as_posix())
def test_links_lead_to_headings_that_exist(document: Path) -> None:
    for file, heading in links(document.read_text(encoding="utf-8")):
        target = document.parent / file if file else document
        if heading:
            assert heading in headings(target.read_text(encoding="utf-8")), f"{file}#{heading}"


def defined(name: str) -> bool:
    """Whether a dotted name such as ``tracking.tracker.Tracker.add`` is a module or stands in one of them."""
    parts = name.split(".")
    for root in (ENGINE, ADDON):
        for depth in range(len(parts), 0, -1):
            path = root.joinpath(*parts[:depth])
            source = path.with_suffix(".py") if path.with_suffix(".py").is_file() else path / "__init__.py"
            if not source.is_file():
                continue
            body: list[ast.stmt] = ast.parse(source.read_text(encoding="utf-8")).body
            for part in parts[depth:]:
                found = [node for node in body if part in names(node)]
                body = getattr(found[0], "body", []) if found else []
                if not found:
                    break
            else:
                return True
    return False


def names(node: ast.stmt) -> set[str]:
    """What a statement defines."""
    targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
    return {getattr(node, "name", "")} | {target.id for target in targets if isinstance(target, ast.Name)}


def test_the_walk_of_a_frame_goes_through_what_exists() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    walk = text.partition("## The walk of one frame")[2].partition("\n## ")[0]
    steps = [line.split("|")[2] for line in walk.splitlines() if line.startswith("|")][2:]
    assert 10 <= len(steps) < 20
    named = [name for step in steps for name in re.findall(r"`([\w.]+)`", step)]
    assert [name for name in named if not defined(name)] == []
    assert not defined("tracking.tracker.Tracker.nothing") and not defined("nothing")


def test_the_architecture_lists_the_rooms_in_their_order() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    table = text.partition("## The engine")[2].partition("\n\n**")[0]
    listed = re.findall(r"^\| `([a-z_]+)(?:/|\.py)` \|", table, re.MULTILINE)
    assert listed == [room for room in ROOMS if room != "foundation"]


def code(text: str) -> str:
    """What a document sets as code: fenced blocks, without their comments, and `inline`."""
    fenced = re.findall(r"```\w*\n(.*?)```", text, re.DOTALL)
    lines = [re.sub(r"\s#.*", "", line) for block in fenced for line in block.splitlines()]
    inline = re.findall(r"`([^`\n]+)`", re.sub(r"```.*?```", "", text, flags=re.DOTALL))
    return "\n".join([*lines, *inline])


def test_every_dependency_is_pinned() -> None:
    pinned = re.findall(r"^([\w.-]+)==", (ROOT / "constraints.txt").read_text(encoding="utf-8"), re.MULTILINE)
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    lists = re.findall(
        r"^(?:dependencies|dev|papers|ray|rendering|rtmpose) = \[(.*?)\]", project, re.DOTALL | re.MULTILINE
    )
    asked = {re.split(r"[<>=~!;\[ ]", name)[0] for block in lists for name in re.findall(r'"([^"]+)"', block)}
    assert asked
    assert {name.lower() for name in asked} <= {name.lower() for name in pinned}


def test_every_dependency_has_a_reason_and_a_version(root: Path) -> None:
    project = (root / "pyproject.toml").read_text(encoding="utf-8")
    listed = re.search(r"\ndependencies = \[(.*?)\n\]", project, re.DOTALL)
    assert listed is not None
    names = re.findall(r'^\s*"([\w-]+)', listed[1], re.MULTILINE)
    assert len(names) >= 7
    reasons = (root / "docs" / "contributor" / "security.md").read_text(encoding="utf-8")
    pinned = (root / "constraints.txt").read_text(encoding="utf-8")
    for name in names:
        assert f"\n| {name} | " in reasons, f"docs/contributor/security.md does not say what {name} is for"
        assert re.search(rf"^{re.escape(name)}==", pinned, re.MULTILINE), f"constraints.txt does not pin {name}"
