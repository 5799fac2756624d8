"""Repair: one person's 2D track before it is lifted, step by step."""

from .flips import unswap
from .gaps import fill, long_gaps
from .steps import REPAIR_STEPS, Repaired, repair, repair_steps

__all__ = ["REPAIR_STEPS", "Repaired", "fill", "long_gaps", "repair", "repair_steps", "unswap"]
