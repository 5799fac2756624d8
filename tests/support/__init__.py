"""What tests of several folders use."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
"""The checkout."""

GOLDEN = ROOT / "tests" / "golden"
