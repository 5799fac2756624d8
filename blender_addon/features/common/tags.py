"""Custom properties by which the add-on knows its own objects again; they are saved in the .blend."""

from __future__ import annotations

CAMERA = "video_to_mocap_camera"
"""Of a camera: the full path of the video that it shows."""

RESULT = "video_to_mocap_result"
"""Of everything that a capture made: its owner (the video's full path and the person) and the name that it got.

What was renamed has another name than its tag says, and so has a copy: both are the animator's own by then, and are
never replaced.
"""


def owner(video: str, person: int) -> str:
    """Whose motion it is: a person of a video."""
    return f"{video}|{person}"
