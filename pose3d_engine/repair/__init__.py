"""Repair of one person's 2D track before it is lifted, step by step."""

from .flips import fix_left_right_flips
from .gaps import fill_gaps, long_gaps
from .steps import REPAIR_STEPS, Repaired, repair

__all__ = ["REPAIR_STEPS", "Repaired", "fill_gaps", "fix_left_right_flips", "long_gaps", "repair"]
