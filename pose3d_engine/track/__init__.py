"""Tracking: from the detections of each frame to one track for each person; editing and selecting tracks."""

from .completeness import complete
from .edits import Merge, Split
from .records import numbered, records
from .selection import PersonAt, present, select, select_present
from .tracker import Tracker

__all__ = ["Merge", "PersonAt", "Split", "Tracker", "complete"]
__all__ += ["numbered", "present", "records", "select", "select_present"]
