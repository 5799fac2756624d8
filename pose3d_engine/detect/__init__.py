"""Detectors: from a frame to the people in it, each with COCO-17 keypoints and scores."""

from __future__ import annotations

from ..contract.errors import UserError
from .base import Detector
from .registry import DEFAULT, NAMES, SOURCES, Source, lifter_scores, source

__all__ = ["DEFAULT", "MAX_PEOPLE", "NAMES", "SOURCES", "Detector", "Source", "create", "lifter_scores", "source"]

MAX_PEOPLE = 4
"""People in a frame at most, the largest. The time of a detector depends on the people who are there, not on this."""


def create(name: str = DEFAULT, max_people: int = MAX_PEOPLE) -> Detector:
    """A detector for one video, of a name in NAMES.

    Raises:
        UserError: For an unknown name, and for packages or weights that are missing.
    """
    if max_people < 1:
        raise UserError(f"max people is {max_people}; give 1 or more")
    chosen = source(name)
    # Imported here, because each takes a second to load.
    if chosen.module == "onnxruntime":
        from .onnx import OnnxDetector

        return OnnxDetector(chosen.name, chosen.networks, max_people)
    from .mediapipe import MediaPipeDetector

    return MediaPipeDetector(chosen.name, max_people)
