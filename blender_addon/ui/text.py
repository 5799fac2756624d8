"""Words for the panel. Nothing here needs Blender."""

from __future__ import annotations

import textwrap
from typing import Any

STAGES = {
    "probe": "Looking at the video",
    "decode": "Reading the video",
    "detect": "Finding people",
    "track": "Following people",
    "lift": "Working out the third dimension",
    "motion": "Cleaning up the motion",
    "write": "Saving",
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
    # 6.6 pixels are a wide letter of Blender's font; 45 go to the margins and the icon.
    letters = max(16, int((width / scale - 45) / 6.6))
    return [line for paragraph in text.splitlines() for line in textwrap.wrap(paragraph, letters)]


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
        lines.extend(motion["warnings"])
    return "\n".join(lines)


def trouble(error: Exception) -> str:
    """What to say about an error while a result was brought into the scene."""
    if isinstance(error, ModuleNotFoundError) and error.name == "numpy":
        return (
            "This Blender has no NumPy. On Debian and Ubuntu install it with `sudo apt install python3-numpy`, "
            "then start Blender again."
        )
    return f"The result could not be brought into the scene: {error}"
