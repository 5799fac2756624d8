"""Words for the panel. Nothing here needs Blender."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ...contract.warnings import notices
from ...engine import job as states

if TYPE_CHECKING:
    from ...session import Session

STAGES = {
    "start": "Getting ready",
    "resume": "Reading the earlier result",
    "seek": "Seeking in the video",
    "detect": "Detecting people",
    "thumbnails": "Making thumbnails",
    "lift": "Estimating 3D",
}
"""What the engine's stages are called in the panel."""


def stage(name: str) -> str:
    """A stage of the engine in words; stages of a capture tell their title themselves."""
    return STAGES.get(name) or name[:1].upper() + name[1:].replace("_", " ") or "Working"


def progress(session: Session) -> str:
    """What the running job does at the moment, how long that still takes, and how many jobs wait."""
    job = session.runner.job
    if not job:
        return ""
    if job.state == states.CANCELLING:
        doing = "Cancelling"
    elif job.state == states.STARTING:
        doing = "Starting the engine again" if session.restarted else "Starting the engine"
    else:
        doing = stage(job.stage)
    rest = session.seconds_left
    left = "" if rest is None else f"{seconds(max(rest, 1.0), whole=True)} left"
    waiting = f"{session.waiting} waiting" if session.waiting else ""
    return ", ".join(filter(None, (doing, left, waiting)))


def seconds(value: float, whole: bool = False) -> str:
    """A duration or a time in the video, as ``7.2 s`` (``7 s`` where ``whole``) or ``2:05``."""
    if value < (59.5 if whole else 59.95):
        return f"{value:.0f} s" if whole else f"{value:.1f} s"
    return f"{round(value) // 60}:{round(value) % 60:02}"


def wrap(text: str, width: float, scale: float) -> list[str]:
    """The lines of ``text`` in a region ``width`` pixels wide at Blender's interface ``scale``.

    Words that are longer than a line (paths) are broken, so that nothing is cut off.
    """
    room = max(80.0, width / scale - _MARGINS)
    lines = []
    for paragraph in text.splitlines():
        line = ""
        for word in paragraph.split():
            rest = word
            if line and _pixels(f"{line} {rest}") > room:
                lines.append(line)
                line = ""
            while _pixels(rest) > room:
                fits = next(n for n in range(len(rest), 0, -1) if _pixels(rest[:n]) <= room)
                lines.append(rest[:fits])
                rest = rest[fits:]
            line = f"{line} {rest}".strip()
        if line:
            lines.append(line)
    return lines


_MARGINS = 66.0
"""Pixels of a sidebar that a label with an icon has not: tabs, margins, icon."""


def _pixels(text: str) -> float:
    """About how wide a text is in Blender's font, rather too wide than too narrow."""
    return sum(9.0 if letter.isupper() or letter in "_mw%@" or ord(letter) > 0x2E7F else 6.6 for letter in text)


def found(number: int) -> str:
    """What to say after the analysis of a video with ``number`` people."""
    if number == 0:
        return "No people were found in this video. Choose a clip that shows the full body, larger and well lit."
    if number == 1:
        return "One person was found. Press Capture."
    return f"{number} people were found. Tick those to capture, then press Capture."


def visible(first: float, last: float, complete: float) -> str:
    """When a person is visible (seconds), and in which share of that time with the full body."""
    if last < 59.95:
        return f"Visible {first:.1f}-{last:.1f} s, full body in {100 * complete:.0f} %"
    return f"Visible {seconds(first)} to {seconds(last)}, full body in {100 * complete:.0f} %"


def sentence(text: str) -> str:
    """One of the engine's warnings as a sentence."""
    return text[:1].upper() + text[1:].rstrip(".") + "."


def facts(width: int, height: int, rate: float, duration: float, rotation: int) -> str:
    """A video's facts, the picture's and the time's; of its two lines each fits into a sidebar."""
    picture = f"{width} x {height}" + (f", rotated by {rotation}°" if rotation else "")
    return f"{picture}\n{rate:.5g} fps" + (f", {seconds(duration)}" if duration > 0.0 else "")


def captured(motions: Sequence[Mapping[str, Any]], names: Mapping[int, str], notes: Sequence[str] = ()) -> str:
    """What to say after a capture of ``motions``, the engine's records.

    names: those that people were given, by number. notes: on the scene.
    """
    lines = []
    for motion in motions:
        name = names.get(int(motion["person"])) or f"person {motion['person']}"
        lines.append(f"Captured {name}: {motion['frames']} frames.")
        lines.extend(sentence(notice.text) for notice in notices(motion))
    return "\n".join([*lines, *notes])


@dataclass(frozen=True)
class Line:
    """A paragraph of the report. ``warns``: it says what is less good than it could be."""

    text: str
    warns: bool = False


_REPAIRS = {
    "swaps": "left/right flips",
    "outliers": "outliers",
    "gaps": "interpolated points",
    "rate": "interpolated frames",
}


def report(motions: Sequence[Mapping[str, Any]]) -> list[Line]:
    """The report on a capture of ``motions``, the engine's records."""
    lines = []
    for motion in motions:
        lines.append(Line(f"Person {motion['person']}: {motion['frames']} frames, frame step {motion['tds']}"))
        done = [f"{count} {_REPAIRS.get(step, step)}" for step, count in motion.get("repairs", {}).items() if count]
        if done:
            lines.append(Line("Repaired: " + ", ".join(done)))
        for notice in notices(motion):
            advice = f" {notice.advice}." if notice.advice else ""
            lines.append(Line(sentence(notice.text) + advice, warns=True))
    return lines


def used_frames(motions: Sequence[Mapping[str, Any]]) -> str:
    """Which frames of the video a capture has used; empty where there was none."""
    if not motions:
        return ""
    step, rate = int(motions[0]["tds"]), float(motions[0].get("fps") or 0.0)
    which = {1: "Every frame", 2: "Every second frame", 3: "Every third frame"}.get(step, f"Every {step}th frame")
    return f"{which} is used" + (f" ({rate / step:.3g} fps)" if rate else "")


def without_folders(words: str) -> str:
    """``words`` with no more of every path in it than the file's name."""
    return re.sub(r"(?<![\w.])(?:~|[A-Za-z]:)?(?:[\\/][^\\/\n:;,\"']+)*[\\/](?=[^\\/\n:;,\"'\s])", "", words)


NO_NUMPY = (
    "This Blender has no NumPy, without which nothing can be captured. On Debian and Ubuntu install it with "
    "`sudo apt install python3-numpy`, then start Blender again. Blender from blender.org has it."
)


def trouble(error: Exception) -> str:
    """What to say about an error while a result was brought into the scene."""
    if isinstance(error, ModuleNotFoundError) and error.name == "numpy":
        return NO_NUMPY
    return f"The result could not be brought into the scene: {error}"
