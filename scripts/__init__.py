"""Set-up, release, demo and benchmarks of a checkout.

Scripts that import other parts of the checkout are run from its folder as ``python -m scripts.NAME``.
"""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
"""The checkout."""
