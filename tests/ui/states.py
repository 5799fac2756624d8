"""Takes a screenshot of each state of the sidebar, on a dark and on a light theme. Runs inside Blender, see
test_states.py.

Arguments after ``--``: the source folder, a video, a file that is no video, the folder for the screenshots. The engine
makes people up. There is nothing to install from in a source folder: while an engine is missing or is being installed,
it is drawn as if there were. tests/slow and the guide's script install for real.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest import mock

import bpy

SOURCE, VIDEO, NO_VIDEO, OUTPUT = sys.argv[sys.argv.index("--") + 1 :]
sys.path[:0] = [SOURCE, str(Path(__file__).parent)]

import mouse  # noqa: E402
from mouse import Steps, override, press, until, window  # noqa: E402

MAIN_BUTTONS = ("video_to_mocap.analyse", "video_to_mocap.capture", "video_to_mocap.video_camera")
"""In view in a window of 1280 x 800 pixels, whatever was said last."""

THEMES = {"dark": "Blender_Dark.xml", "light": "Blender_Light.xml"}


def settings() -> bpy.types.PropertyGroup:
    return window().scene.video_to_mocap


def shots(state: str, below: bool = False) -> Steps:
    """Pictures of a state; with ``below`` also of the lower end of the sidebar."""
    yield from mouse.scroll("WHEELDOWNMOUSE" if below else "WHEELUPMOUSE", 60)
    for theme, file in THEMES.items():
        path = Path(bpy.utils.system_resource("SCRIPTS")) / "presets" / "interface_theme" / file
        assert path.is_file()
        with override():
            bpy.ops.script.execute_preset(filepath=str(path), menu_idname="USERPREF_MT_interface_theme_presets")
        yield from mouse.screenshot(Path(OUTPUT) / f"{state}-{theme}.png")
    if not below and state in ("people", "captured"):
        yield from shots(f"{state}-below", below=True)


@contextmanager
def no_engine() -> Iterator[None]:
    """As it is where the add-on was just installed from its zip."""
    from blender_addon.engine import locate
    from blender_addon.features.install.condition import files

    chosen = os.environ.pop(locate.VARIABLE)
    with mock.patch.object(locate, "_checkout", lambda: None), mock.patch.object(files(), "bundle", Path(SOURCE)):
        yield
    os.environ[locate.VARIABLE] = chosen


def test() -> Steps:
    from blender_addon import session
    from blender_addon.engine.locate import find_engine
    from blender_addon.features.common import starting
    from blender_addon.features.install import ops as install

    jobs = session.current()

    def idle() -> bool:
        return not jobs.busy

    yield from mouse.open_sidebar()
    yield from shots("first-start")
    with no_engine():
        yield from shots("engine-missing")

    install._start(find_engine(), "Installing the engine", "steps", {"steps": 1000, "pause": 0.1}, lambda _: None)
    yield from until("the progress of the installation", lambda: jobs.fraction > 0.0)
    yield from shots("installing")
    yield from press("video_to_mocap.install_cancel")
    yield from until("the end of it", lambda: not jobs.busy)

    settings().video = NO_VIDEO
    yield from until("the file's facts", lambda: settings().facts_known())  # they move the buttons
    yield from press("video_to_mocap.analyse")
    yield from until("the error", lambda: idle() and settings().failed)
    yield from shots("error")

    settings().video = VIDEO
    yield from until("the video's facts", lambda: settings().facts_known())
    starting.begin(bpy.context, "Analyse", "steps", {"steps": 1000, "pause": 0.1}, lambda *_: None)
    yield from until("the progress of the analysis", lambda: jobs.fraction > 0.02)
    yield from shots("analysing")
    yield from press("video_to_mocap.cancel")
    yield from until("the end of it", idle)

    yield from press("video_to_mocap.analyse")
    yield from until("the people", lambda: idle() and len(settings().persons) == 2)
    yield from shots("people")
    yield from mouse.require_in_view(*MAIN_BUTTONS)

    yield from press("video_to_mocap.capture")
    yield from until("the armature", lambda: idle() and bool(settings().report_lines))
    yield from shots("captured")
    yield from mouse.require_in_view(*MAIN_BUTTONS, "video_to_mocap.select_result")


bpy.ops.preferences.addon_enable(module="blender_addon")
mouse.drive(test(), Path(OUTPUT) / "failed.png", lambda: None)
