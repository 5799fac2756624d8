"""The panel: what it shows, what it says where something is missing, what it keeps of the user's folders to itself."""

from __future__ import annotations

import math
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import bpy
import pytest
from inside import classes, complaint


def test_progress_redraws_the_sidebars_alone_and_sparingly(addon: None, monkeypatch: pytest.MonkeyPatch) -> None:
    from blender_addon.features.common import redraw

    drawn: list[tuple[str, str]] = []
    clock = [100.0]

    def area(kind: str, *regions: str) -> SimpleNamespace:
        made = [SimpleNamespace(type=r, tag_redraw=lambda r=r: drawn.append((kind, r))) for r in regions]
        return SimpleNamespace(type=kind, regions=made)

    areas = [area("VIEW_3D", "HEADER", "UI", "WINDOW"), area("PREFERENCES", "WINDOW")]
    window = SimpleNamespace(screen=SimpleNamespace(areas=areas))
    manager = SimpleNamespace(windows=[window, window])
    monkeypatch.setattr(redraw, "bpy", SimpleNamespace(context=SimpleNamespace(window_manager=manager)))
    monkeypatch.setattr(redraw, "time", SimpleNamespace(monotonic=lambda: clock[0]))
    sidebars = redraw.Sparingly(("VIEW_3D", "UI"))

    def shown(what: str, after: float, **how: bool) -> list[tuple[str, str]]:
        clock[0] += after
        drawn.clear()
        sidebars.show(what, **how)
        return list(drawn)

    both = [("VIEW_3D", "UI")] * 2
    assert shown("1 %", 0.0) == both
    assert shown("1 %", 10.0) == [], "nothing has changed"
    assert shown("2 %", 0.1) == both
    assert shown("3 %", 0.1) == [] and shown("4 %", 0.1) == [], "too soon"
    assert shown("4 %", 0.1) == both
    assert shown("the end", 0.01, at_once=True) == both


def test_preferences_name_the_engine(settings: Any, operators: Any) -> None:
    preferences = bpy.context.preferences.addons["blender_addon"].preferences
    preferences.engine_python = "/nowhere/python"
    settings.video = __file__
    assert "/nowhere/python" in complaint(operators.analyse)
    assert settings.failed and "/nowhere/python" in settings.status


def test_what_is_missing_is_said(settings: Any, operators: Any, fake_engine: None) -> None:
    assert "video" in complaint(operators.analyse)
    settings.video = "/nowhere/Ü.mp4"
    assert "Ü.mp4" in complaint(operators.analyse)
    settings.video, settings.start, settings.end = __file__, 3.0, 2.0
    assert "end" in complaint(operators.analyse)
    assert not operators.capture.poll() and not operators.cancel.poll() and not operators.export.poll()
    assert settings.failed


def test_a_report_tells_no_folders(settings: Any, operators: Any, fake_engine: None, video: Path) -> None:
    settings.video, settings.use_fov, settings.fov = str(video), True, math.radians(60)
    operators.analyse()
    operators.capture()
    settings.video = "/home/anna/secret/x.mp4"
    complaint(operators.analyse)
    from blender_addon.features.report import ops as report

    written = report.written(bpy.context.scene)
    for part in ("engine 0.0.0", bpy.app.version_string, "Capture done", "x.mp4", '"fov": 60.0'):
        assert part in written, written
    for part in ("secret", "anna", str(video.parent)):
        assert part not in written, written


class Layout:
    """Stands in for what a panel draws on, and refuses what this Blender's would: calls, and names of their words."""

    def __init__(self, drawn: list[tuple[str, tuple[Any, ...], str | None]]) -> None:
        self._drawn = drawn

    def __getattr__(self, name: str) -> Any:
        functions = bpy.types.UILayout.bl_rna.functions
        if name not in functions:
            raise AttributeError(name)

        def call(*values: Any, **words: Any) -> Any:
            unknown = set(words) - set(functions[name].parameters.keys())
            assert not unknown, (name, unknown)
            self._drawn.append((name, values, words.get("text")))
            return Layout(self._drawn) if name in ("row", "column", "box", "split") else SimpleNamespace()

        return call


def _draw() -> tuple[str, list[Any]]:
    """Draws all panels, the preferences and the list of people; returns the words, and what else was drawn by name."""
    drawn: list[tuple[str, tuple[Any, ...], str | None]] = []
    context = SimpleNamespace(
        scene=bpy.context.scene,
        region=SimpleNamespace(width=225),
        active_object=bpy.context.active_object,
        preferences=SimpleNamespace(addons=bpy.context.preferences.addons, system=SimpleNamespace(ui_scale=1.0)),
    )
    for cls in classes(bpy.types.Panel):
        cls.draw(SimpleNamespace(layout=Layout(drawn)), context)
    (preferences,) = classes(bpy.types.AddonPreferences)
    chosen = bpy.context.preferences.addons["blender_addon"].preferences
    for chosen.advanced in (False, True):
        _draw_preferences(preferences, Layout(drawn), context, chosen)
    for person in bpy.context.scene.video_to_mocap.persons:
        bpy.types.VIDEO_TO_MOCAP_UL_persons.line(None, Layout(drawn), person)
    return " ".join(str(text) for _, _, text in drawn if text), [values[0] for _, values, _ in drawn if values]


def _draw_preferences(cls: Any, layout: Layout, context: Any, chosen: Any) -> None:
    """As Blender does, for whom a class's own layout cannot be given another one."""

    class Shown:
        def __getattr__(self, name: str) -> Any:
            return layout if name == "layout" else getattr(chosen, name)

    cls.draw(Shown(), context)


def test_file_browsers_show_what_the_engine_takes_for_videos(operators: Any) -> None:
    """B14: one list of suffixes."""
    from blender_addon.contract.paths import VIDEO_SUFFIXES

    for operator in (operators.open_video, operators.add_clips):
        shown = operator.get_rna_type().properties["filter_glob"].default
        assert shown.split(";") == [f"*{suffix}" for suffix in VIDEO_SUFFIXES]


def test_drawing_reads_no_file_of_the_engine(
    settings: Any, jobs: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from blender_addon.engine import installed, locate
    from blender_addon.features.install.condition import files

    monkeypatch.setattr(locate, "_checkout", lambda: None)
    monkeypatch.delenv(locate.VARIABLE, raising=False)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    files().read()
    read: list[int] = []
    monkeypatch.setattr(installed, "_stamp", lambda: read.append(1) or tmp_path / "installed.json")
    assert "The engine is not installed" in _draw()[0] and not read
    files().read()
    assert read == [1]


def test_panels_draw_with_what_this_blender_has(
    settings: Any, operators: Any, fake_engine: None, jobs: Any, video: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a window nothing is drawn; so the panels draw onto a layout that checks every call's name and words."""
    from blender_addon.features.common import preferences
    from blender_addon.features.common import words as texts

    words, names = _draw()
    assert "video" in words and "video_to_mocap.analyse" in names and "armature" in words
    assert "640 x 480" not in words
    settings.video = str(video)
    operators.analyse()
    words, names = _draw()
    assert re.search(r"50 ?%", words) and re.search("640 x 480 +30 fps", words), words
    assert "video_to_mocap.capture" in names
    jobs.runner.start(preferences.engine_command(bpy.context), "steps", {"steps": 4, "pause": 0.2})
    job = jobs.runner.job
    while not job.done:
        jobs.runner.tick()
    words, names = _draw()
    assert texts.stage(job.stage) in words
    assert "video_to_mocap.cancel" in names and "video_to_mocap.analyse" not in names, names
    assert settings.progress == 25.0
    jobs.runner.stop()
    monkeypatch.setenv("VIDEO_TO_MOCAP_PYTHON", "/nowhere")
    settings.say("")
    words, names = _draw()
    assert "/nowhere" in words and "preferences.addon_show" in names
