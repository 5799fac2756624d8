"""Tracking: the people of each frame in, one track a person out; and what is chosen, filled and repaired
of tracks."""

from .repair import unswap
from .selection import fill, select
from .tracker import Tracker

__all__ = ["Tracker", "fill", "select", "unswap"]
