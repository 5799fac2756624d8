"""The part of window.py that runs inside Blender.

Arguments after ``--``: the source folder, the clip, the file for what was measured (JSON).
"""

from __future__ import annotations

import json
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import bpy

SOURCE, CLIP, REPORT = sys.argv[sys.argv.index("--") + 1 :]
sys.path[:0] = [SOURCE, str(Path(SOURCE) / "tests" / "ui")]

import mouse  # noqa: E402
from mouse import Steps, until, window  # noqa: E402

TICK = 0.05
IDLE = 10.0
"""Seconds for which the window is looked at before there is any work."""

LONG = 3600.0

pauses: dict[str, list[float]] = {}
own: dict[str, list[float]] = {}
"""Milliseconds of the processor of each call into the add-on, by what was called."""
phase = ""
last = 0.0
drawn = 0


def watch() -> float:
    """The timer whose pauses are measured."""
    global last
    now = time.perf_counter()
    if phase:
        pauses.setdefault(phase, []).append(1000 * (now - last))
    last = now
    return TICK


def count_drawing() -> None:
    global drawn
    drawn += 1


def timed(what: str, function: Callable[..., Any]) -> Callable[..., Any]:
    def call(*values: Any, **words: Any) -> Any:
        start = time.thread_time()
        try:
            return function(*values, **words)
        finally:
            if phase:
                own.setdefault(what, []).append(1000 * (time.thread_time() - start))

    return call


def drawing(cls: type[bpy.types.Panel]) -> Callable[..., None]:
    """A panel's draw function, whose time is added to that of the panels above it; Blender counts its arguments."""
    function, redraws = cls.draw, own.setdefault("a redraw of all panels", [])

    def draw(self: bpy.types.Panel, context: bpy.types.Context) -> None:
        start = time.thread_time()
        function(self, context)
        if cls.__name__ == "VIDEO_TO_MOCAP_PT_main":
            redraws.append(0.0)
        redraws[-1] += 1000 * (time.thread_time() - start)

    return draw


def time_the_add_on() -> None:
    """Has the time taken of all that Blender calls of the add-on while nobody touches anything."""
    from blender_addon import features, session
    from blender_addon.features.people import overlay

    jobs: Any = session.current()
    for cls in features.classes():
        if issubclass(cls, bpy.types.Panel):
            cls.draw = drawing(cls)
    jobs.host.hand_over = timed("a result that is brought into the scene", jobs.host.hand_over)
    jobs.tick = timed("the timer that looks at the engine", jobs.tick)
    jobs.want = timed("questions", jobs.want)
    overlay.draw = timed("people drawn over the viewport", overlay.draw)


def row(values: list[float]) -> dict[str, float]:
    ordered = sorted(values)
    return {
        "longest": ordered[-1],
        "99": ordered[int(0.99 * (len(ordered) - 1))],
        "median": statistics.median(ordered),
    }


def processor(pid: int) -> float:
    """Seconds that a process and its threads have had of the processor."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100.0


def work() -> Steps:
    global phase, drawn
    from blender_addon import session
    from blender_addon.features.common import redraw

    jobs = session.current()

    bpy.types.SpaceView3D.draw_handler_add(count_drawing, (), "WINDOW", "PRE_VIEW")
    settings = window().scene.video_to_mocap
    yield from mouse.open_sidebar()
    settings.video = CLIP
    yield from until("the video's facts", settings.facts_known, LONG)
    yield 3.0
    phase = "before: nothing to do"
    yield IDLE
    # What Blender's own drawing costs here, without any work: as often as progress is shown.
    phase = "before: the sidebar drawn again"
    for _ in range(round(IDLE / redraw.PAUSE)):
        mouse.sidebar().tag_redraw()
        yield redraw.PAUSE
    phase = ""

    with mouse.override():
        bpy.ops.video_to_mocap.analyse()
    yield from until("the analysis", lambda: jobs.fraction > 0.0, LONG)
    client = jobs.runner._client
    assert client and client.hello
    engine = client.hello["pid"]
    before = time.perf_counter(), processor(engine), time.process_time()
    drawn, phase = 0, "during the analysis"
    yield from until("its last frame", lambda: not jobs.busy or jobs.fraction > 0.995, LONG)
    spent = time.perf_counter() - before[0]
    report = {
        "frames": settings.facts.frames,
        "seconds": spent,
        "engine": (processor(engine) - before[1]) / spent,
        "blender": (time.process_time() - before[2]) / spent,
        "viewport drawn": drawn,
    }
    phase = "when the people arrive"
    yield from until("the people", lambda: not jobs.busy and len(settings.persons) > 0, LONG)
    yield 2.0
    phase = "during a capture, and when it arrives"
    with mouse.override():
        bpy.ops.video_to_mocap.capture()
    yield from until("the armature", lambda: not jobs.busy and settings.status.startswith("Captured"), LONG)
    yield 2.0
    phase = ""
    report["pauses"] = {what: row(values) for what, values in pauses.items()}
    report["own"] = {
        what: {"longest": max(values), "median": statistics.median(values), "calls": len(values)}
        for what, values in own.items()
        if values
    }
    Path(REPORT).write_text(json.dumps(report))


bpy.ops.preferences.addon_enable(module="blender_addon")
time_the_add_on()
mouse.drive(work(), Path(REPORT).with_suffix(".png"), lambda: bpy.app.timers.unregister(watch))
bpy.app.timers.register(watch, first_interval=0.5, persistent=True)
