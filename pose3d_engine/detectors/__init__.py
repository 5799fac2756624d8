"""Detectors: a frame in, the people in it out, each with COCO-17 keypoints and scores."""

from __future__ import annotations

from ..errors import UserError
from .base import Detector

DEFAULT = "mediapipe"

NAMES = (DEFAULT, "mediapipe-full", "mediapipe-heavy", "mediapipe-lite")
"""What :func:`create` knows; ``mediapipe`` is ``mediapipe-full``."""

__all__ = ["DEFAULT", "NAMES", "Detector", "create"]


def create(name: str = DEFAULT, max_people: int = 2) -> Detector:
    """A detector for one video, which finds at most ``max_people`` in a frame.

    Raises UserError for a name that is not known and for weights that are missing.
    """
    if max_people < 1:
        raise UserError(f"max people is {max_people}; give 1 or more")
    if name not in NAMES:
        raise UserError(f"no detector is called {name!r}; there are {', '.join(NAMES)}")
    # Imported when wanted: MediaPipe takes a second to load.
    from .mediapipe import MediaPipeDetector

    return MediaPipeDetector("mediapipe-full" if name == DEFAULT else name, max_people)
