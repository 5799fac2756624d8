"""Words for the panel. Nothing here needs Blender."""

from __future__ import annotations

from typing import Any

STAGES = {
    "start": "Getting ready",
    "detect": "Finding people",
    "lift": "Working out the third dimension",
}
"""What the engine's stages are called in the panel."""


def stage(name: str) -> str:
    """A stage of the engine in words; of a stage that is new here, its own name."""
    return STAGES.get(name) or name.replace("_", " ").capitalize() or "Working"


def seconds(value: float) -> str:
    """A duration or a time in the video, as ``7.2 s`` or ``2:05``."""
    if value < 59.95:
        return f"{value:.1f} s"
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


def captured(motions: list[dict[str, Any]]) -> str:
    """What to say after a capture of ``motions``, the engine's records."""
    lines = []
    for motion in motions:
        lines.append(f"Captured person {motion['person']}: {motion['frames']} frames, tds {motion['tds']}.")
        lines.extend(warning[:1].upper() + warning[1:] + "." for warning in motion["warnings"])
    return "\n".join(lines)


def trouble(error: Exception) -> str:
    """What to say about an error while a result was brought into the scene."""
    if isinstance(error, ModuleNotFoundError) and error.name == "numpy":
        return (
            "This Blender has no NumPy. On Debian and Ubuntu install it with `sudo apt install python3-numpy`, "
            "then start Blender again."
        )
    return f"The result could not be brought into the scene: {error}"
