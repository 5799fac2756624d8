"""The orientation of the feet, as the solver found it: soles in contact lie on the floor."""

from __future__ import annotations

import numpy as np

from ...solve import feet
from ...take import Shot, Take


def capture(shot: Shot, take: Take) -> dict[str, np.ndarray]:
    """The arrays of the layer; valid where the person was detected."""
    turned = feet.rotations(take.world).astype(np.float32)
    return {
        **{f"{side}_foot_R": turned[:, foot] for foot, side in enumerate(("left", "right"))},
        **{f"{side}_foot_valid": take.detected.copy() for side in ("left", "right")},
    }
