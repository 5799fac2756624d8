"""Tracking: from the detections of each frame to one track for each person; editing and selecting tracks."""

from .completeness import complete, complete_share
from .edits import Merge, Split
from .records import numbered, ranking, records
from .selection import PersonAt, person_numbers, present, select, select_present
from .tracker import Tracker

__all__ = [
    "Merge",
    "PersonAt",
    "Split",
    "Tracker",
    "complete",
    "complete_share",
    "numbered",
    "person_numbers",
    "present",
    "ranking",
    "records",
    "select",
    "select_present",
]
