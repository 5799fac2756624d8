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


def screenshot(path: Path) -> Steps:
    yield 0.3
    with bpy.context.temp_override(window=window(), area=window().screen.areas[0]):
        bpy.ops.screen.screenshot(filepath=str(path))
    yield 0.1


def move(x: int, y: int) -> Steps:
    window().event_simulate(type="MOUSEMOVE", value="NOTHING", x=x, y=y)
    yield 0.02


def click(x: int, y: int) -> Steps:
    yield from move(x, y)
    window().event_simulate(type="LEFTMOUSE", value="PRESS", x=x, y=y)
    yield 0.05
    window().event_simulate(type="LEFTMOUSE", value="RELEASE", x=x, y=y)
    yield 0.05


def open_sidebar() -> Steps:
    """Opens the sidebar at our tab, which comes after Blender's own three."""
    view().spaces.active.show_region_ui = True
    yield 0.3
    region = sidebar()
    yield from click(region.x + region.width - 13, region.y + region.height - 189)
    yield 0.2


def press(operator: str) -> Steps:
    """Finds the operator's button in the sidebar, by what Ctrl-C over it copies, and clicks on it."""
    yield from scroll("WHEELUPMOUSE", 40)
    for _ in range(6):
        region = sidebar()
        x = region.x + region.width - 50  # the right end of wide buttons, in boxes too, and where the small ones are
        for y in range(region.y + region.height - 20, region.y, -14):
            bpy.context.window_manager.clipboard = ""
            yield from move(x, y)
            window().event_simulate(type="C", value="PRESS", ctrl=True, x=x, y=y)
            window().event_simulate(type="C", value="RELEASE", ctrl=True, x=x, y=y)
            yield 0.02
            if bpy.context.window_manager.clipboard.startswith(f"bpy.ops.{operator}("):
                yield from click(x, y)
                return
        yield from scroll("WHEELDOWNMOUSE", 8)
    raise AssertionError(f"no button for {operator} in the sidebar")


def scroll(wheel: str, notches: int) -> Steps:
    """Turns the mouse's wheel over the sidebar."""
    region = sidebar()
    x, y = region.x + region.width // 2, region.y + region.height // 2
    yield from move(x, y)
    for _ in range(notches):
        window().event_simulate(type=wheel, value="PRESS", x=x, y=y)
        yield 0.01
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
    # Beside a button, Ctrl-C would copy the selected objects; see press().
    for item in bpy.context.window_manager.keyconfigs.default.keymaps["3D View"].keymap_items:
        if item.idname == "view3d.copybuffer":
            item.active = False
    bpy.app.timers.register(step, first_interval=0.5, persistent=True)


def until(what: str, condition: Callable[[], bool], patience: float = 120.0) -> Steps:
    """Waits. Raises AssertionError after ``patience`` seconds."""
    deadline = time.monotonic() + patience
    while not condition():
        assert time.monotonic() < deadline, f"waited in vain: {what}"
        yield 0.05
