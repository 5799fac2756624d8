"""A person's hands in a real Blender window, by event simulation. Runs inside Blender, for scripts that drive it.

What takes time is a generator that a timer moves on; it yields the seconds until its next step.
"""

from __future__ import annotations

import os
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import bpy

Steps = Iterator[float]


def window() -> bpy.types.Window:
    return bpy.context.window_manager.windows[0]


def view() -> bpy.types.Area:
    return next(area for area in window().screen.areas if area.type == "VIEW_3D")


def sidebar() -> bpy.types.Region:
    return next(region for region in view().regions if region.type == "UI")


def override() -> object:
    region = next(region for region in view().regions if region.type == "WINDOW")
    return bpy.context.temp_override(window=window(), area=view(), region=region)


def screenshot(path: Path, of: bpy.types.Window | None = None) -> Steps:
    yield 0.3
    of = of or window()
    with bpy.context.temp_override(window=of, area=of.screen.areas[0]):
        bpy.ops.screen.screenshot(filepath=str(path))
    yield 0.1


def move(x: int, y: int, at: bpy.types.Window | None = None) -> Steps:
    (at or window()).event_simulate(type="MOUSEMOVE", value="NOTHING", x=x, y=y)
    yield 0.02


def click(x: int, y: int, at: bpy.types.Window | None = None) -> Steps:
    yield from move(x, y, at)
    (at or window()).event_simulate(type="LEFTMOUSE", value="PRESS", x=x, y=y)
    yield 0.05
    (at or window()).event_simulate(type="LEFTMOUSE", value="RELEASE", x=x, y=y)
    yield 0.05


def key(name: str, at: bpy.types.Window | None = None, **held: bool) -> Steps:
    """Presses a key; held: ``ctrl`` and the like. Goes where the mouse is."""
    for value in ("PRESS", "RELEASE"):
        (at or window()).event_simulate(type=name, value=value, **held)
    yield 0.05


def close(at: bpy.types.Window) -> Steps:
    """Closes a window as its frame would, if the virtual screen had window frames."""
    at.event_simulate(type=_CLOSE, value="PRESS", x=at.width // 2, y=at.height // 2)
    yield 0.5


def write(words: str, at: bpy.types.Window | None = None) -> Steps:
    """Types into the field that is being edited, in place of what is in it, and confirms with the Enter key."""
    yield from key("A", at, ctrl=True)
    for letter in words:
        # Which key it is does not matter: the field takes the letter.
        (at or window()).event_simulate(type="A", value="PRESS", unicode=letter)
        (at or window()).event_simulate(type="A", value="RELEASE")
    yield 0.1
    yield from key("RET", at)
    yield 0.2


def open_sidebar() -> Steps:
    """Opens the sidebar at our tab, which comes after Blender's own three."""
    view().spaces.active.show_region_ui = True
    yield 0.3
    region = sidebar()
    yield from click(region.x + region.width - 13, region.y + region.height - 189)
    yield 0.2


def press(operator: str, place: Place | None = None) -> Steps:
    """Clicks on an operator's button, in the sidebar or in another ``place``."""
    yield from find(f"bpy.ops.{operator}(", place)
    x, y = found
    yield from click(x, y, place.window if place else None)


def enter(path: str, words: str) -> Steps:
    """Types into the sidebar's field of a property, such as ``video_to_mocap.video``."""
    yield from find(path)
    yield from click(*found)
    yield 0.1
    yield from write(words)


class Place(NamedTuple):
    """Where the mouse is to look for something."""

    window: bpy.types.Window
    region: bpy.types.Region


found = (0, 0)
"""Where the last thing was that was looked for, in pixels of its window."""

_noted: list[tuple[int, int, str]] = []


class Note(bpy.types.Operator):
    """Notes what was copied, and where the mouse was"""

    bl_idname = "wm.mouse_note"
    bl_label = "Note"

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        if context.window_manager.clipboard:
            _noted.append((event.mouse_x, event.mouse_y, context.window_manager.clipboard))
            context.window_manager.clipboard = ""
        return {"FINISHED"}


_NOTE, _CLOSE = "F19", "F20"
"""Keys that nobody else wants."""


def look(place: Place, step: int) -> Steps:
    """Moves the mouse all over a region, and notes what can be copied where: calls of buttons, paths and texts of
    fields. All in one go: Blender draws nothing meanwhile. step: pixels from line to line."""
    window, region = place
    _noted.clear()
    bpy.context.window_manager.clipboard = ""
    rows = (
        range(region.y + region.height - 6, region.y, -step) if region.height > 60 else (region.y + region.height // 2,)
    )
    for y in rows:
        for x in range(region.x + 12, region.x + region.width - 12, step + 2):
            for _ in range(2):  # the first one only leaves the button beside
                window.event_simulate(type="MOUSEMOVE", value="NOTHING", x=x, y=y)
            for shift in (False, True):
                for name, held in (("C", {"ctrl": True, "shift": shift}), (_NOTE, {})):
                    window.event_simulate(type=name, value="PRESS", x=x, y=y, **held)
                    window.event_simulate(type=name, value="RELEASE", x=x, y=y, **held)
    yield 0.1


def find(what: str, place: Place | None = None) -> Steps:
    """Finds a button or a field, and leaves the middle of it in ``found``.

    what: how that begins which can be copied there: an operator's call, a property's path, a field's text. Scrolls the
    sidebar; other places are taken as they are, and looked at closer in the end. Raises AssertionError if it is not
    there.
    """
    global found
    if not place:
        yield from scroll("WHEELUPMOUSE", 40)
    for step in (10, 5) if place else (10,) * 6:
        yield from look(place or Place(window(), sidebar()), step)
        here = [(x, y) for x, y, text in _noted if text.startswith(what)]
        if here:
            row = [x for x, y in here if y == here[0][1]]
            rows = [y for x, y in here if x == row[0] and here[0][1] - y < 24]
            found = row[len(row) // 2], rows[len(rows) // 2]
            return
        if not place:
            yield from scroll("WHEELDOWNMOUSE", 8)
    raise AssertionError(f"{what} is not to be found; there is {sorted({text for *_, text in _noted})}")


def require_in_view(*operators: str) -> Steps:
    """Raises AssertionError unless the buttons of these operators are in the sidebar as it is before it is scrolled."""
    yield from scroll("WHEELUPMOUSE", 60)
    yield from look(Place(window(), sidebar()), 10)
    texts = [text for *_, text in _noted]
    missing = [name for name in operators if not any(text.startswith(f"bpy.ops.{name}(") for text in texts)]
    assert not missing, f"{missing} are out of view"


def scroll(wheel: str, notches: int) -> Steps:
    """Turns the mouse's wheel over the sidebar."""
    region = sidebar()
    x, y = region.x + region.width // 2, region.y + region.height // 2
    yield from move(x, y)
    for _ in range(notches):
        window().event_simulate(type=wheel, value="PRESS", x=x, y=y)
    yield 0.2


def drive(steps: Steps, failed: Path, done: Callable[[], None]) -> None:
    """Has ``steps`` gone through, then ``done`` called and Blender closed. An error ends Blender with status 4, its
    last picture in ``failed``."""

    def step() -> float | None:
        try:
            return next(steps)
        except StopIteration:
            done()
            print("the window did all that was asked", flush=True)
            bpy.ops.wm.quit_blender()
        except BaseException:  # noqa: BLE001 - whatever it is, the script must end and say it
            traceback.print_exc()
            sys.stdout.flush()
            with override():
                bpy.ops.screen.screenshot(filepath=str(failed))
            os._exit(4)
        return None

    bpy.context.preferences.view.show_splash = False
    # Beside a button, Ctrl-C would copy the selected objects; see look().
    configs = bpy.context.window_manager.keyconfigs
    for item in configs.default.keymaps["3D View"].keymap_items:
        if item.idname == "view3d.copybuffer":
            item.active = False
    bpy.utils.register_class(Note)
    keys = configs.addon.keymaps.new("Window").keymap_items
    keys.new(Note.bl_idname, _NOTE, "PRESS")
    keys.new("wm.window_close", _CLOSE, "PRESS")
    bpy.app.timers.register(step, first_interval=0.5, persistent=True)


def until(what: str, condition: Callable[[], bool], patience: float = 120.0) -> Steps:
    """Waits. Raises AssertionError after ``patience`` seconds."""
    deadline = time.monotonic() + patience
    while not condition():
        assert time.monotonic() < deadline, f"waited in vain: {what}"
        yield 0.05
