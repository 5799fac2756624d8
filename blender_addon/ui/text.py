"""Words for the panel. Nothing here needs Blender."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

from ..contract.warnings import notices

STAGES = {
    "start": "Getting ready",
    "resume": "Reading what was found before",
    "seek": "Going to where it stopped",
    "detect": "Finding people",
    "thumbnails": "Making pictures of them",
    "lift": "Working out the third dimension",
}
"""What the engine's stages are called in the panel."""


def stage(name: str) -> str:
    """A stage of the engine in words; of a stage that is new here, its own name."""
    return STAGES.get(name) or name.replace("_", " ").capitalize() or "Working"


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
        return "Nobody was found in this video. Try a clip that shows the whole body, larger and well lit."
    if number == 1:
        return "One person was found. Press Capture."
    return f"{number} people were found. Tick who you want, then press Capture."


def sentence(words: str) -> str:
    """One of the engine's warnings as a sentence."""
    return words[:1].upper() + words[1:].rstrip(".") + "."


def facts(width: int, height: int, rate: float, duration: float, rotation: int) -> str:
    """A video's facts, the picture's and the time's; of its two lines each fits into a sidebar."""
    picture = f"{width} x {height}" + (f", turned by {rotation}°" if rotation else "")
    return f"{picture}\n{rate:.5g} fps" + (f", {seconds(duration)}" if duration > 0.0 else "")


def captured(motions: list[dict[str, Any]]) -> str:
    """What to say after a capture of ``motions``, the engine's records."""
    lines = []
    for motion in motions:
        lines.append(f"Captured person {motion['person']}: {motion['frames']} frames, tds {motion['tds']}.")
        lines.extend(sentence(notice.text) for notice in notices(motion))
    return "\n".join(lines)


@dataclass(frozen=True)
class Told:
    """A paragraph of the report. ``warns``: it says what is less good than it could be."""

    words: str
    warns: bool = False


_REPAIRS = {
    "swaps": "frames with left and right put right",
    "outliers": "joints that jumped away left out",
    "gaps": "missing joints filled",
    "rate": "frames put between",
}


def told(result: str) -> list[Told]:
    """The report on the last capture, ``result``: what the engine told, as JSON; empty where there is none."""
    lines = []
    for motion in _motions(result):
        lines.append(Told(f"Person {motion['person']}: {motion['frames']} frames, tds {motion['tds']}"))
        done = [f"{count} {_REPAIRS.get(step, step)}" for step, count in motion.get("repairs", {}).items() if count]
        if done:
            lines.append(Told("Mended: " + ", ".join(done)))
        for notice in notices(motion):
            advice = f" {notice.advice}." if notice.advice else ""
            lines.append(Told(sentence(notice.text) + advice, warns=True))
    return lines


def chosen_tds(result: str) -> str:
    """What tds the engine has chosen in the last capture, and why; empty before there was one."""
    motions = _motions(result)
    if not motions:
        return ""
    tds, fps = int(motions[0]["tds"]), float(motions[0].get("fps") or 0.0)
    return f"tds {tds}: sees {fps / tds:.3g} frames a second" if fps else f"tds {tds}"


def _motions(result: str) -> list[dict[str, Any]]:
    try:
        motions = json.loads(result) if result else []
        return [motion for motion in motions if {"person", "frames", "tds"} <= set(motion)]
    except (ValueError, TypeError):
        return []


def without_folders(words: str) -> str:
    """``words`` with no more of every path in it than the file's name."""
    return re.sub(r"(?<![\w.])(?:~|[A-Za-z]:)?(?:[\\/][^\\/\n:;,\"']+)*[\\/](?=[^\\/\n:;,\"'\s])", "", words)


def trouble(error: Exception) -> str:
    """What to say about an error while a result was brought into the scene."""
    if isinstance(error, ModuleNotFoundError) and error.name == "numpy":
        return (
            "This Blender has no NumPy. On Debian and Ubuntu install it with `sudo apt install python3-numpy`, "
            "then start Blender again."
        )
    return f"The result could not be brought into the scene: {error}"
