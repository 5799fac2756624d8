"""Tracking: the people of each frame in, one track a person out; and what is chosen, filled and repaired
of tracks."""

from .completeness import complete, complete_share
from .edits import Merge, Split
from .gaps import fill, long_gaps
from .records import numbered, ranking, records
from .repair import REPAIR_STEPS, Repaired, repair, repair_steps
from .selection import PersonAt, person_numbers, select
from .swaps import unswap
from .tracker import Tracker

__all__ = [
    "REPAIR_STEPS",
    "Merge",
    "PersonAt",
    "Repaired",
    "Split",
    "Tracker",
    "complete",
    "complete_share",
    "fill",
    "long_gaps",
    "numbered",
    "person_numbers",
    "ranking",
    "records",
    "repair",
    "repair_steps",
    "select",
    "unswap",
]
