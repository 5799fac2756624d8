"""Tracking: the people of each frame in, one track a person out; and what is chosen and filled from tracks."""

from .selection import fill, select
from .tracker import Tracker

__all__ = ["Tracker", "fill", "select"]
